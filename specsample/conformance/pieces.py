"""What a wrong piece of a round does instead, as a formula.

A mistake that the catalogue lacks may still be of a kind that can be written down (`families`). The free number is
the likeliest one. A formula is given only if it fits what was seen on every probe, and counts as found only if no
other one does nearly as well.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.adapters import Sample, Tabled
from specsample.conformance.branches import Branch, Taken, pearson, taken_in
from specsample.conformance.evidence.fit import FITS
from specsample.conformance.families import FAMILIES, Family, Rows
from specsample.distributions import Array

NEARLY = 5.0  # in log likelihood: a formula that far behind the best is out of the question


def formulas(played: Sequence[tuple[Sample, Tabled]], wrong: Sequence[Branch]) -> tuple[list[str], bool]:
    """Look for a formula of each wrong piece, and say whether all of them have one.

    Parameters
    ----------
    played : sequence of (Sample with its rounds, Tabled)
    wrong : sequence of Branch
    """
    pieces = [each.name for each in wrong if each.name in FAMILIES]
    found = [fitting(name, played) for name in pieces]
    return [said for names in found for said in names], bool(found) and all(len(names) == 1 for names in found)


def fitting(piece: str, played: Sequence[tuple[Sample, Tabled]]) -> list[str]:
    """List the formulas of a piece that fit, those that are far less likely than the best left out."""
    seen = [Seen.of(taken_in(sample, setting)[piece], setting) for sample, setting in played if sample.rounds]
    fits: list[tuple[float, str]] = []
    for family in FAMILIES[piece]:
        # the number is the likeliest one over all probes
        likelihoods = [sum(each.likelihood(family, piece, number) for each in seen) for number in family.numbers]
        best = int(np.argmax(likelihoods))
        number = family.numbers[best]
        if all(each.p_value(family, piece, number) >= FITS for each in seen):
            fits.append((likelihoods[best], family.said.format(number)))
    return [said for value, said in sorted(fits, reverse=True) if value > max(fits)[0] - NEARLY]


class Seen(NamedTuple):
    """What was seen of a piece on one probe."""

    rows: Rows  # after the texts before it, each once for each place
    counts: Array  # of the outcomes there: tokens, and for a test that none was kept

    @classmethod
    def of(cls, taken: Taken, setting: Tabled) -> "Seen":
        """Count outcomes by the text before them and the place in the round."""
        keys, group = np.unique(np.stack([taken.nodes, taken.place, taken.left]), axis=1, return_inverse=True)
        counts = np.zeros((keys.shape[1], setting.vocab_size + 1))
        np.add.at(counts, (group.ravel(), taken.outcomes), 1)
        return cls(Rows(setting, *keys), counts)

    def likelihood(self, family: Family, piece: str, number: float) -> float:
        """Compute the logarithm of a formula's likelihood."""
        masses = masses_of(family, piece, number, self.rows)
        return float((self.counts[:, : masses.shape[1]] * np.log(np.maximum(masses, 1e-12))).sum())

    def p_value(self, family: Family, piece: str, number: float) -> float:
        """Compute how well a formula fits."""
        masses = np.clip(masses_of(family, piece, number, self.rows), 0, 1)
        return pearson(self.counts[:, : masses.shape[1]], masses * self.counts.sum(axis=1, keepdims=True))


def masses_of(family: Family, piece: str, number: float, rows: Rows) -> Any:
    """Compute the probabilities of all outcomes: for a test each kept draft and none, else each token."""
    weights = family.weights(rows, number)
    if piece == "acceptance":
        return np.concatenate([weights, 1 - weights.sum(axis=1, keepdims=True)], axis=1)
    # where a formula leaves nothing, all tokens are alike
    total = weights.sum(axis=1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / weights.shape[1])
