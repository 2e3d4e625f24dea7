"""Grading: which exercises a submission has solved.

Of a submitted notebook the answers are taken, with the cells of the student's that they need; everything else comes
from our own source, so that edited checks do not matter. Each answer runs in a process and on a clock of its own, and
is judged in this one: a loop or a crash costs one mark, and what is written there forges none.
"""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from specsample.course.answers import CellError, take_answer
from specsample.course.borrowed import borrowed
from specsample.course.process import AnswerProcess, Ended
from specsample.course.program import program
from specsample.course.source import Cell
from specsample.course.submission import Submission, exercise_of, model_answers, names_asked, read_submission
from specsample.exercises import NotYet, check

UNTRUSTED = "Grading runs the submissions' code with your rights: use a machine or an account that can spare it."
SEEDS = (0, 1)  # the cases that the student saw, and others
SECONDS = 30  # for one exercise
MEGABYTES = 4096
UNREADABLE = "could not be graded"


class Grade(NamedTuple):
    """One exercise of one submission; `message` is empty if it is solved, `note` if nothing is to be looked at."""

    submission: str
    exercise: str
    points: int
    message: str
    note: str = ""


def grade(path: Path, *, seconds: int = SECONDS, megabytes: int = MEGABYTES) -> list[Grade]:
    """Grade one submitted notebook.

    Parameters
    ----------
    path : Path, an .ipynb file
    seconds : int, for one exercise
    megabytes : int, of address space

    Returns
    -------
    list of Grade, one for each exercise of the notebook, in order

    Raises
    ------
    ValueError
        If the file is no notebook of this course.
    """
    submission = read_submission(path)
    grades: list[Grade] = []
    for exercise, name in names_asked(submission.source).items():
        # what was not solved before is taken from the model answers: one mistake costs one mark
        failed = [one.exercise for one in grades if not one.points]
        ours, theirs = program(submission, exercise, failed)
        with AnswerProcess(seconds, megabytes) as process:
            message = _judged(process, exercise, name, ours=ours, theirs=theirs)
        notes = _notes(submission, exercise, failed, theirs)
        notes += [f"no limit of {what} could be set" for what in process.unlimited]
        note = shown("; ".join(notes))
        grades.append(Grade(shown(str(path)), exercise, int(not message), shown(message), note))
    return grades


def unreadable(path: Path, error: Exception) -> Grade:
    """Make the row of a file that cannot be graded."""
    return Grade(shown(str(path)), "", 0, shown(str(error)), UNREADABLE)


def shown(text: str) -> str:
    r"""Write what any terminal and any table can show: names of any encoding, no control characters.

    Examples
    --------
    >>> print(shown("a\x1b[2J"))
    a\x1b[2J
    """
    plain = "".join(x if x.isprintable() or x == "\n" else repr(x)[1:-1] for x in text)
    return plain.encode("utf-8", "backslashreplace").decode()


def _judged(process: AnswerProcess, exercise: str, name: str, *, ours: list[Cell], theirs: list[Cell]) -> str:
    """Run one answer and judge it here: an empty text, or what is wrong with it."""
    written = [(cell.text, exercise_of(cell) == exercise) for cell in theirs]
    try:
        answer = take_answer(process, name, [cell.text for cell in ours], written)
        for seed in SEEDS:
            check(exercise, answer, seed=seed)
    except NotYet as wrong:
        return str(wrong)
    except (CellError, Ended) as error:
        return f"{exercise} not yet: {error}"
    return ""


def _notes(submission: Submission, exercise: str, failed: Collection[str], theirs: list[Cell]) -> list[str]:
    """Say what somebody should look at: what was done to read an answer, and what it took from where."""
    notes = [submission.remarks.get(exercise, "")]
    notes += [f"{exercise_of(cell)} is the model answer" for cell in theirs if exercise_of(cell) in failed]
    written = [cell.text for cell in theirs if exercise_of(cell) not in failed]
    notes += borrowed(exercise, written, model_answers(submission.source)[exercise])
    return [note for note in notes if note]
