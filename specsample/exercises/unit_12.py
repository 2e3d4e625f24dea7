"""The exercises of notebook 12, a real model."""

from fractions import Fraction
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake, one_question
from specsample.exercises.laws import at_least, distance
from specsample.exercises.on_costs import GAIN
from specsample.exercises.on_words import STREAM
from specsample.exercises.tables import row


def _drafted(seed: int) -> list[Case]:
    """List rows of p and q with a token: one that q never proposes, too."""
    pairs = [(row(1, 1), row(1, 0)), (row(1, 2, 1), row(1, 1, 0)), (row(2, 1), row(1, 1)), (row(1, 1), row(1, 1))]
    rng = np.random.default_rng(seed)
    drawn = [row(*rng.integers([1, 0, 0, 0], 5).tolist()) for _ in range(6)]
    pairs += zip(drawn[:3], drawn[3:], strict=True)
    said = "p = ({}), q = ({}), x = {}"
    texts = [(", ".join(map(str, p)), ", ".join(map(str, q))) for p, q in pairs]
    return [
        Case(said.format(*text, x), (p, q, x))
        for (p, q), text in zip(pairs, texts, strict=True)
        for x in reversed(range(len(p)))
    ]


def _excess(p: Array, q: Array, x: int) -> Any:
    """Return max(0, p(x) − q(x))."""
    return max(p[x] - q[x], Fraction(0))


def _refused(p: Array, q: Array) -> Any:
    """Return how often a draft is refused, 1 − β."""
    return sum(_excess(p, q, y) for y in range(len(p)))


EXERCISES = (
    STREAM,
    # a head over 8,192 of 49,152 ids: what is never drafted comes as a correction
    Exercise(
        id="12.2",
        kind="implement",
        title="how often a token comes as the correction of a first draft",
        key=_excess,
        cases=_drafted,
        mistakes=(
            Mistake(
                "a token that is never drafted never comes",
                "What is drawn when a draft is refused, and from which row?",
                lambda p, q, x: _excess(p, q, x) if q[x] else Fraction(0),
            ),
            Mistake(
                "the residual itself is given",
                "A residual is drawn from only where a draft was refused: how often is that?",
                lambda p, q, x: _excess(p, q, x) / (_refused(p, q) or 1),
            ),
            Mistake(
                "a refused draft is replaced from p",
                "What p and q share has come already, as accepted drafts.",
                lambda p, q, x: _refused(p, q) * p[x],
            ),
            Mistake(
                "p(x) is given: every way in which the token can come",
                "Some of it comes as an accepted draft.",
                lambda p, q, x: p[x],
            ),
            Mistake(
                "p and q have changed places",
                "Which tokens come too seldom as drafts?",
                lambda p, q, x: _excess(q, p, x),
            ),
            Mistake(
                "the difference is not cut at 0",
                "No probability is negative.",
                lambda p, q, x: p[x] - q[x],
            ),
            Mistake(
                "the share of accepted drafts is given",
                "That is how it comes as a draft. How does it come otherwise?",
                lambda p, q, x: min(p[x], q[x]),
            ),
        ),
        passes=(1, 0),
    ),
    # the catalogue's M48: who declines after a look at the token
    Exercise(
        id="12.3",
        kind="break it",
        title="p and q on which taking back improbable drafts (M48) is off by at least 1/5",
        # even a perfect draft: its favourite is kept whenever it is drawn, and has another chance when it is not
        key=([Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)],) * 2,
        cases=one_question,
        ask=distance("M48"),
        mistakes=(
            Mistake(
                "no draft is ever improbable: every token that q proposes has 1/2 or more",
                "What must happen for a draft to be taken back?",
                ([Fraction(3, 4), Fraction(1, 4)], [Fraction(1, 2), Fraction(1, 2)]),
                lambda answer: all(2 * x >= 1 for x in answer[1] if x),
            ),
            Mistake(
                "every draft is improbable, and so none is made",
                "If all are taken back, all tokens come from p. Which must be kept to do harm?",
                ([Fraction(1, 3)] * 3, [Fraction(1, 3)] * 3),
                lambda answer: all(2 * x < 1 for x in answer[1]),
            ),
            Mistake(
                "q's favourite is too sure, or p does not want it",
                "It should be drawn half of the time, and be kept then. What happens in the other half?",
                ([Fraction(1, 4), Fraction(3, 4)], [Fraction(3, 4), Fraction(1, 4)]),
                lambda answer: len(answer) == 2,
            ),
        ),
        **at_least(Fraction(1, 5)),
    ),
    GAIN,
)
