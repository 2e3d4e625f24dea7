"""Write docs/howto/teach-notes.md: what to say at each picture, and what goes wrong in each exercise.

    python docs/make_teach.py

What is said stands in docs/teach-pictures.json, by notebook and in its order: the call that draws, and a sentence or
two. Mistakes are those that the exercises name. A test says that no picture is without a word and that running it
again changes nothing.
"""

import json
import re
from pathlib import Path

from pages import row, table, wrapped

from specsample.course.source import read, sources
from specsample.course.syllabus import lesson
from specsample.exercises import all_exercises

PAGE = Path(__file__).parent / "howto" / "teach-notes.md"
CALLS = r"\b(?:figures|widgets)\.(\w+)\(", r"\b(plt\.(?:subplots|plot))\(", r"\.(show)\(", r"^(recorded)$"
PICTURE = re.compile("|".join(CALLS), re.MULTILINE)
SHOWN = 3  # mistakes of each exercise

SAY = json.loads(Path(__file__).with_name("teach-pictures.json").read_text(encoding="utf-8"))


def pictures(path):
    """List the pictures of a notebook: the section in which each stands, and the call that draws it."""
    found = []
    section = "the first cells"
    for cell in read(path):
        section = [section, *re.findall(r"^## (.*)$", cell.text, re.MULTILINE)][-1]
        drawn = PICTURE.search(cell.text) if cell.kind == "code" else None
        if drawn:
            found.append((section, next(filter(None, drawn.groups()))))
    return found


def mistakes(exercise):
    """List the first mistakes that an exercise names; of two that begin alike the shorter name."""
    names = [mistake.name for mistake in exercise.mistakes]
    kept = [name for i, name in enumerate(names) if not any(name.startswith(other) for other in names[:i])]
    return [name.replace("|", "\\|") for name in kept[:SHOWN]]


def unit(path):
    """Write the section of a notebook."""
    number = path.stem[:2]
    about = lesson(path)
    said = zip(pictures(path), SAY[number], strict=True)
    lines = [row(section, f"`{call}`", say) for (section, call), (_, say) in said]
    asked = [each for id, each in all_exercises().items() if id.startswith(number)]
    wrong = [(f"{each.id} {each.title}", ";<br>".join(mistakes(each))) for each in asked]
    return "\n\n".join(
        [
            f"## {about.title}",
            f"{about.minutes} minutes.",
            "\n".join([row("section", "picture", "say"), row("---", "---", "---"), *lines]),
            table(("exercise", "what people hand in"), wrong),
        ]
    )


def page():
    """Write the page."""
    n_known = sum(len(each.mistakes) for each in all_exercises().values())
    opening = wrapped(
        f"""# Pictures and mistakes

What to say at each picture, and what goes wrong in each exercise, notebook by notebook: to read the evening before.
The exercises know {n_known} mistakes by name; here are the first {SHOWN} of each, as `check` names them. Nobody has
counted which are the most frequent. Made by `python docs/make_teach.py`; plans for a lecture, a lab and a course are
in [Teach with it](teach.md), goals and open questions in [the course](../course.md)."""
    )
    return "\n\n".join([opening.rstrip(), *map(unit, sources())]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
