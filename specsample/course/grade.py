"""Grading: which exercises a submission has solved.

Of a submitted notebook only the answer cells are taken; every other cell comes from our own source, so that edited
check cells do not matter. They run in a process of their own with limits.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from specsample.course.source import PACKAGE, Cell, read, sources
from specsample.course.student import without_solution

UNTRUSTED = "Grading runs the submissions' code with your rights: use a machine or an account that can spare it."


class Grade(NamedTuple):
    """One exercise of one submission; `message` is empty if it is solved."""

    submission: str
    exercise: str
    points: int
    message: str


def grade(path: Path, *, seconds: int = 120, megabytes: int = 4096) -> list[Grade]:
    """Grade one submitted notebook.

    Parameters
    ----------
    path : Path, an .ipynb file
    seconds : int, for the whole notebook
    megabytes : int, of address space

    Returns
    -------
    list of Grade, one for each exercise of the notebook, in order

    Raises
    ------
    ValueError
        If the file is no notebook of this course.
    """
    # the submission's answers in our own notebook: edited or deleted checks make no difference
    answers = submitted_answers(path)
    source = source_of(answers, path)
    cells = [_with_answer(cell, answers) for cell in read(source)]
    said = _run([cell for cell in cells if cell.kind == "code"], seconds, megabytes)
    checks = [exercise_of(cell) for cell in cells if cell.is_check]
    # what was not heard of before the time was up is not solved
    verdicts = [said.get(check, f"not reached within {seconds} s and {megabytes} MB") for check in checks]
    return [Grade(str(path), check, int(not text), text) for check, text in zip(checks, verdicts, strict=True)]


def submitted_answers(path: Path) -> dict[str, str]:
    """Read the answer cells of a submission, and nothing else of it.

    Returns
    -------
    dict from grade id to the cell's text; of a copied cell the last one counts

    Raises
    ------
    ValueError
        If the file is not a notebook.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        read_cells = [Cell(cell["cell_type"], cell["metadata"], "".join(cell["source"])) for cell in cells]
        return {cell.grade_id: cell.text for cell in read_cells if cell.is_answer}
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must be a notebook, an .ipynb file; reading it gave {error!r}.") from error


def source_of(answers: dict[str, str], path: Path) -> Path:
    """Find the source of which a submission is a copy.

    Raises
    ------
    ValueError
        If there is none.
    """
    units = {grade_id[:2] for grade_id in answers}
    found = [source for source in sources() if source.stem[:2] in units]
    if len(found) != 1:
        raise ValueError(
            f"{path} must hold the answer cells of one notebook of this course; it has those of {units}."
        )
    return found[0]


def exercise_of(cell: Cell) -> str:
    """Name the exercise that a check cell checks.

    Examples
    --------
    >>> exercise_of(Cell("code", {"nbgrader": {"grade_id": "03-2-check"}}, ""))
    '03.2'
    """
    return cell.grade_id.removesuffix("-check").replace("-", ".")


def write_csv(grades: Iterable[Grade], path: Path) -> None:
    """Write grades as a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(Grade._fields)
        table.writerows(grades)


def _with_answer(cell: Cell, answers: dict[str, str]) -> Cell:
    """Put the submitted answer in place of the model answer; nothing submitted is an empty answer."""
    if not cell.is_answer:
        return cell
    return cell._replace(text=answers.get(cell.grade_id, without_solution(cell).text))


def _run(cells: list[Cell], seconds: int, megabytes: int) -> dict[str, str]:
    """Run cells in a process of their own and collect what their checks said, also of a run that was cut off."""
    work: dict[str, Any] = {"seconds": seconds, "megabytes": megabytes}
    work["cells"] = [{"text": c.text, "check": exercise_of(c) if c.is_check else ""} for c in cells]
    paths = os.pathsep.join([str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": paths}
    # in an empty folder that goes away with whatever was written there
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "specsample.course.runner"]
        options: dict[str, Any] = {"cwd": folder, "env": environment, "capture_output": True}
        try:
            out = subprocess.run(command, input=json.dumps(work).encode(), timeout=seconds, **options).stdout
        except subprocess.TimeoutExpired as late:
            out = late.stdout or b""
    lines = [line for line in out.decode(errors="replace").splitlines() if line.startswith("{")]
    return {said["check"]: said["message"] for said in map(json.loads, lines)}
