"""The layers, each beside its derivative.

Every layer is a pair: `layer` takes arrays of any library (`xp` is their namespace), `layer_backward` is NumPy only,
takes the gradient of its output (`dy`) and what the forward kept, and returns the gradients of its inputs. Nothing
changes the float type: scalars are Python floats.
"""

from typing import Any

import numpy as np

Array = Any  # an array of NumPy, CuPy, torch …; shapes are in the docstrings


def linear_backward(dy: np.ndarray, x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of x and weight in y = x @ weight.

    Parameters
    ----------
    dy : (..., N) array
    x : (..., M) array
    weight : (M, N) array

    Returns
    -------
    dx : (..., M) array
    dweight : (M, N) array
    """
    dweight = x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])
    return dy @ weight.T, dweight


def embedding(tokens: Array, weight: Array, *, xp: Any = np) -> Array:
    """Look up the rows of weight that tokens name.

    Parameters
    ----------
    tokens : (...) int array
    weight : (V, D) array
    xp : namespace

    Returns
    -------
    (..., D) array
    """
    rows = xp.take(weight, xp.reshape(tokens, (-1,)), axis=0)
    return xp.reshape(rows, (*tokens.shape, weight.shape[1]))


def embedding_backward(dy: np.ndarray, tokens: np.ndarray, vocab_size: int) -> np.ndarray:
    """Return the (V, D) gradient of the embedding: each token's row collects its dy."""
    # sums over runs of equal tokens are four times as fast as np.add.at
    order = np.argsort(tokens, axis=None, kind="stable")
    present, starts = np.unique(tokens.reshape(-1)[order], return_index=True)
    dweight = np.zeros((vocab_size, dy.shape[-1]), dy.dtype)
    dweight[present] = np.add.reduceat(dy.reshape(-1, dy.shape[-1])[order], starts, axis=0)
    return dweight


def rms_norm(x: Array, weight: Array, eps: float, *, xp: Any = np) -> tuple[Array, tuple[Array, Array]]:
    """Scale x to root mean square 1, then by weight: y = weight · x / √(mean x² + ε).

    Parameters
    ----------
    x : (..., D) array
    weight : (D,) array
    eps : float
    xp : namespace

    Returns
    -------
    y : (..., D) array
    kept : x / rms (..., D) and 1 / rms (..., 1)
    """
    # a product where a power and a mean would make two more arrays
    inverse_rms = 1.0 / (xp.vecdot(x, x) * (1.0 / x.shape[-1]) + eps) ** 0.5
    inverse_rms = inverse_rms[..., None]
    x_hat = x * inverse_rms
    return x_hat * weight, (x_hat, inverse_rms)


def rms_norm_backward(dy: np.ndarray, kept: tuple[Any, ...], weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of x and weight, from dy and what `rms_norm` kept."""
    # y = weight · x̂: the weight's gradient sums over all rows
    x_hat, inverse_rms = kept
    width = dy.shape[-1]
    dweight = np.einsum("nd,nd->d", dy.reshape(-1, width), x_hat.reshape(-1, width))
    # x̂ has a fixed length, so what points along it moves nothing: remove that direction
    dx = dy * weight
    shrink = np.vecdot(dx, x_hat)[..., None] * (1.0 / width)
    dx -= x_hat * shrink
    dx *= inverse_rms
    return dx, dweight


def swiglu(gate_up: Array, *, xp: Any = np) -> tuple[Array, Array]:
    """Gate one half of gate_up by the other: y = g · σ(g) · u.

    Parameters
    ----------
    gate_up : (..., 2F) array, g and u side by side
    xp : namespace

    Returns
    -------
    y : (..., F) array
    sigmoid : (..., F) array, σ(g)
    """
    half = gate_up.shape[-1] // 2
    gate = gate_up[..., :half]
    up = gate_up[..., half:]
    # σ(g) = (1 + tanh(g/2)) / 2 cannot overflow
    sigmoid = xp.tanh(gate * 0.5)
    sigmoid *= 0.5
    sigmoid += 0.5
    y = gate * sigmoid
    y *= up
    return y, sigmoid


def swiglu_backward(dy: np.ndarray, gate_up: np.ndarray, sigmoid: np.ndarray) -> np.ndarray:
    """Return the gradient of gate_up: silu′(g) = σ + g·σ·(1 − σ) = σ + silu·(1 − σ)."""
    half = gate_up.shape[-1] // 2
    gate = gate_up[..., :half]
    up = gate_up[..., half:]
    dgate_up = np.empty_like(gate_up)
    dgate = dgate_up[..., :half]
    dup = dgate_up[..., half:]
    # straight into the halves of one array: this is the widest layer
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
    # log softmax, by its largest entry, so that nothing overflows
    shifted = logits - logits.max(axis=-1, keepdims=True)
    probs = np.exp(shifted)
    total = probs.sum(axis=-1, keepdims=True)
    probs /= total
    n_rows = total.size
    # soft targets weigh all tokens, hard ones pick one; the gradient is q − t in both cases
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


def rejection_rate(logits: np.ndarray, target_probs: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean 1 − Σ min(p, q) of q = softmax(logits) and its gradient with respect to the logits.

    Parameters
    ----------
    logits : (..., V) array
    target_probs : (..., V) array, p

    Returns
    -------
    rate : float, the share of drafts from q that p rejects
    dlogits : (..., V) array, q · (g − Σ q g) / number of positions, where g is −1 where q < p and 0 elsewhere
    """
    q = np.exp(logits - logits.max(axis=-1, keepdims=True))
    q /= q.sum(axis=-1, keepdims=True)
    n_rows = q[..., 0].size
    rate = 1.0 - float(np.minimum(target_probs, q).sum(dtype=np.float64)) / n_rows
    # min(p, q) moves with q only where q < p
    missing = np.where(q < target_probs, q, np.zeros_like(q))
    return rate, (q * missing.sum(axis=-1, keepdims=True) - missing) * (1.0 / n_rows)


def array_like(table: np.ndarray, x: Array, xp: Any) -> Array:
    """Move a NumPy table to the library and device of x, whose namespace is xp."""
    return table if xp is np else xp.asarray(table, dtype=x.dtype, device=x.device)
