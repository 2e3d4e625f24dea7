"""How does one sequence go through the model as fast as NumPy can?

`model.forward` says what a Transformer computes; this file computes the same for one text, with less work a pass.
What never changes is folded into the matrices once: the norms' weights, the 1/√Dh of attention, the 1/2 of
g·σ(g) = h·(1 + tanh h) with h = g/2. Rotary pairs lie side by side, so that a rotation is one complex product. The
matrices lie as `linear.py` found best, keys lie transposed, and a pass over 1 to 17 rows is about thirty calls of
NumPy a layer. `tests/test_inference.py` holds both to the same logits. Read `linear.py` and `model.py` before.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from specsample.transformer.attention import rotary_tables
from specsample.transformer.layers import Array
from specsample.transformer.linear import Packed, pack, product

if TYPE_CHECKING:
    from specsample.transformer.model import Config

CHUNK = 64  # rows of a long prompt that go through the model together: attention then needs (64 H, T) at most
_FUTURE = np.triu(np.full((CHUNK, CHUNK), -np.inf, np.float32), 1)[:, None, :]  # −∞ where a row would see its future


class PackedLayer(NamedTuple):
    """The four matrices of a layer, with all that can be folded into them."""

    qkv: Packed  # (D, (H + 2 Hkv) Dh)
    out: Packed  # (D, D)
    gate_up: Packed  # (D, 2F)
    down: Packed  # (F, D)


class PackedModel:
    """Hold a Transformer's parameters, ready for passes over one sequence.

    Parameters
    ----------
    config : Config
    params : dict of NumPy arrays, as `model.init_params` makes them; copied
    layout : one of `linear.LAYOUTS` for all matrices, or None to measure
    """

    def __init__(self, config: "Config", params: dict[str, np.ndarray], layout: str | None = None) -> None:
        self.config, self.embedding = config, params["embedding"].copy()
        self.layers = [_pack_layer(config, params, f"layers.{i}.", layout) for i in range(config.n_layers)]
        head = params["head"] if "head" in params else params["embedding"].T
        self.head = pack(params["norm"][:, None] * head, layout)
        cos, sin = rotary_tables(config.head_dim, config.max_length, config.rope_theta, "float64")
        half = config.head_dim // 2  # cos + i sin turns a pair (x, y), read as x + iy; sin's second half has its sign
        turns = cos[..., half:] + 1j * sin[..., half:]
        self.turns = turns.astype(np.result_type(self.embedding.dtype, np.complex64))  # (max_length, 1, Dh/2)


class Memory:
    """Remember the keys and values of one sequence; as in `cache.Cache`, only `length` says what is valid.

    Parameters
    ----------
    model : PackedModel, gives shapes and float type
    """

    def __init__(self, model: PackedModel) -> None:
        config, dtype = model.config, model.embedding.dtype
        shape = (config.n_layers, config.n_kv_heads)
        self.keys = np.empty((*shape, config.head_dim, config.max_length), dtype)  # so that q @ keys is contiguous
        self.values = np.empty((*shape, config.max_length, config.head_dim), dtype)
        self.length = 0


def logits(model: PackedModel, tokens: np.ndarray, memory: Memory) -> Array:
    """Read n tokens and return the logits of the token after each.

    Parameters
    ----------
    model : PackedModel
    tokens : (n,) int array, n >= 1, that fit in max_length after those in memory
    memory : Memory, extended by n positions

    Returns
    -------
    (n, V) array
    """
    if len(tokens) > CHUNK:
        return np.concatenate([logits(model, tokens[i : i + CHUNK], memory) for i in range(0, len(tokens), CHUNK)])
    past, end = memory.length, memory.length + len(tokens)
    x = model.embedding[tokens]  # (n, D), a copy
    turns = model.turns[past:end]  # (n, 1, Dh/2)
    for i, layer in enumerate(model.layers):
        qkv = product(_normed(x, model.config.norm_eps), layer.qkv)  # (n, (H + 2 Hkv) Dh)
        q = _store(
            model.config, qkv, turns, keys=memory.keys[i, :, :, past:end], values=memory.values[i, :, past:end]
        )
        heads = _attend(q, memory.keys[i, :, :, :end], memory.values[i, :, :end], n=len(tokens))
        x += product(heads, layer.out)
        gate_up = product(_normed(x, model.config.norm_eps), layer.gate_up)  # (n, 2F)
        x += product(_gated(gate_up, model.config.hidden), layer.down)
    memory.length = end
    return product(_normed(x, model.config.norm_eps), model.head)


def probabilities(model: PackedModel, tokens: np.ndarray, memory: Memory) -> Array:
    """Read n tokens and return the distribution of the token after each.

    Parameters
    ----------
    model : PackedModel
    tokens : (n,) int array
    memory : Memory, extended by n positions

    Returns
    -------
    (n, V) array, rows sum to 1
    """
    probs = logits(model, tokens, memory)  # turned in place, where `softmax` makes three arrays of its size
    probs -= probs.max(axis=-1, keepdims=True)
    np.exp(probs, out=probs)
    probs /= probs.sum(axis=-1, keepdims=True)
    return probs


def _normed(x: np.ndarray, eps: float) -> Array:
    """Scale rows (n, D) to root mean square 1."""
    if len(x) == 1:  # one row: Python floats are faster than arrays of one number
        row = x[0]
        return x * (float(row @ row) / len(row) + eps) ** -0.5
    inverse = np.vecdot(x, x)
    inverse *= 1.0 / x.shape[1]
    inverse += eps
    return x * (inverse**-0.5)[:, None]


def _store(config: "Config", qkv: np.ndarray, turns: np.ndarray, *, keys: np.ndarray, values: np.ndarray) -> Array:
    """Rotate queries and keys of the n new rows, remember keys and values, return q (Hkv, n G, Dh)."""
    n, H, n_kv, Dh = len(qkv), config.n_heads, config.n_kv_heads, config.head_dim
    heads = qkv.reshape(n, H + 2 * n_kv, Dh)
    turned = (heads[:, : H + n_kv].view(turns.dtype) * turns).view(qkv.dtype)  # (n, H + Hkv, Dh)
    keys[...] = turned[:, H:].transpose(1, 2, 0)
    values[...] = heads[:, H + n_kv :].transpose(1, 0, 2)
    q = turned[:, :H].reshape(n, n_kv, H // n_kv, Dh).transpose(1, 0, 2, 3)
    return q.reshape(n_kv, -1, Dh)


def _attend(q: np.ndarray, keys: np.ndarray, values: np.ndarray, *, n: int) -> Array:
    """Let n rows of queries (Hkv, n G, Dh) attend to keys (Hkv, Dh, m) and values (Hkv, m, Dh); (n, D) comes out."""
    n_kv, rows, _ = q.shape
    probs = q @ keys  # (Hkv, n G, m)
    if n > 1:  # only among the new columns is there a future to hide
        new = probs.reshape(n_kv, n, rows // n, -1)[..., -n:]
        new += _FUTURE[:n, :, :n]
    probs -= probs.max(axis=-1, keepdims=True)
    np.exp(probs, out=probs)
    heads = probs @ values  # (Hkv, n G, Dh), not yet divided by the sum
    heads /= probs.sum(axis=-1, keepdims=True)
    return heads.reshape(n_kv, n, -1).transpose(1, 0, 2).reshape(n, -1)


def _gated(gate_up: np.ndarray, hidden: int) -> Array:
    """Compute h·(1 + tanh h)·u of h and u side by side, which is silu(2h)·u."""
    half, up = gate_up[:, :hidden], gate_up[:, hidden : 2 * hidden]
    gated = np.tanh(half)
    gated += 1.0
    gated *= half
    gated *= up
    return gated


def _pack_layer(config: "Config", params: dict[str, np.ndarray], at: str, layout: str | None) -> PackedLayer:
    """Fold what never changes into a layer's matrices and lay them out."""
    qkv = params[at + "norm_attention"][:, None] * params[at + "qkv"]
    qkv = qkv.reshape(config.width, -1, config.head_dim)
    pairs = np.arange(config.head_dim).reshape(2, -1).T.reshape(-1)  # halves of a head -> pairs side by side
    n_turned = config.n_heads + config.n_kv_heads
    qkv[:, :n_turned] = qkv[:, :n_turned, pairs]
    qkv[:, : config.n_heads] *= config.head_dim**-0.5
    gate_up = params[at + "norm_mlp"][:, None] * params[at + "gate_up"]
    gate_up[:, : config.hidden] *= 0.5
    return PackedLayer(
        pack(qkv.reshape(config.width, -1), layout),
        pack(params[at + "out"], layout),
        pack(gate_up, layout),
        pack(params[at + "down"], layout),
    )
