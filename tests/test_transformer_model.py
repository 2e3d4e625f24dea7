"""The whole model: its gradient, its cache and its float type."""

import numpy as np
import pytest

from specsample.transformer import blocks
from specsample.transformer.cache import Cache
from specsample.transformer.config import Config, init_params, n_params
from specsample.transformer.model import forward, loss_and_grads

SMALL = Config(vocab_size=7, width=8, n_layers=2, n_heads=4, n_kv_heads=2, hidden=6, max_length=12)
UNTIED = Config(vocab_size=7, width=8, n_layers=1, n_heads=2, n_kv_heads=2, hidden=6, max_length=12, tied=False)
MEDIUM = Config(vocab_size=97, width=64, n_layers=3, n_heads=4, n_kv_heads=2, hidden=96, max_length=160)


def directional_error(config, params, tokens, targets, *, rng, h=1e-5):
    """Compare the gradient of every parameter with central differences along one random direction each."""
    _, grads = loss_and_grads(config, params, tokens, targets)
    assert grads.keys() == params.keys()
    errors = []
    for name in params:
        kept, direction = params[name], rng.standard_normal(params[name].shape)
        losses = [loss_and_grads(config, params | {name: kept + s * direction}, tokens, targets)[0] for s in (h, -h)]
        numeric, analytic = (losses[0] - losses[1]) / (2 * h), float(np.vdot(grads[name], direction))
        errors.append(abs(numeric - analytic) / max(abs(numeric), abs(analytic)))
    return max(errors)


def large_params(config, rng):
    """Draw float64 parameters large enough that every gradient matters."""
    return {name: p + 0.3 * rng.standard_normal(p.shape) for name, p in init_params(config, rng, np.float64).items()}


@pytest.mark.parametrize("config", [SMALL, UNTIED], ids=["tied", "untied"])
@pytest.mark.parametrize("row_block", [64, 4])
def test_gradient_of_every_parameter_is_the_derivative(config, row_block, monkeypatch):
    monkeypatch.setattr(blocks, "ROW_BLOCK", row_block)
    rng = np.random.default_rng(1)
    tokens, targets = rng.integers(7, size=(2, 3, 10))
    assert directional_error(config, large_params(config, rng), tokens, targets, rng=rng) <= 1e-6


def test_gradient_is_the_derivative_for_soft_targets():
    rng = np.random.default_rng(2)
    tokens, targets = rng.integers(7, size=(3, 10)), rng.dirichlet(np.ones(7), size=(3, 10))
    assert directional_error(SMALL, large_params(SMALL, rng), tokens, targets, rng=rng) <= 1e-6


def medium_model(seed=0, batch=2, length=150):
    """Return float32 parameters with lively logits, and tokens."""
    rng = np.random.default_rng(seed)
    params = {name: p * 4 if p.ndim == 2 else p for name, p in init_params(MEDIUM, rng).items()}
    return params, rng.integers(97, size=(batch, length))


def test_cached_logits_equal_uncached_logits():
    params, tokens = medium_model()
    whole = forward(MEDIUM, params, tokens)
    cache = Cache(MEDIUM, batch=2)
    steps = np.cumsum([100, 1, 6, 1, 16, 1, 1, 24])
    parts = [forward(MEDIUM, params, chunk, cache) for chunk in np.split(tokens, steps[:-1], axis=1)]
    assert cache.length == 150
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)


def test_rollback_forgets_and_nothing_beyond_length_is_read():
    params, tokens = medium_model()
    whole = forward(MEDIUM, params, tokens)
    cache = Cache(MEDIUM, batch=2)
    for memory in cache.keys + cache.values:
        memory[...] = np.nan
    forward(MEDIUM, params, tokens[:, :80], cache)
    forward(MEDIUM, params, (tokens[:, 80:86] + 1) % 97, cache)
    cache.rollback(80)
    for memory in cache.keys + cache.values:
        memory[:, :, 80:] = np.nan
    again = forward(MEDIUM, params, tokens[:, 80:86], cache)
    np.testing.assert_allclose(again, whole[:, 80:86], atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_type_of_parameters_is_that_of_logits_cache_and_gradients(dtype):
    params = init_params(SMALL, np.random.default_rng(0), dtype)
    cache, tokens = Cache(SMALL, dtype=dtype), np.array([[1, 2, 3]])
    assert forward(SMALL, params, tokens, cache).dtype == dtype
    assert cache.keys[0].dtype == dtype
    _, grads = loss_and_grads(SMALL, params, tokens, tokens)
    assert {g.dtype for g in grads.values()} == {np.dtype(dtype)}


def test_positions_beyond_max_length_are_refused():
    params = init_params(SMALL, np.random.default_rng(0))
    with pytest.raises(ValueError, match="max_length = 12; got 13 new ones after 0"):
        forward(SMALL, params, np.zeros((1, 13), dtype=np.int64))


def test_n_params_counts_what_init_params_makes():
    for config in (SMALL, UNTIED, MEDIUM):
        params = init_params(config, np.random.default_rng(0))
        assert n_params(config) == sum(p.size for p in params.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width must be a positive integer"),
        ({"width": 10}, "even head size"),
        ({"n_kv_heads": 3}, "n_heads must be a multiple of n_kv_heads"),
    ],
)
def test_config_refuses_sizes_that_do_not_fit(change, message):
    sizes = {"vocab_size": 7, "width": 8, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "hidden": 6, "max_length": 12}
    with pytest.raises(ValueError, match=message):
        Config(**(sizes | change))
