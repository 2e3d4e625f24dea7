"""A submitted notebook, and what of it is an answer.

What may have happened to it on the way? A cell was split or copied, an editor dropped the metadata, lines are there
that only IPython understands, the file is damaged: what can be read is read, with a remark, and the rest is refused
by name.
"""

import ast
import json
import re
import symtable
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specsample.course.source import Cell, read, sources

LARGEST = 100 * 2**20  # bytes of a file; what is larger is mostly outputs
TIMING = re.compile(r"%%(time|timeit|capture|prun)\b")  # the rest of such a cell is Python
IPYTHON = re.compile(r"(\s*)([%!?].*|[\w.]+\?\??\s*|\w+\s*=\s*[%!].*)$")
CHECKED = re.compile(r'^check\("(\d\d\.\d+)", (\w+)', re.MULTILINE)


@dataclass(frozen=True)
class Submission:
    """The code of one submitted notebook, and the source of which it is a copy."""

    path: Path
    source: Path
    cells: list[Cell]  # code, in the order in which it stands; an answer's cells are one
    remarks: dict[str, str] = field(default_factory=dict)  # by exercise: what was done to read its answer

    def answer_to(self, exercise: str) -> str:
        """Take the text of one answer; empty if there is none."""
        return next((cell.text for cell in self.cells if cell.is_answer and exercise_of(cell) == exercise), "")


def read_submission(path: Path) -> Submission:
    """Read a submitted notebook.

    Raises
    ------
    ValueError
        If the file is no notebook of this course.
    """
    # answers and the student's own cells; checks are taken from our source
    cells = [cell for cell in code_of(path) if not cell.is_check]
    source = source_of(cells, path)
    ours = {cell.text for cell in read(source) if cell.kind == "code" and not cell.is_answer}
    names = names_asked(source)
    remarks: dict[str, str] = {}
    read_cells: list[Cell] = []
    for exercise, name in names.items():
        answers = [cell for cell in cells if cell.is_answer and exercise_of(cell) == exercise]
        # written into another cell, or into one that lost its metadata
        own = [cell for cell in cells if not (cell.is_answer or cell.text in ours)]
        elsewhere = [cell for cell in own if name in defined(cell.text)]
        if len(answers) > 1:
            remarks[exercise] = f"{len(answers)} cells are this answer's (one was split, or is there twice); joined"
        elif elsewhere:
            remarks[exercise] = f"{name} is defined in another cell than the answer's, which was taken too"
        if answers or elsewhere:
            text = "\n\n".join(cell.text for cell in cells if cell in answers or cell in elsewhere)
            read_cells.append(answer_cell(exercise, text))
            cells = _replaced(cells, [*answers, *elsewhere], read_cells[-1])
    own = [cell for cell in cells if cell in read_cells or not (cell.is_answer or cell.text in ours)]
    return Submission(path, source, own, remarks)


def _replaced(cells: list[Cell], old: Sequence[Cell], new: Cell) -> list[Cell]:
    """Put one cell in the place of the last of several."""
    last = max(i for i, cell in enumerate(cells) if cell in old)
    return [new if i == last else cell for i, cell in enumerate(cells) if i == last or cell not in old]


def answer_cell(exercise: str, text: str) -> Cell:
    """Make the cell of an answer."""
    return Cell("code", {"nbgrader": {"grade_id": exercise.replace(".", "-"), "solution": True}}, text)


def exercise_of(cell: Cell) -> str:
    """Name the exercise that a cell answers or checks.

    Examples
    --------
    >>> exercise_of(Cell("code", {"nbgrader": {"grade_id": "03-2-check"}}, ""))
    '03.2'
    """
    return cell.grade_id.removesuffix("-check").replace("-", ".")


def names_asked(source: Path) -> dict[str, str]:
    """List what a notebook asks for: dict from exercise to the name of its answer."""
    return {id: name for cell in read(source) if cell.is_check for id, name in CHECKED.findall(cell.text)[:1]}


def model_answers(source: Path) -> dict[str, str]:
    """List what our notebook answers: dict from exercise to the text of its cell."""
    return {exercise_of(cell): cell.text for cell in read(source) if cell.is_answer}


def code_of(path: Path) -> list[Cell]:
    """Read the code cells of an .ipynb file, also of the older format 3, as Python.

    Raises
    ------
    ValueError
        If the file is not a notebook.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path} must be a notebook of at most {LARGEST:,} bytes. Are its outputs in it?")
        # some editors put a byte order mark in front
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        return [_code(cell) for cell in cells if cell["cell_type"] == "code"]
    except OSError as error:
        raise ValueError(f"{path} must be a file that can be read; {error.strerror}.") from error
    except (
        LookupError,
        TypeError,
        AttributeError,
        UnicodeDecodeError,
        RecursionError,
        json.JSONDecodeError,
    ) as error:
        why = f"{type(error).__name__}: {str(error)[:200]}"
        raise ValueError(f"{path} must be a notebook, an .ipynb file; reading it gave {why}. Is it whole?") from error


def _code(cell: dict[str, Any]) -> Cell:
    """Read one cell; metadata of another form than nbgrader's are none."""
    # format 3 calls it "input"
    lines = cell.get("source", cell.get("input", ""))
    metadata = cell.get("metadata")
    graded = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    is_graded = isinstance(graded, dict) and bool(graded.get("solution") or graded.get("grade"))
    kept = {"nbgrader": graded} if is_graded else {}
    return Cell("code", kept, as_python("".join(lines)))


def source_of(cells: Sequence[Cell], path: Path) -> Path:
    """Find the source of which a submission is a copy: by its answer cells, else by the names that it defines.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    units = {cell.grade_id[:2] for cell in cells if cell.is_answer}
    found = [source for source in sources() if source.stem[:2] in units]
    # an editor that dropped the metadata left the names
    if not found:
        names = {name for cell in cells for name in defined(cell.text)}
        found = [source for source in sources() if names & set(names_asked(source).values())]
    if len(found) != 1:
        which = " and ".join(source.stem for source in found) or "none"
        raise ValueError(f"{path} must hold the answers to one notebook of this course; it has those to {which}.")
    return found[0]


def defined(text: str) -> set[str]:
    """Name what a cell binds for other cells: functions, classes, imports, variables; nothing if it is no Python.

    Examples
    --------
    >>> sorted(defined("import numpy as np\\ndef f(x):\\n    y = x"))
    ['f', 'np']
    """
    return {name for name, symbol in _shared(text) if symbol.is_assigned() or symbol.is_imported()}


def used(text: str) -> set[str]:
    """Name what a cell reads of other cells; nothing if it is no Python.

    Examples
    --------
    >>> sorted(used("def f(x):\\n    return [g(i) for i in x]"))
    ['g']
    """
    return {name for name, symbol in _shared(text) if symbol.is_referenced()}


def _shared(text: str) -> list[tuple[str, symtable.Symbol]]:
    """List a text's names that other cells can see, those of the module, once for each scope they stand in."""
    try:
        module = symtable.symtable(text, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = [(symbol.get_name(), symbol) for symbol in module.get_symbols()]
    # in functions, classes and comprehensions most names are their own
    inner = list(module.get_children())
    for scope in inner:
        inner += scope.get_children()
        found += [(symbol.get_name(), symbol) for symbol in scope.get_symbols() if symbol.is_global()]
    return found


def as_python(text: str) -> str:
    """Blank what only IPython understands, if there is something; lines keep their numbers.

    Examples
    --------
    >>> print(as_python("%%time\\nx = 1\\nx?"))
    pass
    x = 1
    pass
    >>> as_python("x = '''\\n% is no magic here'''")
    "x = '''\\n% is no magic here'''"
    """
    if _is_python(text):
        return text
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    # a cell of another language: %%bash, %%writefile
    if first.startswith("%%") and not TIMING.match(first):
        return ""
    return "\n".join(IPYTHON.sub(r"\1pass", line) for line in lines)


def _is_python(text: str) -> bool:
    """Say whether a text can be parsed."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
