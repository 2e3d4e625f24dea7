"""How far a student is, in a folder of notebooks.

What is solved is asked of the grader, so that a notebook that was edited since its checks last ran shows as it is.
"""

from pathlib import Path
from typing import NamedTuple

from specsample.course.grade import Grade, grade
from specsample.course.source import sources
from specsample.exercises import find


class Unit(NamedTuple):
    """One notebook: its grades, in order, none if it is not in the folder."""

    name: str
    grades: list[Grade]

    @property
    def solved(self) -> int:
        """Number of exercises that are solved."""
        return sum(one.points for one in self.grades)


def units(folder: Path) -> list[Unit]:
    """Grade every notebook of the course that lies in a folder.

    Parameters
    ----------
    folder : Path, with the notebooks under the names that they were handed out with

    Returns
    -------
    list of Unit, all of the course

    Raises
    ------
    ValueError
        If none of them is there, or one cannot be read.
    """
    paths = {path.stem: folder / f"{path.stem}.ipynb" for path in sources()}
    if not any(path.exists() for path in paths.values()):
        raise ValueError(
            f"{folder} must hold notebooks of the course; there is none. "
            "`specsample course open` and `specsample course student DIR` write them."
        )
    return [Unit(name, grade(path) if path.exists() else []) for name, path in paths.items()]


def next_exercise(found: list[Unit]) -> str:
    """Name the first exercise that is not solved and what it asks for, or the first notebook that is not there.

    Parameters
    ----------
    found : list of Unit

    Returns
    -------
    str, empty if all are solved
    """
    left = [one.exercise for unit in found for one in unit.grades if not one.points]
    if left:
        return f"{left[0]}: {find(left[0]).title}"
    return next((f"the notebook {unit.name}" for unit in found if not unit.grades), "")
