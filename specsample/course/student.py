"""What students get: no model answers and no hidden tests."""

import re
from pathlib import Path

from specsample.course.source import Cell, read, sources, to_notebook
from specsample.files import write_whole

SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION\n?", re.MULTILINE | re.DOTALL)
MARKERS = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.MULTILINE)
PLACEHOLDER = re.compile(r"^\w+ = None\n(?=### BEGIN SOLUTION)", re.MULTILINE)
HIDDEN = re.compile(r"^ *### BEGIN HIDDEN TESTS\n.*?^ *### END HIDDEN TESTS\n?", re.MULTILINE | re.DOTALL)


def without_solution(cell: Cell) -> Cell:
    """Take the model answer and the hidden tests out of a cell.

    Examples
    --------
    >>> text = "def f():\\n    ### BEGIN SOLUTION\\n    return 1\\n    ### END SOLUTION"
    >>> print(without_solution(Cell("code", {}, text)).text)
    def f():
        # YOUR CODE HERE
        raise NotImplementedError()
    """
    text = HIDDEN.sub("", SOLUTION.sub(_stub, cell.text + "\n"))
    return cell._replace(text=text.strip("\n"))


def with_solution(cell: Cell) -> Cell:
    """Leave the model answer in a cell, and nothing that only makes the student's version of it.

    Examples
    --------
    >>> with_solution(Cell("code", {}, "a = None\\n### BEGIN SOLUTION\\na = 1\\n### END SOLUTION")).text
    'a = 1'
    """
    return cell._replace(text=MARKERS.sub("", PLACEHOLDER.sub("", HIDDEN.sub("", cell.text + "\n"))).strip("\n"))


def student_version(path: Path) -> list[Cell]:
    """Read the cells that students get of one source."""
    return [without_solution(cell) for cell in read(path)]


def write_student_notebooks(folder: Path, *, force: bool = False) -> list[Path]:
    """Write all student notebooks into a folder.

    Parameters
    ----------
    folder : Path, made if need be
    force : bool, write over notebooks that somebody has worked in

    Returns
    -------
    list of Path, the files

    Raises
    ------
    ValueError
        If that would overwrite a notebook that is not what would be written; then none is.
    """
    texts = {folder / f"{path.stem}.ipynb": to_notebook(student_version(path), path.stem) for path in sources()}
    worked_in = [path.name for path, text in texts.items() if path.exists() and path.read_bytes() != text.encode()]
    if worked_in and not force:
        raise ValueError(
            f"{folder} must not hold notebooks that somebody has worked in, or of another version; "
            f"it holds {', '.join(worked_in)}. Choose another folder, or --force to overwrite them."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        write_whole(path, text)
    return list(texts)


def write_missing_notebooks(folder: Path) -> None:
    """Write those student notebooks that a folder does not hold yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sources():
        out = folder / f"{path.stem}.ipynb"
        if not out.exists():
            write_whole(out, to_notebook(student_version(path), path.stem))


def _stub(match: re.Match[str]) -> str:
    """Leave a place for the answer: inside a function it says that nothing is there yet."""
    indent = match[1]
    return f"{indent}# YOUR CODE HERE\n{indent}raise NotImplementedError()\n" if indent else "# YOUR ANSWER HERE\n"
