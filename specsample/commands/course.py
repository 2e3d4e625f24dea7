"""`specsample course`: hands the notebooks out, grades them, opens them."""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from specsample.course.grade import UNTRUSTED, Grade, grade, write_csv
from specsample.course.student import write_student_notebooks

about = "hand out, grade or open the notebooks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("student", help="write the student notebooks, without model answers")
    action.add_argument("folder", type=Path)
    action = actions.add_parser("grade", help=f"grade submitted notebooks. {UNTRUSTED}", description=UNTRUSTED)
    action.add_argument("submissions", nargs="+", type=Path, help=".ipynb files, or folders of them")
    action.add_argument("--csv", type=Path, metavar="OUT.csv", help="write the grades to a file")
    action.add_argument("--seconds", type=int, default=120, help="for one notebook (default: 120)")
    action.add_argument("--megabytes", type=int, default=4096, help="of address space (default: 4096)")
    action = actions.add_parser("open", help="copy the notebooks and start JupyterLab")
    action.add_argument("folder", type=Path, nargs="?", default=Path("specsample-course"))


def run(given: argparse.Namespace) -> int:
    """Run the command.

    Parameters
    ----------
    given : argparse.Namespace, from a parser with `add_arguments`

    Returns
    -------
    int, exit status: 0, or that of JupyterLab

    Raises
    ------
    ValueError
        If a submission is no notebook of this course, or JupyterLab is missing.
    """
    if given.action == "student":
        Console(highlight=False).print(f"{len(write_student_notebooks(given.folder))} notebooks: {given.folder}")
        return 0
    if given.action == "open":
        return open_course(given.folder)
    # grading runs what students wrote: that is said first
    Console(stderr=True).print(UNTRUSTED, style="yellow")
    paths = [found for path in given.submissions for found in _notebooks(path)]
    grades = [one for path in paths for one in grade(path, seconds=given.seconds, megabytes=given.megabytes)]
    Console(highlight=False).print(_table(grades))
    if given.csv is not None:
        write_csv(grades, given.csv)
    return 0


def open_course(folder: Path) -> int:
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
    if not any(folder.glob("*.ipynb")):
        write_student_notebooks(folder)
    if find_spec("jupyterlab") is None:
        raise ValueError(f"the notebooks are in {folder}; to open them here: pip install -e '.[notebooks]'")
    return subprocess.run([sys.executable, "-m", "jupyterlab", str(folder)], check=False).returncode


def _notebooks(path: Path) -> list[Path]:
    """List the notebooks that a path names."""
    return sorted(path.rglob("*.ipynb")) if path.is_dir() else [path]


def _table(grades: list[Grade]) -> Table:
    """Show grades, each failure with its first line."""
    table = Table("submission", "exercise", "points", "")
    for one in grades:
        table.add_row(one.submission, one.exercise, str(one.points), Text(one.message.partition("\n")[0]))
    return table
