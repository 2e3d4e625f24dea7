"""What an answer makes of its cases, and what it does besides.

How long may it take, does it change what it is given, what did it return, and at which of its lines did it raise?
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np

from specsample.exercises.clock import TooLong, within
from specsample.exercises.exercise import Case, Exercise, Interrupted, Raised
from specsample.exercises.lines import line_of

UNANSWERED = object()
SECONDS = 5.0  # for all cases of a check together; right answers take less than a tenth of one


class Watched:
    """A function that remembers how it was called and what it returned."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.called: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
        self.returned: list[Any] = []

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.called = (arguments, named)
        made = self.function(*arguments, **named)
        self.returned.append(made)
        return made


@dataclass
class Asked:
    """One case that an answer was asked about, and what came of it."""

    case: Case
    made: Any  # what is compared: of a sampler its law; Raised; UNANSWERED
    returned: list[Any] = field(default_factory=list)  # by each call of the function; of a value, the value
    called: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
    changed: list[int] = field(default_factory=list)  # which of its arguments it changed in place


def outcome(exercise: Exercise, answer: Any, case: Case) -> Any:
    """Ask an answer about one case: what it made of it, Raised if it raised an error, UNANSWERED if it is empty."""
    return ask(exercise, answer, case).made


def ask(exercise: Exercise, answer: Any, case: Case, seconds: float = SECONDS) -> Asked:
    """Ask an answer about one case, for so many seconds."""
    if answer is None or answer is ...:
        return Asked(case, UNANSWERED)
    watched = Watched(answer) if callable(answer) else answer
    # a copy of the case: an answer that changes its arguments must not change them under the key
    given = deepcopy(case)
    made = _made(exercise, watched, given, seconds)
    asked = Asked(case, made, [answer])
    if isinstance(watched, Watched):
        asked.returned = watched.returned
        asked.called = watched.called
        # what is drawn from, such as a model, may change
        both = enumerate(zip(case.arguments, given.arguments, strict=True))
        asked.changed = [i for i, (before, after) in both if differ(before, after)]
    return asked


def ask_all(exercise: Exercise, answer: Any, cases: Sequence[Case], seconds: float = SECONDS) -> list[Asked]:
    """Ask an answer about one case after the other, until its time is over."""
    end = monotonic() + seconds
    asked: list[Asked] = []
    for case in cases:
        asked.append(ask(exercise, answer, case, max(end - monotonic(), 0.01)))
        if is_late(asked[-1].made):
            break
    return asked


def is_late(made: Any) -> bool:
    """Say whether there was no answer in time."""
    return isinstance(made, Raised) and made.kind is TooLong


def _made(exercise: Exercise, answer: Any, case: Case, seconds: float) -> Any:
    """Ask, and turn whatever a student's function may do into a result."""
    try:
        return within(seconds, lambda: exercise.ask(answer, case))
    except NotImplementedError:
        return UNANSWERED
    except TooLong as late:
        return Raised(f"does not end within {SECONDS:g} s", TooLong, line_of(late))
    except KeyboardInterrupt as stop:
        at = line_of(stop) or "a call that shows no line of yours"
        raise Interrupted(f"interrupted in {exercise.id}, at {at}").with_traceback(stop.__traceback__) from None
    except (Exception, SystemExit) as error:
        return Raised(f"raises {type(error).__name__}: {error}", type(error), line_of(error))


def differ(before: Any, after: Any) -> bool:
    """Say whether an array or a list is not what it was."""
    if isinstance(before, np.ndarray):
        return not np.array_equal(before, after)
    return isinstance(before, list) and before != after
