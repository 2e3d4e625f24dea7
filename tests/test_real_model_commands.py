"""`generate`, `chat` and `trace` with a model that others trained: on a tiny GGUF file, and on the real one."""

import io
import json
import re
import sys
from argparse import Namespace

import numpy as np
import pytest
from gguf_files import gguf_bytes, settings_of, tensors_of

from specsample import autoregressive, cli, load
from specsample.adaptive import generate_adaptive, stream_adaptive
from specsample.commands import demo, sampling
from specsample.commands.sampling import AVX512, DEAR_K, REAL_K
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.strategies import temperature
from specsample.trace import Round, Trace
from specsample.transformer.chat import SMOLLM2
from specsample.transformer.config import Config, init_params

CONFIG = Config(260, width=8, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=64)
END = 259


@pytest.fixture
def tiny(tmp_path):
    """Write a model of 260 tokens whose file has SmolLM2's chat template."""
    params = init_params(CONFIG, np.random.default_rng(0))
    settings = settings_of(CONFIG) | {"tokenizer.chat_template": SMOLLM2}
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf_bytes(settings, tensors_of(CONFIG, params)))
    return str(path)


def say(text, monkeypatch):
    """Give a text to standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_generate_prints_the_models_own_text(tiny, capsys):
    arguments = ["generate", "--model", tiny, "--prompt", "ab ab ab", "--max-new-tokens", "20", "--temperature", "0"]
    assert cli.main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    model = load(tiny)
    how = {"max_new_tokens": 20, "transform": temperature(0), "rng": np.random.default_rng(0)}
    assert found["tokens"] == autoregressive(model.tokenizer.encode("ab ab ab"), model, **how)
    # the same text for people, with what was drafted by lookup, and for pipes
    assert cli.main(arguments) == 0
    shown = capsys.readouterr()
    assert shown.out == f"ab ab ab{found['text']}\n"
    assert re.match(rf"{len(found['tokens'])} tokens in \d+ target passes, ", shown.err)
    assert cli.main([*arguments, "--stream"]) == 0
    assert capsys.readouterr().out == f"{found['text']}\n"


def test_an_adaptive_stream_is_the_adaptive_text():
    model = load_ab()
    how = {"max_new_tokens": 24, "choose_K": REAL_K}
    tokens, trace = generate_adaptive([0, 1], model, PromptLookup(3), rng=np.random.default_rng(1), **how)
    kept = Trace((0, 1))
    pieces = [*stream_adaptive([0, 1], model, PromptLookup(3), rng=np.random.default_rng(1), trace=kept, **how)]
    assert ([token for piece in pieces for token in piece], kept) == (tokens, trace)
    assert trace.accepted > 0


def load_ab():
    """Make a model that alternates, most of the time."""
    from specsample import TableModel

    return TableModel(np.array([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.4, 0.4, 0.2]]))


@pytest.mark.parametrize("kernel", ["Haswell", "unknown"])
def test_where_rows_are_dear_the_text_alone_drafts_for_the_real_model(kernel, tiny, monkeypatch):
    monkeypatch.setattr(sampling, "load", lambda name: load(tiny))
    monkeypatch.setattr(sampling, "blas_kernel", lambda: (kernel, 1))
    assert isinstance(sampling.load_models(Namespace(model="smollm2"))[1], PromptLookup)
    # with the others its head is asked, which does not fit this model
    monkeypatch.setattr(sampling, "blas_kernel", lambda: (AVX512[0], 1))
    with pytest.raises(ValueError, match="Is it the head of another model"):
        sampling.load_models(Namespace(model="smollm2"))


def test_where_rows_are_dear_drafts_that_are_never_kept_cost_little_and_a_copy_is_followed():
    rho = {1: 1.60, 2: 1.80, 3: 1.54, 4: 1.84, 5: 1.91, 6: 2.11, 7: 1.83}  # measured with kernels of Haswell
    for n_kept, least in ((0, 0.97), (7, 2.5)):
        played, cost = [], 0.0
        for _ in range(128):
            K = DEAR_K(played)
            n = min(n_kept, K)
            played.append(Round((0,) * K, (), (), (0,) * (2 * K + 1), n, (0,) * (n + 1), (0, 0), (0, 0)))
            cost += rho.get(K, 1)
        assert sum(len(one.emitted) for one in played) / cost > least


def test_the_end_of_a_turn_ends_the_text_and_is_not_shown(tiny, monkeypatch, capsys):
    model = load(tiny)
    prompt = model.tokenizer.encode("ab")
    how = {"max_new_tokens": 30, "transform": temperature(1.0), "stop": [END]}
    # a seed whose text meets the end, of which one in about nine tokens is by then
    seed = next(s for s in range(1000) if END in autoregressive(prompt, model, rng=np.random.default_rng(s), **how))
    arguments = ["generate", "--model", tiny, "--prompt", "ab", "--max-new-tokens", "30", "--seed", str(seed)]
    assert cli.main([*arguments, "--K", "0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tokens"][-1] == END
    assert "<|im_end|>" not in found["text"]


def test_chat_answers_each_line_with_all_that_was_said(tiny, monkeypatch, capsys):
    say("ab\n\nba\n", monkeypatch)
    few = ["chat", "--model", tiny, "--max-new-tokens", "2", "--system", "a"]
    assert cli.main(few) == 0
    said = capsys.readouterr()
    assert len(re.findall(r"tokens in \d+ target passes", said.err)) == 2
    say("ab\n" * 9, monkeypatch)
    assert cli.main(few) == 2
    assert "the conversation fills all 64 tokens of the cache" in capsys.readouterr().err


def test_ctrl_c_in_a_pipe_ends_the_line_and_tells_the_counters(tiny, monkeypatch, capsys):
    def interrupted(self, decode):
        raise KeyboardInterrupt

    monkeypatch.setattr(Trace, "render", interrupted)
    say("ab\n", monkeypatch)
    assert cli.main(["chat", "--model", tiny, "--max-new-tokens", "20", "--system", "a"]) == 130
    said = capsys.readouterr()
    assert said.out == "\n"
    assert re.fullmatch(r"\d+ tokens in \d+ target passes, .* s\nspecsample chat: interrupted\n", said.err)


def test_trace_writes_a_page_of_a_model_that_others_trained(tiny, tmp_path, capsys):
    page = tmp_path / "run.html"
    few = ["trace", "--model", tiny, "--prompt", "ab ab ab", "--max-new-tokens", "4"]
    assert cli.main([*few, "--html", str(page)]) == 0
    assert "4 tokens" in capsys.readouterr().out
    assert page.read_text(encoding="utf-8").startswith("<!")


def test_the_demo_compares_both_ways_and_predicts_nothing_of_a_source_that_declines(monkeypatch, tiny, capsys):
    monkeypatch.setattr(demo, "REAL_PROMPTS", {"editing": "ab ab ab"})
    assert cli.main(["demo", "--model", tiny, "--max-new-tokens", "6", "--K", "2"]) == 0
    said = capsys.readouterr().out
    assert said.count("speculative, up to 3 tokens a target pass") == 1
    assert "predict" not in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "no.gguf"], "no.gguf: No such file or directory"),
        (["--model", "{tiny}", "--backend", "numpy"], "cannot go with --backend numpy"),
        (["--model", "{cut}"], "cut.gguf is no GGUF file that can be read: byte [0-9]+: "),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(arguments, message, tiny, tmp_path, capsys):
    cut = tmp_path / "cut.gguf"
    with open(tiny, "rb") as file:
        cut.write_bytes(file.read()[:2000])
    given = [argument.format(tiny=tiny, cut=cut) for argument in arguments]
    assert cli.main(["generate", "--prompt", "a", *given]) == 2
    said = capsys.readouterr().err
    assert re.search(message, said)
    assert said.count("\n") == 1


@pytest.mark.real_model
def test_the_real_model_answers_a_chat_and_stops(monkeypatch, capsys):
    say("What is the capital of France?\nAnd of Spain?\n", monkeypatch)
    assert cli.main(["chat", "--temperature", "0", "--max-new-tokens", "40"]) == 0
    said = capsys.readouterr()
    assert said.out == "The capital of France is Paris.\nThe capital of Spain is Madrid.\n"
    assert re.findall(r"(\d+) tokens", said.err) == ["8", "8"]


@pytest.mark.real_model
def test_the_real_models_own_head_drafts_where_the_text_does_not_and_changes_no_greedy_text(monkeypatch, capsys):
    monkeypatch.setattr(sampling, "are_rows_cheap", lambda: True)
    arguments = ["generate", "--model", "smollm2", "--prompt", "def binary_search(items, key):", "--temperature", "0"]
    arguments += ["--max-new-tokens", "32", "--json"]
    assert cli.main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert cli.main([*arguments, "--autoregressive"]) == 0
    assert found["tokens"] == json.loads(capsys.readouterr().out)["tokens"]
    assert found["target_passes"] < 0.9 * len(found["tokens"])
