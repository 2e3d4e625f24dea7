"""Slips that are seen for themselves, in any exercise.

Nothing was returned, an argument was changed, random numbers came from elsewhere: facts, whatever was calculated.
"""

import random
import re
from collections.abc import Sequence
from inspect import signature
from typing import Any

import numpy as np
from numpy import random as numpys

from specsample.conformance.laws.lazy import LazyUniform
from specsample.exercises.asking import Asked, ask_all, is_late
from specsample.exercises.exercise import Exercise, Raised, Slip
from specsample.exercises.showing import flat, same, show

DIGITS = re.compile(r"-?\d*\.(\d{2,8})")  # a number that somebody rounded, as it is written
ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


def misuse(exercise: Exercise, answer: Any, asked: Sequence[Asked]) -> Slip | None:
    """Find what spoils an answer whatever it calculates."""
    if callable(exercise.key) and not callable(answer):
        return Slip("a value is handed in and not a function", "Hand in the function's name, without brackets.")
    if callable(answer) and not callable(exercise.key):
        return Slip("a function is handed in and not a value", "Call it, and hand in what comes out.")
    changed = [i for each in asked for i in each.changed]
    if changed:
        name = f"the function changes its argument number {changed[0] + 1} in place"
        return Slip(name, "It belongs to whoever called. Work on a copy of it.")
    if any(_is_arity(answer, each) for each in asked):
        given, named = asked[0].called
        said = " and ".join([f"{len(given)} by position", *([f"{', '.join(named)} by name"] if named else [])])
        return Slip("the function does not take the arguments that it is called with", f"It is called with {said}.")
    returned = [value for each in asked for value in each.returned]
    if returned and all(value is None for value in returned):
        return Slip("nothing is returned", "print shows a value; only return hands it over.")
    if any(value is None for value in returned):
        return Slip("nothing is returned in some cases", "Which way through your function ends without a return?")
    if any(isinstance(value, LazyUniform) for value in returned):
        return Slip("a uniform number is returned, and not what it decides", "Compare it: with what?")
    if any(callable(value) for value in returned):
        return Slip("a function is returned, and not its result", "Are there brackets missing after its name?")
    return None


def _is_arity(answer: Any, asked: Asked) -> bool:
    """Say whether a function cannot be called as it was."""
    if not (isinstance(asked.made, Raised) and asked.made.kind is TypeError and callable(answer)):
        return False
    given, named = asked.called
    try:
        signature(answer).bind(*given, **named)
    except TypeError:
        return True
    except ValueError:  # no signature to be had
        return False
    return False


def shared_generators() -> tuple[Any, ...]:
    """Read where the generators stand that everybody shares."""
    _, key, position, *_ = numpys.get_state()  # noqa: NPY002
    return random.getstate(), np.asarray(key).tobytes(), position


def chance(exercise: Exercise, answer: Any, asked: Sequence[Asked], before: tuple[Any, ...]) -> Slip | None:
    """Find chance that comes from elsewhere, and chance that is treated as a number."""
    if shared_generators() != before:
        return Slip("np.random or random is used", "Use only the numbers that are handed in.")
    said = " ".join(each.made.said for each in asked if isinstance(each.made, Raised))
    if "a lazy uniform has no value yet" in said:
        return Slip("a uniform number is used for more than a comparison", "Let it stand alone on one side of the <.")
    # asked once more, in the same words; a machine that is busy by then is no fault of the answer's
    again = ask_all(exercise, answer, [each.case for each in asked])
    in_time = [(a.made, b.made) for a, b in zip(asked, again, strict=False) if not is_late(b.made)]
    is_other = [_written(first) != _written(second) for first, second in in_time]
    if any(is_other) or "depend on nothing but the tape" in said:
        return Slip(
            "the function does not give the same answer twice",
            "Does it draw random numbers of its own, or keep anything from one call to the next?",
        )
    return None


def facts(exercise: Exercise, asked: Sequence[Asked], wanted: Sequence[Any]) -> Slip | None:
    """Find what is wrong with the results as they stand, whatever they were meant for."""
    made = [each.made for each in asked]
    if any(isinstance(x, Raised) and "sum to 1" in x.said for x in made):
        return Slip("a row does not sum to 1", "What do the rows sum to?") if exercise.kind == "break it" else None
    if any(isinstance(x, Raised) for x in made):
        return None
    both = [(flat(mine), flat(right)) for mine, right in zip(made, wanted, strict=True)]
    if any(x != x for mine, _ in both for x in mine):
        return Slip("NaN comes out", "Is 0 divided by 0, or a logarithm taken of what has none?")
    if all(len(mine) == len(right) for mine, right in both) and all(map(_are_rounded, both)):
        return Slip("the numbers are rounded", "Let Python divide, or write fractions: F(2, 3), not 0.667.")
    # one number for several, or several for one
    several = [not _is_single(x) for x in made]
    wanted_several = [not _is_single(x) for x in wanted if not isinstance(x, str)]
    if any(several) and not any(wanted_several):
        return Slip("several things are given where one is asked for", "Which of them is the answer?")
    if all(wanted_several) and not any(several):
        return Slip("one thing is given where several are asked for", "How many numbers are asked for?")
    # of rows only: what is asked for is a distribution in every case
    if all(_is_row(right) for right, (_, flat_right) in zip(wanted, both, strict=True) if flat_right):
        if any(x < 0 for mine, _ in both for x in mine):
            return Slip("a probability is negative", "What is to become of the tokens of which nothing is missing?")
        if any(mine and right and not same(sum(mine), 1) for mine, right in both):
            return Slip("the probabilities do not sum to 1", "What do your numbers sum to?")
    return None


def constancy(asked: Sequence[Asked]) -> Slip | None:
    """Find that an answer looks at nothing."""
    if len(asked) > 2 and len({_written(each.made) for each in asked}) == 1:
        return Slip("the answer is the same in every case", "Which of its arguments does it use?")
    return None


def _is_single(made: Any) -> bool:
    """Say whether a result is one thing, such as a number or a text."""
    return not isinstance(made, dict | list | tuple | set) and not np.ndim(made)


def _are_rounded(both: tuple[list[Any], list[Any]]) -> bool:
    """Say whether numbers are right but for digits that were left away."""
    for mine, right in zip(*both, strict=True):
        written = DIGITS.fullmatch(repr(float(mine)))
        if same(mine, right):
            continue
        # half a digit off, or cut: less than a digit short
        short = (float(right) - float(mine)) * (10 ** len(written[1]) if written else np.inf)
        if not (abs(short) <= 0.5001 or 0 < short < 1):
            return False
    return bool(both[0])


def _is_row(right: Any) -> bool:
    """Say whether a right result is a distribution."""
    return isinstance(right, dict | np.ndarray) and same(sum(flat(right)), 1) and min(flat(right)) >= 0


def _written(made: Any) -> str:
    """Write a result down, without what differs from run to run."""
    return ADDRESS.sub("", show(made))
