"""An exercise as data, and what comes back when an answer is checked.

An exercise asks an answer about cases, the smallest first, and compares what it gets with what the model answer gets.
Mistakes that are known are answers too: the one that gets the same wrong results gives its name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from specsample.exercises.boxes import box, show_error
from specsample.exercises.showing import same, show, token

KINDS = ("implement", "predict", "break it", "measure")


class Case(NamedTuple):
    """One question of an exercise: how a message calls it, and the arguments that the answer gets."""

    label: str
    arguments: tuple[Any, ...] = ()


def call(answer: Any, case: Case) -> Any:
    """Ask a function: call it with the case's arguments."""
    if not callable(answer):
        raise TypeError(f"the answer must be a function; got {type(answer).__name__}.")
    return answer(*case.arguments)


def call_for_token(answer: Any, case: Case) -> Any:
    """Ask a function for a token: an integer, and no number that equals one."""
    return token(call(answer, case))


def take(answer: Any, case: Case) -> Any:
    """Ask a value: it is the answer, whatever the case."""
    return answer


def one_question(seed: int) -> list[Case]:
    """List the only case of an exercise whose answer is a value; no seed changes it."""
    return [Case("")]


class Slip(NamedTuple):
    """A mistake that can be made in any exercise: what was done, and a hint."""

    name: str
    hint: str


@dataclass(frozen=True)
class Mistake:
    """A known mistake: what was done, a hint, and what somebody who makes it hands in."""

    name: str
    hint: str  # a question or a remark that does not give the answer away
    answer: Any  # a function, or a value
    is_it: Callable[[Any], bool] | None = None  # recognises it in an answer, where comparing results cannot


@dataclass(frozen=True)
class Exercise:
    """What is asked, and what the right answer is."""

    id: str  # such as "03.2": the second exercise of notebook 03
    kind: str  # one of KINDS
    title: str
    key: Any  # the model answer, made from the library
    cases: Callable[[int], Sequence[Case]]  # from a seed, smallest first
    ask: Callable[[Any, Case], Any] = call  # what an answer makes of a case
    mistakes: tuple[Mistake, ...] = ()  # known ones; of two that get the same results the first is named
    agrees: Callable[[Any, Any], bool] = same  # compares what the answer and what the key made of a case
    wanted: Callable[[Any], str] = show  # how a message describes what the key made of a case
    passes: tuple[int, int] = (0, 0)  # target and draft passes that one use of the answer costs


@dataclass(frozen=True)
class Passed:
    """A right answer: to which exercise, and what it cost."""

    id: str
    title: str
    cost: str  # model runs in one use of the answer, and what it was tried on
    progress: str = ""  # exercises of the notebook that were passed in this session

    def __repr__(self) -> str:
        return f"{self.id} passed: {self.title}.\n  cost: {self.cost}"

    def _repr_html_(self) -> str:
        return box("passed", f"{self!r}\n  done: {self.progress}")


class NotYet(AssertionError):
    """An answer that is missing or wrong; the message is written for the person who gave it."""

    def __init__(self, said: str, *, is_tried: bool = True, help: str = "") -> None:
        super().__init__(said)
        self.is_tried = is_tried
        self.help = help  # where to turn, for the person who sits at the notebook

    def _render_traceback_(self) -> list[str]:
        """Show the message in a notebook and not the checker's frames."""
        return show_error("wrong" if self.is_tried else "untried", str(self), self.help)


class Raised(NamedTuple):
    """What an answer made of a case when it raised an error, or did not end."""

    said: str
    kind: type[BaseException] = Exception
    at: str = ""  # the student's line


class Interrupted(KeyboardInterrupt):
    """A check that was interrupted; the message says at which line of the answer."""

    def _render_traceback_(self) -> list[str]:
        """Show that line in a notebook and not the checker's frames."""
        return str(self).splitlines()
