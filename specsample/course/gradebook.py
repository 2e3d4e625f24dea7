"""Grades as tables: a row an exercise, or a row a student.

Every table is written whole after each submission, so that a run that is broken off leaves what was graded.

Canvas reads the columns Student, ID, SIS User ID, SIS Login ID and Section, then one for each assignment; a name and
a login are enough (Ohio State University's page on importing a CSV file into its Canvas gradebook). Moodle lets one
choose which column is which; it wants an identifier, such as the ID number, and grade and feedback together (Moodle
docs 3.11, "Grade import", note 3).
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from specsample.course.grade import Grade, shown
from specsample.course.source import sources
from specsample.files import write_whole

COPY = re.compile(r"( ?\(\d+\)|-Copy\d+)$")  # what browsers and JupyterLab append
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


class Student(NamedTuple):
    """All grades of one student."""

    name: str
    grades: list[Grade]

    @property
    def total(self) -> int:
        """Points of all exercises."""
        return sum(one.points for one in self.grades)

    def points(self, prefix: str) -> int:
        """Points of the exercises of one notebook, or of one exercise."""
        return sum(one.points for one in self.grades if one.exercise.startswith(prefix))


def write_csv(grades: Iterable[Grade], path: Path) -> None:
    """Write grades as a long table."""
    write_rows([Grade._fields, *grades], path)


def long(students: Iterable[Student]) -> list[Sequence[Any]]:
    """Make the rows of a table with a row an exercise."""
    return [Grade._fields, *(one for student in students for one in student.grades)]


def student_of(path: Path, given: Path) -> str:
    """Name the student whose file this is: the first folder below the one that was given, else the file.

    Examples
    --------
    >>> student_of(Path("subs/anna/03.ipynb"), Path("subs")), student_of(Path("subs/bert_03.ipynb"), Path("subs"))
    ('anna', 'bert_03')
    """
    below = path.relative_to(given).parts if given != path else (path.name,)
    if len(below) > 1:
        return shown(below[0])
    # a file under our own name, or a copy of it, does not say whose it is; its folder does
    ours = [name for source in sources() for name in (source.stem, source.stem[:2])]
    is_ours = COPY.sub("", path.stem) in ours and path.absolute().parent.name
    return shown(path.absolute().parent.name if is_ours else path.stem)


def columns(students: Iterable[Student]) -> list[str]:
    """List the exercises that somebody was asked."""
    return sorted({one.exercise for student in students for one in student.grades if one.exercise})


def wide(students: Sequence[Student]) -> list[list[Any]]:
    """Make the rows of a table with a row a student: points of each exercise, their sum, remarks."""
    exercises = columns(students)
    rows: list[list[Any]] = [["student", *exercises, "total", "notes"]]
    for student in students:
        asked = {one.exercise for one in student.grades}
        points = [student.points(x) if x in asked else "" for x in exercises]
        notes = "; ".join(f"{one.exercise} {one.note}".strip() for one in student.grades if one.note)
        rows.append([student.name, *points, student.total, notes])
    return rows


def canvas(students: Sequence[Student]) -> list[list[Any]]:
    """Make the rows of a table that Canvas imports: an assignment a notebook."""
    exercises = columns(students)
    units = sorted({x[:2] for x in exercises})
    possible = [sum(x.startswith(unit) for x in exercises) for unit in units]
    head = [*CANVAS, *(f"specsample {unit}" for unit in units)]
    rows = [[x.name, "", "", x.name, "", *(x.points(unit) for unit in units)] for x in students]
    return [head, ["Points Possible", *[""] * 4, *possible], *rows]


def moodle(students: Sequence[Student]) -> list[list[Any]]:
    """Make the rows of a table that Moodle imports: grade and feedback of each notebook."""
    units = sorted({x[:2] for x in columns(students)})
    of_unit = [(f"specsample {unit}", f"specsample {unit} (feedback)") for unit in units]
    rows: list[list[Any]] = [["ID number", *(name for names in of_unit for name in names)]]
    for student in students:
        row: list[Any] = [student.name]
        for unit in units:
            row += [student.points(unit), feedback([one for one in student.grades if one.exercise.startswith(unit)])]
        rows.append(row)
    return rows


def feedback(grades: Iterable[Grade]) -> str:
    """Write what one student is told."""
    said = [one.message or f"{one.exercise} solved." for one in grades]
    return "\n\n".join(said) + "\n"


def write_rows(rows: Iterable[Sequence[Any]], path: Path) -> None:
    """Write a table, whole or not at all."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([_harmless(x) for x in row] for row in rows)
    write_whole(path, text.getvalue())


def write_feedback(students: Iterable[Student], folder: Path) -> None:
    """Write a text file for each student."""
    folder.mkdir(parents=True, exist_ok=True)
    for student in students:
        name = "".join(x if x.isalnum() or x in "._-" else "_" for x in student.name)
        total = f"{student.name}: {student.total} of {len(student.grades)}\n\n"
        write_whole(folder / f"{name}.txt", total + feedback(student.grades))


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
