"""Cached logits equal uncached ones after any sequence of extend and rollback, and nothing beyond length is read."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from specsample.transformer.cache import Cache
from specsample.transformer.config import Config, init_params
from specsample.transformer.model import forward

CONFIG = Config(vocab_size=11, width=32, n_layers=3, n_heads=4, n_kv_heads=2, hidden=48, max_length=90)
PARAMS = {n: p * 5 if p.ndim == 2 else p for n, p in init_params(CONFIG, np.random.default_rng(0)).items()}
TOKENS = st.integers(0, 10)


class CacheMachine(RuleBasedStateMachine):
    """Read and forget as a sampler does; the model without a cache is the oracle."""

    @initialize()
    def start(self):
        self.cache, self.tokens = Cache(CONFIG), []

    @precondition(lambda self: self.cache.length < CONFIG.max_length)
    @rule(tokens=st.lists(TOKENS, min_size=1, max_size=8) | st.lists(TOKENS, min_size=1, max_size=80))
    def extend(self, tokens):
        tokens = tokens[: CONFIG.max_length - self.cache.length]
        self.poison()
        cached = forward(CONFIG, PARAMS, np.array([tokens]), self.cache)
        self.tokens += tokens
        uncached = forward(CONFIG, PARAMS, np.array([self.tokens]))[:, -len(tokens) :]
        assert cached.dtype == np.float32
        np.testing.assert_allclose(cached, uncached, rtol=0, atol=1e-5)

    @rule(share=st.floats(0, 1))
    def rollback(self, share):
        self.tokens = self.tokens[: round(share * len(self.tokens))]
        self.cache.rollback(len(self.tokens))

    @invariant()
    def length_counts_the_tokens(self):
        assert self.cache.length == len(self.tokens)

    def poison(self):
        for memory in self.cache.keys + self.cache.values:
            memory[:, :, self.cache.length :] = np.nan


TestCache = CacheMachine.TestCase
TestCache.settings = settings(max_examples=40, stateful_step_count=12)


def test_logits_of_the_oracle_are_lively():
    logits = forward(CONFIG, PARAMS, np.arange(11)[None])
    assert logits.std() > 0.1


def test_append_returns_views_and_advance_makes_them_valid():
    cache, k = Cache(CONFIG), np.ones((1, 2, 3, 8), np.float32)
    keys, _ = cache.append(0, k, 2 * k)
    assert (cache.length, keys.shape) == (0, (1, 2, 3, 8))
    assert np.shares_memory(keys, cache.keys[0])
    cache.advance(3)
    assert cache.append(0, k, k)[0].shape == (1, 2, 6, 8)


@pytest.mark.parametrize("length", [-1, 4])
def test_rollback_to_what_was_never_read_is_refused(length):
    cache = Cache(CONFIG)
    cache.advance(3)
    with pytest.raises(ValueError, match=rf"length must lie in 0 \.\. 3.*got {length}"):
        cache.rollback(length)
