"""The exercises of notebook 05, is it lossless."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from specsample.acceptance import overlap
from specsample.conformance.laws.exact import Law, target_law
from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake, one_question
from specsample.exercises.laws import at_least, distance, is_disjoint, is_equal, is_flat, read
from specsample.exercises.showing import show
from specsample.exercises.tables import model_pair, row
from specsample.language_model import TableModel


def _tables(seed: int) -> list[Case]:
    """List tables of fractions, one row for each last token."""
    # the rows of a table differ, so that it matters which of them is read
    tables = [np.array([row(1, 1), row(1, 3)]), np.array([row(1, 0), row(0, 1)])]
    tables += [model_pair(seed + i, V)[0].table for i, V in enumerate((2, 2, 3, 3, 4))]
    return [Case(f"p(. | x) = {show(rows)}", (rows,)) for rows in tables]


def _joint(pair: Callable[[Array, int, int], Any]) -> Callable[[Array], Law]:
    """Make a law of two tokens from a formula."""
    # a law is a dict from outcomes, here pairs of tokens, to their probabilities
    return lambda table: {(a, b): pair(table, a, b) for a in range(len(table)) for b in range(len(table))}


def _bound(answer: Any) -> Any:
    """The most that M01 can be off: β (1 - β)."""
    p, q = read(answer)
    return overlap(p, q) * (1 - overlap(p, q))


EXERCISES = (
    # what the exact laws of the other exercises are made of
    Exercise(
        id="05.1",
        kind="implement",
        title="the exact law of two tokens, from a table",
        key=lambda table: target_law(TableModel(table), [0], 2),  # after token 0
        cases=_tables,
        mistakes=(
            Mistake(
                "both tokens are drawn from the same row",
                "The second token follows the first. Which row of the table is its distribution?",
                _joint(lambda table, a, b: table[0, a] * table[0, b]),
            ),
            Mistake(
                "row and column are swapped",
                "table[a, b] is the probability of b after a.",
                _joint(lambda table, a, b: table[0, a] * table[b, a]),
            ),
            Mistake(
                "probabilities are added",
                "Both things must happen.",
                _joint(lambda table, a, b: table[0, a] + table[a, b]),
            ),
            Mistake(
                "the first token is left out: p(b | a) alone",
                "How likely is a in the first place?",
                _joint(lambda table, a, b: table[a, b]),
            ),
            Mistake(
                "all first tokens are taken to be equally likely",
                "The text starts with token 0. Which row is the distribution of what follows it?",
                _joint(lambda table, a, b: table[a, b] / len(table)),
            ),
            Mistake(
                "the first token is kept as key alone",
                "An outcome is a pair of tokens.",
                lambda table: {a: table[0, a] for a in range(len(table))},
            ),
        ),
        passes=(3, 0),
    ),
    # a mistake that is right on disjoint rows, and elsewhere wrong by β (1 - β) at most
    Exercise(
        id="05.2",
        kind="break it",
        title="p and q on which a correction drawn from p (M01) is off by at least 1/5",
        # β = 1/2, at which β (1 - β) is largest: off by 1/4
        key=([Fraction(1, 2), Fraction(1, 2)], [0, 1]),
        cases=one_question,
        ask=distance("M01"),
        mistakes=(
            Mistake(
                "p = q",
                "If p = q no draft is ever refused. When does a correction come up at all?",
                ([Fraction(1, 2)] * 2, [Fraction(1, 2)] * 2),
                is_equal,
            ),
            Mistake(
                "p and q share no token",
                "Then every draft is refused, and the residual is p itself: this mistake is right there.",
                ([1, 0], [0, 1]),
                is_disjoint,
            ),
            Mistake(
                "p and q are too close, or too far apart",
                "The error is at most β (1 - β), with β the overlap. Which β is best?",
                ([Fraction(1, 2), Fraction(1, 2)], [Fraction(1, 4), Fraction(3, 4)]),
                lambda answer: _bound(answer) < Fraction(1, 5),
            ),
            # whatever else falls short
            Mistake(
                "the kept drafts, min(p, q), are spread too much as p is",
                "Such a token comes up too often by what was kept of it. What if q drafts one token alone?",
                ([Fraction(1, 4), Fraction(3, 4)], [Fraction(3, 4), Fraction(1, 4)]),
                lambda answer: _bound(answer) >= Fraction(1, 5),
            ),
        ),
        **at_least(Fraction(1, 5)),
    ),
    # a row too early: rows that do not depend on the text cannot show it
    Exercise(
        id="05.3",
        kind="break it",
        title="tables p, q of two tokens on which the wrong bonus row (M15) is off by at least 1/2",
        # both always alternate: every draft is kept, and the wrong row gives the other token
        key=([[0, 1], [1, 0]], [[0, 1], [1, 0]]),
        cases=one_question,
        ask=distance("M15", lambda law: law),
        mistakes=(
            Mistake(
                "p and q ignore the text",
                "If all rows are equal, nobody can see which of them was read.",
                ([[Fraction(1, 2)] * 2] * 2, [[Fraction(1, 2)] * 2] * 2),
                is_flat,
            ),
            Mistake(
                "the row after a token differs too little from the row before it, or too few drafts are kept",
                "When does a bonus come up at all? And on which tables would nobody see that its row is a wrong one?",
                ([[1, 0], [0, 1]], [[1, 0], [0, 1]]),
                lambda answer: len(read(answer)) == 2,
            ),
        ),
        **at_least(Fraction(1, 2)),
    ),
)
