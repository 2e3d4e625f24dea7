"""Are outputs independent of each other, and do two samplers have one law?

All evidence counts outputs as independent draws, so shared seeds are looked for first: `Independence` watches pairs
of outputs. `TwoSample` compares a candidate with a reference where nobody knows the law. Both are e-processes: reject
at log E >= log(1/alpha), at any time. Before this file: `statistics`; after it: `calibration`.
"""

from math import log

import numpy as np

from specsample.conformance.evidence.formulas import check_law, log_evidence
from specsample.distributions import Array

SHARES = (0.003, 0.01, 0.03, 0.1, 0.3, 0.9)


class Independence:
    """Gather evidence that pairs of outputs (consecutive ones, neighbours in a batch) depend on each other.

    The mean of two halves: copies, Π (1 - w) + w 1[x = y] / p(x), averaged over shares w of copied pairs; and any
    dependence between coarse groups of cells, a Dirichlet-multinomial ratio over pairs of groups. The outputs' law
    must be the target's: a wrong sampler can be rejected here too, so judge its law as well.

    Parameters
    ----------
    law : (C,) array, sums to 1, the target's law over cells
    n_groups : int >= 1, groups of about equal probability, at most; made from the law alone

    Examples
    --------
    >>> evidence = Independence([0.5, 0.5])
    >>> evidence.update(np.array([[0, 0], [1, 1]] * 20)) > log(1e6)
    True
    """

    def __init__(self, law: Array, *, n_groups: int = 4) -> None:
        self.law = check_law(law, "law")
        self.group = _groups(self.law, n_groups)
        shares = np.bincount(self.group, self.law)
        self.pair_law = np.outer(shares, shares).ravel()
        self.counts = np.zeros(len(self.pair_law), np.int64)
        self.log_copies = np.zeros(len(SHARES))
        self.is_possible = True

    def update(self, pairs: Array) -> float:
        """Add pairs that share no output with each other.

        Parameters
        ----------
        pairs : (n, 2) int array of cells

        Returns
        -------
        float, the new `log_e`
        """
        first, second = np.asarray(pairs).T
        p, w = self.law[first], np.array(SHARES)[:, None]
        self.is_possible = self.is_possible and bool((self.law[np.asarray(pairs)] > 0).all())
        surplus = np.where(first == second, 1 / np.where(p > 0, p, 1), 0)
        self.log_copies = self.log_copies + np.log((1 - w) + w * surplus).sum(axis=1)
        size = round(len(self.counts) ** 0.5)
        self.counts = self.counts + np.bincount(self.group[first] * size + self.group[second], minlength=size**2)
        return self.log_e

    @property
    def log_e(self) -> float:
        """Natural logarithm of E; infinite once an output fell into a cell of probability 0."""
        if not self.is_possible:
            return float("inf")
        copies = np.logaddexp.reduce(self.log_copies) - log(len(SHARES))
        return float(np.logaddexp(copies, log_evidence(self.counts, self.pair_law)) - log(2))


class TwoSample:
    """Gather evidence that a candidate's outputs have another law than a reference's, where the law is not known.

    If the laws are one, then of a pair {x, y} either is the candidate's with probability 1/2. Bet with the shares
    seen so far: E grows by 2 b(y) a(x) / (b(y) a(x) + b(x) a(y)), a and b the estimates of reference and candidate.

    Parameters
    ----------
    n_cells : int >= 1

    Examples
    --------
    >>> evidence = TwoSample(2)
    >>> for _ in range(9):
    ...     log_e = evidence.update([0, 1, 0, 1, 0, 0, 0, 1] * 8, [1, 1, 1, 1, 0, 1, 1, 1] * 8)
    >>> log_e > log(1e6)
    True
    """

    def __init__(self, n_cells: int) -> None:
        self.seen = np.full((2, n_cells), 0.5)  # reference, candidate; half an output in each cell to begin with
        self.log_e = 0.0

    def update(self, reference: Array, candidate: Array) -> float:
        """Add as many outputs of each; those of one call are judged with what was seen before it.

        Parameters
        ----------
        reference : (n,) int array of cells
        candidate : (n,) int array of cells

        Returns
        -------
        float, the new `log_e`

        Raises
        ------
        ValueError
            If the numbers of outputs differ.
        """
        x, y = np.asarray(reference), np.asarray(candidate)
        if x.shape != y.shape:
            raise ValueError(f"reference and candidate must have as many outputs each; got {x.shape} and {y.shape}.")
        a, b = np.log(self.seen)
        self.log_e += float((log(2) - np.logaddexp(0, b[x] + a[y] - b[y] - a[x])).sum())
        for row, cells in zip(self.seen, (x, y), strict=True):
            row += np.bincount(cells, minlength=len(row))
        return self.log_e


def _groups(law: Array, n_groups: int) -> Array:
    """Assign each cell a group, by its place in the cumulative law; at most n_groups of them, none of mass 0."""
    middle = np.cumsum(law) - law / 2
    _, group = np.unique(np.minimum((middle * n_groups).astype(int), n_groups - 1)[law > 0], return_inverse=True)
    every = np.zeros(len(law), int)
    every[law > 0] = group
    return every
