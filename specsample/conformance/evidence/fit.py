"""How well a law fits counts, and which cells are furthest off."""

from functools import lru_cache
from math import inf, log
from typing import Any

import numpy as np

from specsample.conformance.evidence.formulas import check_counts, check_law
from specsample.distributions import Array

FITS = 1e-3  # a law of a smaller p-value does not: how often the true one is turned down


def goodness_of_fit(counts: Array, law: Array, *, draws: int = 1999, seed: int = 0) -> float:
    """Compute how often a law produces counts at least as far from it as these: a Monte Carlo p-value.

    The distance is t = n KL(counts / n, law). Its distribution comes from simulation, 1.01 times `monte_carlo_p`, and
    where that runs out of draws from 101 times `agrawal_bound`. The factors pay for taking the smaller one: 1/1.01 +
    1/101 = 1. Over counts and draws, P(result <= a) <= a exactly, for every law, n and a.

    Parameters
    ----------
    counts : (C,) int array
    law : (C,) array, sums to 1
    draws : int >= 1, of the simulation
    seed : int, of the draws, so that the answer repeats; with one seed for many counts their results share the draws'
        error, for 1999 draws at most 0.07 (Dvoretzky, Kiefer and Wolfowitz, level 1e-9)

    Returns
    -------
    float in [0, 1]; small where the law does not fit

    Examples
    --------
    >>> goodness_of_fit([50, 50], [0.5, 0.5]), goodness_of_fit([0, 100], [0.5, 0.5]) < 1e-6
    (1.0, True)
    """
    counts = check_counts(counts, len(law))
    m = check_law(law, "law")
    # an impossible output needs no distance
    if counts[m == 0].any():
        return 0.0
    n = int(counts.sum())
    k = int((m > 0).sum())
    t = float(_distance(counts, m))
    # simulation down to 1/2000, and a bound where its draws run out; both have paid for the choice between them
    p_value = monte_carlo_p(t, _drawn_distances(tuple(m.tolist()), n, draws, seed))
    return min(1.0, 1.01 * p_value, 101 * agrawal_bound(t, k))


def agrawal_bound(t: float, k: int) -> float:
    """Bound the probability that n outputs of a law over k cells are as far from it as t = n KL(counts / n, law).

    e^-t (e t / (k - 1))^(k - 1) where t > k - 1, for every n (Agrawal, arXiv 1904.02291).

    Parameters
    ----------
    t : float >= 0
    k : int >= 1, cells

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> agrawal_bound(1.0, 2), agrawal_bound(50.0, 2) < 1e-19
    (1.0, True)
    """
    return float(np.exp(min(0.0, (k - 1) * log(t / (k - 1)) + k - 1 - t))) if t > k - 1 > 0 else 1.0


def monte_carlo_p(t: float, drawn: Array) -> float:
    """Compute the share of the draws and t itself that are at least t: (1 + #{t_i >= t}) / (1 + draws).

    If t is one more draw, all orders of the 1 + draws values are equally likely, so P(result <= a) <= a whatever
    their law.

    Parameters
    ----------
    t : float
    drawn : (draws,) float array

    Returns
    -------
    float in (0, 1]

    Examples
    --------
    >>> monte_carlo_p(2.0, np.array([1.0, 2.0, 3.0]))
    0.75
    """
    # equal counts count, whatever rounding did to t_i
    return (1 + int((drawn >= t - 1e-9).sum())) / (1 + len(drawn))


def standardised_cells(counts: Array, law: Array) -> Array:
    """Compute by how many standard deviations each cell differs from a law.

    (n_x - n m_x) / sqrt(n m_x (1 - m_x)).

    Parameters
    ----------
    counts : (C,) int array
    law : (C,) array, sums to 1

    Returns
    -------
    (C,) float array; infinite where something impossible was seen, 0 where nothing can differ

    Examples
    --------
    >>> standardised_cells([60, 40], [0.5, 0.5])
    array([ 2., -2.])
    """
    counts = check_counts(counts, len(law))
    m = check_law(law, "law")
    # a cell that cannot differ has no spread: 0, unless something impossible was seen there
    gap = counts - counts.sum() * m
    spread = np.sqrt(counts.sum() * m * (1 - m))
    return np.divide(gap, spread, out=np.where(abs(gap) > 1e-9, np.copysign(inf, gap), 0.0), where=spread > 0)


@lru_cache(maxsize=128)
def _drawn_distances(law: tuple[float, ...], n: int, draws: int, seed: int) -> Any:
    """Draw counts of n outputs of a law; (draws,) distances from it."""
    m = np.array(law)
    return _distance(np.random.default_rng(seed).multinomial(n, m / m.sum(), size=draws), m)


def _distance(counts: Array, law: Array) -> Array:
    """n KL(counts / n, law) of (..., C) counts, over the cells of positive probability."""
    counts = counts[..., law > 0]
    m = law[law > 0]
    # 0 log 0 = 0
    expected = counts.sum(axis=-1, keepdims=True) * m
    ratio = np.divide(counts, expected, out=np.ones(counts.shape), where=counts > 0)
    return (counts * np.log(ratio)).sum(axis=-1)
