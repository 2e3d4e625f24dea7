"""`specsample course`: hands the notebooks out, grades them, opens them."""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from specsample.course.grade import MEGABYTES, SECONDS, UNREADABLE, UNTRUSTED, Grade, grade, unreadable
from specsample.course.gradebook import (
    Student,
    canvas,
    long,
    moodle,
    student_of,
    wide,
    write_feedback,
    write_rows,
)
from specsample.course.progress import next_exercise, units
from specsample.course.student import write_missing_notebooks, write_student_notebooks
from specsample.course.syllabus import lessons

about = "open the notebooks, see how far you are, hand out, grade"
MANY = 12  # exercises that fit beside each other
DONE = "All of them: you can now write the rule, prove it, break it, measure it, and judge anybody's sampler."
NAMED = "  This is what comes of it if "  # in a message of `check`


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("student", help="write the student notebooks, without model answers")
    action.add_argument("folder", type=Path)
    action.add_argument("--force", action="store_true", help="overwrite notebooks that somebody has worked in")
    action = actions.add_parser("grade", help=f"grade submitted notebooks. {UNTRUSTED}", description=UNTRUSTED)
    action.add_argument("submissions", nargs="+", type=Path, help=".ipynb files, or folders of them")
    action.add_argument("--csv", type=Path, metavar="OUT.csv", help="write the grades to a file, as they come")
    action.add_argument("--wide", action="store_true", help="in that file: one row a student")
    action.add_argument("--canvas", type=Path, metavar="OUT.csv", help="write a table for Canvas's gradebook")
    action.add_argument("--moodle", type=Path, metavar="OUT.csv", help="write a table for Moodle's grade import")
    action.add_argument("--feedback", type=Path, metavar="FOLDER", help="write a text file for each student")
    action.add_argument("--seconds", type=positive, default=SECONDS, help=f"for one exercise (default: {SECONDS})")
    action.add_argument(
        "--megabytes", type=positive, default=MEGABYTES, help=f"of address space (default: {MEGABYTES})"
    )
    action = actions.add_parser("open", help="copy the notebooks and start JupyterLab")
    action.add_argument("folder", type=Path, nargs="?", default=Path("specsample-course"))
    action.add_argument("--no-browser", action="store_true", help="start JupyterLab without a browser")
    action = actions.add_parser("progress", help="show what is solved in a folder of notebooks, and what is next")
    action.add_argument("folder", type=Path, nargs="?", default=Path("specsample-course"))


def positive(text: str) -> int:
    """Read a number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text!r}.")
    return int(text)


def run(given: argparse.Namespace) -> int:
    """Run the command.

    Parameters
    ----------
    given : argparse.Namespace, from a parser with `add_arguments`

    Returns
    -------
    int, exit status: 0; 1 if a submission could not be graded; that of JupyterLab

    Raises
    ------
    ValueError
        If there is nothing to grade, a student's work would be overwritten, or JupyterLab is missing.
    """
    if given.action == "student":
        written = write_student_notebooks(given.folder, force=given.force)
        Console(highlight=False).print(f"{len(written)} notebooks: {given.folder}")
        return 0
    if given.action == "open":
        return open_course(given.folder, *["--no-browser"] * given.no_browser)
    if given.action == "progress":
        return show_progress(given.folder)
    return grade_all(given)


def grade_all(given: argparse.Namespace) -> int:
    """Grade every submission; one that cannot be graded is a row that says so."""
    # grading runs what students wrote: that is said first
    aside = Console(stderr=True, highlight=False)
    aside.print(UNTRUSTED, style="yellow")
    paths = [(found, path) for path in given.submissions for found in notebooks(path)]
    if not paths:
        raise ValueError(f"there must be a notebook, an .ipynb file, in {', '.join(map(str, given.submissions))}.")
    tables = {given.csv: wide if given.wide else long, given.canvas: canvas, given.moodle: moodle}
    students: dict[str, Student] = {}
    # a path that cannot be written is refused before the minutes of grading; Ctrl-C leaves what was graded
    write_tables(tables, [], given.feedback)
    for i, (path, root) in enumerate(paths, start=1):
        name = student_of(path, root)
        with aside.status(Text(f"{i} of {len(paths)}: {name}, {path.name}")):
            grades = _grade(path, given.seconds, given.megabytes)
        students.setdefault(name, Student(name, [])).grades.extend(grades)
        write_tables(tables, list(students.values()), given.feedback)
    Console(highlight=False).print(table(list(students.values())))
    # what is to be looked at by somebody
    noted = [(student.name, one) for student in students.values() for one in student.grades if one.note]
    for name, one in noted:
        aside.print(Text(f"{name}, {one.exercise}: {one.note}" if one.exercise else f"{one.note}: {one.message}"))
    return int(any(one.note == UNREADABLE for _, one in noted))


def write_tables(tables: dict[Path | None, Any], students: list[Student], folder: Path | None) -> None:
    """Write what was asked for."""
    for path, rows in tables.items():
        if path is not None:
            write_rows(rows(students), path)
    if folder is not None:
        write_feedback(students, folder)


def _grade(path: Path, seconds: int, megabytes: int) -> list[Grade]:
    """Grade one submission, whatever it is."""
    try:
        return grade(path, seconds=seconds, megabytes=megabytes)
    except ValueError as error:
        return [unreadable(path, error)]


def notebooks(path: Path) -> list[Path]:
    """List the notebooks that a path names, without those that JupyterLab, macOS or git keep for themselves.

    Raises
    ------
    ValueError
        If there is no such path.
    """
    if not path.exists():
        raise ValueError(f"{path} must be a notebook or a folder of them; there is no such path.")
    if not path.is_dir():
        return [path]
    found = [x for x in path.rglob("*.ipynb") if x.is_file()]
    return sorted(x for x in found if not any(_is_hidden(part) for part in x.relative_to(path).parts))


def _is_hidden(name: str) -> bool:
    """Say whether a file or a folder is nobody's submission."""
    return name.startswith(".") or name == "__MACOSX"


def open_course(folder: Path, *options: str) -> int:
    """Copy the notebooks that are not there yet, and start JupyterLab on them.

    Returns
    -------
    int, exit status of JupyterLab

    Raises
    ------
    ValueError
        If JupyterLab is not installed.
    """
    # a student's work is not overwritten
    write_missing_notebooks(folder)
    if find_spec("jupyterlab") is None:
        raise ValueError(f"the notebooks are in {folder}; to open them here: pip install -e '.[notebooks]'")
    return subprocess.run([sys.executable, "-m", "jupyterlab", str(folder), *options], check=False).returncode


def show_progress(folder: Path) -> int:
    """Show what is solved in a folder, and what comes next.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    int, 0
    """
    console = Console(highlight=False)
    # every answer runs once: half a minute for the whole course
    with Console(stderr=True).status("looking at every answer ..."):
        found = units(folder)
    shown = Table("notebook", "solved", "")
    for unit in found:
        marks = "".join("✓" if one.points else "·" for one in unit.grades)
        shown.add_row(unit.name, f"{unit.solved} of {len(unit.grades)}" if unit.grades else "not here", marks)
    console.print(shown)
    # what a notebook promises is true once all of it is solved
    whole = {unit.name for unit in found if unit.grades and unit.solved == len(unit.grades)}
    able = [one.able for one in lessons() if one.stem in whole]
    if able:
        console.print(Text("You can now\n" + "\n".join(f"  ✓ {what}" for what in able)))
    solved = sum(unit.solved for unit in found)
    asked = sum(len(unit.grades) for unit in found)
    coming = next_exercise(found)
    console.print(f"{solved} of {asked} solved. " + (f"Next, {coming}." if coming else DONE))
    return 0


def table(students: list[Student]) -> Table:
    """Show a row a student: points of each exercise, or of each notebook if there are many."""
    head, *rows = wide(students)
    exercises = head[1:-2]
    names = exercises if len(exercises) <= MANY else sorted({x[:2] for x in exercises})
    shown = Table("student", *names, "total", "first that is not solved")
    for student, row in zip(students, rows, strict=True):
        of_each = dict(zip(exercises, row[1:-2], strict=True))
        points = of_each.values() if names == exercises else [student.points(name) for name in names]
        asked = sum(bool(one.exercise) for one in student.grades)
        wrong = next((_in_short(one) for one in student.grades if not one.points), "")
        shown.add_row(Text(student.name), *map(str, points), f"{student.total} of {asked}", Text(wrong))
    return shown


def _in_short(one: Grade) -> str:
    """Say what is wrong in a line: the mistake's name, if it has one."""
    first, *rest = one.message.splitlines()
    named = [line for line in rest if line.startswith(NAMED)]
    return f"{one.exercise}: {named[0].removeprefix(NAMED).rstrip('.')}" if named else first
