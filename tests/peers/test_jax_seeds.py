"""A right verifier in JAX passes, whose key comes from the kit; one that shares its key among its draws fails."""

import pytest

pytestmark = pytest.mark.peers

from specsample.conformance import check, from_verify  # noqa: E402


def verify(x, q, p, of_uniforms, of_token):
    """Verify (N, K) drafts: keep a leading run, and draw a token of what is left of p."""
    import jax
    import jax.numpy as jnp

    N, K = x.shape
    every = jnp.arange(N)
    at = x[..., None]
    ratio = jnp.take_along_axis(p[:, :K], at, axis=2) / jnp.take_along_axis(q, at, axis=2)
    n = jnp.cumprod(jax.random.uniform(of_uniforms, (N, K)) < ratio[..., 0], axis=1).sum(axis=1)
    behind = jnp.concatenate([q, jnp.zeros_like(p[:, :1])], axis=1)
    left = jnp.maximum(p[every, n] - behind[every, n], 0)
    token = jax.random.categorical(of_token, jnp.log(left))
    rows = jnp.where(jnp.arange(K + 1) < n[:, None], jnp.concatenate([x, x[:, :1]], axis=1), -1)
    return rows.at[every, n].set(token)


def right(x, q, p, key):
    import jax

    return jax.jit(verify)(x, q, p, *jax.random.split(key))


def from_p(x, q, p, key):
    return right(x, 0 * q, p, key)  # nothing is taken off: M01, and a ratio that keeps every draft


def test_a_right_verifier_in_jax_passes_and_gives_equal_texts_for_equal_seeds():
    found = check(from_verify(right, library="jax"), probes=["P1"], eps=0.1)
    assert (found.verdict, found.reasons, found.warnings) == ("PASS", [], [])


def test_a_wrong_verifier_in_jax_fails():
    assert check(from_verify(from_p, library="jax"), probes=["P1"], eps=0.1).verdict == "FAIL"


def test_the_shapes_that_jax_must_compile_are_few():
    shapes = set()

    def look(x, q, p, key):
        shapes.add(x.shape)
        return right(x, q, p, key)

    assert check(from_verify(look, library="jax"), probes=["P1"], eps=0.1).verdict == "PASS"
    assert len(shapes) <= 14  # powers of two up to the batch, for K = 2 and K = 1


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(RuntimeError, match="jax on device 'gpu' cannot be used here"):
        from_verify(right, library="jax", device="gpu")
