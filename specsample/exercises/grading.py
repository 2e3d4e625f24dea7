"""The check of an answer.

Which case shows that it is wrong, the smallest first, and which known mistake is wrong in the same way?
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

from specsample.exercises.asking import UNANSWERED, Asked, ask_all, is_late, outcome
from specsample.exercises.exercise import Exercise, Mistake, NotYet, Passed, Raised, Slip
from specsample.exercises.showing import flat, same, show
from specsample.exercises.slips import chance, constancy, facts, misuse, shared_generators
from specsample.exercises.undoing import undone

UNITS = tuple(f"{number:02d}" for number in range(13))
PASSED: set[str] = set()  # in this session
TRIES: Counter[str] = Counter()  # wrong ones, in this session
ENOUGH = 3  # of them, before an answer is shown


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

    Notes
    -----
    An answer that does not end within five seconds is ended; a call into C that does not return is not, and outside
    the main thread and on Windows nothing that waits or sleeps is.

    Examples
    --------
    >>> from specsample import residual
    >>> check("03.2", residual)
    03.2 passed: the residual distribution.
      cost: it runs no model. Tried on 55 cases; chance decides nothing.
    """
    exercise = find(id)
    PASSED.discard(id)
    before = shared_generators()
    # what the answer makes of every case; `...` and NotImplementedError stand for an answer that is not there yet
    cases = exercise.cases(seed)
    asked = ask_all(exercise, answer, cases)
    if any(each.made is UNANSWERED for each in asked):
        raise NotYet(f"{id} is not yet tried: {exercise.title}.", is_tried=False)
    # the first case that tells is the smallest: they are listed in that order
    wanted = [outcome(exercise, exercise.key, each.case) for each in asked]
    for each, right in zip(asked, wanted, strict=True):
        is_wrong = isinstance(each.made, Raised) or not exercise.agrees(each.made, right)
        if is_wrong or each.changed:
            shown = _message(exercise, answer, each, right)
            TRIES[id] += 1
            raise NotYet(shown + _diagnosis(exercise, answer, asked, wanted, before=before), help=_help(id))
    PASSED.add(id)
    unit = [each.id for each in _exercises(id[:2])]
    done = f"{len(PASSED.intersection(unit))} of {len(unit)} in this notebook"
    return Passed(id, exercise.title, _cost(exercise.passes, len(cases)), done)


def _help(id: str) -> str:
    """Say where to turn after so many tries."""
    if TRIES[id] < ENOUGH:
        return f'Stuck? hint("{id}")'
    return f'{TRIES[id]} tries: hint("{id}"), or one answer: answer("{id}")'


def diagnose(exercise: Exercise, answer: Any, asked: Sequence[Asked], by_form: bool = False) -> Mistake | None:
    """Find the known mistake that gets what the answer got of every case, if there is one.

    Where many answers make one mistake no results can be compared: it is recognised by the answer's form.
    """
    # an error in every case tells mistakes from nothing
    has_results = not all(isinstance(each.made, Raised) for each in asked)
    for mistake in exercise.mistakes:
        if mistake.is_it is not None:
            try:
                if by_form and mistake.is_it(answer):
                    return mistake
            except Exception:
                continue  # an answer of another form
        # else the mistake is an answer like any other, and is asked about every case
        elif has_results and not by_form:
            theirs = (outcome(exercise, mistake.answer, each.case) for each in asked)
            if all(_alike(their, each.made) for their, each in zip(theirs, asked, strict=True)):
                return mistake
    return None


def _alike(theirs: Any, mine: Any) -> bool:
    """Say whether two answers made the same of a case; what is 0/0 of fractions is NaN of floats."""
    if isinstance(theirs, Raised):
        is_nan = theirs.kind is ZeroDivisionError and any(x != x for x in flat(mine))
        return is_nan or (isinstance(mine, Raised) and mine.kind is theirs.kind)
    return not isinstance(mine, Raised) and same(mine, theirs)


def _message(exercise: Exercise, answer: Any, asked: Asked, right: Any) -> str:
    """Show the smallest case on which an answer is wrong, with both answers."""
    made = asked.made
    fails = "fails"
    yours = show(made)
    if isinstance(made, Raised):
        fails = "does not end" if is_late(made) else f"raises {made.kind.__name__}"
        yours = made.said + (f"\n  at:       {made.at}" if made.at else "")
    elif exercise.kind == "break it" and not callable(answer):
        yours = f"{show(answer)}, which gives {yours}"
    where = f" It {fails} for {asked.case.label}:" if asked.case.label else ""
    lines = [f"{exercise.id} not yet: {exercise.title}.{where}", f"  yours:    {yours}"]
    if exercise.kind != "predict":  # a prediction would be given away
        lines.append(f"  expected: {exercise.wanted(right)}")
    return "\n".join(lines)


def _diagnosis(
    exercise: Exercise, answer: Any, asked: Sequence[Asked], wanted: Sequence[Any], *, before: tuple[Any, ...]
) -> str:
    """Name the mistake, if it is a known one: the most certain evidence first."""
    if is_late(asked[-1].made):
        return ""
    cases = [each.case for each in asked]
    # what was done besides; what is wrong in the same way everywhere; what is right once undone; what remains
    found: Mistake | Slip | None = misuse(exercise, answer, asked) or chance(exercise, answer, asked, before)
    found = found or diagnose(exercise, answer, asked) or undone(exercise, answer, cases, wanted)
    found = found or facts(exercise, asked, wanted)
    if found is None and not any(isinstance(each.made, Raised) for each in asked):
        found = diagnose(exercise, answer, asked, by_form=True) or constancy(asked)
    return "" if found is None else f"\n  This is what comes of it if {found.name}.\n  Hint: {found.hint}"


def _cost(passes: tuple[int, int], n: int) -> str:
    """Say what one use of the answer would cost with real models, and what it was tried on."""
    # every answer that runs models runs the target once
    draft = f"{passes[1]} time{'s' * (passes[1] != 1)}"
    runs = f"one use runs the target model once, the draft model {draft}" if any(passes) else "it runs no model"
    return f"{runs}. Tried on {n} case{'s' * (n != 1)}; chance decides nothing."
