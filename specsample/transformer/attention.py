"""Rotary positions and grouped-query attention, with their gradients.

In pairs as in `layers`: forward, and backward beside it.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from specsample.transformer.layers import Array, array_like


@lru_cache(maxsize=16)
def rotary_tables(head_dim: int, length: int, theta: float, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return cos and sin of position · θ^(−2i/Dh).

    The halves of a head are the two coordinates of Dh / 2 planes (Hugging Face's layout of Llama); sin carries the
    sign of the rotation: − in the first half, + in the second.

    Parameters
    ----------
    head_dim : int, Dh
    length : int, positions
    theta : float, θ
    dtype : str, float type

    Returns
    -------
    cos, sin : (length, 1, Dh) arrays
    """
    # in float64: position times frequency loses digits in float32 long before position 512
    frequencies = theta ** (-np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    angles = np.arange(length)[:, None, None] * frequencies
    cos = np.cos(angles)
    sin = np.sin(angles)
    return np.concatenate([cos, cos], -1).astype(dtype), np.concatenate([-sin, sin], -1).astype(dtype)


def rotary(x: Array, cos: Array, sin: Array, *, xp: Any = np) -> Array:
    """Rotate each head by its position's angles.

    Parameters
    ----------
    x : (B, T, heads, Dh) array
    cos, sin : (T, 1, Dh) arrays
    xp : namespace

    Returns
    -------
    (B, T, heads, Dh) array
    """
    # (x, y) -> (x cos − y sin, y cos + x sin); the sign stands in the table
    half = x.shape[-1] // 2
    swapped = xp.concat([x[..., half:], x[..., :half]], axis=-1)
    swapped *= sin
    swapped += x * cos
    return swapped


def rotary_backward(dy: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    """Return the gradient of x: the opposite rotation."""
    dx: np.ndarray = rotary(dy, cos, -sin)
    return dx


@lru_cache(maxsize=64)
def _future_bias(n: int, dtype: str) -> np.ndarray:
    """Return (n, n): 0 on and below the diagonal, −∞ above it, where a row would see its future."""
    return np.triu(np.full((n, n), -np.inf, dtype), 1)


def attention(q: Array, k: Array, v: Array, *, xp: Any = np) -> tuple[Array, Array]:
    """Let n new rows attend to m ≥ n positions, the last n of which are their own.

    Grouped-query: the G query heads of a group share one key and value head; they become rows of one product.

    Parameters
    ----------
    q : (B, Hkv, G, n, Dh) array
    k, v : (B, Hkv, m, Dh) arrays
    xp : namespace

    Returns
    -------
    out : (B, Hkv, G, n, Dh) array
    probs : (B, Hkv, G, n, m) array, rows sum to 1
    """
    groups = q.shape[:3]
    n = q.shape[3]
    m = k.shape[2]
    # the G query heads of a group below each other: one product with their shared keys
    rows = xp.reshape(q, (*groups[:2], -1, q.shape[4])) * q.shape[4] ** -0.5
    probs = xp.reshape(rows @ xp.matrix_transpose(k), (*groups, n, m))
    # every new row sees the whole past; only the new columns need a mask
    if n > 1:
        probs[..., m - n :] += array_like(_future_bias(n, "float32"), probs, xp)
    probs = softmax_in_place(probs, xp)
    out = xp.reshape(probs, (*groups[:2], -1, m)) @ v
    return xp.reshape(out, q.shape), probs


def attention_backward(dout: np.ndarray, kept: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of q, k and v.

    Parameters
    ----------
    dout : (B, Hkv, G, n, Dh) array
    kept : (q, k, v, out, probs) of `attention`

    Returns
    -------
    dq : (B, Hkv, G, n, Dh) array
    dk, dv : (B, Hkv, m, Dh) arrays
    """
    q, k, v, out, probs = kept
    folded = (*q.shape[:2], -1, q.shape[4])
    scale = q.shape[4] ** -0.5
    dout_rows = dout.reshape(folded)
    prob_rows = probs.reshape(*q.shape[:2], -1, k.shape[2])
    # through out = probs @ v
    dv = prob_rows.mT @ dout_rows
    dscores = dout_rows @ v.mT
    # through the softmax: Σ probs · dprobs is Σ dout · out
    dscores -= np.vecdot(dout_rows, out.reshape(folded))[..., None]
    dscores *= prob_rows
    # through scores = q @ k.T / √Dh
    dk = dscores.mT @ (q.reshape(folded) * scale)
    dq = dscores @ k
    dq *= scale
    return dq.reshape(q.shape), dk, dv


def softmax_in_place(x: Array, xp: Any) -> Array:
    """Turn scores (..., m) into probabilities along the last axis, in place where the library can."""
    x -= xp.max(x, axis=-1, keepdims=True)
    if xp is not np:
        x = xp.exp(x)
        return x / xp.sum(x, axis=-1, keepdims=True)
    x = np.exp(x, out=x)
    # as a product a sum costs a fifth of np.sum on short rows
    x *= 1.0 / (x @ np.ones((x.shape[-1], 1), x.dtype))
    return x
