"""Slips that can be undone, in any exercise.

If an answer is right in every case once a slip is undone, then that slip is what is wrong with it, and nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from specsample.exercises.asking import SECONDS, UNANSWERED, ask
from specsample.exercises.exercise import Case, Exercise, Raised, Slip


class Undo(NamedTuple):
    """A slip, with what undoes it in a result: TypeError or ValueError where it cannot have been made."""

    slip: Slip
    undo: Callable[[Any], Any]


def _only(kinds: Any, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change values of some types, and refuse others."""

    def changed(x: Any) -> Any:
        if not isinstance(x, kinds):
            raise TypeError
        return change(x)

    return changed


def _each(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change what can be changed of the entries of a sequence."""

    def changed(item: Any) -> Any:
        try:
            return change(item)
        except (TypeError, ValueError):
            return item

    return _only(list | tuple | np.ndarray, lambda x: [changed(item) for item in x])


def _single(x: Any) -> Any:
    """Take the only entry of a list or an array."""
    if not isinstance(x, list | tuple | np.ndarray) or np.size(x) != 1:
        raise ValueError
    return np.asarray(x, object).ravel()[0]


def _number(text: str) -> Any:
    """Read a text as a number."""
    value = Fraction(text)
    return int(value) if value.denominator == 1 else value


def _whole(x: float) -> int:
    """Make an int of a float that is one."""
    if x != int(x):
        raise ValueError
    return int(x)


def _array(x: Any) -> Any:
    """Make an array of a list, to calculate with it."""
    return np.asarray(x) if isinstance(x, list | tuple) else x


WRAPPED = Slip("a single number is wrapped in a list or an array", "Hand over the number itself: take the entry [0].")
TEXT = Slip("a text stands where a number is wanted", "Leave the quotation marks away.")
FLOAT = Slip("a float stands where an int is wanted", "It is to be an index: make it an int.")

# the right thing in another form
FORMS = (
    Undo(WRAPPED, _single),
    Undo(WRAPPED, _each(_single)),
    Undo(TEXT, _only(str, _number)),
    Undo(TEXT, _each(_only(str, _number))),
    Undo(FLOAT, _only(float | np.floating, _whole)),
    Undo(FLOAT, _each(_only(float | np.floating, _whole))),
    Undo(
        Slip("it is in the reverse order", "Which of them comes first? Read the question once more."),
        _only(list | tuple | np.ndarray, lambda x: x[::-1]),
    ),
    Undo(
        Slip("more is returned than is asked for", "Which of the things that you return is asked for?"),
        _only(tuple, lambda x: x[0]),
    ),
    Undo(
        Slip("an iterator is returned, and not what it would give", "Make a list of it."),
        _only(Iterator | type({}.values()), list),
    ),
    Undo(
        Slip("the keys are turned round", "Which of the two comes first in a pair?"),
        _only(dict, lambda x: {key[::-1]: x[key] for key in x}),
    ),
    Undo(
        Slip("a table is returned, and not a dict", "Make a dict: from a pair of indices to the entry."),
        _only(list | np.ndarray, lambda x: {index: np.asarray(x)[index] for index in np.ndindex(np.shape(x))}),
    ),
)
# another quantity
QUANTITIES = (
    Undo(
        Slip("rows and columns are exchanged", "Which axis is which?"),
        _only(np.ndarray, lambda x: x.T),
    ),
    Undo(
        Slip("True and False are exchanged", "What is True to stand for?"),
        _only(np.ndarray, lambda x: ~x),
    ),
    Undo(
        Slip(
            "the probability of the opposite is given: what is missing to 1",
            "Is it asked how often something happens, or how often it does not?",
        ),
        lambda x: 1 - x,
    ),
    Undo(Slip("the fraction is upside down", "Which of the two is divided by the other?"), lambda x: 1 / x),
    Undo(Slip("it is a percentage", "Probabilities are numbers from 0 to 1."), lambda x: _array(x) / 100),
)
# asked of several cases only: to somebody who predicts one number they would give it away
SHIFTS = (
    Undo(
        Slip("the result is not normalised", "What do your numbers sum to?"),
        lambda x: np.asarray(x) / np.sum(x),
    ),
    Undo(Slip("the sign is turned", "Which of the two is subtracted from the other?"), lambda x: -1 * _array(x)),
    Undo(Slip("it is one too large", "Where does your count begin, and where does it end?"), lambda x: _array(x) - 1),
    Undo(Slip("it is one too small", "Where does your count begin, and where does it end?"), lambda x: _array(x) + 1),
)
SWAPPED = Slip("the first two arguments have changed places", "In which order are they handed in?")


def undone(exercise: Exercise, answer: Any, cases: Sequence[Case], wanted: Sequence[Any]) -> Slip | None:
    """Find the slip without which an answer would be right in every case, if there is one."""
    end = monotonic() + SECONDS

    def is_right(repaired: Any) -> bool:
        for case, right in zip(cases, wanted, strict=True):
            made = ask(exercise, repaired, case, max(end - monotonic(), 0.01)).made
            if made is UNANSWERED or isinstance(made, Raised) or not exercise.agrees(made, right):
                return False
        return True

    # where an answer need only be bad enough, another quantity may be so by accident
    slips: tuple[Undo, ...] = (
        FORMS if exercise.kind == "break it" else (*FORMS, *QUANTITIES, *(SHIFTS if len(cases) > 1 else ()))
    )
    for each in slips:
        try:
            repaired = _after(answer, each.undo) if callable(answer) else each.undo(answer)
        except (TypeError, ValueError, ArithmeticError, IndexError):
            continue
        if is_right(repaired):
            return each.slip
    return SWAPPED if callable(answer) and is_right(_swapped(answer)) else None


def _after(answer: Callable[..., Any], undo: Callable[[Any], Any]) -> Callable[..., Any]:
    """Undo a slip in what a function returns."""
    return lambda *arguments, **named: undo(answer(*arguments, **named))


def _swapped(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Call a function with its first two arguments in the other order."""
    return lambda a, b, *rest, **named: answer(b, a, *rest, **named)
