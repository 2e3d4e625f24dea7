"""The cells that one answer needs, and no others.

An exercise is graded in a process of its own; what should run there before the answer? The cells that define the
names that it uses, ours or the student's, and what those need in turn. Earlier answers count too: the student's where
they are right, else the model answer, so that one mistake costs one mark.
"""

import ast
from collections.abc import Collection

from specsample.course.source import Cell, read
from specsample.course.submission import Submission, answer_cell, defined, exercise_of, model_answers, used


def program(submission: Submission, exercise: str, failed: Collection[str]) -> tuple[list[Cell], list[Cell]]:
    """List what runs for one answer.

    Parameters
    ----------
    submission : Submission
    exercise : str
    failed : of str, earlier exercises for which the model answer stands in

    Returns
    -------
    ours : list of Cell, from our notebook
    theirs : list of Cell, the student's; model answers among them
    """
    model = model_answers(submission.source)
    theirs = [
        answer_cell(exercise_of(cell), model[exercise_of(cell)]) if exercise_of(cell) in failed else cell
        for cell in submission.cells
    ]
    # an earlier exercise may have no cell at all
    missing = [id for id in failed if not submission.answer_to(id)]
    theirs = [*(answer_cell(id, model[id]) for id in missing), *theirs]
    code = [cell for cell in read(submission.source) if cell.kind == "code"]
    ours = [cell._replace(text=undrawn(cell.text)) for cell in code if not (cell.is_answer or cell.is_check)]
    needed = _needed([*ours, *theirs], answer_cell(exercise, submission.answer_to(exercise)))
    return [cell for cell in ours if cell in needed], [cell for cell in theirs if cell in needed]


def undrawn(text: str) -> str:
    """Take the pictures out of a cell of ours: drawing would take longer than the answer.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> undrawn("p = [0.5, 0.5]\\nfigures.bars(p)")
    'p = [0.5, 0.5]'
    """
    kept = [
        statement
        for statement in ast.parse(text).body
        if not ast.unparse(statement).startswith(("figures.", "widgets."))
    ]
    return "\n".join(ast.unparse(statement) for statement in kept)


def _needed(cells: list[Cell], answer: Cell) -> list[Cell]:
    """Choose the cells that define what an answer uses, or what such a cell uses, and the answer."""
    needed = [answer]
    names = used(answer.text)
    # until nothing more is needed: a helper may stand below what calls it
    while more := [cell for cell in cells if cell not in needed and defined(cell.text) & names]:
        needed += more
        names = {name for cell in needed for name in used(cell.text)}
    return needed
