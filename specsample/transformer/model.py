"""How do the layers make a language model, and how does the gradient flow back through it?

A Llama-style Transformer: embedding, L × (x + attention(norm(x)); x + swiglu(norm(x))), norm, head. Forward
functions stand beside their backward. Parameters are a flat dict of arrays; matrices that read the same input
are fused, so that a pass over one token is few products. Read `layers.py` before, then `cache.py` and `train.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from specsample.transformer.attention import rotary_tables
from specsample.transformer.blocks import (
    attention_block,
    attention_block_backward,
    head,
    head_backward,
    mlp_block,
    mlp_block_backward,
)
from specsample.transformer.cache import Cache, check_fits
from specsample.transformer.layers import (
    Array,
    array_like,
    cross_entropy,
    embedding,
    embedding_backward,
)

Criterion = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Config:
    """Say how large a model is.

    Parameters
    ----------
    vocab_size, width, n_layers : int, V, D and L
    n_heads, n_kv_heads : int, H query heads share Hkv key and value heads in groups of H / Hkv
    hidden : int, width inside the SwiGLU
    max_length : int, positions that a cache holds
    tied : bool, whether the output head is the embedding, transposed
    rope_theta, norm_eps : float, base of the rotary frequencies; ε of the norms
    """

    vocab_size: int
    width: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    hidden: int
    max_length: int
    tied: bool = True
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        sizes = ("vocab_size", "width", "n_layers", "n_heads", "n_kv_heads", "hidden", "max_length")
        for name in sizes:
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a positive integer; got {getattr(self, name)!r}.")
        if self.width % self.n_heads or self.head_dim % 2:
            raise ValueError(
                "width must be n_heads times an even head size (rotary turns pairs); "
                f"got width {self.width} and n_heads {self.n_heads}."
            )
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                "n_heads must be a multiple of n_kv_heads, so that groups are equal; "
                f"got {self.n_heads} and {self.n_kv_heads}."
            )

    @property
    def head_dim(self) -> int:
        """Return Dh = D / H."""
        return self.width // self.n_heads


def shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every parameter: matrices first, then the norms' vectors.

    Parameters
    ----------
    config : Config

    Returns
    -------
    dict from names to shapes
    """
    c, matrices, vectors = config, dict[str, tuple[int, ...]](), dict[str, tuple[int, ...]]()
    matrices["embedding"] = (c.vocab_size, c.width)
    if not c.tied:
        matrices["head"] = (c.width, c.vocab_size)
    for layer in range(c.n_layers):
        at = f"layers.{layer}."
        matrices[at + "qkv"] = (c.width, (c.n_heads + 2 * c.n_kv_heads) * c.head_dim)
        matrices[at + "out"] = (c.width, c.width)
        matrices[at + "gate_up"] = (c.width, 2 * c.hidden)
        matrices[at + "down"] = (c.hidden, c.width)
        vectors[at + "norm_attention"] = vectors[at + "norm_mlp"] = (c.width,)
    return matrices | vectors | {"norm": (c.width,)}


def n_params(config: Config) -> int:
    """Count the numbers that a model learns.

    Parameters
    ----------
    config : Config

    Returns
    -------
    int

    Examples
    --------
    >>> config = Config(vocab_size=5, width=4, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=16)
    >>> n_params(config)  # embedding 20, attention 32 + 16, MLP 64 + 32, norms 12
    176
    """
    return sum(int(np.prod(shape)) for shape in shapes(config).values())


def init_params(config: Config, rng: np.random.Generator, dtype: Any = np.float32) -> dict[str, np.ndarray]:
    """Draw parameters: norms 1, matrices N(0, 0.02²), those that write to the residual smaller by √(2L).

    Parameters
    ----------
    config : Config
    rng : numpy.random.Generator
    dtype : float type

    Returns
    -------
    dict of arrays, in the order of `shapes`

    Examples
    --------
    >>> init_params(Config(5, 4, 1, 2, 1, 8, 16), np.random.default_rng(0))["embedding"].shape
    (5, 4)
    """
    params = {}
    for name, shape in shapes(config).items():
        std = 0.02 / (2 * config.n_layers) ** 0.5 if name.endswith(("out", "down")) else 0.02
        drawn = np.ones(shape) if len(shape) == 1 else rng.standard_normal(shape) * std
        params[name] = drawn.astype(dtype)
    return params


def forward(config: Config, params: dict[str, Array], tokens: Array, cache: Cache | None = None) -> Array:
    """Return the logits of the token after each of T new positions.

    Parameters
    ----------
    config : Config, sizes of the model
    params : dict of arrays, as `init_params` makes them, in any array library
    tokens : (B, T) int array, T >= 1, the new positions; with a cache they follow its `length` positions
    cache : Cache, optional, read, and extended by T positions

    Returns
    -------
    (B, T, V) array, logits in the float type of the parameters

    Raises
    ------
    ValueError
        If the positions do not fit in max_length.

    Examples
    --------
    >>> config = Config(vocab_size=5, width=4, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=16)
    >>> forward(config, init_params(config, np.random.default_rng(0)), np.array([[0, 1, 2]])).shape
    (1, 3, 5)
    """
    weight = params["embedding"]
    xp = np if isinstance(weight, np.ndarray) else array_namespace(weight)
    past = 0 if cache is None else cache.length
    rotation = _rotation(config, weight, past, past + tokens.shape[1], xp=xp)
    x = embedding(tokens, weight, xp=xp)
    for layer in range(config.n_layers):
        x, _ = attention_block(config, params, x, layer=layer, rotation=rotation, cache=cache, xp=xp)
        x, _ = mlp_block(config, params, x, layer=layer, xp=xp)
    if cache is not None:
        cache.advance(tokens.shape[1])
    return head(config, params, x, xp=xp)[0]


def loss_and_grads(
    config: Config,
    params: dict[str, np.ndarray],
    tokens: np.ndarray,
    targets: np.ndarray,
    *,
    criterion: Criterion = cross_entropy,
) -> tuple[float, dict[str, np.ndarray]]:
    """Return the mean loss and its gradient for every parameter.

    Parameters
    ----------
    config : Config, sizes of the model
    params : dict of NumPy arrays, as `init_params` makes them
    tokens : (B, T) int array, whole windows, from position 0
    targets : (B, T) int array or (B, T, V) array, the tokens that come next, or their probabilities (soft targets)
    criterion : function of logits (B, T, V) and targets, returns the loss and its gradient with respect to the logits

    Returns
    -------
    (float, the criterion's loss, nats per token for the cross-entropy; dict of arrays, gradients named as `params`)

    Examples
    --------
    >>> config = Config(vocab_size=5, width=4, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=16)
    >>> params, tokens = init_params(config, np.random.default_rng(0)), np.array([[0, 1, 2]])
    >>> loss, grads = loss_and_grads(config, params, tokens, np.array([[1, 2, 3]]))
    >>> round(float(loss), 1), grads.keys() == params.keys()  # log 5 before any training
    (1.6, True)
    """
    rotation = _rotation(config, params["embedding"], 0, tokens.shape[1])
    x = embedding(tokens, params["embedding"])
    kept = list[tuple[Any, Any]]()
    grads = dict[str, np.ndarray]()
    for layer in range(config.n_layers):
        x, kept_attention = attention_block(config, params, x, layer=layer, rotation=rotation)
        x, kept_mlp = mlp_block(config, params, x, layer=layer)
        kept.append((kept_attention, kept_mlp))
    logits, kept_head = head(config, params, x)
    loss, dlogits = criterion(logits, targets)
    dx = head_backward(dlogits, kept_head, params, grads=grads)
    for layer in reversed(range(config.n_layers)):
        kept_attention, kept_mlp = kept.pop()
        dx = mlp_block_backward(dx, kept_mlp, params, grads=grads, layer=layer)
        dx = attention_block_backward(dx, kept_attention, params, grads=grads, layer=layer)
    grads["embedding"] += embedding_backward(dx, tokens, config.vocab_size)
    return loss, grads


def _rotation(config: Config, weight: Array, start: int, stop: int, *, xp: Any = np) -> tuple[Array, Array]:
    """Return the rotary cos and sin of positions start … stop − 1, in the library and type of weight."""
    check_fits(start, stop - start, config.max_length)
    dtype = str(weight.dtype).removeprefix("torch.")
    cos, sin = rotary_tables(config.head_dim, config.max_length, config.rope_theta, dtype)
    return array_like(cos[start:stop], weight, xp), array_like(sin[start:stop], weight, xp)
