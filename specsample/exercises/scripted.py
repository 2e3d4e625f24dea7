"""Rounds with scripted uniform numbers, and wrong rules that judge them."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.laws.open_round import Ruling, Seen, judge
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.distributions import Array
from specsample.exercises.exercise import Case
from specsample.exercises.showing import show, token
from specsample.exercises.tables import row
from specsample.speculative import verify


class Script(NamedTuple):
    """Uniform numbers that were written down before: a tape."""

    numbers: Any

    def random(self, n: int) -> Any:
        """Give the first n."""
        return self.numbers[:n]


def scripted_rounds(seed: int) -> list[Case]:
    """List drafts, rows and uniform numbers, among them u = 0 and u exactly at its threshold."""
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    sizes = [(1, 2)] * 6 + [(2, 2)] * 8 + [(2, 3)] * 12 + [(3, 3)] * 12
    for K, V in sizes:
        p = _rows(rng, K + 1, V)
        q = _rows(rng, K, V)
        # only what q can draw is drafted
        x = [int(rng.choice(np.flatnonzero(rows > 0))) for rows in q]
        # each test gets 0, its threshold p/q, or a random eighth: < and <= differ at the first two
        u: list[Fraction] = []
        for i in range(K):
            threshold = min(p[i, x[i]] / q[i, x[i]], Fraction(7, 8))
            u.append([Fraction(0), threshold, Fraction(int(rng.integers(8)), 8)][rng.integers(3)])
        u_emit = Fraction(int(rng.integers(16)), 16)
        rows = f"drafts {x}, q = {show(q)}, p = {show(p)}, u = {show(u)}, u_emit = {u_emit}"
        cases.append(Case(rows, (x, q, p, u, u_emit)))
    return sorted(cases, key=lambda case: len(case.label))


def _rows(rng: np.random.Generator, n: int, V: int) -> Array:
    """Draw n rows of small fractions, none of them 0 everywhere."""
    rows: list[Array] = []
    for _ in range(n):
        weights = rng.integers(0, 4, V)
        weights[rng.integers(V)] += 1
        rows.append(row(*weights.tolist()))
    return np.array(rows)


def as_verify(answer: Any, case: Case) -> Any:
    """Ask a function: call it as `verify` is called."""
    *rows, u_accept, u_emit = case.arguments
    made = answer(*rows, u_accept=u_accept, u_emit=u_emit)
    return tuple(map(token, made)) if isinstance(made, tuple | list) else made


def by_the_library(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> tuple[int, int]:
    """Judge a round as the library does."""
    return tuple(verify(x, q, p, u_accept=u_accept, u_emit=u_emit))  # type: ignore[return-value]


def by_the_catalogue(id: str) -> Any:
    """Turn a wrong sampler of the catalogue into a function like `verify`."""
    sampler: Any = WRONG[id].generate  # a partial of `speculate`
    return _as_function(sampler.keywords["judging"])


def by_pieces(**pieces: Any) -> Any:
    """Turn a right round with wrong pieces, as `open_round.judge` takes them, into a function like `verify`."""
    return _as_function(partial(judge, **pieces))


def _as_function(rule: Callable[..., Ruling]) -> Any:
    """Turn a rule of the catalogue's form into a function like `verify`."""

    def wrong(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> tuple[int, int]:
        # a round at the start of a text, with no stop tokens; the catalogue's rules draw K + 1 numbers from a tape
        ruling = rule(Seen([0], [], x, q, p, ()), Script([*u_accept, u_emit]))
        return ruling.n_accepted, ruling.emitted[-1]

    return wrong


def counting_all(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> tuple[int, int]:
    """Count every draft that would pass, also after a rejection."""
    passes = [bool(u_accept[i] < p[i, token] / q[i, token]) for i, token in enumerate(x)]
    return sum(passes), by_the_library(x, q, p, u_accept=u_accept, u_emit=u_emit)[1]
