"""The check of an answer.

Which case shows that it is wrong, the smallest first, and which known mistake is wrong in the same way?
"""

from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from importlib import import_module
from typing import Any

from specsample.exercises.exercise import Case, Exercise, Mistake, NotYet, Passed, Raised
from specsample.exercises.showing import same, show

UNANSWERED = object()
UNITS = tuple(f"{number:02d}" for number in range(12))


@cache
def all_exercises() -> dict[str, Exercise]:
    """List every exercise of the course.

    Returns
    -------
    dict from id to Exercise, in the order of the notebooks

    Examples
    --------
    >>> list(all_exercises())[:2]
    ['00.1', '00.2']
    """
    return {exercise.id: exercise for unit in UNITS for exercise in _exercises(unit)}


def find(id: str) -> Exercise:
    """Find an exercise.

    Parameters
    ----------
    id : str, such as "03.2"

    Returns
    -------
    Exercise

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> find("03.2").id
    '03.2'
    """
    # only its own unit is imported: a notebook should not wait for the others
    if id[:2] in UNITS:
        for exercise in _exercises(id[:2]):
            if exercise.id == id:
                return exercise
    raise ValueError(f"there is no exercise {id!r}; ids are the notebook and the number in it, such as '03.2'.")


def _exercises(unit: str) -> tuple[Exercise, ...]:
    """Import the exercises of one notebook."""
    found: tuple[Exercise, ...] = import_module(f"specsample.exercises.unit_{unit}").EXERCISES
    return found


def check(id: str, answer: Any, *, seed: int = 0) -> Passed:
    """Check an answer.

    Parameters
    ----------
    id : str, such as "03.2"
    answer : the function or the value that the exercise asks for
    seed : int, of the cases; an instructor's hidden test takes another

    Returns
    -------
    Passed, with the cost line

    Raises
    ------
    NotYet
        If the answer is missing or wrong. The message shows the smallest case that tells, what was expected and, if
        the mistake is a known one, its name and a hint.
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> from specsample import residual
    >>> check("03.3", residual)
    03.3 passed: the residual distribution.
      cost: 0 target passes, 0 draft passes; 55 cases, no sampling error
    """
    exercise = find(id)
    # what the answer makes of every case; `...` and NotImplementedError stand for an answer that is not there yet
    cases = exercise.cases(seed)
    got = [outcome(exercise, answer, case) for case in cases]
    if any(made is UNANSWERED for made in got):
        raise NotYet(f"{id} has no answer yet: {exercise.title}.")
    # the first case that tells is the smallest: they are listed in that order
    wanted = [outcome(exercise, exercise.key, case) for case in cases]
    for case, mine, right in zip(cases, got, wanted, strict=True):
        if isinstance(mine, Raised) or not exercise.agrees(mine, right):
            raise NotYet(_message(exercise, case, mine, right) + _diagnosis(exercise, answer, got, cases))
    # right: the cost line says what one use of the answer would cost with real models
    p, q = exercise.passes
    n = f"{len(cases)} cases" if len(cases) > 1 else "1 case"
    return Passed(id, exercise.title, f"{p} target {_es(p)}, {q} draft {_es(q)}; {n}, no sampling error")


def outcome(exercise: Exercise, answer: Any, case: Case) -> Any:
    """Ask an answer about one case: what it made of it, Raised if it raised an error, UNANSWERED if it is empty."""
    try:
        # a copy of the case: an answer that changes its arguments must not change them under the key
        return UNANSWERED if answer is None or answer is ... else exercise.ask(answer, deepcopy(case))
    except NotImplementedError:
        return UNANSWERED
    except Exception as error:  # anything that a student's function may do
        return Raised(f"{type(error).__name__}: {error}")


def diagnose(exercise: Exercise, answer: Any, got: Sequence[Any], cases: Sequence[Case]) -> Mistake | None:
    """Find the known mistake that gets what the answer got of every case, if there is one."""
    for mistake in exercise.mistakes:
        # where many answers make one mistake, no results can be compared: it looks at the answer itself
        if mistake.is_it is not None:
            try:
                if mistake.is_it(answer):
                    return mistake
            except (TypeError, ValueError, IndexError, KeyError, AttributeError):
                pass  # an answer of another form
            continue
        # else the mistake is an answer like any other, and is asked about every case
        theirs = (outcome(exercise, mistake.answer, case) for case in cases)
        if all(_alike(their, mine) for their, mine in zip(theirs, got, strict=True)):
            return mistake
    return None


def _alike(theirs: Any, mine: Any) -> bool:
    """Say whether two answers made the same of a case, errors included."""
    if isinstance(theirs, Raised) or isinstance(mine, Raised):
        return isinstance(theirs, Raised) and isinstance(mine, Raised)
    return same(mine, theirs)


def _message(exercise: Exercise, case: Case, mine: Any, right: Any) -> str:
    """Show the smallest case on which an answer is wrong, with both answers."""
    where = f" It fails for {case.label}:" if case.label else ""
    yours = f"raises {mine.error}" if isinstance(mine, Raised) else show(mine)
    lines = [f"{exercise.id} not yet: {exercise.title}.{where}", f"  yours:    {yours}"]
    if exercise.kind != "predict":  # a prediction would be given away
        lines.append(f"  expected: {exercise.wanted(right)}")
    return "\n".join(lines)


def _diagnosis(exercise: Exercise, answer: Any, got: Sequence[Any], cases: Sequence[Case]) -> str:
    """Name the mistake, if it is a known one."""
    mistake = diagnose(exercise, answer, got, cases)
    return "" if mistake is None else f"\n  This is what comes of it if {mistake.name}.\n  Hint: {mistake.hint}"


def _es(n: int) -> str:
    """Pass or passes."""
    return "pass" if n == 1 else "passes"
