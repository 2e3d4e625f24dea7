"""A search for tables on which a sampler is worst.

It ends in a counterexample to check by hand. One fixed pair (p, q) proves little: a wrong block verification is
exactly right on the pair of the block verification paper. The search climbs over tables of small fractions, from
several starts, to a large distance, and then shrinks: fewer tokens, smaller denominators.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from math import gcd
from typing import Any

import numpy as np

from specsample.conformance.laws.exact import Law, explain, total_variation
from specsample.conformance.laws.open_round import law_of
from specsample.conformance.laws.probes import Probe
from specsample.conformance.laws.setting import Setting
from specsample.distributions import Array
from specsample.language_model import TableModel

Rows = tuple[tuple[int, ...], ...]  # one tuple of V weights for each context of p, then of q


@dataclass(frozen=True)
class Counterexample:
    """The tables on which a sampler's law is far from the target's, or the same where none showed a difference."""

    probe: Probe  # with the tables, K and the number of tokens
    law: Law  # of what the sampler emits
    tried: int  # tables that were looked at

    @property
    def total_variation(self) -> Any:
        """Distance from the target's law, a Fraction; 0 where none was found."""
        return total_variation(self.law, self.probe.target_law())

    def __str__(self) -> str:
        setting = self.probe.setting
        models: list[tuple[str, Any]] = [("p", setting.target_model), ("q", setting.draft_model)]
        lines = [line for name, model in models for line in _lines(name, model.table)]
        lines += [f"K = {setting.K} drafts, n = {setting.max_new_tokens} tokens, after {list(setting.prompt)}"]
        lines += [f"a: what the sampler emits, b: the target; the worst of {self.tried} tables, shrunk"]
        return "\n".join([*lines, explain(self.law, self.probe.target_law(), n=6)])


def worst_case(
    sampler: Callable[..., Any],
    V: int,
    K: int,
    n: int,
    *,
    order: int = 0,
    denominator: int = 12,
    restarts: int = 6,
    steps: int = 30,
    seed: int = 0,
) -> Counterexample:
    """Search for the tables on which a sampler is furthest from its target, and shrink them.

    Parameters
    ----------
    sampler : function with the arguments of `speculative.generate`
    V : int >= 2, tokens in the vocabulary
    K : int >= 0, drafts a round
    n : int >= 1, tokens to generate
    order : int >= 0, tokens of context that the tables look at
    denominator : int, of the probabilities during the climb
    restarts : int, random tables to start from
    steps : int, tables to try from each start
    seed : int, of the search

    Returns
    -------
    Counterexample, which prints itself

    Raises
    ------
    ValueError
        If V or n leaves nothing to get wrong.

    Examples
    --------
    >>> from specsample.conformance import wrong_samplers
    >>> worst_case(wrong_samplers["M01"].generate, V=2, K=1, n=2, restarts=1, steps=10).total_variation
    Fraction(1, 4)
    """
    if V < 2 or n < 1:
        raise ValueError(f"V must be at least 2 and n at least 1, or there is nothing to get wrong; got {V} and {n}.")

    # a climb asks for the rows that it stands on again and again
    @cache
    def distance(rows: Rows, n: int) -> Any:
        probe = _probe(rows, K, n)
        return total_variation(law_of(sampler, probe), probe.target_law())

    # climb from each start, and take the best
    rng = np.random.default_rng(seed)
    starts = [_random_rows(rng, 2 * V**order, V, denominator) for _ in range(restarts)]
    climbed = [_climb(start, lambda rows: distance(rows, n), steps, rng) for start in starts]
    found = max(climbed, key=lambda rows: distance(rows, n))
    if distance(found, n) > 0:  # or there is nothing to keep while shrinking
        found, n = _shrink(found, n, distance)
    probe = _probe(found, K, n)
    return Counterexample(probe, law_of(sampler, probe), distance.cache_info().currsize)


def _climb(rows: Rows, distance: Callable[[Rows], Any], steps: int, rng: np.random.Generator) -> Rows:
    """Move weight between two tokens of one row; keep what is not nearer to the target."""
    for _ in range(steps):
        i = int(rng.integers(len(rows)))
        row = list(rows[i])
        a, b = rng.choice(len(row), 2, replace=False)
        moved = int(rng.integers(row[a] + 1))
        row[a] -= moved
        row[b] += moved
        candidate = (*rows[:i], tuple(row), *rows[i + 1 :])
        # equals are taken too: on a plateau the climb goes on walking
        if distance(candidate) >= distance(rows):
            rows = candidate
    return rows


def _shrink(rows: Rows, n: int, distance: Callable[[Rows, int], Any]) -> tuple[Rows, int]:
    """Ask for as few tokens as show a difference, then take simpler rows while they keep half of it."""
    while n > 1 and distance(rows, n - 1) > 0:
        n -= 1
    # half of the distance may be lost for tables that a reader can check by hand
    enough = distance(rows, n) / 2

    def simpler(rows: Rows) -> Iterator[Rows]:
        for i, row in enumerate(rows):
            yield from ((*rows[:i], nearby, *rows[i + 1 :]) for nearby in _roundings(row))

    # one row at a time, until no row can be rounded any more
    while True:
        better = next((candidate for candidate in simpler(rows) if distance(candidate, n) >= enough), None)
        if better is None:
            return rows, n
        rows = better


def _roundings(row: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Round a row to every smaller denominator, the smallest first, each weight up or down."""
    total = sum(row) // gcd(*row)  # the denominator that the row has now
    for d in range(1, total):
        ways = [{w * d // sum(row), -(-w * d // sum(row))} for w in row]  # floor and ceiling of w d / sum
        yield from (rounded for rounded in product(*map(sorted, ways)) if sum(rounded) == d)


def _random_rows(rng: np.random.Generator, n_rows: int, V: int, denominator: int) -> Rows:
    """Draw rows of V weights, some of them small or 0."""
    return tuple(tuple(rng.multinomial(denominator, rng.dirichlet(np.ones(V))).tolist()) for _ in range(n_rows))


def _probe(rows: Rows, K: int, n: int) -> Probe:
    """Build the pair of table models."""
    V = len(rows[0])
    table = np.array([[Fraction(w, sum(row)) for w in row] for row in rows], object)
    # V^order rows each, the first half of p, the second of q
    half = len(rows) // 2
    shape = [V]
    while V ** len(shape) < half * V:
        shape.append(V)
    p = TableModel(table[:half].reshape(shape))
    q = TableModel(table[half:].reshape(shape))
    return Probe("found", "by search", Setting(p, q, K=K, max_new_tokens=n))


def _lines(name: str, table: Array) -> Iterator[str]:
    """Write one line a row: p(. | 0, 1) = 1/2 1/4 1/4."""
    for context in np.ndindex(table.shape[:-1]):
        given = f"(. | {', '.join(map(str, context))})" if context else ""
        yield f"{name}{given} = {'  '.join(map(str, table[context]))}"
