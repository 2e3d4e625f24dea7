"""What students get: no model answers and no hidden tests."""

import re
from pathlib import Path

from specsample.course.source import Cell, read, sources, to_notebook

SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION\n?", re.MULTILINE | re.DOTALL)
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


def student_version(path: Path) -> list[Cell]:
    """Read the cells that students get of one source."""
    return [without_solution(cell) for cell in read(path)]


def write_student_notebooks(folder: Path) -> list[Path]:
    """Write all student notebooks into a folder.

    Parameters
    ----------
    folder : Path, made if need be

    Returns
    -------
    list of Path, the files
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in sources():
        out = folder / f"{path.stem}.ipynb"
        out.write_text(to_notebook(student_version(path), path.stem), encoding="utf-8")
        written.append(out)
    return written


def _stub(match: re.Match[str]) -> str:
    """Leave a place for the answer: inside a function it says that nothing is there yet."""
    indent = match[1]
    return f"{indent}# YOUR CODE HERE\n{indent}raise NotImplementedError()\n" if indent else "# YOUR ANSWER HERE\n"
