"""Classic rejection sampling, and the couplings of a draft with a token.

Why not plain rejection sampling? It needs a bound and wastes draws; speculative sampling repairs instead. Both draw x
from q and want p. Rejection sampling keeps x with probability p(x) / (M q(x)) and otherwise starts again. For any
positive M that loop emits norm(min(p, M q)), so it is right only where M q lies above p everywhere, M >= max p/q: the
envelope. Then a draw is kept with probability 1/M: one token costs M draws on average, and where q misses a token of
p no M is large enough.

Take M = 1, far too small, and look at one draw: x is kept with min(1, p(x)/q(x)), which emits exactly min(p, q), and
what is missing from p is max(0, p - q). A second draw from q cannot supply it; one from the residual does, at once.
That is speculative sampling. Read as a pair, the draft x ~ q and the emitted y ~ p form a coupling of q and p, and no
coupling has them equal more often: P(x = y = t) is at most q(t) and at most p(t), hence P(x = y) <= Σ min(p, q).
(Leviathan et al., section 2.3 and appendix A.2.)
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from specsample.acceptance import accept_probability, residual
from specsample.distributions import Array, Uniforms, pick, uniforms


class Tries(NamedTuple):
    """What a run of rejection sampling gave."""

    token: int | None  # None where every draw was refused
    draws: int


class Coupled(NamedTuple):
    """A draft x ~ q and an emitted token y ~ p, drawn together."""

    x: int
    y: int


def envelope_bound(target_probs: Array, draft_probs: Array) -> Any:
    """Find the smallest M for which M q lies above p everywhere.

    M = max_x p(x)/q(x) (Leviathan et al., appendix A.2), also the mean number of draws a token.

    Parameters
    ----------
    target_probs, draft_probs : (V,) arrays, each sums to 1

    Returns
    -------
    number >= 1; 1 only where p = q

    Raises
    ------
    ValueError
        If q misses a token of p: then there is no envelope.

    Examples
    --------
    >>> float(envelope_bound(np.array([0.5, 0.5]), np.array([0.25, 0.75])))
    2.0
    """
    p, q = target_probs, draft_probs
    # a token of p that q never draws: M q(x) = 0 < p(x) for every M
    missed = np.flatnonzero((p > 0) & (q == 0))
    if missed.size:
        raise ValueError(
            f"draft_probs must be > 0 wherever target_probs is; got 0 at token {missed[0]}. No multiple of q covers "
            "p: rejection sampling cannot be used here, speculative sampling can."
        )
    return np.max(p[q > 0] / q[q > 0])


def keep_probability(target_probs: Array, draft_probs: Array, M: Any) -> Any:
    """Compute how often one draw is kept.

    Σ_x q(x) min(1, p(x) / (M q(x))) = Σ min(p/M, q); 1/M where M q is an envelope, Σ min(p, q) at M = 1.

    Parameters
    ----------
    target_probs, draft_probs : (V,) arrays, each sums to 1
    M : number > 0

    Returns
    -------
    number in [0, 1]

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> float(keep_probability(p, q, 2)), float(keep_probability(p, q, 1))
    (0.5, 0.75)
    """
    return np.sum(np.minimum(target_probs / M, draft_probs))


def kept_law(target_probs: Array, draft_probs: Array, M: Any) -> Array:
    """Compute what rejection sampling emits for any M, large enough or not.

    norm(min(p, M q)): p itself where M q is an envelope.

    Parameters: as for `theory.rejection.keep_probability`.

    Returns
    -------
    (V,) array, sums to 1

    Raises
    ------
    ValueError
        If p and q have no token in common: then no draw is ever kept.

    Examples
    --------
    >>> kept_law(np.array([0.5, 0.5]), np.array([0.2, 0.8]), 1).round(3)
    array([0.286, 0.714])
    """
    kept = np.minimum(target_probs, M * draft_probs)
    if not np.any(kept > 0):
        raise ValueError("target_probs and draft_probs must share a token; they share none, so no draw is ever kept.")
    return kept / np.sum(kept)


def try_once(target_probs: Array, draft_probs: Array, M: Any, u: Sequence[Any]) -> int | None:
    """Draw from q once and keep the token or not.

    x ~ q is kept with probability min(1, p(x) / (M q(x))).

    Parameters
    ----------
    target_probs, draft_probs : (V,) arrays, each sums to 1
    M : number > 0
    u : 2 uniform numbers, to draw and to test

    Returns
    -------
    int, the token, or None where it was refused

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> try_once(p, q, 2, [0.9, 0.3]), try_once(p, q, 2, [0.9, 0.4])  # token 1 is kept with 1/3
    (1, None)
    """
    x = pick(draft_probs, u[0])
    a = accept_probability(target_probs[x : x + 1], M * draft_probs[x : x + 1])[0]  # min(1, p(x) / (M q(x)))
    return x if u[1] < a else None


def rejection_sample(
    target_probs: Array, draft_probs: Array, M: Any, *, rng: Uniforms, max_draws: int = 10_000
) -> Tries:
    """Draw from q until a token is kept: classic rejection sampling.

    The token is distributed as `kept_law` says, which is p only where M q is an envelope (`envelope_bound`).

    Parameters
    ----------
    target_probs, draft_probs : (V,) arrays, each sums to 1
    M : number > 0
    rng : numpy.random.Generator, or anything whose `random(n)` gives n uniform numbers
    max_draws : int >= 0, draws after which to give up

    Returns
    -------
    Tries

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> rejection_sample(p, q, 2, rng=np.random.default_rng(0))
    Tries(token=1, draws=1)
    """
    for draw in range(max_draws):
        token = try_once(target_probs, draft_probs, M, uniforms(rng, 2))
        if token is not None:
            return Tries(token, draw + 1)
    return Tries(None, max_draws)


def maximal_coupling(target_probs: Array, draft_probs: Array, u: Sequence[Any]) -> Coupled:
    """Draw x from q and y from p, equal as often as is possible: speculative sampling with one draft.

    y = x with probability min(1, p(x)/q(x)), otherwise y is drawn from norm(max(0, p - q)); P(x = y) = Σ min(p, q).

    Parameters
    ----------
    target_probs, draft_probs : (V,) arrays, each sums to 1
    u : 3 uniform numbers, to draw, to test and to repair

    Returns
    -------
    Coupled

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> maximal_coupling(p, q, [0.9, 0.6, 0.0]), maximal_coupling(p, q, [0.9, 0.7, 0.0])  # kept with 2/3
    (Coupled(x=1, y=1), Coupled(x=1, y=0))
    """
    # M = 1, far too small for an envelope ...
    x = pick(draft_probs, u[0])
    if try_once(target_probs, draft_probs, 1, u[:2]) is not None:
        return Coupled(x, x)
    # ... and what it leaves missing is drawn at once
    return Coupled(x, pick(residual(target_probs, draft_probs), u[2]))


def quantile_coupling(target_probs: Array, draft_probs: Array, u: Sequence[Any]) -> Coupled:
    """Draw x from q and y from p with one uniform number: common random numbers.

    Both by inverse CDF; never equal more often than in `maximal_coupling`, how often depends on the tokens' order.

    Parameters and Returns: as for `theory.rejection.maximal_coupling`, but u is one uniform number.

    Examples
    --------
    >>> quantile_coupling(np.array([0.5, 0.5]), np.array([0.25, 0.75]), [0.3])
    Coupled(x=1, y=0)
    """
    return Coupled(pick(draft_probs, u[0]), pick(target_probs, u[0]))


def independent_coupling(target_probs: Array, draft_probs: Array, u: Sequence[Any]) -> Coupled:
    """Draw x from q and y from p without a look at each other: keep a draft only where the target agrees by chance.

    P(x = y) = Σ p q, which is what "sample from the target and compare" accepts.

    Parameters and Returns: as for `theory.rejection.maximal_coupling`, but u is two uniform numbers, one for each.

    Examples
    --------
    >>> independent_coupling(np.array([0.5, 0.5]), np.array([0.25, 0.75]), [0.9, 0.1])
    Coupled(x=1, y=0)
    """
    return Coupled(pick(draft_probs, u[0]), pick(target_probs, u[1]))
