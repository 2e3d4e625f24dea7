"""A head of one Transformer layer, over the tokens that matter.

How does a head draft for a vocabulary of 49,152? It draws from the most frequent ids alone, for every row of the
output is as dear as a row of the layer. What a draft never proposes, the rule still lets through: q is 0 there, and
the residual is p. The head reads the target's features and the token after them::

    x = [features_t, norm(e(x_{t+1}))] @ fc,    x += attention(x),    s_1 = x + swiglu(norm(x)) @ down,
    x = [s_{k-1}, norm(e(x_{t+k}))] @ fc,                             s_k = x + swiglu(norm(x)) @ down,
    q_k = softmax(s_k @ the target's head, cut).

It looks back once, at the token that the target has not read yet, and goes on from there without looking (compare
EAGLE, arXiv 2401.15077, which looks at its own guesses as well). No norm before the output: a guess that is short is
an unsure one. `least_squares` begins with the best linear guess of the features that come next.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from specsample.drafts.head import EPS, output_matrix
from specsample.transformer.attention import rotary_tables
from specsample.transformer.blocks import (
    Params,
    attention_block,
    attention_block_backward,
    mlp_block,
    mlp_block_backward,
)
from specsample.transformer.cache import Cache
from specsample.transformer.config import Config
from specsample.transformer.config import init_params as init_model
from specsample.transformer.config import shapes as model_shapes
from specsample.transformer.layers import Array, linear_backward
from specsample.transformer.lm import TransformerLM
from specsample.transformer.model import Criterion

LAYER = "layers.0."


def head_config(target: Config, hidden: int, n_ids: int) -> Config:
    """Return the head's config: one layer like the target's, with F hidden numbers, over n_ids tokens."""
    return replace(target, n_layers=1, hidden=hidden, vocab_size=n_ids, tied=True)


def shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every parameter: the layer's matrices, its norms, fc."""
    layer = {name: shape for name, shape in model_shapes(config).items() if name.startswith(LAYER)}
    return layer | {"fc": (2 * config.width, config.width)}


def init_params(config: Config, fc: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw a layer as `config.init_params` does, which hardly changes what fc says, and put fc beside it."""
    layer = {name: value for name, value in init_model(config, rng).items() if name.startswith(LAYER)}
    return layer | {"fc": fc.astype(np.float32)}


def normed(embedding: Array) -> Array:
    """Scale rows (..., D) of the target's embedding to root mean square 1, which the features have."""
    return embedding * (np.vecdot(embedding, embedding)[..., None] * (1.0 / embedding.shape[-1]) + EPS) ** -0.5


def cut_output(target: TransformerLM, ids: np.ndarray) -> Array:
    """Return the target's head, with its norm's weights, for some ids alone: (D, V')."""
    return np.ascontiguousarray(target.params["norm"][:, None] * output_matrix(target)[:, ids])


def frequent_ids(tokens: np.ndarray, vocab_size: int, n_ids: int) -> np.ndarray:
    """Return the n_ids most frequent tokens, in order of their number; of two as frequent the smaller.

    Examples
    --------
    >>> frequent_ids(np.array([3, 3, 1]), vocab_size=5, n_ids=3)
    array([0, 1, 3])
    """
    counts = np.bincount(tokens.reshape(-1), minlength=vocab_size)
    return np.sort(np.argsort(-counts, kind="stable")[:n_ids])


def least_squares(moment: np.ndarray, product: np.ndarray, ridge: float = 1e-3) -> np.ndarray:
    """Solve for the fc that guesses the next features best.

    Parameters
    ----------
    moment : (2D, 2D) array, Σ xᵀx over positions of x = [features_t, norm(e(x_{t+1}))]
    product : (2D, D) array, Σ xᵀ features_{t+1}
    ridge : float, as a share of the moment's mean diagonal

    Returns
    -------
    (2D, D) array
    """
    scale = ridge * np.trace(moment) / len(moment)
    return np.linalg.solve(moment + scale * np.eye(len(moment)), product)


def first_step(
    config: Config, params: Params, features: Array, embedded: Array, *, cache: Cache | None = None
) -> tuple[Array, tuple[Any, ...]]:
    """Compute s_1 of T positions that follow those in the cache: the step that looks back.

    Parameters
    ----------
    config : Config, as `head_config` makes it
    params : dict of arrays
    features, embedded : (B, T, D) arrays, before each token, and of it
    cache : Cache, optional, read and extended

    Returns
    -------
    states : (B, T, D) array
    kept : what `first_step_backward` needs
    """
    # place t belongs to the token after features t
    past = 0 if cache is None else cache.length
    length = features.shape[1]
    dtype = str(features.dtype)
    tables = rotary_tables(config.head_dim, config.max_length, config.rope_theta, dtype)
    rotation = tables[0][past : past + length], tables[1][past : past + length]
    joined = np.concatenate([features, embedded], axis=-1)  # (B, T, 2D)
    x, kept_attention = attention_block(
        config, params, joined @ params["fc"], layer=0, rotation=rotation, cache=cache
    )
    if cache is not None:
        cache.advance(length)
    states, kept_mlp = mlp_block(config, params, x, layer=0)
    return states, (joined, kept_attention, kept_mlp)


def later_step(config: Config, params: Params, states: Array, embedded: Array) -> tuple[Array, tuple[Any, ...]]:
    """Compute s_k from s_{k-1}, (B, T, D), and the tokens between them; what the backward needs comes second."""
    joined = np.concatenate([states, embedded], axis=-1)
    moved, kept_mlp = mlp_block(config, params, joined @ params["fc"], layer=0)
    return moved, (joined, None, kept_mlp)


def step_backward(dy: np.ndarray, kept: tuple[Any, ...], params: Params, *, grads: dict[str, Array]) -> np.ndarray:
    """Add the gradients of either step to `grads` and return that of the state before it, (B, T, D) as dy."""
    joined, kept_attention, kept_mlp = kept
    found: dict[str, Array] = {}
    # from the last line of a step up to its first
    dx = mlp_block_backward(dy, kept_mlp, params, grads=found, layer=0)
    if kept_attention is not None:
        dx = attention_block_backward(dx, kept_attention, params, grads=found, layer=0)
    djoined, found["fc"] = linear_backward(dx, joined, params["fc"])
    for name, grad in found.items():
        grads[name] += grad
    # the other half is the target's embedding, which is fixed
    return djoined[..., : dy.shape[-1]]


def unroll(config: Config, params: Params, known: Array, embedded: Array, *, K: int) -> list[tuple[Array, Any]]:
    """Take K steps from every position at once.

    Parameters
    ----------
    config : Config
    params : dict of arrays
    known, embedded : (B, T, D) arrays, the target's features, and the tokens' rows of its embedding, normed
    K : int >= 1

    Returns
    -------
    list of K (states, kept): row t of the (B, T-K, D) states has read the tokens up to t+k
    """
    # the first looks back at everything known, the others go on from what it made of that
    T = known.shape[1] - K
    taken = [first_step(config, params, known[:, :T], embedded[:, 1 : T + 1])]
    for k in range(2, K + 1):
        taken.append(later_step(config, params, taken[-1][0], embedded[:, k : T + k]))
    return taken


def loss_and_grads(
    config: Config,
    params: dict[str, np.ndarray],
    known: np.ndarray,
    embedded: np.ndarray,
    *,
    is_wanted: np.ndarray,
    target_probs: np.ndarray,
    output: np.ndarray,
    K: int,
    criterion: Criterion,
) -> tuple[list[float], dict[str, np.ndarray]]:
    """Unroll K steps from every position and return each step's loss and the gradient of their mean.

    Parameters
    ----------
    config : Config
    params : dict of NumPy arrays
    known, embedded : (B, T, D) arrays, as for `unroll`
    is_wanted : (B, T) bool array, the rows that count: what follows token t is the target's own
    target_probs : (n, V') array, the target's probabilities of the V' ids in those n rows, in their order
    output : (D, V') array, its head, cut
    K : int >= 1, steps
    criterion : function of logits and target_probs; returns the loss and its gradient with respect to the logits

    Returns
    -------
    losses : list of K floats
    grads : dict of arrays, names and shapes of `params`
    """
    # forward: every step from every position, those too that do not count, for later ones look back at them
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    taken = unroll(config, params, known, embedded, K=K)
    T = known.shape[1] - K
    number = np.cumsum(is_wanted).reshape(is_wanted.shape) - 1  # of a wanted row in target_probs
    # backward: a state is charged with its own row's loss and with all that the later steps made of it
    losses: list[float] = []
    dstate = np.zeros_like(taken[0][0])
    for k in range(K, 0, -1):
        states, kept = taken[k - 1]
        here = is_wanted[:, k : T + k]
        loss, dlogits = criterion(states[here] @ output, target_probs[number[:, k : T + k][here]])
        dstate[here] += dlogits @ output.T * (1.0 / K)
        dstate = step_backward(dstate, kept, params, grads=grads)
        losses.insert(0, loss)
    return losses, grads
