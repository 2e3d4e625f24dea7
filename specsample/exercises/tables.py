"""Small tables on which answers are tried, and runs on them.

Rows of fractions, the smallest and simplest first, zeros, ties, equal and disjoint rows among them; then random ones
from a seed.
"""

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.exercises.exercise import Case
from specsample.exercises.showing import show
from specsample.language_model import TableModel
from specsample.speculative import generate
from specsample.trace import Trace

# (V, K, tokens) of the runs whose traces are asked about, short ones first
SIZES = ((2, 1, 2), (2, 2, 6), (3, 2, 9), (3, 3, 12), (4, 5, 30), (4, 3, 30))


def row(*weights: int) -> Array:
    """Make a distribution of fractions from weights.

    Examples
    --------
    >>> row(1, 2)
    array([Fraction(1, 3), Fraction(2, 3)], dtype=object)
    """
    return np.array([Fraction(weight, sum(weights)) for weight in weights], object)


def table(weights: Any) -> TableModel:
    """Make a model of fractions from (V, ..., V) nested lists of weights."""
    counts = np.array(weights, object)
    rows = [row(*counts[index]) for index in np.ndindex(counts.shape[:-1])]
    return TableModel(np.array(rows).reshape(counts.shape))


def numbers(seed: int) -> list[Case]:
    """List pairs of single probabilities (p(x), q(x)) with q(x) > 0."""
    values = [Fraction(k, 4) for k in range(5)]  # p = q, p = 0 and p > q among their pairs
    values += [Fraction(int(k), 7) for k in np.random.default_rng(seed).integers(8, size=3)]
    cases = [(a, b) for a in values for b in values if b > 0]
    return [Case(f"p(x) = {a}, q(x) = {b}", (a, b)) for a, b in cases]


def pairs(seed: int, *, covered: bool = False) -> list[Case]:
    """List pairs of rows (p, q); only those in which q can draw every token that p can, if asked."""
    # all pairs of six rows over two tokens: equal, disjoint and everything between
    small = [row(*w) for w in ((1, 1), (1, 2), (3, 1), (1, 0), (0, 1), (1, 3))]
    known = [(row(1, 2, 3), row(3, 2, 1)), (row(0, 1, 1), row(2, 1, 1)), (row(1, 1, 1), row(0, 1, 3))]
    # random ones, so that nobody can learn the cases by heart
    rng = np.random.default_rng(seed)
    drawn: list[tuple[Array, Array]] = []
    for V in [3] * 8 + [4] * 8:
        p = row(*_weights(rng, V, 0))
        q = row(*_weights(rng, V, int(covered)))
        drawn.append((p, q))
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
    """Draw a target and a draft model of V tokens, which look at `order` tokens of context."""
    rng = np.random.default_rng(seed)
    shape = (V,) * (order + 1)
    target = table(rng.integers(1, 6, shape))
    draft = table(rng.integers(1, 6, shape))
    return target, draft


def run(target: TableModel, drafter: TableModel, *, K: int, n: int, seed: int = 0) -> Trace:
    """Continue token 0 by n tokens with the library."""
    return generate([0], target, drafter, K=K, max_new_tokens=n, rng=np.random.default_rng(seed))[1]


def traces(seed: int) -> list[Case]:
    """List runs on small tables, short ones first."""
    runs = [run(*model_pair(seed + i, V), K=K, n=n, seed=i) for i, (V, K, n) in enumerate(SIZES)]
    return [Case(_describe(trace), (trace,)) for trace in runs]


def _describe(trace: Trace) -> str:
    """Say what happened in a run, in one line."""
    said = [f"{played.n_accepted} of {played.K} accepted" for played in trace.rounds[:6]]
    return f"a run of {len(trace.rounds)} rounds ({', '.join(said)}{', ...' if len(trace.rounds) > 6 else ''})"
