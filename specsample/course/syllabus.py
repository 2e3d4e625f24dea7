"""What each notebook takes, needs and gives.

Minutes, notebooks before it, what one can do afterwards, exercises: read from the first cell of each source. README's
table is made of it.
"""

import re
from pathlib import Path
from typing import NamedTuple

from specsample.course.source import read, sources

FACTS = {
    "title": re.compile(r"^# (\d\d · .+)$", re.MULTILINE),
    "minutes": re.compile(r"\*\*Minutes:\*\* (\d+)"),
    "needs": re.compile(r"\*\*Needs:\*\* (.+?)\.? *$", re.MULTILINE),
    "able": re.compile(r"\*\*You will be able to\*\* (.+?)(?:\n\n|\Z)", re.DOTALL),
}


class Lesson(NamedTuple):
    """What a notebook promises; `exercises` counts its checks."""

    stem: str
    title: str
    minutes: int
    needs: str
    able: str
    exercises: int


def lesson(path: Path) -> Lesson:
    """Read what one notebook promises.

    Raises
    ------
    ValueError
        If its first cell lacks a fact.
    """
    cells = read(path)
    found = {name: pattern.search(cells[0].text) for name, pattern in FACTS.items()}
    if missing := [name for name, match in found.items() if match is None]:
        raise ValueError(f"the first cell of {path.name} must state its {', '.join(missing)}.")
    said = {name: " ".join(match[1].split()) for name, match in found.items() if match is not None}
    n = sum(cell.is_check for cell in cells)
    return Lesson(path.stem, said["title"], int(said["minutes"]), said["needs"], said["able"].rstrip("."), n)


def lessons() -> list[Lesson]:
    """Read what every notebook promises, in order."""
    return [lesson(path) for path in sources()]


def table() -> str:
    """Write the table of notebooks that stands in the README.

    Returns
    -------
    str, Markdown
    """
    rows = ["| notebook | minutes | needs | you will be able to | exercises |", "|---|---|---|---|---|"]
    rows += [
        f"| [{x.title}](notebooks/{x.stem}.ipynb) | {x.minutes} | {x.needs} | {x.able} | {x.exercises} |"
        for x in lessons()
    ]
    return "\n".join(rows) + "\n"
