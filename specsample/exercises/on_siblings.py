"""An exercise of notebook 10: two candidates for one place."""

from typing import Any

from specsample.acceptance import residual
from specsample.distributions import Array, pick
from specsample.exercises.exercise import Exercise, Mistake
from specsample.exercises.laws import UNREAD, kept
from specsample.exercises.tables import pairs


def two_siblings(
    p: Array, q: Array, tape: Any, *, second: Any = residual, last: Any = None, one: bool = False
) -> tuple[int, bool]:
    """Test two candidates in turn; `second` is the row of the second test, `last` that of the correction."""
    u = tape.random(5)
    candidates = [pick(q, u[0]), pick(q, u[1])]
    if u[2] < p[candidates[0]] / q[candidates[0]]:
        return candidates[0], True
    rest = second(p, q)
    if u[2 if one else 3] < rest[candidates[1]] / q[candidates[1]]:
        return candidates[1], True
    return pick(residual(rest, q) if last is None else last(p, q), u[4]), False


def _other_way_round(p: Array, q: Array, tape: Any) -> tuple[int, bool]:
    """Say of a kept candidate that it was not kept."""
    token, is_kept = two_siblings(p, q, tape)
    return token, not is_kept


def _no_second(p: Array, q: Array, tape: Any) -> tuple[int, bool]:
    """Give up after the first."""
    u = tape.random(3)
    x = pick(q, u[0])
    return (x, True) if u[1] < p[x] / q[x] else (pick(residual(p, q), u[2]), False)


def _target(p: Array, q: Array) -> Array:
    """Take the target's own row."""
    return p


TWO = (
    Mistake(
        "the second candidate is tested against p once more",
        "The first one's refusal has told you something. What of p is still missing?",
        lambda p, q, tape: two_siblings(p, q, tape, second=_target),
    ),
    Mistake(
        "after two refusals the correction comes from the first residual",
        "The second candidate has had its chance too. What of the first residual is still missing after it?",
        lambda p, q, tape: two_siblings(p, q, tape, last=residual),
    ),
    Mistake(
        "the correction is drawn from p",
        "Notebook 03: what is still missing after a refusal?",
        lambda p, q, tape: two_siblings(p, q, tape, last=_target),
    ),
    Mistake("the second candidate is not tested", "It is there, and costs nothing more.", _no_second),
    Mistake(
        "one uniform number tests both candidates",
        "After the first refusal that number is known to be large. Is it still uniform?",
        lambda p, q, tape: two_siblings(p, q, tape, one=True),
    ),
    Mistake(
        "what is kept is counted as not kept, and the other way round",
        "The second of the two values is True where a candidate stays.",
        _other_way_round,
    ),
)

SIBLINGS = (
    # two candidates for one place: the second meets what the first has left of p
    Exercise(
        id="10.6",
        kind="implement",
        title="two candidates for one place, and the target's law",
        key=lambda p, q, tape: two_siblings(p, q, tape),
        cases=lambda seed: [case for case in pairs(seed, covered=True) if len(case.arguments[0]) < 4],
        ask=kept,
        mistakes=(*TWO, UNREAD),
        passes=(1, 2),
    ),
)
