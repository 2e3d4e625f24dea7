"""The same weights give the same logits, gradients and texts as Hugging Face's Llama in torch."""

import json

import numpy as np
import pytest

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch", reason="needs the extra [peers]")
transformers = pytest.importorskip("transformers", reason="needs the extra [peers]")

from specsample.speculative import generate  # noqa: E402
from specsample.strategies import greedy  # noqa: E402
from specsample.transformer.chat import chat_tokens  # noqa: E402
from specsample.transformer.huggingface import (  # noqa: E402
    config_from_llama,
    llama_from_params,
    params_from_llama,
)
from specsample.transformer.inference import FastCache, logits  # noqa: E402
from specsample.transformer.lm import TransformerLM, load  # noqa: E402
from specsample.transformer.model import forward, loss_and_grads  # noqa: E402

VARIANTS = {
    "multi-head, untied": {"num_key_value_heads": 4, "tie_word_embeddings": False},
    "grouped-query, tied": {"num_key_value_heads": 2, "tie_word_embeddings": True},
    "multi-query, untied": {"num_key_value_heads": 1, "tie_word_embeddings": False},
    "another rotary base": {
        "num_key_value_heads": 2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
    },
}


def llama(seed=0, layers=2, **settings):
    """Make a small random Llama whose logits are lively."""
    sizes = {"vocab_size": 61, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4}
    sizes |= {"num_hidden_layers": layers, "max_position_embeddings": 64, "initializer_range": 0.2}
    config = transformers.LlamaConfig(**sizes, bos_token_id=None, eos_token_id=None, **settings)
    torch.manual_seed(seed)
    return transformers.LlamaForCausalLM(config).eval()


def ours(model):
    """Return our config and parameters of a Llama."""
    config = config_from_llama(model.config.to_dict())
    tensors = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    return config, params_from_llama(tensors, config)


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS)
def peer(request):
    return llama(**request.param)


@pytest.fixture
def tokens():
    return np.random.default_rng(0).integers(61, size=(2, 40))


def test_logits_equal_those_of_the_peer(peer, tokens):
    with torch.no_grad():
        expected = peer(torch.tensor(tokens)).logits.numpy()
    assert expected.std() > 0.5  # else equal logits would say little
    np.testing.assert_allclose(forward(*ours(peer), tokens), expected, atol=1e-4)


def test_gradients_equal_those_of_autograd(peer, tokens):
    config, params = ours(peer)
    logits = peer(torch.tensor(tokens[:, :-1])).logits
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(tokens[:, 1:]).flatten()).backward()
    _, grads = loss_and_grads(config, params, tokens[:, :-1], tokens[:, 1:])
    for name, grad in llama_from_params(grads, config).items():
        expected = peer.get_parameter(name).grad.numpy()
        np.testing.assert_allclose(grad, expected, atol=1e-4 * np.abs(expected).max(), err_msg=name)


def test_names_there_and_back_are_the_identity(peer):
    config, params = ours(peer)
    again = params_from_llama(llama_from_params(params, config), config)
    assert again.keys() == params.keys()
    assert all(np.array_equal(again[name], params[name]) for name in params)


@pytest.mark.parametrize("max_shard_size", ["1GB", "20KB"], ids=["one file", "shards"])
def test_a_saved_model_loads(peer, tokens, tmp_path, max_shard_size):
    peer.save_pretrained(tmp_path, max_shard_size=max_shard_size)
    assert (tmp_path / "model.safetensors.index.json").exists() == (max_shard_size == "20KB")
    model, (config, params) = load(tmp_path), ours(peer)
    assert (model.config, model.tokenizer) == (config, None)
    np.testing.assert_array_equal(forward(model.config, model.params, tokens), forward(config, params, tokens))


def test_half_precision_files_become_float32(tmp_path, tokens):
    for dtype in (torch.bfloat16, torch.float16):
        llama(num_key_value_heads=2).to(dtype).save_pretrained(tmp_path)
        peer = transformers.LlamaForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
        model = load(tmp_path)
        assert {array.dtype for array in model.params.values()} == {np.dtype(np.float32)}
        with torch.no_grad():
            expected = peer(torch.tensor(tokens)).logits.numpy()
        np.testing.assert_allclose(forward(model.config, model.params, tokens), expected, atol=1e-4)


def test_greedy_speculative_text_is_the_peers_greedy_text():
    peer, draft = llama(num_key_value_heads=2), llama(seed=1, layers=1, num_key_value_heads=2)
    prompt, size = [3, 1, 4, 1, 5], {"max_new_tokens": 40}
    settings = transformers.GenerationConfig(do_sample=False, pad_token_id=0, **size)
    expected = peer.generate(torch.tensor([prompt]), generation_config=settings)[0, len(prompt) :].tolist()
    target, drafter = TransformerLM(*ours(peer)), TransformerLM(*ours(draft))
    tokens, trace = generate(prompt, target, drafter, K=3, rng=np.random.default_rng(0), transform=greedy, **size)
    assert tokens == expected
    assert trace.tested > 0


@pytest.mark.real_model
def test_the_real_models_logits_equal_those_of_the_peer_on_the_dequantised_weights():
    model = load("smollm2", context=512)
    c = model.config
    sizes = {"vocab_size": c.vocab_size, "hidden_size": c.width, "intermediate_size": c.hidden}
    sizes |= {"num_hidden_layers": c.n_layers, "num_attention_heads": c.n_heads, "num_key_value_heads": c.n_kv_heads}
    sizes |= {"rms_norm_eps": c.norm_eps, "tie_word_embeddings": c.tied, "max_position_embeddings": c.max_length}
    rope = {"rope_type": "default", "rope_theta": c.rope_theta}
    peer = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, rope_parameters=rope)).eval()
    tensors = {name: torch.tensor(a) for name, a in llama_from_params(model.params, c).items()}
    left_out, unknown = peer.load_state_dict(tensors, strict=False)
    assert (left_out, unknown) == (["lm_head.weight"], [])  # which is tied
    tokens = chat_tokens(model.tokenizer, [{"role": "user", "content": "Is 7½ > 7? Write it in Python: \n\tdef"}])
    with torch.no_grad():
        expected = peer(torch.tensor([tokens])).logits[0].numpy()
    found = logits(model.packed, np.array(tokens), FastCache(model.packed))
    print(f"{len(tokens)} tokens, largest difference {abs(found - expected).max():.1e}")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, "model_type must be 'llama'"),
        ({"attention_bias": True}, "attention_bias must be False"),
        ({"head_dim": 16}, "head_dim must be 8"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}}, "rope_type must be 'default'"),
    ],
)
def test_what_is_not_built_is_refused(change, message, tmp_path):
    llama(num_key_value_heads=2).save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | change))
    with pytest.raises(ValueError, match=message):
        load(tmp_path)


def test_a_truncated_or_missing_shard_is_named(tmp_path):
    llama(num_key_value_heads=2).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model.safetensors must be a whole .safetensors file"):
        load(tmp_path)
