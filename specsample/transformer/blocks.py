"""The two blocks of a Transformer layer, and its head.

Each block is again a pair: forward returns its output and what the backward needs; backward returns the gradient of
its input and writes those of its parameters into `grads`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from specsample.transformer.attention import attention, attention_backward, rotary, rotary_backward
from specsample.transformer.cache import Cache
from specsample.transformer.config import Config
from specsample.transformer.layers import (
    Array,
    linear_backward,
    rms_norm,
    rms_norm_backward,
    swiglu,
    swiglu_backward,
)

Params = Mapping[str, Array]
Kept = tuple[Any, ...]  # what a forward keeps for its backward
ROW_BLOCK = 64  # rows that attend together: most of the masked half of (T, T) is never computed


def attention_block(
    config: Config,
    params: Params,
    x: Array,
    *,
    layer: int,
    rotation: tuple[Array, Array],
    cache: Cache | None = None,
    xp: Any = np,
) -> tuple[Array, Kept]:
    """Compute x + attention(norm(x)) @ out.

    Parameters
    ----------
    config : Config
    params : dict of arrays
    x : (B, T, D) array
    layer : int
    rotation : cos and sin of the T positions
    cache : Cache, optional; it is extended by T positions
    xp : namespace

    Returns
    -------
    y : (B, T, D) array
    kept : what the backward needs
    """
    at = f"layers.{layer}."
    # norm, then queries, keys and values in one product
    normed, kept_norm = rms_norm(x, params[at + "norm_attention"], config.norm_eps, xp=xp)
    q, k, v = _split_heads(config, normed @ params[at + "qkv"], rotation, xp)
    # the new rows see what the cache holds, and themselves
    if cache is not None:
        k, v = cache.append(layer, k, v)
    heads, kept_heads = _attend(q, k, v, xp)
    # heads side by side, mixed by `out`, added to the residual stream
    merged = xp.reshape(xp.permute_dims(heads, (0, 3, 1, 2, 4)), x.shape)
    y = merged @ params[at + "out"]
    y += x
    return y, (kept_norm, normed, rotation, kept_heads, merged)


def attention_block_backward(
    dy: np.ndarray, kept: Kept, params: Params, *, grads: dict[str, Array], layer: int
) -> np.ndarray:
    """Write the gradients of one attention block into `grads` and return that of x.

    Parameters
    ----------
    dy : (B, T, D) array
    kept : what `attention_block` kept
    params : dict of arrays
    grads : dict of arrays, changed
    layer : int

    Returns
    -------
    (B, T, D) array
    """
    at = f"layers.{layer}."
    kept_norm, normed, rotation, kept_heads, merged = kept
    # the forward's lines, from the last to the first
    dmerged, grads[at + "out"] = linear_backward(dy, merged, params[at + "out"])
    batch, n_kv, group, length, head_dim = kept_heads[0].shape
    dheads = dmerged.reshape(batch, length, n_kv, group, head_dim).transpose(0, 2, 3, 1, 4)
    dqkv = _split_heads_backward(*_attend_backward(dheads, kept_heads), rotation)
    dnormed, grads[at + "qkv"] = linear_backward(dqkv, normed, params[at + "qkv"])
    dx, grads[at + "norm_attention"] = rms_norm_backward(dnormed, kept_norm, params[at + "norm_attention"])
    dx += dy
    return dx


def _split_heads(config: Config, qkv: Array, rotation: Kept, xp: Any) -> tuple[Array, Array, Array]:
    """Cut qkv (B, T, ·) into rotated q (B, Hkv, G, T, Dh), rotated k and v (B, Hkv, T, Dh)."""
    batch, length = qkv.shape[:2]
    n_heads, n_kv, head_dim = config.n_heads, config.n_kv_heads, config.head_dim
    heads = xp.reshape(qkv, (batch, length, n_heads + 2 * n_kv, head_dim))
    turned = rotary(heads[:, :, : n_heads + n_kv, :], *rotation, xp=xp)
    q = xp.reshape(turned[:, :, :n_heads, :], (batch, length, n_kv, n_heads // n_kv, head_dim))
    k = turned[:, :, n_heads:, :]
    v = heads[:, :, n_heads + n_kv :, :]
    return (
        xp.permute_dims(q, (0, 2, 3, 1, 4)),
        xp.permute_dims(k, (0, 2, 1, 3)),
        xp.permute_dims(v, (0, 2, 1, 3)),
    )


def _split_heads_backward(dq: np.ndarray, dk: np.ndarray, dv: np.ndarray, rotation: Kept) -> np.ndarray:
    """Return the gradient of qkv (B, T, ·)."""
    batch, n_kv, group, length, head_dim = dq.shape
    n_heads = n_kv * group
    dheads = np.empty((batch, length, n_heads + 2 * n_kv, head_dim), dq.dtype)
    grouped = dheads[:, :, :n_heads].reshape(batch, length, n_kv, group, head_dim)
    grouped[...] = dq.transpose(0, 3, 1, 2, 4)
    dheads[:, :, n_heads : n_heads + n_kv] = dk.transpose(0, 2, 1, 3)
    dheads[:, :, n_heads + n_kv :] = dv.transpose(0, 2, 1, 3)
    turned = dheads[:, :, : n_heads + n_kv]
    turned[...] = rotary_backward(turned, *rotation)
    return dheads.reshape(batch, length, -1)


def _attend(q: Array, k: Array, v: Array, xp: Any) -> tuple[Array, Kept]:
    """Attend in blocks of rows, each to no more keys than its last row may see."""
    length = q.shape[3]
    past = k.shape[2] - length
    # with a cache the first of the new rows already sees `past` keys
    parts = []
    for start in range(0, length, ROW_BLOCK):
        stop = min(start + ROW_BLOCK, length)
        seen = past + stop
        parts.append(attention(q[:, :, :, start:stop, :], k[:, :, :seen, :], v[:, :, :seen, :], xp=xp))
    heads = parts[0][0] if len(parts) == 1 else xp.concat([out for out, _ in parts], axis=3)
    return heads, (q, k, v, parts)


def _attend_backward(dheads: np.ndarray, kept: Kept) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of q, k and v, summed over the blocks of rows."""
    q, k, v, parts = kept
    dq = np.empty(q.shape, q.dtype)
    dk = np.zeros(k.shape, k.dtype)
    dv = np.zeros(v.shape, v.dtype)
    # every block of rows adds to the keys and values that it saw
    for index, (out, probs) in enumerate(parts):
        rows = slice(index * ROW_BLOCK, index * ROW_BLOCK + out.shape[3])
        seen = slice(0, rows.stop)
        kept_part = (q[:, :, :, rows], k[:, :, seen], v[:, :, seen], out, probs)
        dq[:, :, :, rows], dk_part, dv_part = attention_backward(dheads[:, :, :, rows], kept_part)
        dk[:, :, seen] += dk_part
        dv[:, :, seen] += dv_part
    return dq, dk, dv


def mlp_block(config: Config, params: Params, x: Array, *, layer: int, xp: Any = np) -> tuple[Array, Kept]:
    """Compute x + swiglu(norm(x) @ gate_up) @ down.

    Parameters and Returns: as for `transformer.blocks.attention_block`.
    """
    at = f"layers.{layer}."
    normed, kept_norm = rms_norm(x, params[at + "norm_mlp"], config.norm_eps, xp=xp)
    gate_up = normed @ params[at + "gate_up"]
    hidden, sigmoid = swiglu(gate_up, xp=xp)
    y = hidden @ params[at + "down"]
    y += x
    return y, (kept_norm, normed, gate_up, sigmoid, hidden)


def mlp_block_backward(
    dy: np.ndarray, kept: Kept, params: Params, *, grads: dict[str, Array], layer: int
) -> np.ndarray:
    """Write the gradients of one MLP block into `grads` and return that of x.

    Parameters and Returns: as for `transformer.blocks.attention_block_backward`.
    """
    at = f"layers.{layer}."
    kept_norm, normed, gate_up, sigmoid, hidden = kept
    # the forward's lines, from the last to the first; dy itself flows past the block
    dhidden, grads[at + "down"] = linear_backward(dy, hidden, params[at + "down"])
    dgate_up = swiglu_backward(dhidden, gate_up, sigmoid)
    dnormed, grads[at + "gate_up"] = linear_backward(dgate_up, normed, params[at + "gate_up"])
    dx, grads[at + "norm_mlp"] = rms_norm_backward(dnormed, kept_norm, params[at + "norm_mlp"])
    dx += dy
    return dx


def head(config: Config, params: Params, x: Array, *, xp: Any = np) -> tuple[Array, Kept]:
    """Compute norm(x) @ head, or the embedding, transposed, if tied.

    Parameters: as for `transformer.blocks.attention_block`.

    Returns
    -------
    logits : (B, T, V) array
    kept : what the backward needs
    """
    normed, kept_norm = rms_norm(x, params["norm"], config.norm_eps, xp=xp)
    weight = params["head"] if "head" in params else xp.matrix_transpose(params["embedding"])
    return normed @ weight, (kept_norm, normed)


def head_backward(dlogits: np.ndarray, kept: Kept, params: Params, *, grads: dict[str, Array]) -> np.ndarray:
    """Write the gradients of the head and the last norm into `grads` and return that of x.

    Parameters and Returns: as for `transformer.blocks.attention_block_backward`.

    Parameters
    ----------
    dlogits : (B, T, V) array
    """
    kept_norm, normed = kept
    # a tied head is the embedding: both write into one gradient
    if "head" in params:
        dnormed, grads["head"] = linear_backward(dlogits, normed, params["head"])
        grads["embedding"] = np.zeros_like(params["embedding"])
    else:
        dnormed, dweight = linear_backward(dlogits, normed, params["embedding"].T)
        grads["embedding"] = np.ascontiguousarray(dweight.T)
    dx, grads["norm"] = rms_norm_backward(dnormed, kept_norm, params["norm"])
    return dx
