"""A Llama's folder loads without torch (tests/peers compares the numbers with Hugging Face's own)."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from specsample.transformer.config import init_params
from specsample.transformer.huggingface import config_from_llama, llama_from_params, load_llama, params_from_llama

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
    assert all(np.array_equal(again[name], PARAMS[name]) and again[name].flags.c_contiguous for name in PARAMS)


def test_a_folder_loads_as_a_language_model(folder):
    model = load_llama(folder)
    assert (model.config, model.tokenizer, model.start().extend([1, 2]).shape) == (CONFIG, None, (2, 11))
    assert all(np.array_equal(model.params[name], PARAMS[name]) for name in PARAMS)


def test_shards_are_put_together(folder):
    names = sorted(TENSORS)
    weight_map = {name: f"model-{i % 2}.safetensors" for i, name in enumerate(names)}
    for shard in set(weight_map.values()):
        save_file({name: TENSORS[name] for name in names if weight_map[name] == shard}, folder / shard)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert all(np.array_equal(load_llama(folder).params[name], PARAMS[name]) for name in PARAMS)


def test_a_missing_tensor_is_named(folder):
    save_file(
        {name: tensor for name, tensor in TENSORS.items() if "lm_head" not in name}, folder / "model.safetensors"
    )
    with pytest.raises(ValueError, match=r"tensor lm_head\.weight is missing"):
        load_llama(folder)


def test_a_tensor_of_another_shape_is_named(folder):
    (folder / "config.json").write_text(json.dumps(SETTINGS | {"vocab_size": 12}))
    with pytest.raises(ValueError, match=r"embedding must be \(12, 8\) to fit the config; got \(11, 8\)"):
        load_llama(folder)


def test_integer_tensors_are_refused(folder):
    save_file({name: tensor.astype(np.int8) for name, tensor in TENSORS.items()}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"got I8\. Is the model quantised"):
        load_llama(folder)


@pytest.mark.parametrize("change", [{"model_type": "mistral"}, {"mlp_bias": True}, {"hidden_act": "gelu"}])
def test_what_is_not_built_is_refused(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        config_from_llama(SETTINGS | change)
