"""The evidence of n outputs against a law, at any time.

Outputs are counted in cells; the target's law over the cells is known. `log_evidence` is the logarithm of a number E
whose mean is at most 1 at every stopping time if the sampler is right: rejecting when E >= 1/alpha is wrong with
probability alpha at most, however often one looks, whatever the sizes of the cells. E is the mean of two halves::

    E_dirichlet = mean over c of  Π_x Γ(c p_x + n_x) / (Γ(c p_x) p_x^n_x) · Γ(c) / Γ(c + n)     (Lindon & Malek)
    E_catalogue = mean over known wrong laws m of  Π_x (m_x / p_x)^n_x

the first for any deviation, the second for known ones.
"""

from collections.abc import Mapping, Sequence
from math import inf, log

import numpy as np

from specsample.conformance.evidence.formulas import check_counts, check_law, log_evidence, log_ratio
from specsample.distributions import Array


class EProcess:
    """Evidence against one target law, a batch of counts at a time.

    Parameters
    ----------
    target_law : (C,) array, sums to 1; a cell of probability 0 holds what cannot happen
    catalogue_laws : (M, C) array or sequence of (C,) arrays, laws of known wrong samplers; may be empty

    Raises
    ------
    ValueError
        If a law does not sum to 1 or is of another length.

    Examples
    --------
    >>> evidence = EProcess([0.5, 0.5, 0.0], [[0.25, 0.75, 0.0]])
    >>> evidence.update([10, 90, 0]) > log_e_threshold(1e-6)
    True
    """

    def __init__(self, target_law: Array, catalogue_laws: Array | Sequence[Array] = ()) -> None:
        self.target_law = check_law(target_law, "target_law")
        # every law over the same cells
        laws = [check_law(law, "catalogue_laws") for law in catalogue_laws]
        if odd := [len(law) for law in laws if len(law) != len(self.target_law)]:
            raise ValueError(
                f"catalogue_laws must be (M, C) with C = {len(self.target_law)} cells; got {odd[0]} cells. "
                "Do they belong to another probe?"
            )
        self.catalogue_laws = np.array(laws).reshape(len(laws), len(self.target_law))
        self.counts = np.zeros(len(self.target_law), np.int64)

    def update(self, counts: Array) -> float:
        """Add the counts of new outputs.

        Parameters
        ----------
        counts : (C,) int array, new outputs in each cell

        Returns
        -------
        float, the new `log_e`
        """
        # checked first: counts that cannot be are refused, and nothing is added
        self.counts = self.counts + check_counts(counts, len(self.target_law))
        return self.log_e

    @property
    def n(self) -> int:
        """Outputs so far."""
        return int(self.counts.sum())

    @property
    def log_e(self) -> float:
        """Natural logarithm of E; infinite once an output fell into a cell of probability 0."""
        return float(log_evidence(self.counts, self.target_law, self.catalogue_laws))


def log_e_threshold(alpha: float) -> float:
    """Compute the evidence at which a sampler is rejected: log(1/alpha).

    Parameters
    ----------
    alpha : float in (0, 1], probability of rejecting a right sampler

    Raises
    ------
    ValueError
        If alpha lies outside (0, 1].

    Examples
    --------
    >>> round(log_e_threshold(1e-6), 2)
    13.82
    """
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must lie in (0, 1]; got {alpha}. It is the share of right samplers that fail.")
    return log(1 / alpha)


def posterior(counts: Array, laws: Mapping[str, Array]) -> dict[str, float]:
    """Compute how probable each law is, given the counts and equal odds before.

    Parameters
    ----------
    counts : (C,) int array; for several probes, their counts in a row
    laws : dict from name to (C,) array; for several probes, their laws in a row

    Returns
    -------
    dict from name to probability, the most probable first; all 0 where every law excludes what was seen

    Examples
    --------
    >>> posterior([9, 1], {"fair": [0.5, 0.5], "bent": [0.9, 0.1]})["bent"].__round__(3)
    0.975
    """
    # likelihoods relative to the best one, so that none underflows that matters
    weights = {name: float(log_ratio(counts, law, np.ones(len(law)))) for name, law in laws.items()}
    best = max(weights.values(), default=-inf)
    shares = {name: float(np.exp(w - best)) if best > -inf else 0.0 for name, w in weights.items()}
    total = sum(shares.values()) or 1.0
    return {name: shares[name] / total for name in sorted(shares, key=lambda name: -weights[name])}
