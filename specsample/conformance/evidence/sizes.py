"""How many outputs a verdict needs, and what a number of them can see.

A worst-case deviation of total variation eps over C cells has Σ (m - p)^2 / p = 4 eps^2. The chi-square statistic of
n outputs is then, for large n, noncentral chi-square with C - 1 degrees of freedom and noncentrality 4 n eps^2, so
that n = λ* / (4 eps^2), where λ* gives power at level alpha. That limit is the only approximation: the chi-square
laws themselves are computed to double precision. The e-process costs about 1.3 times as many, the price of looking at
any time.
"""

from collections.abc import Callable
from functools import cache
from math import ceil, erfc, exp, inf, lgamma, log, log1p, sqrt
from statistics import NormalDist

import numpy as np

from specsample.distributions import Array

E_PROCESS_PRICE = 1.3  # outputs that the e-process needs, over those of a test at a fixed n


def required_n(cells: int, eps: float, *, alpha: float = 1e-6, power: float = 0.999) -> int:
    """Compute how many outputs a test at a fixed n needs to see any deviation of total variation eps.

    n = λ* / (4 eps^2), rounded up; multiply by `E_PROCESS_PRICE` for `EProcess`.

    Parameters
    ----------
    cells : int >= 2, cells that the target can reach
    eps : float in (0, 1], total variation
    alpha : float in (0, 1), probability of rejecting a right sampler
    power : float in (0, 1), probability of rejecting one that deviates by eps

    Returns
    -------
    int, outputs

    Raises
    ------
    ValueError
        If eps lies outside (0, 1].

    Examples
    --------
    >>> required_n(8, 0.05), required_n(27, 0.01)
    (8212, 274099)
    """
    if not 0 < eps <= 1:
        raise ValueError(f"eps must lie in (0, 1], a total variation; got {eps}.")
    return ceil(noncentrality(cells, alpha=alpha, power=power) / (4 * eps**2))


def min_detectable_tv(n: int, cells: int, *, alpha: float = 1e-6, power: float = 0.999) -> float:
    """Compute the smallest total variation that n outputs show at a fixed n, whatever its shape.

    eps = sqrt(λ* / (4 n)); pass n / `E_PROCESS_PRICE` for `EProcess`.

    Parameters
    ----------
    n : int >= 1, outputs
    cells : int >= 2, cells that the target can reach
    alpha : float in (0, 1), probability of rejecting a right sampler
    power : float in (0, 1), probability of rejecting one that deviates by the result

    Returns
    -------
    float in (0, 1]; 1 where even the largest deviation may be missed

    Raises
    ------
    ValueError
        If n < 1.

    Examples
    --------
    >>> round(min_detectable_tv(10_000, 27), 3)
    0.052
    """
    if not n > 0:
        raise ValueError(f"n must be at least 1 output; got {n}.")
    return min(1.0, sqrt(noncentrality(cells, alpha=alpha, power=power) / (4 * n)))


def required_n_against(
    law: Array, target_law: Array, *, rivals: int = 1, alpha: float = 1e-6, power: float = 0.999
) -> float:
    """Compute how many outputs `EProcess` needs to reject one known wrong law that stands in its catalogue.

    The sum of log(m/p) over n outputs of m is about normal, with mean n KL(m, p) and n times its variance; it must
    reach log(2 rivals / alpha). An output where p is 0 rejects at once. The smaller of both numbers.

    Parameters
    ----------
    law : (C,) array, m, the law of the wrong sampler
    target_law : (C,) array, p
    rivals : int >= 1, laws in the catalogue
    alpha : float in (0, 1), probability of rejecting a right sampler
    power : float in (0, 1), probability of rejecting this one

    Returns
    -------
    float, a whole number of outputs; infinite where the laws are equal

    Examples
    --------
    >>> required_n_against([0.6, 0.4], [0.5, 0.5]), required_n_against([0.5, 0.5], [1, 0])
    (2127.0, 10.0)
    """
    m = np.asarray(law, float)
    p = np.asarray(target_law, float)
    # an output that p excludes rejects at once
    outside = float(m[p == 0].sum())
    # elsewhere log(m/p) adds up, by KL(m, p) an output on average
    both = (m > 0) & (p > 0)
    ratio = np.log(m[both] / p[both])
    weight = m[both]
    mean = float(weight @ ratio)
    at_once = inf
    if outside > 0:
        at_once = ceil(log(1 - power) / log1p(-outside)) if outside < 1 else 1.0
    if mean <= 1e-12:
        return float(at_once)
    # n mean - z spread √n = log(2 rivals / alpha), a quadratic in √n
    z = NormalDist().inv_cdf(power)
    spread = sqrt(max(0.0, float(weight @ ratio**2) - mean**2))
    root = (z * spread + sqrt((z * spread) ** 2 + 4 * mean * log(2 * rivals / alpha))) / (2 * mean)
    return float(min(at_once, ceil(root**2)))


@cache
def noncentrality(cells: int, *, alpha: float, power: float) -> float:
    """Compute λ*, at which a chi-square test of level alpha over some cells has some power.

    Parameters
    ----------
    cells : int >= 2
    alpha, power : float in (0, 1), alpha < power

    Raises
    ------
    ValueError
        If there are fewer than two cells, or alpha and power make no sense.

    Examples
    --------
    >>> round(noncentrality(27, alpha=1e-6, power=0.999), 1)
    109.6
    """
    if cells < 2:
        raise ValueError(f"cells must be at least 2, or nothing can deviate; got {cells}.")
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha and power must satisfy 0 < alpha < power < 1; got {alpha} and {power}.")
    # where the test of level alpha rejects, and which noncentrality gets beyond that with the power asked for
    df = cells - 1
    limit = _root(lambda x: alpha - chi_square_tail(x, df))
    return _root(lambda noncentral: chi_square_tail(limit, df, noncentral=noncentral) - power)


def chi_square_tail(x: float, df: int, *, noncentral: float = 0.0) -> float:
    """Compute P(X > x) for X noncentral chi-square.

    Σ_j Poisson(j; λ/2) Q(df/2 + j, x/2), with Q(a + 1, y) = Q(a, y) + y^a e^-y / Γ(a + 1).

    Parameters
    ----------
    x : float >= 0
    df : int >= 1, degrees of freedom
    noncentral : float >= 0, λ

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> round(chi_square_tail(2.0, 2), 6)  # exp(-1)
    0.367879
    """
    if x <= 0:
        return 1.0
    y = x / 2
    mean = noncentral / 2
    a = df / 2
    # Poisson weights beyond 12 standard deviations are below double precision
    js = range(int(mean + 12 * sqrt(mean) + 40) if mean else 1)
    tail = _upper_gamma(a, y)
    total = 0.0
    # Q(a + j, y) from Q(a + j - 1, y)
    for j in js:
        total += exp(j * log(mean) - mean - lgamma(j + 1)) * tail if mean else tail
        tail += exp((a + j) * log(y) - y - lgamma(a + j + 1))
    return min(1.0, total)


def _upper_gamma(a: float, y: float) -> float:
    """Q(a, y) = Γ(a, y) / Γ(a) for 2a a whole number: from Q(1, y) = e^-y or Q(1/2, y) = erfc(√y) upwards."""
    start = a - int(a) or 1.0  # 1/2 or 1
    total = exp(-y) if start == 1.0 else erfc(sqrt(y))
    b = start
    while b < a:
        total += exp(b * log(y) - y - lgamma(b + 1))
        b += 1
    return total


def _root(increasing: Callable[[float], float]) -> float:
    """Find where an increasing function crosses 0, above 0, by bisection to double precision."""
    # an upper end, then halves
    low, high = 0.0, 1.0
    while increasing(high) < 0:
        low = high
        high = 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        if increasing(middle) < 0:
            low = middle
        else:
            high = middle
    return high
