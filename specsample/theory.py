"""How much faster? One function for each equation of Leviathan et al. (arXiv 2211.17192).

alpha is the acceptance rate, K the drafts of a round, cost_ratio the time of a draft pass over the time of a target
pass with one row, verify_ratio the time of a target pass with K+1 rows over that with one (the paper takes it as 1).
The equations treat acceptances as independent with one rate; in real text they come in runs. Fractions stay exact.
Arguments outside their ranges raise ValueError. Before this file: `speculative`; after it: `batched`.
"""

from collections.abc import Callable
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
    target_probs : (..., V) array, rows sum to 1
    draft_probs : (..., V) array, rows sum to 1, in the same contexts

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


def expected_tokens(alpha: Number, K: int) -> Number:
    """Compute the mean number of tokens that a round emits.

    (1 - alpha^(K+1)) / (1 - alpha) (equation 1), summed as 1 + alpha + ... + alpha^K, which also covers alpha = 1.

    Parameters
    ----------
    alpha : number or array in [0, 1]
    K : int >= 0

    Returns
    -------
    number or array in [1, K+1], tokens

    Examples
    --------
    >>> expected_tokens(0.5, 2), expected_tokens(1, 5)
    (1.75, 6)
    """
    _check(alpha)
    if K < 0:
        raise ValueError(f"K must be at least 0 drafts; got {K}. K = 0 is autoregressive sampling.")
    return sum(alpha**k for k in range(K + 1))


def speedup(alpha: Number, K: int, cost_ratio: Number, verify_ratio: Number = 1) -> Number:
    """Compute the factor by which speculative sampling beats autoregressive sampling in time.

    (1 - alpha^(K+1)) / ((1 - alpha) (K c + 1)) (theorem 3.8); a measured verify_ratio stands where the paper has 1.

    Parameters
    ----------
    alpha : number or array in [0, 1]
    K : int >= 0
    cost_ratio : number >= 0, c
    verify_ratio : number > 0: target pass with K+1 rows / target pass with 1 row

    Returns
    -------
    number or array; below 1 is slower than autoregressive sampling

    Examples
    --------
    >>> speedup(0.5, 2, 0.25), speedup(0.5, 2, 0.25, verify_ratio=1.25)
    (1.1666666666666667, 1.0)
    """
    _check(alpha, cost_ratio)
    if not np.all(verify_ratio > 0):
        raise ValueError(f"verify_ratio must be positive; got {verify_ratio}. K+1 rows cost at least some time.")
    return expected_tokens(alpha, K) / (K * cost_ratio + verify_ratio)


def improves(alpha: Number, cost_ratio: Number) -> bool:
    """Decide whether any K beats autoregressive sampling.

    True if and only if alpha > c; then one draft a round already brings speedup(alpha, 1, c) = (1 + alpha) / (1 + c),
    which the best K can only exceed (corollary 3.9, where verify_ratio is 1).

    Parameters
    ----------
    alpha : number in [0, 1]
    cost_ratio : number >= 0, c

    Returns
    -------
    bool

    Examples
    --------
    >>> improves(0.5, 0.25), speedup(0.5, 1, 0.25), improves(0.5, 0.5)
    (True, 1.2, False)
    """
    _check(alpha, cost_ratio)
    return bool(alpha > cost_ratio)


def operations(alpha: Number, K: int, operations_ratio: Number) -> Number:
    """Compute the factor by which the arithmetic operations a token grow.

    (1 - alpha) (K c' + K + 1) / (1 - alpha^(K+1)) (theorem 3.11, where c' is written with a hat).

    Parameters
    ----------
    alpha : number or array in [0, 1]
    K : int >= 0
    operations_ratio : number >= 0, operations a token of the draft / of the target

    Returns
    -------
    number or array >= 1

    Examples
    --------
    >>> operations(0.5, 1, 0.25)
    1.5
    """
    _check(alpha, operations_ratio)
    return (K * operations_ratio + K + 1) / expected_tokens(alpha, K)


def best_K(
    alpha: Number, cost_ratio: Number, verify_ratio: Number | Callable[[int], Number] = 1, *, max_K: int = 100
) -> int:
    """Find the number of drafts with the largest speed-up.

    argmax over K of theorem 3.8, by trying them all (section 3.5).

    Parameters
    ----------
    alpha : number in [0, 1]
    cost_ratio : number >= 0, c
    verify_ratio : number > 0, or a function from K to it with value 1 at K = 0
    max_K : int >= 0, the largest K to try

    Returns
    -------
    int in 0 .. max_K; the smallest of equally fast ones, so 0 where drafting does not help

    Examples
    --------
    >>> best_K(0.8, 0.05), best_K(0.8, 0.05, lambda K: 1 + 0.1 * K), best_K(0.5, 0.5)
    (8, 5, 0)
    """
    rho = verify_ratio if callable(verify_ratio) else lambda K: verify_ratio if K else 1  # one row costs itself
    return max(range(max_K + 1), key=lambda K: speedup(alpha, K, cost_ratio, rho(K)))


def oracle_speedup(alpha: Number, cost_ratio: Number) -> Number:
    """Compute the speed-up of an oracle that drafts exactly the tokens that will be accepted.

    1 / (1 - alpha + c alpha): a round emits 1 / (1 - alpha) tokens for alpha / (1 - alpha) drafts (section 3.5).

    Parameters
    ----------
    alpha : number or array in [0, 1]
    cost_ratio : number >= 0, c

    Returns
    -------
    number or array, no smaller than `speedup` at any fixed K; alpha = 1 and c = 0 is refused: its rounds never end

    Examples
    --------
    >>> oracle_speedup(0.5, 0.5), oracle_speedup(0.75, 0)
    (1.3333333333333333, 4.0)
    """
    _check(alpha, cost_ratio)
    if np.any((cost := 1 - alpha + cost_ratio * alpha) == 0):
        raise ValueError("alpha = 1 and cost_ratio = 0 have no finite speed-up. Is the draft the target itself?")
    return 1 / cost


def classic_acceptance(target_probs: Array, draft_probs: Array) -> Array:
    """Compute how often classic rejection sampling keeps a draft.

    sum_x p(x) min_y q(y)/p(y) = min_y q(y)/p(y), at most the overlap (appendix A.2).

    Parameters
    ----------
    target_probs : (..., V) array, rows sum to 1
    draft_probs : (..., V) array, rows sum to 1

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
    target_probs : (..., V) array, rows sum to 1
    draft_probs : (..., V) array, rows sum to 1
    lenience : number in (0, 1], l; 1 is lossless

    Returns
    -------
    (...) array in [0, 1]

    Examples
    --------
    >>> float(lenient_acceptance(np.array([0.25, 0.75]), np.array([0.75, 0.25]), 0.5))
    0.75
    """
    if not 0 < lenience <= 1:
        raise ValueError(f"lenience must lie in (0, 1]; got {lenience}. 1 is lossless; near 0 every draft passes.")
    return overlap(target_probs / lenience, draft_probs)


def _check(alpha: Number, ratio: Number = 0) -> None:
    """Refuse an acceptance rate outside [0, 1] or a negative ratio of costs."""
    if not np.all((alpha >= 0) & (alpha <= 1)):
        raise ValueError(f"alpha must lie in [0, 1]; got {alpha}. It is accepted / tested drafts, not a percentage.")
    if not np.all(ratio >= 0):
        raise ValueError(f"the ratio of costs must be at least 0; got {ratio}. It is the draft's over the target's.")
