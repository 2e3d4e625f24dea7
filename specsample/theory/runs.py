"""Runs of accepted drafts, with a rate for each position in the round.

Later drafts were drafted from earlier drafts, so that their rates differ; independent acceptances are the case of
equal rates, and equation 1. Fractions stay exact. In `chains` nothing is independent.
"""

from collections.abc import Sequence

import numpy as np

from specsample.distributions import Array
from specsample.theory.rates import Number, check_rates


def accepted_law(rates: Sequence[Number]) -> list[Number]:
    """Compute the law of the number of accepted drafts from a rate for each position.

    P(n = i) = r_1 ... r_i (1 - r_{i+1}), and r_1 ... r_K for i = K, where r_i is the chance of draft i once it is
    tested. Equal rates give the capped geometric law that equation 1 is the mean of.

    Parameters
    ----------
    rates : (K,) sequence of numbers in [0, 1]

    Returns
    -------
    (K+1,) list, sums to 1

    Examples
    --------
    >>> accepted_law([0.5, 0.25])
    [0.5, 0.375, 0.125]
    """
    check_rates(np.array(rates))
    law: list[Number] = []
    reached: Number = 1  # the probability that all drafts so far were kept
    for rate in rates:
        law.append(reached * (1 - rate))
        reached = reached * rate
    return [*law, reached]


def expected_tokens_by_position(rates: Sequence[Number]) -> Number:
    """Compute the mean number of tokens of a round from a rate for each position.

    1 + r_1 + r_1 r_2 + ... + r_1 ... r_K; equation 1 where the rates are equal.

    Parameters: as for `theory.runs.accepted_law`.

    Returns
    -------
    number in [1, K+1], tokens

    Examples
    --------
    >>> expected_tokens_by_position([0.5, 0.25])
    1.625
    """
    return sum((n + 1) * mass for n, mass in enumerate(accepted_law(rates)))


def rates_by_position(n_accepted: Sequence[int], K: int) -> Array:
    """Measure the rate at each position from the rounds of a trace.

    r_i = rounds with n >= i / rounds with n >= i - 1: accepted / tested, for draft i alone.

    Parameters
    ----------
    n_accepted : sequence of int, one for each round of K drafts
    K : int >= 0

    Returns
    -------
    (K,) float array; NaN where no draft came so far

    Examples
    --------
    >>> rates_by_position([0, 1, 1, 2], 2).tolist()
    [0.75, 0.3333333333333333]
    """
    reached = np.array([sum(n >= i for n in n_accepted) for i in range(K + 1)], float)
    # 0 / 0 where no round came so far: NaN, not a rate
    with np.errstate(invalid="ignore"):
        return reached[1:] / reached[:-1]
