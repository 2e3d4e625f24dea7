"""The optimiser is the published update, the schedule has the stated corners, views share the vector."""

import math
from itertools import pairwise

import numpy as np
import pytest

from specsample.training import optim
from specsample.training.optim import AdamW, clip_by_norm, flatten, learning_rate, n_decayed
from specsample.transformer.config import Config, init_params, n_params, shapes

SMALL = Config(7, width=8, n_layers=2, n_heads=4, n_kv_heads=2, hidden=6, max_length=12)


def test_flatten_keeps_every_number_and_its_views_share_memory():
    params = init_params(SMALL, np.random.default_rng(0))
    flat, views = flatten(params, shapes(SMALL))
    assert flat.size == n_params(SMALL)
    assert all(np.array_equal(views[name], params[name]) for name in params)
    flat[:] = 3.0
    assert all(np.all(view == 3.0) for view in views.values())


def test_weight_decay_covers_the_matrices_and_nothing_else():
    flat, views = flatten(init_params(SMALL, np.random.default_rng(0)), shapes(SMALL))
    flat[: n_decayed(shapes(SMALL))] = np.nan
    assert all(np.isnan(view).all() == (view.ndim == 2) for view in views.values())


def test_learning_rate_warms_up_peaks_and_ends_at_the_floor():
    rates = [learning_rate(step, steps=1000, peak=2.0, warmup=100, floor=0.1) for step in range(1001)]
    assert (rates[0], rates[99], rates[100]) == (0.02, 2.0, 2.0)
    assert rates[550] == pytest.approx(1.1)
    assert rates[1000] == pytest.approx(0.2)
    assert all(a > b for a, b in pairwise(rates[100:]))


def test_clipping_shortens_long_gradients_only():
    long, short = np.array([3.0, 4.0]), np.array([0.3, 0.4])
    assert clip_by_norm(long, 1.0) == 5.0
    assert clip_by_norm(short, 1.0) == 0.5
    np.testing.assert_allclose(long, [0.6, 0.8])
    assert short.tolist() == [0.3, 0.4]


def reference(theta, grads, lr, *, n, wd=0.1, betas=(0.9, 0.95), eps=1e-8):
    """Apply AdamW as published, number by number, in float64."""
    theta, m, v = list(theta), [0.0] * len(theta), [0.0] * len(theta)
    for t, grad in enumerate(grads, 1):
        for i, g in enumerate(grad):
            theta[i] *= 1 - lr * wd * (i < n)
            m[i] = betas[0] * m[i] + (1 - betas[0]) * g
            v[i] = betas[1] * v[i] + (1 - betas[1]) * g * g
            corrected = math.sqrt(v[i] / (1 - betas[1] ** t)) + eps
            theta[i] -= lr * m[i] / (1 - betas[0] ** t) / corrected
    return theta


def test_update_is_adamw_whatever_the_chunks(monkeypatch):
    rng = np.random.default_rng(0)
    start, grads = rng.standard_normal(10).astype(np.float32), rng.standard_normal((5, 10)).astype(np.float32)
    expected = reference(start.tolist(), grads.tolist(), 0.01, n=6)
    for chunk in (3, 1 << 15):
        monkeypatch.setattr(optim, "CHUNK", chunk)
        flat, optimizer = start.copy(), AdamW(10, 6)
        for grad in grads:
            optimizer.update(flat, grad.copy(), 0.01)
        np.testing.assert_allclose(flat, expected, rtol=1e-5)
        assert flat.dtype == np.float32
