"""Acceptance rates, from the distributions.

They are those of Leviathan et al. (arXiv 2211.17192): beta, the rate at one context, is `acceptance.overlap`; alpha
is its mean. Fractions stay exact.
"""

from typing import Any

import numpy as np

from specsample.acceptance import overlap
from specsample.distributions import Array

Number = Any  # float, int, fractions.Fraction, or a float array of such numbers


def acceptance_rate(target_probs: Array, draft_probs: Array) -> Number:
    """Average the overlap over all contexts.

    alpha = E[beta], beta = sum_x min(p(x), q(x)) (theorem 3.5 and corollary 3.6).

    Parameters
    ----------
    target_probs, draft_probs : (..., V) arrays, rows sum to 1, in the same contexts

    Returns
    -------
    number in [0, 1]

    Examples
    --------
    >>> p, q = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[0.5, 0.5], [0.5, 0.5]])
    >>> float(acceptance_rate(p, q))
    0.75
    """
    beta = np.asarray(overlap(target_probs, draft_probs))  # (...)
    return np.sum(beta) / beta.size


def classic_acceptance(target_probs: Array, draft_probs: Array) -> Array:
    """Compute how often classic rejection sampling keeps a draft.

    sum_x p(x) min_y q(y)/p(y) = min_y q(y)/p(y), at most the overlap (appendix A.2).

    Parameters: as for `theory.rates.acceptance_rate`.

    Returns
    -------
    (...) array in [0, 1]; 0 where the draft misses a token that the target can emit

    Examples
    --------
    >>> float(classic_acceptance(np.array([0.5, 0.5]), np.array([0.25, 0.75])))
    0.5
    """
    p, q = target_probs, draft_probs
    ratio = np.where(p > 0, q, 1) / np.where(p > 0, p, 1)  # 1 where p = 0: such tokens set no limit
    return np.min(ratio, axis=-1)


def lenient_acceptance(target_probs: Array, draft_probs: Array, lenience: Number) -> Array:
    """Compute how often a draft is kept when it may be up to 1/l times likelier than it should.

    sum_x min(p(x)/l, q(x)) (appendix A.5): drafts are kept with probability min(1, p(x) / (l q(x))).

    Parameters
    ----------
    target_probs, draft_probs : (..., V) arrays, rows sum to 1
    lenience : number in (0, 1], l; 1 is lossless

    Returns
    -------
    (...) array in [0, 1]

    Raises
    ------
    ValueError
        If lenience lies outside (0, 1].

    Examples
    --------
    >>> float(lenient_acceptance(np.array([0.25, 0.75]), np.array([0.75, 0.25]), 0.5))
    0.75
    """
    if not 0 < lenience <= 1:
        raise ValueError(f"lenience must lie in (0, 1]; got {lenience}. 1 is lossless; near 0 every draft passes.")
    return overlap(target_probs / lenience, draft_probs)  # p / l is no distribution: its excess is what is forgiven


def check_rates(alpha: Number, ratio: Number = 0) -> None:
    """Refuse an acceptance rate outside [0, 1] or a negative ratio of costs.

    Parameters
    ----------
    alpha : number or array
    ratio : number or array
    """
    # written so that NaN, for which every comparison is false, is refused as well
    if not np.all((alpha >= 0) & (alpha <= 1)):
        raise ValueError(f"alpha must lie in [0, 1]; got {alpha}. It is accepted / tested drafts, not a percentage.")
    if not np.all(ratio >= 0):
        raise ValueError(f"the ratio of costs must be at least 0; got {ratio}. It is the draft's over the target's.")
