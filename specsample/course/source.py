"""Notebooks kept as text files, and the cells that they become.

The sources are percent scripts (`# %%` begins a cell), which jupytext and nbgrader read too. They hold the model
answers between nbgrader's markers. This parser knows the part of the format that they use and needs no jupytext; a
test compares the two.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import specsample

PACKAGE = Path(specsample.__file__).parent
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class Cell(NamedTuple):
    """One cell of a notebook: "code" or "markdown", its metadata, its text."""

    kind: str
    metadata: dict[str, Any]
    text: str

    @property
    def grade_id(self) -> str:
        """Name of an answer or a check in nbgrader's metadata, such as "03-2"; empty for other cells."""
        return str(self.metadata.get("nbgrader", {}).get("grade_id", ""))

    @property
    def is_answer(self) -> bool:
        """Whether a student fills this cell in."""
        return bool(self.metadata.get("nbgrader", {}).get("solution"))

    @property
    def is_check(self) -> bool:
        """Whether this cell checks an answer."""
        return bool(self.metadata.get("nbgrader", {}).get("grade"))


def sources() -> list[Path]:
    """List the sources of the notebooks, in order: those in the installed package, else in the checkout.

    Raises
    ------
    FileNotFoundError
        If there are none.
    """
    # a wheel brings them along, a checkout has them beside the package
    for folder in (PACKAGE / "course" / "src", PACKAGE.parent / "notebooks" / "src"):
        if found := sorted(folder.glob("[0-9][0-9]_*.py")):
            return found
    raise FileNotFoundError("the notebooks' sources were not found; was specsample installed without them?")


def parse(text: str) -> list[Cell]:
    """Split a percent script into cells.

    Examples
    --------
    >>> parse('# %% [markdown]\\n# Hello\\n\\n# %% tags=["a"]\\nx = 1\\n')
    [Cell(kind='markdown', metadata={}, text='Hello'), Cell(kind='code', metadata={'tags': ['a']}, text='x = 1')]
    """
    cells: list[Cell] = []
    lines: list[str] = []
    # a last empty head ends the last cell
    for line in [*text.splitlines(), "# %%"]:
        if not line.startswith("# %%"):
            lines.append(line)
            continue
        if lines and lines[0].startswith("# %%"):
            cells.append(_cell(lines[0], lines[1:]))
        lines = [line]
    return cells


def read(path: Path) -> list[Cell]:
    """Read the cells of a source."""
    return parse(path.read_text(encoding="utf-8"))


def to_notebook(cells: list[Cell], stem: str) -> str:
    """Write cells as an .ipynb file, without outputs and with ids that stay the same.

    Parameters
    ----------
    cells : list of Cell
    stem : str, name of the notebook, of which the ids are made

    Returns
    -------
    str, JSON
    """
    written: list[dict[str, Any]] = []
    for i, (kind, metadata, text) in enumerate(cells):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"{stem}-{i:03d}", "metadata": metadata}
        cell["source"] = text.splitlines(keepends=True)
        written.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    top = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    notebook = {"cells": written, "metadata": top, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _cell(head: str, lines: list[str]) -> Cell:
    """Make one cell of its first line and the others."""
    rest = head.removeprefix("# %%").strip()
    kind = "markdown" if rest.startswith("[markdown]") else "code"
    metadata = _metadata(rest.removeprefix("[markdown]").strip())
    if kind == "markdown":
        lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
    return Cell(kind, metadata, "\n".join(lines).strip("\n"))


def _metadata(text: str) -> dict[str, Any]:
    """Read key=value pairs, whose values are JSON."""
    metadata: dict[str, Any] = {}
    decoder = json.JSONDecoder()
    while text:
        key, _, rest = text.partition("=")
        metadata[key.strip()], end = decoder.raw_decode(rest)
        text = rest[end:].strip()
    return metadata
