"""A Llama's folder loads without torch (tests/peers compares the numbers with Hugging Face's own)."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from test_bpe import oracle

from specsample import load
from specsample.transformer.config import init_params
from specsample.transformer.huggingface import config_from_llama, llama_from_params, params_from_llama, read_weights
from specsample.transformer.safetensors import SafetensorsFile

SETTINGS = {
    **{"model_type": "llama", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": 6},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 12, "rms_norm_eps": 1e-6},
}
CONFIG = config_from_llama(SETTINGS)
PARAMS = init_params(CONFIG, np.random.default_rng(0))
TENSORS = llama_from_params(PARAMS, CONFIG)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(SETTINGS))
    save_file(TENSORS, tmp_path / "model.safetensors")
    return tmp_path


def test_settings_are_translated_and_missing_ones_have_llamas_defaults():
    assert (CONFIG.width, CONFIG.n_kv_heads, CONFIG.hidden, CONFIG.max_length) == (8, 2, 6, 12)
    assert (CONFIG.tied, CONFIG.rope_theta, CONFIG.norm_eps) == (False, 10000.0, 1e-6)
    assert config_from_llama(SETTINGS | {"rope_theta": 5e5}).rope_theta == 5e5


def test_matrices_are_transposed_and_fused():
    assert TENSORS["model.layers.1.self_attn.k_proj.weight"].shape == (4, 8)
    np.testing.assert_array_equal(TENSORS["model.layers.1.mlp.up_proj.weight"], PARAMS["layers.1.gate_up"][:, 6:].T)
    again = params_from_llama(TENSORS, CONFIG)
    assert all(np.array_equal(again[name], PARAMS[name]) for name in PARAMS)


def test_a_folder_loads_as_a_language_model(folder):
    model = load(folder)
    assert (model.config, model.tokenizer, model.start().extend([1, 2]).shape) == (CONFIG, None, (2, 11))
    assert all(np.array_equal(model.params[name], PARAMS[name]) for name in PARAMS)


def test_shards_are_put_together(folder):
    names = sorted(TENSORS)
    weight_map = {name: f"model-{i % 2}.safetensors" for i, name in enumerate(names)}
    for shard in set(weight_map.values()):
        save_file({name: TENSORS[name] for name in names if weight_map[name] == shard}, folder / shard)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert all(np.array_equal(load(folder).params[name], PARAMS[name]) for name in PARAMS)


def test_a_missing_tensor_is_named(folder):
    save_file(
        {name: tensor for name, tensor in TENSORS.items() if "lm_head" not in name}, folder / "model.safetensors"
    )
    with pytest.raises(ValueError, match=r"tensor lm_head\.weight is missing"):
        load(folder)


def test_a_tensor_of_another_shape_is_named(folder):
    (folder / "config.json").write_text(json.dumps(SETTINGS | {"vocab_size": 12}))
    with pytest.raises(ValueError, match=r"tokens\.weight must be \(12, 8\) to fit the settings; got \(11, 8\)"):
        load(folder)


def test_integer_tensors_are_refused(folder):
    save_file({name: tensor.astype(np.int8) for name, tensor in TENSORS.items()}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"got I8\. Is the model quantised"):
        load(folder)


@pytest.mark.parametrize("change", [{"model_type": "mistral"}, {"mlp_bias": True}, {"hidden_act": "gelu"}])
def test_what_is_not_built_is_refused(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        config_from_llama(SETTINGS | change)


# --- the tokenizer of a folder -----------------------------------------------------------------------------------

TOKENS = ["a", "b", "Ġ", "ab", "<|im_start|>", "<|im_end|>", "Ã", "©"]
WITH_TOKENIZER = SETTINGS | {"eos_token_id": 5}


@pytest.fixture
def tokenized(folder):
    built = oracle([token for token in TOKENS if "|" not in token], ["a b"])
    described = json.loads(built.to_str())
    described["model"]["vocab"] = {text: i for i, text in enumerate(TOKENS)}
    described["added_tokens"] = [
        {"id": i, "content": TOKENS[i], "special": True, "single_word": False, "lstrip": False, "rstrip": False}
        | {"normalized": False}
        for i in (4, 5)
    ]
    (folder / "tokenizer.json").write_text(json.dumps(described))
    (folder / "config.json").write_text(json.dumps(WITH_TOKENIZER))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ a }}"}))
    return folder


def change(folder, name, value):
    """Overwrite one entry of tokenizer.json."""
    described = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(described | {name: value}))


def test_the_tokenizer_of_a_folder_comes_along(tokenized):
    tokenizer = load(tokenized).tokenizer
    assert (tokenizer.vocab_size, tokenizer.end, tokenizer.template) == (11, 5, "{{ a }}")
    assert tokenizer.encode("ab é") == [3, 2, 6, 7]
    assert tokenizer.encode("a<|im_end|>", special=True) == [0, 5]
    assert tokenizer.decode([0, 10]) == "a<unused 10>"  # a row of the embedding that no text uses
    (tokenized / "chat_template.jinja").write_text("{{ b }}")
    assert load(tokenized).tokenizer.template == "{{ b }}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pre_tokenizer", {"type": "ByteLevel", "add_prefix_space": False}),
        ("pre_tokenizer", None),
        ("normalizer", {"type": "NFC"}),
        ("model", {"type": "Unigram", "vocab": []}),
        ("added_tokens", [{"id": 4, "content": "  ", "special": False}]),
    ],
)
def test_another_tokenizer_is_refused_by_name_and_the_weights_can_be_read_alone(tokenized, name, value):
    change(tokenized, name, value)
    with pytest.raises(ValueError, match=r"tokenizer\.json must be byte pairs with SmolLM's words .* got \w+ with"):
        load(tokenized)
    config, params = read_weights(tokenized, 7)
    assert (config.max_length, [*params]) == (7, [*PARAMS])


def test_tokens_of_another_models_vocabulary_are_refused(tokenized):
    change(tokenized, "added_tokens", [{"id": 11, "content": "<x>", "special": True}])
    with pytest.raises(ValueError, match=r"token '<x>' must lie in \[0, 11\); got 11"):
        load(tokenized)


# --- damaged files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["{", "[]", '{"model_type": "llama"}'])
def test_a_configuration_that_is_none_is_refused(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config\.json must"):
        load(folder)


def test_a_file_cut_anywhere_is_refused(folder):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for n in {0, 3, 8, 100, len(whole) - 1, *range(0, len(whole), 997)}:
        path.write_bytes(whole[:n])
        with pytest.raises(ValueError, match=r"model\.safetensors must be a whole \.safetensors file; it is cut"):
            load(folder)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "has 4 bytes, not 8"),
        ({"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}, "lies outside"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}, "lies outside"),
        ({"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 8]}, "has 8 bytes"),
        ({"dtype": "F32", "shape": [1]}, "KeyError"),
        ([], "TypeError"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, entry, message):
    table = json.dumps({"w": entry}).encode()
    (tmp_path / "x.safetensors").write_bytes(len(table).to_bytes(8, "little") + table + bytes(8))
    with pytest.raises(ValueError, match=message):
        SafetensorsFile(tmp_path / "x.safetensors")


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path):
    table = json.dumps({"w": {"dtype": "BF16", "shape": [1, 2], "data_offsets": [0, 4]}}).encode()
    raw = np.array([1.5, -3], np.float32).view(np.uint32) >> 16
    (tmp_path / "x.safetensors").write_bytes(
        len(table).to_bytes(8, "little") + table + raw.astype(np.uint16).tobytes()
    )
    np.testing.assert_array_equal(SafetensorsFile(tmp_path / "x.safetensors").tensor("w"), [[1.5, -3]])
