"""Every hand-written backward agrees with central differences in float64."""

import numpy as np
import pytest

from specsample.acceptance import overlap
from specsample.distributions import softmax
from specsample.transformer import attention, layers

TOLERANCE = 1e-6  # relative; central differences at h = 1e-5 are good to about 1e-9 here


def numerical_gradient(function, x, h=1e-5):
    """Differentiate a scalar function of x by central differences, entry by entry."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + h
        above = function()
        x[index] = kept - h
        gradient[index] = (above - function()) / (2 * h)
        x[index] = kept
    return gradient


def assert_gradient(function, x, analytic):
    """Compare an analytic gradient with the numerical one, relative to its largest entry."""
    numeric = numerical_gradient(function, x)
    assert np.abs(numeric - analytic).max() <= TOLERANCE * np.abs(numeric).max()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_linear_backward_is_the_derivative(rng):
    x, weight, dy = (rng.standard_normal(s) for s in [(2, 3, 4), (4, 5), (2, 3, 5)])
    dx, dweight = layers.linear_backward(dy, x, weight)
    assert_gradient(lambda: np.sum((x @ weight) * dy), x, dx)
    assert_gradient(lambda: np.sum((x @ weight) * dy), weight, dweight)


def test_embedding_backward_is_the_derivative_and_sums_repeated_tokens(rng):
    tokens, weight, dy = (
        np.array([[1, 1, 0], [2, 1, 4]]),
        rng.standard_normal((5, 3)),
        rng.standard_normal((2, 3, 3)),
    )
    dweight = layers.embedding_backward(dy, tokens, 5)
    assert_gradient(lambda: np.sum(layers.embedding(tokens, weight) * dy), weight, dweight)


def test_rms_norm_backward_is_the_derivative(rng):
    x, weight, dy = (rng.standard_normal(s) for s in [(2, 3, 8), (8,), (2, 3, 8)])
    _, kept = layers.rms_norm(x, weight, 1e-5)
    dx, dweight = layers.rms_norm_backward(dy, kept, weight)
    assert_gradient(lambda: np.sum(layers.rms_norm(x, weight, 1e-5)[0] * dy), x, dx)
    assert_gradient(lambda: np.sum(layers.rms_norm(x, weight, 1e-5)[0] * dy), weight, dweight)


def test_rotary_backward_is_the_derivative(rng):
    x, dy = rng.standard_normal((2, 5, 3, 4)), rng.standard_normal((2, 5, 3, 4))
    cos, sin = attention.rotary_tables(4, 5, 10000.0, "float64")
    assert_gradient(lambda: np.sum(attention.rotary(x, cos, sin) * dy), x, attention.rotary_backward(dy, cos, sin))


def test_rotary_makes_products_depend_on_distance_only(rng):
    q, k = rng.standard_normal((2, 1, 1, 1, 8))
    cos, sin = attention.rotary_tables(8, 20, 10000.0, "float64")
    turned_q, turned_k = (attention.rotary(np.repeat(a, 20, axis=1), cos, sin)[0, :, 0] for a in (q, k))
    products = turned_q @ turned_k.T
    assert products[7, 3] == pytest.approx(products[17, 13], abs=1e-12)
    assert products[3, 7] != pytest.approx(products[7, 3], abs=1e-3)


@pytest.mark.parametrize("past", [0, 2])
def test_attention_backward_is_the_derivative(rng, past):
    n = 3
    q, dout = rng.standard_normal((2, 2, 2, 2, n, 4))
    k, v = rng.standard_normal((2, 2, 2, past + n, 4))
    out, probs = attention.attention(q, k, v)
    gradients = attention.attention_backward(dout, (q, k, v, out, probs))
    for x, analytic in zip((q, k, v), gradients, strict=True):
        assert_gradient(lambda: np.sum(attention.attention(q, k, v)[0] * dout), x, analytic)


def test_attention_never_looks_ahead(rng):
    q, (k, v) = rng.standard_normal((1, 1, 2, 4, 4)), rng.standard_normal((2, 1, 1, 6, 4))
    _, probs = attention.attention(q, k, v)
    for row in range(4):
        assert np.all(probs[..., row, row + 3 :] == 0.0)
        assert np.all(probs[..., row, : row + 3] > 0.0)


def test_swiglu_backward_is_the_derivative(rng):
    gate_up, dy = rng.standard_normal((2, 3, 10)), rng.standard_normal((2, 3, 5))
    _, sigmoid = layers.swiglu(gate_up)
    analytic = layers.swiglu_backward(dy, gate_up, sigmoid)
    assert_gradient(lambda: np.sum(layers.swiglu(gate_up)[0] * dy), gate_up, analytic)


def test_swiglu_is_finite_at_extreme_gates():
    with np.errstate(all="raise"):
        y, _ = layers.swiglu(np.array([-1e4, 0.0, 1e4, 1.0, 1.0, 1.0], dtype=np.float32))
    assert y.tolist() == [0.0, 0.0, 1e4]


def test_cross_entropy_gradient_is_the_derivative_for_tokens(rng):
    logits, targets = rng.standard_normal((2, 3, 5)), rng.integers(5, size=(2, 3))
    _, dlogits = layers.cross_entropy(logits, targets)
    assert_gradient(lambda: layers.cross_entropy(logits, targets)[0], logits, dlogits)


def test_cross_entropy_gradient_is_the_derivative_for_soft_targets(rng):
    logits, targets = rng.standard_normal((2, 3, 5)), rng.dirichlet(np.ones(5), size=(2, 3))
    _, dlogits = layers.cross_entropy(logits, targets)
    assert_gradient(lambda: layers.cross_entropy(logits, targets)[0], logits, dlogits)


def test_one_hot_soft_targets_are_tokens(rng):
    logits, targets = rng.standard_normal((2, 3, 5)), rng.integers(5, size=(2, 3))
    hard, soft = layers.cross_entropy(logits, targets), layers.cross_entropy(logits, np.eye(5)[targets])
    assert hard[0] == pytest.approx(soft[0], abs=1e-12)
    np.testing.assert_allclose(hard[1], soft[1], atol=1e-15)


def test_rejection_rate_gradient_is_the_derivative(rng):
    logits, p = rng.standard_normal((2, 3, 5)), rng.dirichlet(np.ones(5), size=(2, 3))
    _, dlogits = layers.rejection_rate(logits, p)
    assert_gradient(lambda: layers.rejection_rate(logits, p)[0], logits, dlogits)


def test_rejection_rate_is_one_minus_the_mean_overlap(rng):
    logits, p = rng.standard_normal((2, 3, 5)), rng.dirichlet(np.ones(5), size=(2, 3))
    assert layers.rejection_rate(logits, p)[0] == pytest.approx(1 - overlap(p, softmax(logits)).mean(), abs=1e-12)
