"""What is asked in notebook 05, is it lossless?"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from specsample.conformance.laws.exact import Law, target_law, total_variation
from specsample.conformance.laws.open_round import law_of
from specsample.conformance.laws.probes import Probe, first_token
from specsample.conformance.laws.setting import Setting
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake, call, one_question
from specsample.exercises.showing import show
from specsample.exercises.tables import model_pair, row
from specsample.language_model import TableModel


def _tables(seed: int) -> list[Case]:
    """List tables of fractions, one row for each last token."""
    tables = [np.array([row(1, 1), row(1, 3)]), np.array([row(1, 0), row(0, 1)])]
    tables += [model_pair(seed + i, V)[0].table for i, V in enumerate((2, 2, 3, 3, 4))]
    return [Case(f"p(. | x) = {show(rows)}", (rows,)) for rows in tables]


def _two_tokens(table: Array) -> Law:
    """The joint law of two tokens after token 0."""
    return target_law(TableModel(table), [0], 2)


def _joint(pair: Callable[[Array, int, int], Any]) -> Callable[[Array], Law]:
    """Make a law of two tokens from a formula."""
    return lambda table: {(a, b): pair(table, a, b) for a in range(len(table)) for b in range(len(table))}


def distance(id: str, of: Callable[[Law], Law] = first_token) -> Callable[[Any, Case], Any]:
    """Make a judge: how far a wrong sampler is from its target on the (p, q) that an answer gives, with K = 1.

    Parameters
    ----------
    id : str, of the catalogue
    of : what is compared of the laws of two tokens
    """

    def ask(answer: Any, case: Case) -> Any:
        p, q = (TableModel(rows) for rows in _read(answer))
        probe = Probe("yours", "the student's", Setting(p, q, K=1, max_new_tokens=2))
        return total_variation(of(law_of(WRONG[id].generate, probe)), of(probe.target_law()))

    return ask


def at_least(bound: Fraction) -> dict[str, Any]:
    """Make the two fields of an exercise that asks for a distance.

    Parameters
    ----------
    bound : Fraction
    """
    return {
        "agrees": lambda got, wanted: got >= bound,
        "wanted": lambda wanted: f"a total variation of at least {bound}",
    }


def is_flat(answer: Any) -> bool:
    """Say whether p and q ignore the text.

    Parameters
    ----------
    answer : (p, q), each (V, V)
    """
    return all(bool((rows == rows[0]).all()) for rows in _read(answer))


def is_equal(answer: Any) -> bool:
    """Say whether p = q.

    Parameters
    ----------
    answer : (p, q)
    """
    p, q = _read(answer)
    return bool(np.array_equal(p, q))


def is_disjoint(answer: Any) -> bool:
    """Say whether p and q share no token.

    Parameters
    ----------
    answer : (p, q)
    """
    p, q = _read(answer)
    return bool((np.minimum(p, q) == 0).all())


def _read(answer: Any) -> list[Array]:
    """Read two tables of numbers as fractions."""
    p, q = answer
    tables = [np.array(rows, object) for rows in (p, q)]
    return [np.array([Fraction(x) for x in rows.ravel()], object).reshape(rows.shape) for rows in tables]


EQUAL = (
    "p = q",
    "If p = q no draft is ever refused. When does a correction come up at all?",
    ([Fraction(1, 2)] * 2, [Fraction(1, 2)] * 2),
    is_equal,
)

EXERCISES = (
    Exercise(
        "05.1",
        "implement",
        "the exact law of two tokens, from a table",
        _two_tokens,
        _tables,
        call,
        (
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
        ),
        passes=(3, 0),
    ),
    Exercise(
        "05.2",
        "break it",
        "p and q on which a correction drawn from p (M01) is off by at least 1/5",
        ([Fraction(1, 2), Fraction(1, 2)], [0, 1]),
        one_question,
        distance("M01"),
        (
            Mistake(*EQUAL),
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
                lambda answer: len(_read(answer)) == 2,
            ),
        ),
        **at_least(Fraction(1, 5)),
    ),
    Exercise(
        "05.3",
        "break it",
        "tables p, q of two tokens on which the wrong bonus row (M15) is off by at least 1/2",
        ([[0, 1], [1, 0]], [[0, 1], [1, 0]]),
        one_question,
        distance("M15", lambda law: law),
        (
            Mistake(
                "p and q ignore the text",
                "If all rows are equal, nobody can see which of them was read.",
                ([[Fraction(1, 2)] * 2] * 2, [[Fraction(1, 2)] * 2] * 2),
                is_flat,
            ),
            Mistake(
                "the row after a token hardly differs from the row before it, or no draft is kept",
                "When does a bonus come up at all? And on which tables would nobody see that its row is a wrong one?",
                ([[1, 0], [0, 1]], [[1, 0], [0, 1]]),
                lambda answer: len(_read(answer)) == 2,
            ),
        ),
        **at_least(Fraction(1, 2)),
    ),
)
