"""Whether outputs are independent of each other.

All evidence counts outputs as independent draws, so shared seeds are looked for first: `Independence` watches pairs
of outputs. It is an e-process: reject at log E >= log(1/alpha), at any time.
"""

from math import log

import numpy as np

from specsample.conformance.evidence.formulas import check_law, log_evidence
from specsample.distributions import Array

SHARES = (0.003, 0.01, 0.03, 0.1, 0.3, 0.9)


class Independence:
    """Evidence that pairs of outputs (consecutive ones, neighbours in a batch) depend on each other.

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
        # copies: E grows by 1/p(x) where both are x, and shrinks a little where they are not
        first, second = np.asarray(pairs).T
        p = self.law[first]
        w = np.array(SHARES)[:, None]
        self.is_possible = self.is_possible and bool((self.law[np.asarray(pairs)] > 0).all())
        surplus = np.where(first == second, 1 / np.where(p > 0, p, 1), 0)
        self.log_copies = self.log_copies + np.log((1 - w) + w * surplus).sum(axis=1)
        # any other dependence: counts of pairs of groups against the product of their shares
        size = round(len(self.counts) ** 0.5)
        self.counts = self.counts + np.bincount(self.group[first] * size + self.group[second], minlength=size**2)
        return self.log_e

    @property
    def log_e(self) -> float:
        """Natural logarithm of E; infinite once an output fell into a cell of probability 0."""
        if not self.is_possible:
            return float("inf")
        # the mean of the two halves
        copies = np.logaddexp.reduce(self.log_copies) - log(len(SHARES))
        return float(np.logaddexp(copies, log_evidence(self.counts, self.pair_law)) - log(2))


def _groups(law: Array, n_groups: int) -> Array:
    """Assign each cell a group, by its place in the cumulative law; at most n_groups of them, none of mass 0."""
    middle = np.cumsum(law) - law / 2
    _, group = np.unique(np.minimum((middle * n_groups).astype(int), n_groups - 1)[law > 0], return_inverse=True)
    every = np.zeros(len(law), int)
    every[law > 0] = group
    return every
