"""The max-min search for the tables of P1.

On which tables is the most stubborn wrong sampler rejected soonest? A random pair of tables needs many more outputs
than a designed one, and some pairs are blind. The search starts from the best of many random pairs and climbs: it
moves weight between two tokens of a row and keeps what rejects the slowest rule sooner, or tells the two rules apart
that look most alike. All laws are exact, and the only draws are `rng.random()`: one seed gives one result.
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
from specsample.conformance.pack.large_laws import law_on, over_cells
from specsample.distributions import Array
from specsample.language_model import TableModel

TOTAL = 20  # of the weights of a row: every probability is a multiple of 1/20
RIVALS = 30
MISFIT = {"alpha": 1e-3, "power": 0.99}  # at which another rule's law must be found not to fit


@dataclass(frozen=True)
class Wanted:
    """The rules that tables are wanted for, and the setting."""

    rules: tuple[str, ...]  # ids, those that need the most outputs first
    shapes: tuple[tuple[int, ...], tuple[int, ...]]  # of the tables of p and q
    K: int  # drafts a round
    max_new_tokens: int
    least_cell: float  # least probability of a text under p
    reject_within: int = 10_000  # outputs that may be spent to reject a rule
    name_within: int = 3_000  # outputs that may be spent to tell two rules apart


def design(wanted: Wanted, *, restarts: int, steps: int, seed: int = 0) -> tuple[list[Array], float]:
    """Search tables (p, q) on which all rules are rejected, and told apart, with as few outputs as possible.

    It begins with `restarts` random pairs, then tries `steps` moves from the best; integer weights and their `cost`
    come back.
    """
    rng = np.random.default_rng(seed)
    tables = [random_weights(shape, rng) for shape in wanted.shapes]
    best = inf
    for i in range(restarts + steps):
        # first pairs that have nothing to do with each other, then neighbours of the best of them
        fresh = [random_weights(shape, rng) for shape in wanted.shapes] if i < restarts else moved(tables, rng)
        needed = cost(wanted, fresh, limit=best)
        if needed < best:
            tables = fresh
            best = needed
    return tables, best


def cost(wanted: Wanted, tables: Sequence[Array], *, limit: float = inf) -> float:
    """Compute which share of the outputs allowed the slowest rule, or the pair most alike, needs on tables (p, q).

    At most 1 is enough; infinite where a text is too improbable under p. The search stops at `limit`.
    """
    p = TableModel(fractions(tables[0]))
    q = TableModel(fractions(tables[1]))
    probe = Probe("candidate", "", Setting(p, q, K=wanted.K, max_new_tokens=wanted.max_new_tokens))
    target = probe.target_law()
    if min(target.values()) < wanted.least_cell:
        return inf
    order = 1 if p.table.ndim == q.table.ndim == 2 else 0
    law_of_p = np.array(over_cells(target, target))
    seen: list[Array] = []
    worst = 0.0
    # the hardest rules stand first, so that a poor pair of tables is given up after a few laws
    for name in wanted.rules:
        law = np.array(over_cells(law_on(WRONG[name], probe, order=order, bins=None) or {}, target))
        to_reject = required_n_against(law, law_of_p, rivals=RIVALS) / wanted.reject_within
        to_name = [outputs_to_tell(law, other) / wanted.name_within for other in seen]
        seen.append(law)
        worst = max(worst, to_reject, *to_name)
        if worst >= limit:
            break
    return worst


def outputs_to_tell(law: Array, other: Array) -> float:
    """Compute how many outputs of one law show that another one does not fit, whichever of the two they come from.

    n = λ* / (2 KL), for the goodness-of-fit statistic 2 n KL(seen, other) is about noncentral chi-square.
    """
    least = min(_divergence(law, other), _divergence(other, law))
    return noncentrality(len(law), **MISFIT) / (2 * least) if least > 0 else inf


def _divergence(a: Array, b: Array) -> float:
    """KL(a, b) = Σ a log(a/b); infinite where b excludes what a allows."""
    is_possible = a > 0
    a = a[is_possible]
    b = b[is_possible]
    return inf if (b == 0).any() else float(a @ np.log(a / b))


def random_weights(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw rows of V whole weights, at least 1, that sum to 20; some tokens are much likelier than others."""
    # the cube spreads the weights: most are small, a few large
    drawn = rng.random(shape) ** 3
    weights = 1 + (drawn / drawn.sum(axis=-1, keepdims=True) * (TOTAL - shape[-1])).astype(int)
    # what rounding down has left over goes to the likeliest token of the row
    likeliest = drawn.argmax(axis=-1)[..., None]
    filled = TOTAL - weights.sum(axis=-1, keepdims=True) + weights.max(axis=-1, keepdims=True)
    np.put_along_axis(weights, likeliest, filled, axis=-1)
    return weights


def moved(tables: Sequence[Array], rng: np.random.Generator) -> list[Array]:
    """Move weight between two tokens, in one or two rows of copies of the tables; every token keeps at least 1."""
    new = [table.copy() for table in tables]
    for _ in range(1 + int(2 * rng.random())):
        # any row of p or q: (rows, V)
        rows = new[int(len(new) * rng.random())].reshape(-1, new[0].shape[-1])
        row = rows[int(len(rows) * rng.random())]
        a = int(len(row) * rng.random())
        b = int(len(row) * rng.random())
        weight = min(int(row[a]) - 1, 1 + int(4 * rng.random()))
        row[a] -= weight
        row[b] += weight
    return new


def fractions(weights: Any) -> Array:
    """Normalise (..., V) integer weights to an array of Fraction."""
    exact = np.array(weights, object)
    return exact * Fraction(1) / exact.sum(axis=-1, keepdims=True)


# Every rule that shows on plain tables; those that need the most outputs, or look most alike, come first.
HARDEST = ("M41", "M21", "M34", "M01", "M04", "M19", "M20", "M22", "M28", "M24", "M08", "M29", "M13", "M15")
OTHERS = ("M18", "M03", "M30", "M02", "M42", "M06", "M36", "M17", "M12", "M09", "M10", "M26", "M05", "M11")
P1 = Wanted((*HARDEST, *OTHERS), shapes=((4, 4, 4), (4, 4)), K=2, max_new_tokens=3, least_cell=2e-4)
