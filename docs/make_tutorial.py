"""Write the tutorial's pages from the notebooks' sources: the course with its model answers folded away.

The build calls `write`. A page that is only read has to run to its end, so it is the instructor's version: an answer
stands behind "One answer", the check below it has passed, and no cell may fail. The hidden tests, which repeat the
checks with other tables, are left out. Whoever wants to work downloads the student's notebook from the page.
"""

from pathlib import Path

from specsample.course.source import Cell, read, sources, to_notebook
from specsample.course.student import with_solution

FOLDED = {"code_prompt_show": "One answer", "code_prompt_hide": "One answer"}


def page_cell(cell):
    """Make a cell of the page: links seen from docs/tutorial, answers folded, no error allowed.

    >>> page_cell(Cell("markdown", {}, "[a](../docs/proof.md), [b](../specsample/trace.py)")).text
    '[a](../proof.md), [b](../../specsample/trace.py)'
    >>> page_cell(Cell("code", {"nbgrader": {"solution": True}}, "a = None\\n### BEGIN SOLUTION\\na = 1")).text
    'a = 1'
    """
    if cell.kind == "markdown":
        return Cell("markdown", {}, cell.text.replace("](../", "](../../").replace("](../../docs/", "](../"))
    folded = {"tags": ["hide-input"], "mystnb": FOLDED} if cell.is_answer else {}
    return Cell("code", folded, with_solution(cell).text)


def page(path):
    """Make the cells of a page; the first says where the notebook to work with is."""
    first, *rest = map(page_cell, read(path))
    title, _, text = first.text.partition("\n\n")
    here = f"*The notebook to work with:* {{download}}`{path.stem}.ipynb <../../notebooks/{path.stem}.ipynb>`"
    return [Cell("markdown", {}, f"{title}\n\n{here}\n\n{text}"), *rest]


def write(folder):
    """Write the pages that changed into a folder."""
    for path in sources():
        text = to_notebook(page(path), path.stem)
        out = Path(folder) / f"{path.stem}.ipynb"
        if not out.exists() or out.read_text(encoding="utf-8") != text:
            out.write_text(text, encoding="utf-8")
