"""The fast pass of one text through the model, in NumPy.

`model.forward` says what a Transformer computes; this file computes the same with less work. The dense lines stand in
`fast_pass` and serve `tree` and `ragged_numpy` too: those differ in positions and in who attends to whom. What never
changes is folded into the matrices once: the norms' weights, the 1/√Dh of attention, the 1/2 of
g·σ(g) = h·(1 + tanh h) with h = g/2. Rotary pairs lie side by side, so that a rotation is one complex product. The
matrices lie as `linear.py` found best, keys lie transposed, and a pass over 1 to 17 rows is about thirty calls of
NumPy a layer. `tests/test_inference.py` holds both to the same logits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from specsample.transformer.attention import rotary_tables
from specsample.transformer.config import Config
from specsample.transformer.layers import Array
from specsample.transformer.linear import Packed, pack, product

CHUNK = 64  # rows of a long prompt that go through the model together: attention then needs (64 H, T) at most
_FUTURE = np.triu(np.full((CHUNK, CHUNK), -np.inf, np.float32), 1)[:, None, :]  # −∞ where a row would see its future


class PackedLayer(NamedTuple):
    """The four matrices of a layer, with all that can be folded into them."""

    qkv: Packed  # (D, (H + 2 Hkv) Dh)
    out: Packed  # (D, D)
    gate_up: Packed  # (D, 2F)
    down: Packed  # (F, D)


class PackedModel:
    """A Transformer's parameters, ready for passes over one text.

    Parameters
    ----------
    config : Config
    params : mapping of NumPy arrays, as `config.init_params` makes them; read one by one, and copied
    layout : one of `linear.LAYOUTS` for all matrices, or None to measure
    """

    def __init__(self, config: Config, params: Mapping[str, Array], layout: str | None = None) -> None:
        self.config = config
        # what nobody can change need not be copied
        embedding = params["embedding"]
        self.embedding = embedding.copy() if embedding.flags.writeable else embedding
        # the last norm's weights are part of the head; it is the largest matrix, so it comes before memory fills
        head = params.get("head", embedding.T)
        self.head = pack(params["norm"][:, None] * head, layout)
        self.layers = [_pack_layer(config, params, f"layers.{i}.", layout) for i in range(config.n_layers)]
        cos, sin = rotary_tables(config.head_dim, config.max_length, config.rope_theta, "float64")
        # cos + i sin turns a pair (x, y), read as x + iy; the second half of sin has its sign
        half = config.head_dim // 2
        turns = cos[..., half:] + 1j * sin[..., half:]
        self.turns = turns.astype(np.result_type(self.embedding.dtype, np.complex64))  # (max_length, 1, Dh/2)


@dataclass
class Transformer:
    """A configuration with its parameters, and what the fast pass makes of them."""

    config: Config
    params: Mapping[
        str, Array
    ]  # as `config.init_params` makes them, in any array library; may be read when asked for
    tokenizer: Any = None  # anything that can encode and decode, or None where there is no text

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.config.vocab_size

    @property
    def max_length(self) -> int:
        """Tokens that the cache holds, prompt included."""
        return self.config.max_length

    @cached_property
    def packed(self) -> PackedModel:
        """The parameters as the fast pass wants them, copied when a context is first begun."""
        return PackedModel(self.config, self.params)


class FastCache:
    """The keys and values of one text, as the fast pass lays them out; only `length` says what is valid."""

    def __init__(self, model: PackedModel) -> None:
        config, dtype = model.config, model.embedding.dtype
        shape = (config.n_layers, config.n_kv_heads)
        self.keys = np.empty((*shape, config.head_dim, config.max_length), dtype)  # so that q @ keys is contiguous
        self.values = np.empty((*shape, config.max_length, config.head_dim), dtype)
        self.length = 0


def fast_pass(model: PackedModel, x: np.ndarray, attend: Callable[[int, np.ndarray], Array]) -> Array:
    """Send n rows through every layer: all that does not depend on who attends to whom.

    Parameters
    ----------
    model : PackedModel
    x : (n, D) array of embeddings, changed
    attend : function from a layer's number and its (n, (H + 2 Hkv) Dh) queries, keys and values to (n, D) heads

    Returns
    -------
    (n, V) array of logits
    """
    eps, hidden = model.config.norm_eps, model.config.hidden
    for i, layer in enumerate(model.layers):
        # x + attention(norm(x))
        qkv = product(_normed(x, eps), layer.qkv)
        x += product(attend(i, qkv), layer.out)
        # x + swiglu(norm(x))
        gate_up = product(_normed(x, eps), layer.gate_up)  # (n, 2F)
        x += product(_gated(gate_up, hidden), layer.down)
    return product(_normed(x, eps), model.head)


def logits(model: PackedModel, tokens: np.ndarray, cache: FastCache) -> Array:
    """Read n tokens and return the logits of the token after each.

    Parameters
    ----------
    model : PackedModel
    tokens : (n,) int array, n >= 1, that fit in max_length after those in the cache
    cache : FastCache, extended by n positions

    Returns
    -------
    (n, V) array
    """
    # a long prompt goes through in pieces, which bounds the memory of its attention
    n = len(tokens)
    if n > CHUNK:
        rows = np.empty((n, model.head.d_out), model.embedding.dtype)
        for i in range(0, n, CHUNK):
            rows[i : i + CHUNK] = logits(model, tokens[i : i + CHUNK], cache)
        return rows
    past = cache.length
    end = past + n
    turns = model.turns[past:end]  # (n, 1, Dh/2)

    # every row sees what was read before, and of the new ones itself and those before it
    def attend(i: int, qkv: np.ndarray) -> Array:
        keys = cache.keys[i]
        values = cache.values[i]
        q = store(model.config, qkv, turns, keys=keys[:, :, past:end], values=values[:, past:end])
        return _attend(q, keys[:, :, :end], values[:, :end], n=n)

    found = fast_pass(model, model.embedding[tokens], attend)  # indexing has copied the rows
    cache.length = end
    return found


def probabilities(model: PackedModel, tokens: np.ndarray, cache: FastCache) -> Array:
    """Read n tokens as `logits` does, and return the (n, V) distributions of the token after each."""
    probs = logits(model, tokens, cache)
    # in place, where `softmax` makes three arrays of its size
    probs -= probs.max(axis=-1, keepdims=True)
    np.exp(probs, out=probs)
    probs /= probs.sum(axis=-1, keepdims=True)
    return probs


def _normed(x: np.ndarray, eps: float) -> Array:
    """Scale rows (n, D) to root mean square 1."""
    # one row: Python floats are faster than arrays of one number
    if len(x) == 1:
        row = x[0]
        return x * (float(row @ row) / len(row) + eps) ** -0.5
    inverse = np.vecdot(x, x)
    inverse *= 1.0 / x.shape[1]
    inverse += eps
    return x * (inverse**-0.5)[:, None]


def store(config: Config, qkv: np.ndarray, turns: np.ndarray, *, keys: np.ndarray, values: np.ndarray) -> Array:
    """Rotate queries and keys of the n new rows, remember keys and values, return q (Hkv, n G, Dh)."""
    # rotated as complex numbers, in one product for queries and keys
    n = len(qkv)
    H = config.n_heads
    n_kv = config.n_kv_heads
    Dh = config.head_dim
    heads = qkv.reshape(n, H + 2 * n_kv, Dh)
    turned = (heads[:, : H + n_kv].view(turns.dtype) * turns).view(qkv.dtype)  # (n, H + Hkv, Dh)
    # keys lie transposed, so that q @ keys reads along contiguous rows
    keys[...] = turned[:, H:].transpose(1, 2, 0)
    values[...] = heads[:, H + n_kv :].transpose(1, 0, 2)
    q = turned[:, :H].reshape(n, n_kv, H // n_kv, Dh).transpose(1, 0, 2, 3)
    return q.reshape(n_kv, -1, Dh)


def _attend(q: np.ndarray, keys: np.ndarray, values: np.ndarray, *, n: int) -> Array:
    """Let n rows of queries (Hkv, n G, Dh) attend to keys (Hkv, Dh, m) and values (Hkv, m, Dh); (n, D) comes out."""
    n_kv, rows, _ = q.shape
    probs = q @ keys  # (Hkv, n G, m)
    # only among the new columns is there a future to hide
    if n > 1:
        new = probs.reshape(n_kv, n, rows // n, -1)[..., -n:]
        new += _FUTURE[:n, :, :n]
    probs -= probs.max(axis=-1, keepdims=True)
    np.exp(probs, out=probs)
    # divided by the sum after the product, which is the smaller array
    heads = probs @ values  # (Hkv, n G, Dh)
    heads /= probs.sum(axis=-1, keepdims=True)
    return heads.reshape(n_kv, n, -1).transpose(1, 0, 2).reshape(n, -1)


def _gated(gate_up: np.ndarray, hidden: int) -> Array:
    """Compute h·(1 + tanh h)·u of h and u side by side, which is silu(2h)·u."""
    # the gate's half holds g/2 already
    half = gate_up[:, :hidden]
    up = gate_up[:, hidden : 2 * hidden]
    gated = np.tanh(half)
    gated += 1.0
    gated *= half
    gated *= up
    return gated


def _pack_layer(config: Config, params: Mapping[str, Array], at: str, layout: str | None) -> PackedLayer:
    """Fold what never changes into a layer's matrices and lay them out."""
    qkv = params[at + "norm_attention"][:, None] * params[at + "qkv"]
    qkv = qkv.reshape(config.width, -1, config.head_dim)
    # halves of a head -> pairs side by side, as complex numbers lie
    pairs = np.arange(config.head_dim).reshape(2, -1).T.reshape(-1)
    n_turned = config.n_heads + config.n_kv_heads
    qkv[:, :n_turned] = qkv[:, :n_turned, pairs]
    # 1/√Dh of the scores goes into the queries
    qkv[:, : config.n_heads] *= config.head_dim**-0.5
    gate_up = params[at + "norm_mlp"][:, None] * params[at + "gate_up"]
    # and the 1/2 of tanh(g/2) into g
    gate_up[:, : config.hidden] *= 0.5
    return PackedLayer(
        pack(qkv.reshape(config.width, -1), layout),
        pack(params[at + "out"], layout),
        pack(gate_up, layout),
        pack(params[at + "down"], layout),
    )
