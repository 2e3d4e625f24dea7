"""How far a law can be from another, given what was seen of it.

The total variation between n outputs' shares and their law is at most `radius` with probability 1 - alpha: its mean
is at most sqrt((C - 1) / n) / 2 over C cells, for Σ_x sqrt(m_x (1 - m_x)) is largest where all m_x are equal, and one
output moves it by 1 / n at most, so that McDiarmid's inequality adds sqrt(log(1 / alpha) / (2 n)). By the triangle
inequality the law is then no nearer to, and no further from, any other law than the shares are, but for the radius.
"""

from math import ceil, log, sqrt

import numpy as np

from specsample.distributions import Array


def radius(n: int, cells: int, alpha: float) -> float:
    """Bound the total variation between the shares of n outputs and the law that they come from.

    Parameters
    ----------
    n : int >= 1, outputs
    cells : int >= 1
    alpha : float in (0, 1), how often the bound may fail

    Returns
    -------
    float; 1 where nothing is excluded

    Examples
    --------
    >>> round(radius(10_000, 27, alpha=1e-3), 3)
    0.044
    """
    return min(1.0, (sqrt(cells - 1) / 2 + sqrt(log(1 / alpha) / 2)) / sqrt(n))


def outputs_for(within: float, cells: int, alpha: float) -> int:
    """Compute how many outputs make the radius as small as this.

    Parameters
    ----------
    within : float in (0, 1], the radius
    cells, alpha : as for `radius`

    Returns
    -------
    int

    Examples
    --------
    >>> outputs_for(0.05, 27, alpha=1e-3), radius(outputs_for(0.05, 27, 1e-3), 27, 1e-3) <= 0.05
    (7773, True)
    """
    return ceil(((sqrt(cells - 1) / 2 + sqrt(log(1 / alpha) / 2)) / within) ** 2)


def distance(counts: Array, law: Array) -> float:
    """Compute the total variation between the shares of some outputs and a law.

    Parameters
    ----------
    counts : (C,) int array, at least one output
    law : (C,) array, sums to 1

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> distance(np.array([3, 1]), np.array([0.5, 0.5]))
    0.25
    """
    return float(np.abs(counts / counts.sum() - law).sum() / 2)
