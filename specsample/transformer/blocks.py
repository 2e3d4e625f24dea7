"""How are the layers wired into the two blocks of a Transformer layer, and into its head?

Each block is again a pair: forward returns its output and what the backward needs; backward returns the
gradient of its input and writes those of its parameters into `grads`. Read `layers.py` before, then `model.py`.
"""

import numpy as np

from specsample.transformer.layers import (
    attention,
    attention_backward,
    linear_backward,
    rms_norm,
    rms_norm_backward,
    rotary,
    rotary_backward,
    swiglu,
    swiglu_backward,
)

ROW_BLOCK = 64  # rows that attend together: most of the masked half of (T, T) is never computed


def attention_block(config, params, x, *, layer, rotation, cache=None, xp=np):
    """Compute x + attention(norm(x)) @ out, and what its backward needs."""
    at = f"layers.{layer}."
    normed, kept_norm = rms_norm(x, params[at + "norm_attention"], config.norm_eps, xp=xp)
    q, k, v = _split_heads(config, normed @ params[at + "qkv"], rotation, xp)
    if cache is not None:
        k, v = cache.append(layer, k, v)
    heads, kept_heads = _attend(q, k, v, xp)
    merged = xp.reshape(xp.permute_dims(heads, (0, 3, 1, 2, 4)), x.shape)
    y = merged @ params[at + "out"]
    y += x
    return y, (kept_norm, normed, rotation, kept_heads, merged)


def attention_block_backward(dy, kept, params, *, grads, layer):
    """Write the gradients of one attention block into `grads` and return that of x."""
    at = f"layers.{layer}."
    kept_norm, normed, rotation, kept_heads, merged = kept
    dmerged, grads[at + "out"] = linear_backward(dy, merged, params[at + "out"])
    batch, n_kv, group, length, head_dim = kept_heads[0].shape
    dheads = dmerged.reshape(batch, length, n_kv, group, head_dim).transpose(0, 2, 3, 1, 4)
    dqkv = _split_heads_backward(*_attend_backward(dheads, kept_heads), rotation)
    dnormed, grads[at + "qkv"] = linear_backward(dqkv, normed, params[at + "qkv"])
    dx, grads[at + "norm_attention"] = rms_norm_backward(dnormed, kept_norm, params[at + "norm_attention"])
    dx += dy
    return dx


def _split_heads(config, qkv, rotation, xp):
    """Cut qkv (B, T, ·) into rotated q (B, Hkv, G, T, Dh), rotated k and v (B, Hkv, T, Dh)."""
    batch, length = qkv.shape[:2]
    n_heads, n_kv, head_dim = config.n_heads, config.n_kv_heads, config.head_dim
    heads = xp.reshape(qkv, (batch, length, n_heads + 2 * n_kv, head_dim))
    turned = rotary(heads[:, :, : n_heads + n_kv, :], *rotation, xp=xp)
    q = xp.reshape(turned[:, :, :n_heads, :], (batch, length, n_kv, n_heads // n_kv, head_dim))
    k, v = turned[:, :, n_heads:, :], heads[:, :, n_heads + n_kv :, :]
    return (
        xp.permute_dims(q, (0, 2, 3, 1, 4)),
        xp.permute_dims(k, (0, 2, 1, 3)),
        xp.permute_dims(v, (0, 2, 1, 3)),
    )


def _split_heads_backward(dq, dk, dv, rotation):
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


def _attend(q, k, v, xp):
    """Attend in blocks of rows, each to no more keys than its last row may see."""
    length = q.shape[3]
    past = k.shape[2] - length
    parts = []
    for start in range(0, length, ROW_BLOCK):
        stop = min(start + ROW_BLOCK, length)
        seen = past + stop
        parts.append(attention(q[:, :, :, start:stop, :], k[:, :, :seen, :], v[:, :, :seen, :], xp=xp))
    heads = parts[0][0] if len(parts) == 1 else xp.concat([out for out, _ in parts], axis=3)
    return heads, (q, k, v, parts)


def _attend_backward(dheads, kept):
    """Return the gradients of q, k and v, summed over the blocks of rows."""
    q, k, v, parts = kept
    dq, dk, dv = np.empty(q.shape, q.dtype), np.zeros(k.shape, k.dtype), np.zeros(v.shape, v.dtype)
    for index, (out, probs) in enumerate(parts):
        rows = slice(index * ROW_BLOCK, index * ROW_BLOCK + out.shape[3])
        seen = slice(0, rows.stop)
        kept_part = (q[:, :, :, rows], k[:, :, seen], v[:, :, seen], out, probs)
        dq[:, :, :, rows], dk_part, dv_part = attention_backward(dheads[:, :, :, rows], kept_part)
        dk[:, :, seen] += dk_part
        dv[:, :, seen] += dv_part
    return dq, dk, dv


def mlp_block(config, params, x, *, layer, xp=np):
    """Compute x + swiglu(norm(x) @ gate_up) @ down, and what its backward needs."""
    at = f"layers.{layer}."
    normed, kept_norm = rms_norm(x, params[at + "norm_mlp"], config.norm_eps, xp=xp)
    gate_up = normed @ params[at + "gate_up"]
    hidden, sigmoid = swiglu(gate_up, xp=xp)
    y = hidden @ params[at + "down"]
    y += x
    return y, (kept_norm, normed, gate_up, sigmoid, hidden)


def mlp_block_backward(dy, kept, params, *, grads, layer):
    """Write the gradients of one MLP block into `grads` and return that of x."""
    at = f"layers.{layer}."
    kept_norm, normed, gate_up, sigmoid, hidden = kept
    dhidden, grads[at + "down"] = linear_backward(dy, hidden, params[at + "down"])
    dgate_up = swiglu_backward(dhidden, gate_up, sigmoid)
    dnormed, grads[at + "gate_up"] = linear_backward(dgate_up, normed, params[at + "gate_up"])
    dx, grads[at + "norm_mlp"] = rms_norm_backward(dnormed, kept_norm, params[at + "norm_mlp"])
    dx += dy
    return dx


def head(config, params, x, *, xp=np):
    """Compute norm(x) @ head (the embedding, transposed, if tied), and what its backward needs."""
    normed, kept_norm = rms_norm(x, params["norm"], config.norm_eps, xp=xp)
    weight = params["head"] if "head" in params else xp.matrix_transpose(params["embedding"])
    return normed @ weight, (kept_norm, normed)


def head_backward(dlogits, kept, params, *, grads):
    """Write the gradients of the head and the last norm into `grads` and return that of x."""
    kept_norm, normed = kept
    if "head" in params:
        dnormed, grads["head"] = linear_backward(dlogits, normed, params["head"])
        grads["embedding"] = np.zeros_like(params["embedding"])
    else:
        dnormed, dweight = linear_backward(dlogits, normed, params["embedding"].T)
        grads["embedding"] = np.ascontiguousarray(dweight.T)
    dx, grads["norm"] = rms_norm_backward(dnormed, kept_norm, params["norm"])
    return dx
