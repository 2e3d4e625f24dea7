"""What becomes of the equations with B sequences at once, and of the last rounds of a text?

Where every sequence keeps its own run (`batched`), a pass serves B rounds and each of the papers' equations holds for
each sequence; only c and verify_ratio change with B (`roofline`). Two things are new. A batch that cuts all runs to
the shortest loses most of the gain, and a batch is done only when its slowest sequence is. Acceptances are taken as
independent with one rate, as in the papers. Fractions stay exact. Before this file: `chains`; after it: `roofline`.
"""

from collections.abc import Sequence

from specsample.theory.rates import Number, check_rates
from specsample.theory.runs import accepted_law
from specsample.theory.speed import expected_tokens


def lockstep_tokens(alpha: Number, K: int, B: int) -> Number:
    """Compute the mean number of tokens of a round that is cut to the shortest run of the batch.

    P(all of B runs reach k) = alpha^(B k): equation 1 at alpha^B.

    Parameters
    ----------
    alpha : number or array in [0, 1]
    K : int >= 0
    B : int >= 1, sequences

    Returns
    -------
    number or array in [1, K+1], tokens of each sequence

    Raises
    ------
    ValueError
        If B < 1.

    Examples
    --------
    >>> lockstep_tokens(0.5, 2, 1), lockstep_tokens(0.5, 2, 2)
    (1.75, 1.3125)
    """
    if B < 1:
        raise ValueError(f"B must be at least 1 sequence; got {B}.")
    return expected_tokens(alpha**B, K)


def rounds_law(alpha: Number, K: int, n: int) -> list[Number]:
    """Compute the law of the number of rounds that n tokens take.

    A round of k = min(K, room - 1) drafts emits i + 1 tokens with the capped geometric law behind equation 1; `room`
    is what is left of n, as in `speculative.generate`.

    Parameters
    ----------
    alpha : number in [0, 1]
    K : int >= 0
    n : int >= 0, tokens

    Returns
    -------
    (n+1,) list: entry r is the probability of r rounds

    Examples
    --------
    >>> from fractions import Fraction
    >>> [str(mass) for mass in rounds_law(Fraction(1, 2), 1, 3)]  # of 0, 1, 2 and 3 rounds
    ['0', '0', '3/4', '1/4']
    """
    check_rates(alpha)
    laws: list[list[Number]] = [[1]]  # of 0, 1, ... tokens
    for room in range(1, n + 1):
        law: list[Number] = [0] * (room + 1)
        for i, mass in enumerate(accepted_law([alpha] * min(K, room - 1))):
            _add(law, laws[room - i - 1], mass)
        laws.append(law)
    return laws[n]


def rounds_to_finish(alpha: Number, K: int, n: int, *, B: int = 1) -> Number:
    """Compute the mean number of rounds until all sequences of a batch have n tokens.

    E[max of B] = Σ_r 1 - P(rounds <= r)^B: the slowest sequence decides.

    Parameters
    ----------
    alpha : number in [0, 1]
    K : int >= 0
    n : int >= 0, tokens of each sequence
    B : int >= 1, sequences

    Returns
    -------
    number in [n / (K+1), n], rounds

    Raises
    ------
    ValueError
        If B < 1.

    Examples
    --------
    >>> rounds_to_finish(0.5, 1, 3), rounds_to_finish(0.5, 1, 3, B=2)
    (2.25, 2.4375)
    """
    if B < 1:
        raise ValueError(f"B must be at least 1 sequence; got {B}.")
    done: Number = 0
    mean: Number = 0
    for mass in rounds_law(alpha, K, n)[:-1]:
        done = done + mass
        mean = mean + 1 - done**B
    return mean


def _add(law: list[Number], rest: Sequence[Number], mass: Number) -> None:
    """Add one round before the rounds of the rest, with a probability."""
    for rounds, p in enumerate(rest):
        law[rounds + 1] = law[rounds + 1] + mass * p
