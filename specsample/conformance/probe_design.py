"""On which tables is the most stubborn wrong sampler rejected soonest? A max-min search over exact laws.

A random pair of tables needs 10 to 100 times as many outputs as a designed one, and some pairs are blind. The search
starts from the best of many random pairs and climbs: it moves weight between two tokens of a row and keeps what
rejects the slowest rule sooner. All laws are exact fractions; the only random draws are `rng.random()`, so that one
seed gives one result. Before this file: `probe_laws`; after it: `make_probes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any

import numpy as np

from specsample.conformance.probe_laws import law_on
from specsample.conformance.probes import Probe
from specsample.conformance.sample_size import required_n_against
from specsample.conformance.wrong_samplers import WRONG
from specsample.distributions import Array
from specsample.language_model import TableModel

TOTAL = 20  # of the weights of a row: every probability is a multiple of 1/20
RIVALS = 30


@dataclass(frozen=True)
class Task:
    """Say for which rules and in which setting tables are wanted.

    Parameters
    ----------
    rules : tuple of str, ids of rules, those that need the most outputs first
    shapes : tuple of two tuples, the shapes of the tables of p and q
    K : int, drafts a round
    n : int, tokens
    least_cell : float, least probability of a text under p
    """

    rules: tuple[str, ...]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    K: int
    n: int
    least_cell: float


def design(task: Task, *, restarts: int, steps: int, seed: int = 0) -> tuple[list[Array], float]:
    """Search tables on which the slowest of some rules is rejected as soon as possible.

    Parameters
    ----------
    task : Task
    restarts : int >= 1, random pairs to begin with
    steps : int >= 0, moves to try from the best of them
    seed : int

    Returns
    -------
    ([p, q], integer weights; float, outputs that reject the slowest rule)
    """
    rng = np.random.default_rng(seed)
    tables, best = [random_weights(shape, rng) for shape in task.shapes], inf
    for _ in range(restarts):
        candidate = [random_weights(shape, rng) for shape in task.shapes]
        if (n := slowest(task, candidate, limit=best)) < best:
            tables, best = candidate, n
    for _ in range(steps):
        candidate = moved(tables, rng)
        if (n := slowest(task, candidate, limit=best)) < best:
            tables, best = candidate, n
    return tables, best


def slowest(task: Task, tables: Sequence[Array], *, limit: float = inf) -> float:
    """Compute how many outputs reject all rules of a task.

    Parameters
    ----------
    task : Task
    tables : (p, q), integer weights
    limit : float, stop counting there

    Returns
    -------
    float; infinite where a text is too improbable under p
    """
    p, q = (TableModel(fractions(weights)) for weights in tables)
    probe = Probe("candidate", "", p, q, K=task.K, n=task.n)
    target, worst = probe.target_law(), 0.0
    if min(target.values()) < task.least_cell:
        return inf
    rules = {rule.id: rule for rule in WRONG}
    for name in task.rules:
        law = law_on(rules[name], probe, order=1 if p.table.ndim == q.table.ndim == 2 else 0, bins=None) or {}
        cells = sorted({**target, **law})
        both = ([float(side.get(cell, 0)) for cell in cells] for side in (law, target))
        worst = max(worst, required_n_against(*both, rivals=RIVALS))
        if worst >= limit:
            break
    return worst


def random_weights(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw integer weights, at least 1, of rows that sum to 20; some tokens are much likelier than others.

    Parameters
    ----------
    shape : tuple of int, the last one is V
    rng : numpy.random.Generator

    Returns
    -------
    (..., V) int array
    """
    drawn = rng.random(shape) ** 3
    weights = 1 + (drawn / drawn.sum(axis=-1, keepdims=True) * (TOTAL - shape[-1])).astype(int)
    np.put_along_axis(
        weights,
        drawn.argmax(axis=-1)[..., None],
        TOTAL - weights.sum(axis=-1, keepdims=True) + weights.max(axis=-1, keepdims=True),
        axis=-1,
    )
    return weights


def moved(tables: Sequence[Array], rng: np.random.Generator) -> list[Array]:
    """Move weight between two tokens, in one or two rows; every token keeps at least 1.

    Parameters
    ----------
    tables : sequence of (..., V) int arrays
    rng : numpy.random.Generator

    Returns
    -------
    list of new arrays
    """
    new = [table.copy() for table in tables]
    for _ in range(1 + int(2 * rng.random())):
        rows = new[int(len(new) * rng.random())].reshape(-1, new[0].shape[-1])
        row = rows[int(len(rows) * rng.random())]
        a, b = int(len(row) * rng.random()), int(len(row) * rng.random())
        weight = min(int(row[a]) - 1, 1 + int(4 * rng.random()))
        row[a] -= weight
        row[b] += weight
    return new


def fractions(weights: Any) -> Array:
    """Normalise integer weights.

    Parameters
    ----------
    weights : (..., V) int array

    Returns
    -------
    (..., V) array of Fraction
    """
    exact = np.array(weights, object)
    return exact * Fraction(1) / exact.sum(axis=-1, keepdims=True)


# M41 and M21 need the most outputs; the others follow in the order in which they are likely to need many
P1 = Task(("M41", "M21", "M19", "M22", "M24", "M20", "M13", "M29"), ((4, 4, 4), (4, 4)), K=2, n=3, least_cell=2e-4)
P3 = Task(("M34", "M19", "M13", "M20"), ((4, 4), (4, 4)), K=3, n=5, least_cell=0.0)
P9 = Task(("M30",), ((3, 3, 3), (3, 3)), K=2, n=4, least_cell=2e-4)
