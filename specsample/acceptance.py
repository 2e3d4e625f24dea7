"""The rule: when a draft is kept, and what replaces a rejected one.

In three functions. A draft x ~ q is kept with probability min(1, p(x)/q(x)) and otherwise replaced by a draw
from the residual norm(max(0, p - q)). Why the emitted token is distributed as p, exactly::

    P(emit x) = P(draft x and keep it)    + P(reject) · residual(x)
              = q(x) · min(1, p(x)/q(x))  + (1 - β)   · max(0, p(x) - q(x)) / (1 - β)
              = min(p(x), q(x))           + max(0, p(x) - q(x))
              = p(x)

with β = Σ min(p, q), because a draft is rejected with probability Σ q - min(p, q) = 1 - β, and the residual's mass is
Σ max(0, p - q) = Σ p - min(p, q) = 1 - β as well. (Leviathan et al., appendix A.1; Chen et al., theorem 1.)
"""

from collections.abc import Sequence
from typing import Any

from array_api_compat import array_namespace

from specsample.distributions import Array, check_probs
from specsample.request import check_tokens


def accept_probability(p_x: Array, q_x: Array) -> Array:
    """Compute the probability of keeping a draft token.

    min(1, p(x)/q(x)) (Leviathan et al., section 2.3), written min(p, q)/q so that it is exactly 1 where p >= q.

    Parameters
    ----------
    p_x : (...) array, target probabilities of the draft tokens
    q_x : (...) array, draft probabilities of the draft tokens

    Returns
    -------
    (...) array in [0, 1]; 0 where q_x is 0, for such a token cannot have been drafted

    Examples
    --------
    >>> import numpy as np
    >>> accept_probability(np.array([0.25, 0.75]), np.array([0.5, 0.5]))
    array([0.5, 1. ])
    """
    xp = array_namespace(p_x, q_x)
    return xp.minimum(p_x, q_x) / xp.where(q_x > 0, q_x, xp.ones_like(q_x))


def residual(target_probs: Array, draft_probs: Array) -> Array:
    """Compute the distribution from which a rejected draft is replaced.

    norm(max(0, p - q)) (Leviathan et al., section 2.3, there called p'; Chen et al., Eq. 1 and 2).

    Parameters
    ----------
    target_probs : (..., V) array, rows sum to 1
    draft_probs : (..., V) array, rows sum to 1, or 0 everywhere where nothing was drafted

    Returns
    -------
    (..., V) array, rows sum to 1; p where p = q (nothing is ever rejected) or q = 0 (nothing was drafted)

    Examples
    --------
    >>> import numpy as np
    >>> residual(np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5]))
    array([0.5, 0.5, 0. ])
    """
    p, q = target_probs, draft_probs
    xp = array_namespace(p, q)
    excess = xp.maximum(p - q, xp.zeros_like(p))
    # nothing to draw from: p itself stands in, for such a row is never rejected
    is_empty = xp.logical_not(xp.any(excess > 0, axis=-1, keepdims=True))  # p = q up to rounding
    excess = excess + p * xp.astype(is_empty, p.dtype)
    # p is not divided where nothing was drafted: batches are bit for bit what one text is, bonus and baseline too
    is_drafted = xp.any(q > 0, axis=-1, keepdims=True)
    mass = xp.sum(excess, axis=-1, keepdims=True)
    return excess / xp.where(is_drafted, mass, xp.ones_like(mass))


def overlap(target_probs: Array, draft_probs: Array) -> Array:
    """Compute how much mass target and draft share: the probability that a draft is kept.

    β = Σ_x min(p(x), q(x)) = 1 - TV(p, q) (Leviathan et al., theorem 3.5; E[β] = α, corollary 3.6).

    Parameters
    ----------
    target_probs : (..., V) array, rows sum to 1
    draft_probs : (..., V) array, rows sum to 1

    Returns
    -------
    (...) array in [0, 1]

    Examples
    --------
    >>> import numpy as np
    >>> overlap(np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    np.float64(0.75)
    """
    xp = array_namespace(target_probs, draft_probs)
    return xp.sum(xp.minimum(target_probs, draft_probs), axis=-1)


def check_drafts(
    draft_tokens: Sequence[int] | Array, draft_probs: Array, target_probs: Array, u_accept: Sequence[Any]
) -> None:
    """Refuse K drafts whose distributions are not K rows of q and K+1 rows of p.

    Parameters
    ----------
    draft_tokens : (K,) array or sequence of int
    draft_probs : (K, V) array, rows sum to 1; anything where K = 0
    target_probs : (K+1, V) array, rows sum to 1
    u_accept : K uniform numbers

    Raises
    ------
    TypeError
        If probabilities are no array, or a token is no integer.
    ValueError
        If a shape is another, a token lies outside the vocabulary, or a row is no distribution.

    Examples
    --------
    >>> import numpy as np
    >>> check_drafts([1], np.array([[0.5, 0.5]]), np.array([[0.5, 0.5], [1.0, 0.0]]), [0.25])
    """
    p, q = target_probs, draft_probs
    K = len(draft_tokens)
    # shapes first: what the rows hold can be looked at only if they are rows
    for name, rows in {"target_probs": p, "draft_probs": q if K else p}.items():
        if not hasattr(rows, "ndim"):
            raise TypeError(f"{name} must be an array; got {type(rows).__name__}. Is numpy.array missing?")
    if p.ndim != 2 or p.shape[0] != K + 1:
        raise ValueError(
            f"target_probs must be (K+1, V) = ({K + 1}, V) for {K} draft_tokens; got {p.shape}. "
            "Is the row after the last draft missing?"
        )
    if K and q.shape != (K, p.shape[1]):
        raise ValueError(
            f"draft_probs must be (K, V) = ({K}, {p.shape[1]}) to match draft_tokens and target_probs; "
            f"got {q.shape}. Do both models share a tokenizer?"
        )
    if len(u_accept) != K:
        raise ValueError(f"u_accept must hold K = {K} uniform numbers, one a draft; got {len(u_accept)}.")
    # then what they hold
    check_probs(p, "target_probs")
    if K:
        check_tokens("draft_tokens", draft_tokens, p.shape[1])
        check_probs(q, "draft_probs")
