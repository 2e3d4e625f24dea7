"""Hints, a first and a second, and one answer after three tries.

They stand in the notebooks' sources: hints are folded away below their exercise, in what students get too; an answer
is between the markers, and comes from here alone.
"""

import re
from collections import Counter
from dataclasses import dataclass

from specsample.course.source import Cell, read, sources
from specsample.course.student import with_solution
from specsample.course.submission import exercise_of
from specsample.exercises import find
from specsample.exercises.grading import ENOUGH, PASSED, TRIES

HINT = re.compile(r"<details><summary>(?:Hint|Second hint)</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
SHOWN: Counter[str] = Counter()  # hints of each exercise, in this session


@dataclass(frozen=True)
class Told:
    """What was asked for: a notebook shows it with its formatting."""

    text: str  # Markdown

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


def hint(id: str) -> Told:
    """Show the next hint of an exercise; after the last one that again.

    Parameters
    ----------
    id : str, such as "03.2"

    Returns
    -------
    Told

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> print(hint("03.1").text.partition(":")[0])
    Hint 1 of 2
    """
    found = hints_of(id)
    # each call shows one more
    number = min(SHOWN[id] + 1, len(found))
    SHOWN[id] = number
    return Told(f"Hint {number} of {len(found)}: {found[number - 1]}")


def answer(id: str, *, show: bool = False) -> Told:
    """Show one answer to an exercise, after three tries, or when it is solved.

    Parameters
    ----------
    id : str, such as "03.2"
    show : bool, show it before

    Returns
    -------
    Told, the code of an answer, or how many tries are left

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> print(str(answer("03.1", show=True))[:51])
    One answer to 03.1, the probability of keeping a dr
    """
    cells = _cells_of(id)
    if not show and id not in PASSED and TRIES[id] < ENOUGH:
        rest = f'`hint("{id}")` helps, and `answer("{id}", show=True)` does not wait.'
        return Told(f"Three tries first, of which {TRIES[id]} are made; {rest}")
    solved = next(with_solution(cell).text for cell in cells if cell.is_answer)
    return Told(f"One answer to {id}, {find(id).title}:\n\n```python\n{solved}\n```")


def hints_of(id: str) -> list[str]:
    """List the hints of an exercise, from the text above its answer.

    Parameters
    ----------
    id : str

    Returns
    -------
    list of str, Markdown
    """
    return [text for cell in _cells_of(id) if cell.kind == "markdown" for text in HINT.findall(cell.text)]


def _cells_of(id: str) -> list[Cell]:
    """List the cells of an exercise, from its heading to its answer."""
    find(id)  # refuses what is none
    path = next(path for path in sources() if path.stem.startswith(id[:2]))
    cells = read(path)
    first = next(i for i, cell in enumerate(cells) if f"### Exercise {id} " in cell.text)
    last = next(i for i, cell in enumerate(cells) if cell.is_answer and exercise_of(cell) == id)
    # a cell may hold the end of another exercise above the heading
    head = cells[first]._replace(text=cells[first].text[cells[first].text.index(f"### Exercise {id} ") :])
    return [head, *cells[first + 1 : last + 1]]
