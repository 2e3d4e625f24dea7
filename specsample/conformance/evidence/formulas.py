"""The logarithm of the evidence E of counts against a law.

For many count vectors at once. E_dirichlet is a Dirichlet-multinomial likelihood, centred at the law, over the law's
own likelihood (Lindon & Malek, arXiv 2011.03567); E_catalogue is a mean of likelihood ratios. Both have mean exactly
1 under the law.
"""

from collections.abc import Sequence
from math import inf, log
from typing import Any

import numpy as np

from specsample.distributions import Array

CONCENTRATIONS = (1e1, 1e2, 1e3, 1e4, 1e5)


def log_evidence(counts: Array, target_law: Array, catalogue_laws: Array | Sequence[Array] = ()) -> Array:
    """Compute log E of many count vectors at once.

    log mean(E_dirichlet, E_catalogue), or log E_dirichlet where the catalogue is empty.

    Parameters
    ----------
    counts : (..., C) int array
    target_law : (C,) array
    catalogue_laws : (M, C) array or sequence of (C,) arrays; may be empty

    Returns
    -------
    (...) float array
    """
    counts = np.asarray(counts)
    p = np.asarray(target_law, float)
    possible = p > 0
    n = counts.sum(-1)
    p_x = p[possible]
    n_x = counts[..., possible]
    # any deviation, at several widths; and the known mistakes, if there are any
    halves = [
        _log_mean([(_rising(c * p_x, n_x)).sum(-1) - _rising(np.array(c), n) for c in CONCENTRATIONS]),
        *([_log_mean([log_ratio(counts, law, p) for law in catalogue_laws])] if len(catalogue_laws) else []),
    ]
    # what the law excludes is evidence without end
    return np.where(counts[..., ~possible].any(-1), inf, _log_mean(halves))


def log_ratio(counts: Array, law: Array, target_law: Array) -> Array:
    """Compute the logarithm of a likelihood ratio, Σ_x n_x log(m_x / p_x), over the cells where p_x > 0.

    Parameters
    ----------
    counts : (..., C) int array
    law : (C,) array, m
    target_law : (C,) array, p

    Returns
    -------
    (...) float array, -inf where something was seen that m excludes
    """
    counts = np.asarray(counts)
    m = np.asarray(law, float)
    p = np.asarray(target_law, float)
    # cells that only m excludes make the ratio 0
    both = (m > 0) & (p > 0)
    value = counts[..., both] @ np.log(m[both] / p[both])
    return np.where(counts[..., (m == 0) & (p > 0)].any(-1), -inf, value)


def check_law(law: Array, name: str) -> Any:
    """Return a law as a (C,) float array if it is one (`name` is for the message), else raise ValueError.

    Raises
    ------
    ValueError
        If it is no distribution.
    """
    array = np.asarray(law, float)
    if array.ndim != 1 or not (array >= 0).all() or not abs(array.sum() - 1) < 1e-9:
        raise ValueError(f"{name} must be (C,), >= 0 and sum to 1; got shape {array.shape}, sum {array.sum()}.")
    return array


def check_counts(counts: Array, C: int) -> Any:
    """Return counts as a (C,) int array if they are one, else raise ValueError.

    Raises
    ------
    ValueError
        If they are no counts of C cells.
    """
    array = np.asarray(counts)
    if array.shape != (C,) or not np.issubdtype(array.dtype, np.integer) or (array < 0).any():
        raise ValueError(f"counts must be ({C},) integers >= 0, one for each cell; got {array.dtype} {array.shape}.")
    return array


def _rising(a: Array, n: Array) -> Any:
    """log Γ(a + n) / (Γ(a) a^n) = Σ_{j < n} log(1 + j/a), by Stirling's series after 8 factors taken by hand."""
    # Stirling's series is exact to double precision from 8 on: the factors before that are multiplied out
    head = 1.0
    b = a + 8.0
    for j in range(8):
        head = head * ((a + j) / (a + j + n))
    series = [x**-1 / 12 - x**-3 / 360 + x**-5 / 1260 - x**-7 / 1680 for x in (b + n, b)]
    return np.log(head) + n * np.log1p(8 / a) + (b + n - 0.5) * np.log1p(n / b) - n + series[0] - series[1]


def _log_mean(terms: Sequence[Any]) -> Any:
    """log of the mean of exp(terms), elementwise."""
    return np.logaddexp.reduce(np.stack(terms), axis=0) - log(len(terms))
