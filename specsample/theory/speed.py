"""Speed-up and costs, one function an equation.

The equations are those of Leviathan et al. (arXiv 2211.17192). alpha is the acceptance rate, K the drafts of a round,
cost_ratio the time of a draft pass over the time of a target pass with one row, verify_ratio the time of a target
pass with K+1 rows over that with one (the paper takes it as 1). Where each further row costs the same share s of a
one-row pass, verify_ratio = 1 + s K and everything here holds with c + s in the place of c. The equations treat
acceptances as independent with one rate; `runs` does not. Fractions stay exact. Arguments outside their ranges raise
ValueError.
"""

from collections.abc import Callable

import numpy as np

from specsample.request import check_K
from specsample.theory.rates import Number, check_rates


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
    check_rates(alpha)
    check_K(K)
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

    Raises
    ------
    ValueError
        If a number lies outside its range.

    Examples
    --------
    >>> speedup(0.5, 2, 0.25), speedup(0.5, 2, 0.25, verify_ratio=1.25)
    (1.1666666666666667, 1.0)
    """
    check_rates(alpha, cost_ratio)
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
    check_rates(alpha, cost_ratio)
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
    check_rates(alpha, operations_ratio)
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

    def rho(K: int) -> Number:
        if callable(verify_ratio):
            return verify_ratio(K)
        return verify_ratio if K else 1  # without drafts a pass has one row, and costs itself

    # `max` returns the first of equal ones, which is the smallest K
    return max(range(max_K + 1), key=lambda K: speedup(alpha, K, cost_ratio, rho(K)))


def oracle_speedup(alpha: Number, cost_ratio: Number) -> Number:
    """Compute the speed-up of an oracle that drafts exactly the tokens that will be accepted.

    1 / (1 - alpha + c alpha): a round emits 1 / (1 - alpha) tokens for alpha / (1 - alpha) drafts (section 3.5).

    Parameters: as for `theory.speed.improves`; alpha may be an array.

    Returns
    -------
    number or array, no smaller than `speedup` at any fixed K; alpha = 1 and c = 0 is refused: its rounds never end

    Raises
    ------
    ValueError
        If alpha = 1 and cost_ratio = 0, or a number lies outside its range.

    Examples
    --------
    >>> oracle_speedup(0.5, 0.5), oracle_speedup(0.75, 0)
    (1.3333333333333333, 4.0)
    """
    check_rates(alpha, cost_ratio)
    cost = 1 - alpha + cost_ratio * alpha  # time a token, in target passes
    if np.any(cost == 0):
        raise ValueError("alpha = 1 and cost_ratio = 0 have no finite speed-up. Is the draft the target itself?")
    return 1 / cost


def memory_traffic(alpha: Number, K: int, bytes_ratio: Number = 0) -> Number:
    """Compute the factor by which the bytes that are read from memory for a token change.

    (1 - alpha) (K b + 1) / (1 - alpha^(K+1)): the target's weights and cache are read once a round (section 3.4,
    which leaves the draft's K readings out: b = 0).

    Parameters
    ----------
    alpha : number or array in [0, 1]
    K : int >= 0
    bytes_ratio : number >= 0, bytes read in a pass of the draft / of the target

    Returns
    -------
    number or array; below 1 is less traffic than autoregressive sampling

    Examples
    --------
    >>> memory_traffic(0.5, 1), memory_traffic(0.5, 1, 0.125)
    (0.6666666666666666, 0.75)
    """
    check_rates(alpha, bytes_ratio)
    return (K * bytes_ratio + 1) / expected_tokens(alpha, K)


def implied_alpha(speed: float, K: int, cost_ratio: float, verify_ratio: float = 1) -> float:
    """Find the acceptance rate that explains a speed-up.

    Theorem 3.8 solved for alpha by halving [0, 1], in which the speed-up grows with alpha.

    Parameters
    ----------
    speed : number, the speed-up
    K : int >= 1
    cost_ratio : number >= 0, c
    verify_ratio : number > 0

    Returns
    -------
    float in [0, 1], to rounding

    Raises
    ------
    ValueError
        If no alpha gives this speed-up.

    Examples
    --------
    >>> round(implied_alpha(speedup(0.75, 4, 0.125), 4, 0.125), 12)
    0.75
    """
    low = 0.0
    high = 1.0
    slowest = speedup(low, K, cost_ratio, verify_ratio)
    fastest = speedup(high, K, cost_ratio, verify_ratio)
    if not slowest <= speed <= fastest:
        raise ValueError(f"speed must lie in {slowest:.3g} .. {fastest:.3g} at this K, c and rho; got {speed}.")
    # 60 halvings: more than a float can tell apart
    for _ in range(60):
        middle = (low + high) / 2
        if speedup(middle, K, cost_ratio, verify_ratio) < speed:
            low = middle
        else:
            high = middle
    return high
