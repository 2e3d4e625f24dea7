"""The forward pass and its gradient.

A Llama-style Transformer: embedding, L × (x + attention(norm(x)); x + swiglu(norm(x))), norm, head. Forward functions
stand beside their backward.
"""

from collections.abc import Callable, Mapping
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
from specsample.transformer.config import Config
from specsample.transformer.layers import (
    Array,
    array_like,
    cross_entropy,
    embedding,
    embedding_backward,
)

Criterion = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


def forward(config: Config, params: Mapping[str, Array], tokens: Array, cache: Cache | None = None) -> Array:
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
    >>> from specsample.transformer.config import init_params
    >>> config = Config(vocab_size=5, width=4, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=16)
    >>> forward(config, init_params(config, np.random.default_rng(0)), np.array([[0, 1, 2]])).shape
    (1, 3, 5)
    """
    # the library follows from the parameters; the positions from what the cache has read
    weight = params["embedding"]
    xp = np if isinstance(weight, np.ndarray) else array_namespace(weight)
    past = 0 if cache is None else cache.length
    rotation = _rotation(config, weight, past, past + tokens.shape[1], xp=xp)
    x = embedding(tokens, weight, xp=xp)
    for layer in range(config.n_layers):
        x, _ = attention_block(config, params, x, layer=layer, rotation=rotation, cache=cache, xp=xp)
        x, _ = mlp_block(config, params, x, layer=layer, xp=xp)
    # only now, when every layer has written its keys and values
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
    >>> from specsample.transformer.config import init_params
    >>> config = Config(vocab_size=5, width=4, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=16)
    >>> params, tokens = init_params(config, np.random.default_rng(0)), np.array([[0, 1, 2]])
    >>> loss, grads = loss_and_grads(config, params, tokens, np.array([[1, 2, 3]]))
    >>> round(float(loss), 1), grads.keys() == params.keys()  # log 5 before any training
    (1.6, True)
    """
    rotation = _rotation(config, params["embedding"], 0, tokens.shape[1])
    x = embedding(tokens, params["embedding"])
    # forward: every block keeps what its backward needs
    kept: list[tuple[Any, Any]] = []
    grads: dict[str, np.ndarray] = {}
    for layer in range(config.n_layers):
        x, kept_attention = attention_block(config, params, x, layer=layer, rotation=rotation)
        x, kept_mlp = mlp_block(config, params, x, layer=layer)
        kept.append((kept_attention, kept_mlp))
    logits, kept_head = head(config, params, x)
    # the loss, and back through everything in opposite order
    loss, dlogits = criterion(logits, targets)
    dx = head_backward(dlogits, kept_head, params, grads=grads)
    for layer in reversed(range(config.n_layers)):
        kept_attention, kept_mlp = kept.pop()
        dx = mlp_block_backward(dx, kept_mlp, params, grads=grads, layer=layer)
        dx = attention_block_backward(dx, kept_attention, params, grads=grads, layer=layer)
    # a tied embedding has collected the head's gradient already
    grads["embedding"] += embedding_backward(dx, tokens, config.vocab_size)
    return loss, grads


def _rotation(config: Config, weight: Array, start: int, stop: int, *, xp: Any = np) -> tuple[Array, Array]:
    """Return the rotary cos and sin of positions start … stop − 1, in the library and type of weight."""
    check_fits(start, stop - start, config.max_length)
    dtype = str(weight.dtype).removeprefix("torch.")
    cos, sin = rotary_tables(config.head_dim, config.max_length, config.rope_theta, dtype)
    return array_like(cos[start:stop], weight, xp), array_like(sin[start:stop], weight, xp)
