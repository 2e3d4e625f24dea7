"""An exercise of notebook 11: top-p from the head of a row."""

from collections.abc import Callable
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.exercises.showing import show


def heads(seed: int) -> list[Case]:
    """List rows without ties, a mass, and the length of the head."""
    rng = np.random.default_rng(seed)
    cases = [([2, 13, 1], 0.75, 1), ([2, 13, 1], 0.75, 2), ([8, 5, 3], 0.75, 2), ([1, 2, 4, 9], 0.5, 3)]
    cases += [([3, 7, 6], 0.5, 2), ([1, 2, 4, 9], 0.9375, 3)]
    for V in (6, 8, 10):
        weights = rng.permutation(np.cumsum(rng.integers(1, 4, V)))
        cases += [(weights.tolist(), mass, n) for mass, n in ((0.5, V // 2), (0.9, 2), (0.8, V - 1))]
    rows = [(np.array(weights) / sum(weights), mass, n) for weights, mass, n in cases]
    return [Case(f"p = {show(p.round(4))}, mass = {mass}, n = {n}", (p, mass, n)) for p, mass, n in rows]


def cut(p: Array, mass: float, n: int, *, whole: Any = None) -> Any:
    """Find the nucleus within the n likeliest tokens; [] where they hold too little."""
    order = np.argsort(-p, kind="stable")[:n]
    if p[order].sum() < mass:
        return [] if whole is None else whole(p, order)
    # kept while what stands before is too little
    return _row(p, order[np.cumsum(p[order]) - p[order] < mass])


def _row(p: Array, kept: Array) -> Array:
    """Normalise what is kept, at its place."""
    row = np.zeros(len(p))
    row[kept] = p[kept] / p[kept].sum()
    return row


def _first(p: Array, mass: float, n: int, *, order: Callable[[Array], Array], share: bool = False) -> Any:
    """Add up a head in some order, or as shares of the head."""
    head = order(p)[:n]
    if p[head].sum() < mass:
        return []
    weights = p[head] / (p[head].sum() if share else 1)
    return _row(p, head[np.cumsum(weights) - weights < mass])


def _by_likelihood(p: Array) -> Array:
    """List the tokens, the likeliest first."""
    return np.argsort(-p, kind="stable")


def _crossed(p: Array, mass: float, n: int) -> Any:
    """Leave the token out that crosses the mass."""
    head = _by_likelihood(p)[:n]
    kept = head[np.cumsum(p[head]) <= mass]
    return [] if p[head].sum() < mass else _row(p, kept if len(kept) else head[:1])


HEADS = (
    Mistake(
        "the whole head is kept",
        "The head is where to look, and the nucleus what you find there. Where does it end?",
        lambda p, mass, n: [] if np.sort(p)[-n:].sum() < mass else _row(p, _by_likelihood(p)[:n]),
    ),
    Mistake(
        "the head is normalised before its sum is compared with the mass: that is top-k, then top-p",
        "The mass is a share of the whole row. Of what is yours a share?",
        lambda p, mass, n: _first(p, mass, n, order=_by_likelihood, share=True),
    ),
    Mistake(
        "the head is kept where it holds too little",
        "Without the rest of the row nobody knows what belongs to the nucleus: then say so.",
        lambda p, mass, n: cut(p, mass, n, whole=_row),
    ),
    Mistake(
        "the token that crosses the mass is left out",
        "The nucleus holds at least the mass.",
        _crossed,
    ),
    Mistake(
        "the head is added up from its least likely token on",
        "Which token of the head comes first?",
        lambda p, mass, n: _first(p, mass, n, order=lambda p: np.concatenate([_by_likelihood(p)[:n][::-1]])),
    ),
    Mistake(
        "the first n tokens of the row are taken for the head",
        "Which tokens are the likeliest?",
        lambda p, mass, n: _first(p, mass, n, order=lambda p: np.arange(len(p))),
    ),
)

LONG_ROWS = (
    # a nucleus of a long row, without sorting the row
    Exercise(
        id="11.6",
        kind="implement",
        title="top-p from the head of a row alone",
        key=lambda p, mass, n: cut(p, mass, n),
        cases=heads,
        mistakes=HEADS,
    ),
)
