"""What does each layer compute, and what is its derivative?

Every layer is a pair: `layer` takes arrays of any library (`xp` is their namespace), `layer_backward` is
NumPy only, takes the gradient of its output (`dy`) and what the forward kept, and returns the gradients of its
inputs. Nothing changes the float type: scalars are Python floats. Read `data.py` before, then `model.py`.
"""

from functools import lru_cache
from typing import Any

import numpy as np

Array = Any  # an array of NumPy, CuPy, torch …; shapes are in the docstrings


def linear_backward(dy: np.ndarray, x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of x (..., M) and weight (M, N) in y = x @ weight."""
    dweight = x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])
    return dy @ weight.T, dweight


def embedding(tokens: Array, weight: Array, *, xp=np) -> Array:
    """Look up the rows (..., D) of weight (V, D) that tokens (...) name."""
    rows = xp.take(weight, xp.reshape(tokens, (-1,)), axis=0)
    return xp.reshape(rows, (*tokens.shape, weight.shape[1]))


def embedding_backward(dy: np.ndarray, tokens: np.ndarray, vocab_size: int) -> np.ndarray:
    """Return the gradient (V, D) of the embedding: each token's row collects its dy (..., D)."""
    dweight = np.zeros((vocab_size, dy.shape[-1]), dy.dtype)
    np.add.at(dweight, tokens.reshape(-1), dy.reshape(-1, dy.shape[-1]))
    return dweight


def rms_norm(x: Array, weight: Array, eps: float, *, xp=np) -> tuple[Array, tuple[Array, Array]]:
    """Scale x (..., D) to root mean square 1, then by weight (D,): y = weight · x / √(mean x² + ε).

    Returns
    -------
    y : (..., D) array
    kept : x / rms (..., D) and 1 / rms (..., 1)
    """
    inverse_rms = 1.0 / (xp.vecdot(x, x) * (1.0 / x.shape[-1]) + eps) ** 0.5
    inverse_rms = inverse_rms[..., None]
    x_hat = x * inverse_rms
    return x_hat * weight, (x_hat, inverse_rms)


def rms_norm_backward(dy: np.ndarray, kept: tuple, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of x (..., D) and weight (D,)."""
    x_hat, inverse_rms = kept
    width = dy.shape[-1]
    dweight = np.einsum("nd,nd->d", dy.reshape(-1, width), x_hat.reshape(-1, width))
    dx = dy * weight
    shrink = np.vecdot(dx, x_hat)[..., None] * (1.0 / width)  # x̂ cannot grow: remove that direction
    dx -= x_hat * shrink
    dx *= inverse_rms
    return dx, dweight


@lru_cache(maxsize=16)
def rotary_tables(head_dim: int, length: int, theta: float, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return cos and sin (length, 1, head_dim) of position · θ^(−2i/head_dim).

    The halves of a head are the two coordinates of head_dim / 2 planes (Hugging Face's layout of Llama);
    sin carries the sign of the rotation: − in the first half, + in the second.
    """
    frequencies = theta ** (-np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    angles = np.arange(length)[:, None, None] * frequencies
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([cos, cos], -1).astype(dtype), np.concatenate([-sin, sin], -1).astype(dtype)


def rotary(x: Array, cos: Array, sin: Array, *, xp=np) -> Array:
    """Rotate each head of x (B, T, heads, Dh) by its position's angles, cos and sin (T, 1, Dh)."""
    half = x.shape[-1] // 2
    swapped = xp.concat([x[..., half:], x[..., :half]], axis=-1)
    swapped *= sin
    swapped += x * cos
    return swapped


def rotary_backward(dy: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    """Return the gradient of x: the opposite rotation."""
    return rotary(dy, cos, -sin)


@lru_cache(maxsize=64)
def _future_bias(n: int, dtype: str) -> np.ndarray:
    """Return (n, n): 0 on and below the diagonal, −∞ above it, where a row would see its future."""
    return np.triu(np.full((n, n), -np.inf, dtype), 1)


def attention(q: Array, k: Array, v: Array, *, xp=np) -> tuple[Array, Array]:
    """Let n new rows attend to m ≥ n positions, the last n of which are their own.

    Grouped-query: the G query heads of a group share one key and value head; they become rows of one product.

    Parameters
    ----------
    q : (B, Hkv, G, n, Dh) array
    k, v : (B, Hkv, m, Dh) arrays

    Returns
    -------
    out : (B, Hkv, G, n, Dh) array
    probs : (B, Hkv, G, n, m) array, rows sum to 1
    """
    groups, (n, m) = q.shape[:3], (q.shape[3], k.shape[2])
    rows = xp.reshape(q, (*groups[:2], -1, q.shape[4])) * q.shape[4] ** -0.5
    probs = xp.reshape(rows @ xp.matrix_transpose(k), (*groups, n, m))
    if n > 1:  # every new row sees the whole past; only the new columns need a mask
        probs[..., m - n :] += array_like(_future_bias(n, "float32"), probs, xp)
    probs = _softmax(probs, xp)
    out = xp.reshape(probs, (*groups[:2], -1, m)) @ v
    return xp.reshape(out, q.shape), probs


def attention_backward(dout: np.ndarray, kept: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of q, k and v; `kept` is (q, k, v, out, probs)."""
    q, k, v, out, probs = kept
    folded, scale = (*q.shape[:2], -1, q.shape[4]), q.shape[4] ** -0.5
    dout_rows, prob_rows = dout.reshape(folded), probs.reshape(*q.shape[:2], -1, k.shape[2])
    dv = prob_rows.mT @ dout_rows
    dscores = dout_rows @ v.mT
    dscores -= np.vecdot(dout_rows, out.reshape(folded))[..., None]
    dscores *= prob_rows
    dk = dscores.mT @ (q.reshape(folded) * scale)
    dq = dscores @ k
    dq *= scale
    return dq.reshape(q.shape), dk, dv


def swiglu(gate_up: Array, *, xp=np) -> tuple[Array, Array]:
    """Gate one half of gate_up (..., 2F) by the other: y = g · σ(g) · u, and σ(g), both (..., F)."""
    half = gate_up.shape[-1] // 2
    gate, up = gate_up[..., :half], gate_up[..., half:]
    sigmoid = xp.tanh(gate * 0.5)  # σ(g) = (1 + tanh(g/2)) / 2 cannot overflow
    sigmoid *= 0.5
    sigmoid += 0.5
    y = gate * sigmoid
    y *= up
    return y, sigmoid


def swiglu_backward(dy: np.ndarray, gate_up: np.ndarray, sigmoid: np.ndarray) -> np.ndarray:
    """Return the gradient of gate_up (..., 2F): silu′(g) = σ + g·σ·(1 − σ) = σ + silu·(1 − σ)."""
    half = gate_up.shape[-1] // 2
    gate, up = gate_up[..., :half], gate_up[..., half:]
    dgate_up = np.empty_like(gate_up)
    dgate, dup = dgate_up[..., :half], dgate_up[..., half:]
    silu = gate * sigmoid
    np.multiply(dy, silu, out=dup)
    np.subtract(1.0, sigmoid, out=dgate)
    dgate *= silu
    dgate += sigmoid
    dgate *= up
    dgate *= dy
    return dgate_up


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean −Σ t·log softmax(logits) in nats and its gradient with respect to the logits.

    Parameters
    ----------
    logits : (..., V) array
    targets : (...) int array of tokens, or (..., V) array of probabilities (soft targets)

    Returns
    -------
    loss : float, nats per position
    dlogits : (..., V) array, (softmax(logits) − t) / number of positions
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    probs = np.exp(shifted)
    total = probs.sum(axis=-1, keepdims=True)
    probs /= total
    n_rows = total.size
    if targets.ndim == logits.ndim:
        loss = float(np.log(total).sum(dtype=np.float64)) - float(np.vdot(targets, shifted))
        probs -= targets
    else:
        chosen = targets[..., None]
        picked = np.take_along_axis(shifted, chosen, -1)
        loss = float((np.log(total) - picked).sum(dtype=np.float64))
        np.put_along_axis(probs, chosen, np.take_along_axis(probs, chosen, -1) - 1.0, -1)
    probs *= 1.0 / n_rows
    return loss / n_rows, probs


def _softmax(x: Array, xp) -> Array:
    """Turn x (..., m) into probabilities along its last axis, in place where the library can."""
    x -= xp.max(x, axis=-1, keepdims=True)
    x = np.exp(x, out=x) if xp is np else xp.exp(x)
    x *= 1.0 / xp.sum(x, axis=-1, keepdims=True)
    return x


def array_like(table: np.ndarray, x: Array, xp) -> Array:
    """Move a NumPy table to the library and device of x."""
    return table if xp is np else xp.asarray(table, dtype=x.dtype, device=x.device)
