"""The fast pass computes what `forward` says, after any reading and forgetting, and reads nothing beyond length."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from specsample.distributions import softmax
from specsample.request import check_rollback
from specsample.speculative import generate
from specsample.transformer.cache import Cache
from specsample.transformer.config import Config, init_params
from specsample.transformer.inference import CHUNK, FastCache, PackedModel, logits
from specsample.transformer.linear import LAYOUTS
from specsample.transformer.lm import TransformerLM, load_pair
from specsample.transformer.model import forward

SIZES = {"width": 32, "n_layers": 3, "hidden": 48, "max_length": 90}
CONFIG = Config(11, n_heads=4, n_kv_heads=2, **SIZES)


def lively_params(config, dtype=np.float64):
    """Draw parameters whose logits and norms are far from equal."""
    rng = np.random.default_rng(0)
    params = init_params(config, rng, dtype)
    return {
        name: p * 5 if p.ndim == 2 else p * rng.uniform(0.5, 2, p.shape).astype(dtype) for name, p in params.items()
    }


class MemoryMachine(RuleBasedStateMachine):
    """Read and forget as a sampler does; `forward` without a cache is the oracle."""

    @initialize()
    def start(self):
        self.params = lively_params(CONFIG)
        self.model = PackedModel(CONFIG, self.params)
        self.cache, self.tokens = FastCache(self.model), []

    @precondition(lambda self: self.cache.length < CONFIG.max_length)
    @rule(n=st.integers(1, 8) | st.integers(1, 90), token=st.integers(0, 10))
    def extend(self, n, token):
        tokens = [(token + 3 * i) % 11 for i in range(min(n, CONFIG.max_length - self.cache.length))]
        self.cache.keys[..., self.cache.length :] = np.nan
        self.cache.values[..., self.cache.length :, :] = np.nan
        found = logits(self.model, np.array(tokens), self.cache)
        self.tokens += tokens
        expected = forward(CONFIG, self.params, np.array([self.tokens]))[0, -len(tokens) :]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
        assert self.cache.length == len(self.tokens)

    @rule(share=st.floats(0, 1))
    def rollback(self, share):
        self.tokens = self.tokens[: round(share * len(self.tokens))]
        check_rollback(len(self.tokens), self.cache.length)
        self.cache.length = len(self.tokens)


TestMemory = MemoryMachine.TestCase
TestMemory.settings = settings(max_examples=40, stateful_step_count=12)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("heads", [(4, 1), (4, 2), (4, 4), (1, 1)])
def test_every_kind_of_attention_and_head_agrees_with_forward(heads, tied):
    config = Config(97, n_heads=heads[0], n_kv_heads=heads[1], tied=tied, **SIZES)
    params, tokens = lively_params(config), np.arange(80) % 97
    model = PackedModel(config, params)
    found = logits(model, tokens, FastCache(model))
    assert len(tokens) > CHUNK  # so that the reading is in parts
    np.testing.assert_allclose(found, forward(config, params, tokens[None])[0], rtol=0, atol=1e-11)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_agrees_with_forward_in_float32(layout):
    params, tokens = lively_params(CONFIG, np.float32), np.arange(6)
    model = PackedModel(CONFIG, params, layout)
    expected, found = forward(CONFIG, params, tokens[None])[0], logits(model, tokens, FastCache(model))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * abs(expected).max())


def test_the_parameters_given_are_not_changed():
    params = lively_params(CONFIG)
    before = {name: p.copy() for name, p in params.items()}
    PackedModel(CONFIG, params)
    assert all(np.array_equal(before[name], p) for name, p in params.items())


class ForwardContext:
    """A context that follows `model.forward` and its cache: what the fast one replaced."""

    def __init__(self, model):
        self.model, self.cache = model, Cache(model.config, dtype=np.float64)
        self.rollback = self.cache.rollback

    length = property(lambda self: self.cache.length)

    def extend(self, tokens):
        return softmax(forward(self.model.config, self.model.params, np.array([tokens]), self.cache)[0])


class ForwardLM(TransformerLM):
    """A Transformer that reads by `model.forward`."""

    def start(self):
        return ForwardContext(self)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.thorough)])
def test_the_shipped_pair_writes_the_same_text_as_by_forward_in_float64(seed):
    texts = {}
    for kind in (TransformerLM, ForwardLM):
        pair = [kind(m.config, {k: p.astype(float) for k, p in m.params.items()}, m.tokenizer) for m in load_pair()]
        prompt = pair[0].tokenizer.encode("def mean(values):\n    ")
        texts[kind], _ = generate(prompt, *pair, max_new_tokens=120, rng=np.random.default_rng(seed))
    assert texts[TransformerLM] == texts[ForwardLM]
