"""On which small tables are answers tried?

Rows of fractions, the smallest and simplest first, zeros, ties, equal and disjoint rows among them; then random ones
from a seed. Before this file: `exercise`; after it: the units.
"""

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.exercises.exercise import Case
from specsample.exercises.showing import show
from specsample.language_model import TableModel


def row(*weights: int) -> Array:
    """Make a distribution of fractions from weights.

    Parameters
    ----------
    *weights : int

    Examples
    --------
    >>> row(1, 2)
    array([Fraction(1, 3), Fraction(2, 3)], dtype=object)
    """
    return np.array([Fraction(weight, sum(weights)) for weight in weights], object)


def table(weights: Any) -> TableModel:
    """Make a model of fractions from nested lists of weights.

    Parameters
    ----------
    weights : (V, ..., V) nested lists of int
    """
    counts = np.array(weights, object)
    return TableModel(
        np.array([row(*counts[index]) for index in np.ndindex(counts.shape[:-1])]).reshape(counts.shape)
    )


def pairs(seed: int, *, covered: bool = False) -> list[Case]:
    """List pairs of rows (p, q).

    Parameters
    ----------
    seed : int, of the random ones
    covered : bool, only pairs in which q can draw every token that p can
    """
    small = [row(*w) for w in ((1, 1), (1, 2), (3, 1), (1, 0), (0, 1), (1, 3))]
    rng = np.random.default_rng(seed)
    drawn = [(row(*_weights(rng, V, 0)), row(*_weights(rng, V, int(covered)))) for V in (3, 4) for _ in range(8)]
    known = [(row(1, 2, 3), row(3, 2, 1)), (row(0, 1, 1), row(2, 1, 1)), (row(1, 1, 1), row(0, 1, 3))]
    found = [pair for pair in [*product(small, small), *known, *drawn] if not covered or _covers(*pair)]
    return [Case(f"p = {show(p)}, q = {show(q)}", (p, q)) for p, q in found]


def _weights(rng: np.random.Generator, V: int, low: int) -> list[int]:
    """Draw V weights, not all of them 0."""
    weights = rng.integers(low, 6, V)
    weights[rng.integers(V)] += 1
    drawn: list[int] = weights.tolist()
    return drawn


def _covers(p: Array, q: Array) -> bool:
    """Say whether q can draw whatever p can."""
    return bool(np.all((q > 0) | (p == 0)))


def model_pair(seed: int, V: int, order: int = 1) -> tuple[TableModel, TableModel]:
    """Draw a target and a draft model.

    Parameters
    ----------
    seed : int
    V : int, tokens
    order : int, tokens of context
    """
    rng = np.random.default_rng(seed)
    return table(rng.integers(1, 6, (V,) * (order + 1))), table(rng.integers(1, 6, (V,) * (order + 1)))
