"""Exercises of notebook 08 on the positions of a round."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.exercises.tables import traces
from specsample.theory import expected_tokens, expected_tokens_by_position
from specsample.trace import Round, Trace


def rates(seed: int) -> list[Case]:
    """List rates of the drafts of a round, as fractions."""
    half = Fraction(1, 2)
    rows: list[list[Any]] = [[half], [half, 0], [0, 1], [1, half], [1, 1, 1], [half] * 4]
    rows += [[Fraction(3, 4), half, Fraction(1, 4)]]
    rng = np.random.default_rng(seed)
    rows += [[Fraction(int(k), 8) for k in rng.integers(0, 9, K)] for K in (2, 3, 5)]
    return [Case(f"rates = [{', '.join(map(str, row))}]", (row,)) for row in rows]


TOKENS = (
    Mistake(
        "every draft is taken to be tested: 1 + r_1 + r_2 + ...",
        "Who looks at the second draft if the first was refused?",
        lambda r: 1 + sum(r),
    ),
    Mistake(
        "the rates are averaged, and equation 1 is used",
        "Does a round with rates (1, 0) emit as many tokens as one with rates (0, 1)?",
        lambda r: expected_tokens(Fraction(sum(r)) / len(r), len(r)),
    ),
    Mistake(
        "a round keeps all or nothing: 1 + K r_1 ... r_K",
        "What does a round emit if its second draft is refused?",
        lambda r: 1 + len(r) * prod(r),
    ),
    Mistake(
        "the products begin at the last draft",
        "Which drafts must have been kept before draft i is looked at?",
        lambda r: 1 + sum(prod(r[i:]) for i in range(len(r))),
    ),
    Mistake(
        "each rate is raised to the power of its position",
        "For draft 3 to stay, which three things must happen?",
        lambda r: 1 + sum(x ** (i + 1) for i, x in enumerate(r)),
    ),
    Mistake(
        "only the chance that all drafts are kept is added",
        "A round in which only the first draft is kept emits two tokens.",
        lambda r: 1 + prod(r),
    ),
)


# --- counted in a trace ------------------------------------------------------------------------------------------


Measure = Callable[[Trace], list[float]]


def by_position(trace: Trace) -> list[float]:
    """Divide accepted by tested at each position; 0 where nothing was tested."""
    return counted(lambda r, i: r.n_accepted > i, lambda r, i: r.n_tested > i)(trace)


def counted(above: Callable[[Round, int], Any], below: Callable[[Round, int], Any]) -> Measure:
    """Make a measurement of what is counted above the line and below it, round by round."""

    def measure(trace: Trace) -> list[float]:
        K = max(played.K for played in trace.rounds)
        pairs = [[sum(count(r, i) for r in trace.rounds) for count in (above, below)] for i in range(K)]
        return [a / b if b else 0 for a, b in pairs]

    return measure


def _at_all(trace: Trace) -> Sequence[float]:
    """Give one rate for every position."""
    return [trace.acceptance_rate] * max(played.K for played in trace.rounds)


RATES = (
    Mistake(
        "accepted drafts are divided by all rounds",
        "In how many rounds was the i-th draft looked at at all?",
        counted(lambda r, i: r.n_accepted > i, lambda r, i: 1),
    ),
    Mistake(
        "accepted drafts are divided by drafts made, tested or not",
        "Drafts after a refusal never met their uniform number. Can they have been refused?",
        counted(lambda r, i: r.n_accepted > i, lambda r, i: i < r.K),
    ),
    Mistake("one rate is given for all positions", "Count each position for itself.", _at_all),
    Mistake(
        "the refused drafts are left out below the line",
        "What must be in the denominator besides the drafts that were kept?",
        counted(lambda r, i: r.n_accepted > i, lambda r, i: r.n_accepted > i),
    ),
    Mistake(
        "it is counted how many rounds keep exactly so many drafts",
        "A round that keeps three drafts has kept the first, too.",
        counted(lambda r, i: r.n_accepted == i + 1, lambda r, i: 1),
    ),
    Mistake(
        "the last draft that is kept is taken for refused",
        "Positions are counted from 0 in Python. Which drafts are kept if n_accepted is 2?",
        counted(lambda r, i: r.n_accepted > i + 1, lambda r, i: r.n_tested > i),
    ),
    Mistake(
        "counts are given, and not rates",
        "How many of those that were tested?",
        lambda trace: [
            sum(r.n_accepted > i for r in trace.rounds) for i in range(max(played.K for played in trace.rounds))
        ],
    ),
)

POSITIONS = (
    # what equation 1 is where the drafts of a round have rates of their own
    Exercise(
        id="08.5",
        kind="implement",
        title="the expected number of tokens of a round, from a rate for each position",
        key=expected_tokens_by_position,
        cases=rates,
        mistakes=TOKENS,
    ),
    # accepted / tested, each position for itself
    Exercise(
        id="08.6",
        kind="measure",
        title="the acceptance rate at each position of a trace",
        key=by_position,
        cases=traces,
        mistakes=RATES,
        passes=(1, 5),
    ),
)
