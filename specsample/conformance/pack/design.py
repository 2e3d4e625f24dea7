"""On which tables is the most stubborn wrong sampler rejected soonest? A max-min search over exact laws.

A random pair of tables needs many more outputs than a designed one, and some pairs are blind. The search
starts from the best of many random pairs and climbs: it moves weight between two tokens of a row and keeps what
rejects the slowest rule sooner, or tells the two rules apart that look most alike. All laws are exact fractions; the
only random draws are `rng.random()`, so that one seed gives one result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any

import numpy as np

from specsample.conformance.evidence.sizes import noncentrality, required_n_against
from specsample.conformance.laws.probes import Probe
from specsample.conformance.laws.setting import Setting
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.pack.large_laws import law_on
from specsample.distributions import Array
from specsample.language_model import TableModel

TOTAL = 20  # of the weights of a row: every probability is a multiple of 1/20
RIVALS = 30
MISFIT = {"alpha": 1e-3, "power": 0.99}  # at which another rule's law must be found not to fit


@dataclass(frozen=True)
class Wanted:
    """The rules that tables are wanted for, and the setting.

    Parameters
    ----------
    rules : tuple of str, ids of rules, those that need the most outputs first
    shapes : tuple of two tuples, the shapes of the tables of p and q
    K : int, drafts a round
    max_new_tokens : int
    least_cell : float, least probability of a text under p
    reject_within : int, outputs that may be spent to reject a rule
    name_within : int, outputs that may be spent to tell two rules apart
    """

    rules: tuple[str, ...]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    K: int
    max_new_tokens: int
    least_cell: float
    reject_within: int = 10_000
    name_within: int = 3_000


def design(wanted: Wanted, *, restarts: int, steps: int, seed: int = 0) -> tuple[list[Array], float]:
    """Search tables on which all rules are rejected, and told apart, with as few outputs as possible.

    Parameters
    ----------
    wanted : Wanted
    restarts : int >= 1, random pairs to begin with
    steps : int >= 0, moves to try from the best of them
    seed : int

    Returns
    -------
    ([p, q], integer weights; float, their `cost`)
    """
    rng = np.random.default_rng(seed)
    tables, best = [random_weights(shape, rng) for shape in wanted.shapes], inf
    for i in range(restarts + steps):
        fresh = [random_weights(shape, rng) for shape in wanted.shapes] if i < restarts else moved(tables, rng)
        if (needed := cost(wanted, fresh, limit=best)) < best:
            tables, best = fresh, needed
    return tables, best


def cost(wanted: Wanted, tables: Sequence[Array], *, limit: float = inf) -> float:
    """Compute which share of the outputs allowed the slowest rule, or the pair most alike, needs.

    Parameters
    ----------
    wanted : Wanted
    tables : (p, q), integer weights
    limit : float, stop there

    Returns
    -------
    float, at most 1 if that is enough; infinite where a text is too improbable under p
    """
    p, q = (TableModel(fractions(weights)) for weights in tables)
    probe = Probe("candidate", "", Setting(p, q, K=wanted.K, max_new_tokens=wanted.max_new_tokens))
    target, worst, seen = probe.target_law(), 0.0, list[Array]()
    if min(target.values()) < wanted.least_cell:
        return inf
    order = 1 if p.table.ndim == q.table.ndim == 2 else 0
    for name in wanted.rules:
        law = law_on(WRONG[name], probe, order=order, bins=None) or {}
        outside = sum((mass for cell, mass in law.items() if cell not in target), Fraction(0))
        m, law_of_p = (np.array([*(float(side.get(cell, 0)) for cell in target), 0.0]) for side in (law, target))
        m[-1] = float(outside)
        needed = [required_n_against(m, law_of_p, rivals=RIVALS) / wanted.reject_within]
        needed += [outputs_to_tell(m, other) / wanted.name_within for other in seen]
        seen, worst = [*seen, m], max(worst, *needed)
        if worst >= limit:
            break
    return worst


def outputs_to_tell(law: Array, other: Array) -> float:
    """Compute how many outputs of one law show that another one does not fit, whichever of the two they come from.

    n = λ* / (2 KL), for the goodness-of-fit statistic 2 n KL(seen, other) is about noncentral chi-square.

    Parameters
    ----------
    law, other : (C,) array

    Returns
    -------
    float; infinite where the laws are equal
    """
    least = min(_divergence(law, other), _divergence(other, law))
    return noncentrality(len(law), **MISFIT) / (2 * least) if least > 0 else inf


def _divergence(a: Array, b: Array) -> float:
    """KL(a, b) = Σ a log(a/b); infinite where b excludes what a allows."""
    a, b = a[a > 0], b[a > 0]
    return inf if (b == 0).any() else float(a @ np.log(a / b))


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


# Every rule that shows on plain tables; those that need the most outputs, or look most alike, come first.
HARDEST = ("M41", "M21", "M34", "M01", "M04", "M19", "M20", "M22", "M28", "M24", "M08", "M29", "M13", "M15")
OTHERS = ("M18", "M03", "M30", "M02", "M42", "M06", "M36", "M17", "M12", "M09", "M10", "M26", "M05", "M11")
P1 = Wanted((*HARDEST, *OTHERS), shapes=((4, 4, 4), (4, 4)), K=2, max_new_tokens=3, least_cell=2e-4)
