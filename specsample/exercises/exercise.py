"""What is an exercise, and what comes back when an answer is checked?

An exercise asks an answer about cases, the smallest first, and compares what it gets with what the model answer gets.
Mistakes that are known are answers too: the one that gets the same wrong results gives its name. Before this file:
`showing`; after it: `grading`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from specsample.exercises.showing import same, show

KINDS = ("implement", "predict", "break it", "measure")


class Case(NamedTuple):
    """One question of an exercise: how a message calls it, and the arguments that the answer gets."""

    label: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Mistake:
    """Name a known mistake.

    Parameters
    ----------
    name : str, what was done
    hint : str, a question or a remark that does not give the answer away
    answer : what somebody who makes it hands in: a function, or a value
    is_it : function that recognises it in an answer, where comparing results cannot; None elsewhere
    """

    name: str
    hint: str
    answer: Any
    is_it: Callable[[Any], bool] | None = None


@dataclass(frozen=True)
class Exercise:
    """Say what is asked, and what the right answer is.

    Parameters
    ----------
    id : str, such as "03.2": the second exercise of notebook 03
    kind : one of KINDS
    title : str
    key : the model answer, made from the library
    cases : function from a seed to the cases, smallest first
    ask : function of an answer and a case: what the answer makes of it
    mistakes : known mistakes
    agrees : function of what an answer made of a case and what the key made of it
    wanted : function of what the key made of a case: how a message describes it
    passes : (int, int), target and draft passes that one use of the answer costs
    """

    id: str
    kind: str
    title: str
    key: Any
    cases: Callable[[int], Sequence[Case]]
    ask: Callable[[Any, Case], Any]
    mistakes: tuple[Mistake, ...] = ()
    agrees: Callable[[Any, Any], bool] = same
    wanted: Callable[[Any], str] = show
    passes: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Passed:
    """Remember that an answer is right, and what it cost.

    Parameters
    ----------
    id, title : str, of the exercise
    cost : str
    """

    id: str
    title: str
    cost: str

    def __repr__(self) -> str:
        return f"{self.id} passed: {self.title}.\n  cost: {self.cost}"


class NotYet(AssertionError):
    """An answer is missing or wrong; the message is written for the person who gave it."""

    def _render_traceback_(self) -> list[str]:
        """Show the message in a notebook and not the checker's frames."""
        return str(self).splitlines()


class Raised(NamedTuple):
    """What an answer made of a case when it raised an error."""

    error: str


def call(answer: Any, case: Case) -> Any:
    """Ask a function: call it with the case's arguments.

    Parameters
    ----------
    answer : function
    case : Case
    """
    if not callable(answer):
        raise TypeError(f"the answer must be a function; got {type(answer).__name__}.")
    return answer(*case.arguments)


def take(answer: Any, case: Case) -> Any:
    """Ask a value: it is the answer.

    Parameters
    ----------
    answer : anything
    case : Case, not looked at
    """
    return answer


def one_question(seed: int) -> list[Case]:
    """List the only case of an exercise whose answer is a value.

    Parameters
    ----------
    seed : int, not looked at
    """
    return [Case("")]
