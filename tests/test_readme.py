"""README and the pages of docs/ keep their word: set-up lines, the tree of files, and every output that they print.

    python tests/test_readme.py --write            write what is generated: tree, tables of notebooks, lines of code
    python tests/test_readme.py --commands DIR     run the console blocks with the programs in DIR first on PATH

A `python` block directly followed by a `text` block is run and must print that text; the blocks of a page share their
names. A `console` block holds lines `$ command`, each followed by its output, in which `...` stands for anything
(times, for instance). A block of any other kind is not run. `test_docs.py` says more about the pages.
"""

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
import tempfile
from itertools import zip_longest
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "docs"))  # pytest adds it, a shell does not
from make_reference import purpose, tree
from test_layout import MODULES, PACKAGE, ROOT, lines_of_code, name_of, project_files

from specsample.course.syllabus import lessons
from specsample.course.syllabus import table as lesson_table

README, COURSE = ROOT / "README.md", ROOT / "docs" / "course.md"
README_LINES, README_WORDS = 150, 1800
SET_UP = [
    "python -m venv .venv && .venv/bin/pip install -e . && .venv/bin/specsample demo",
    'python -m venv .venv && .venv/bin/pip install -e ".[dev]" && .venv/bin/pytest -n auto',
]
TREE = re.compile(r"(?<=<!-- tree -->\n).*?(?=<!-- /tree -->)", re.DOTALL)
LINES_OF_CODE = re.compile(r"(?<=, in )\d+(?=\s+lines\s+of\s+code)")  # of speculative.py
NOTEBOOKS = re.compile(r"(?<=<!-- notebooks -->\n).*?(?=<!-- /notebooks -->)", re.DOTALL)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
EXAMPLE = re.compile(r"^```python\n((?:(?!^```).)*?)^```\n\n*```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def readme():
    """Read README.md."""
    return README.read_text(encoding="utf-8")


def short_lesson_table():
    """Write the README's table of notebooks: titles and minutes, three side by side, read down the columns."""
    cells = [f"[{x.title}](notebooks/{x.stem}.ipynb) | {x.minutes}" for x in lessons()]
    rows = -(-len(cells) // 3)
    columns = [cells[i : i + rows] for i in range(0, len(cells), rows)]
    lines = [f"| {' | '.join(cells)} |" for cells in zip_longest(*columns, fillvalue=" | ")]
    return "\n".join(["| notebook | minutes " * 3 + "|", "|---" * 6 + "|", *lines, ""])


def course_table():
    """Write the table of docs/course.md, which has all that the first cells say."""
    return lesson_table().replace("](notebooks/", "](../notebooks/")


def algorithm_lines():
    """Count the lines of code of speculative.py."""
    return len(lines_of_code((PACKAGE / "speculative.py").read_text(encoding="utf-8")))


def pages():
    """List README.md and the Markdown files below docs/."""
    docs = [path for path in project_files() if path.is_relative_to(ROOT / "docs") and path.suffix == ".md"]
    return [README, *sorted(docs)]


def examples(text):
    """List the (code, output) pairs of a page."""
    return EXAMPLE.findall(text)


def commands(text):
    """List the (command, output) pairs of a page's console blocks."""
    blocks = [body for language, body in BLOCK.findall(text) if language == "console"]
    return [pair for block in blocks for pair in COMMAND.findall(block)]


def agree(want, got):
    """Compare an output with the printed one, in which `...` stands for anything."""
    return doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)


def run_example(code, namespace, name):
    """Run a block as a reader would, and return what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, name, "exec"), namespace)
    return out.getvalue()


def test_the_readme_holds_the_two_set_up_lines_verbatim():
    assert all(line in readme().splitlines() for line in SET_UP)


def test_the_readme_stays_short():
    assert len(readme().splitlines()) <= README_LINES
    assert len(readme().split()) <= README_WORDS


def test_the_tree_lists_the_rooms_in_reading_order_with_their_purpose():
    found = TREE.findall(readme())
    assert len(found) == 1, "README.md needs one tree between <!-- tree --> and <!-- /tree -->"
    assert found[0] == tree(deep=False), "run: python tests/test_readme.py --write"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_purpose_of_a_module_fits_one_line_of_the_tree(path):
    assert 10 <= len(purpose(path)) <= 70


def test_the_table_of_notebooks_says_what_their_first_cells_say():
    assert NOTEBOOKS.findall(readme()) == [short_lesson_table()], "run: python tests/test_readme.py --write"
    assert NOTEBOOKS.findall(COURSE.read_text(encoding="utf-8")) == [course_table()], "run the same"


def test_the_readme_has_an_example_with_its_output():
    assert examples(readme()), "README.md needs a ```python block directly followed by a ```text block"


@pytest.mark.parametrize("page", [path for path in pages() if examples(path.read_text("utf-8"))], ids=name_of)
def test_the_examples_print_what_their_page_says(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    namespace = {"__name__": page.stem}
    for code, want in examples(page.read_text(encoding="utf-8")):
        got = run_example(code, namespace, name_of(page))
        assert agree(want, got), f"{name_of(page)} prints\n{want}\nbut the code prints\n{got}"


def test_the_readme_has_a_command_with_a_fixed_seed_and_its_output():
    assert any(command.startswith("specsample ") and "--seed" in command for command, _ in commands(readme()))


SAMPLE = "```python\nx = 1\n```\ntext\n```python\nprint(2)\n```\n\n```text\n2\n```\n"
SAMPLE += "```console\n$ a --seed 1\nb ... s\n$ c\n```\n"


def test_fenced_blocks_are_found_paired_and_compared():
    assert examples(SAMPLE) == [("print(2)\n", "2\n")]
    assert commands(SAMPLE) == [("a --seed 1", "b ... s\n"), ("c", "")]
    assert agree("b ... s\n", "b 0.31 s\n")
    assert not agree("b ... s\n", "c 0.31 s\n")


def write_generated():
    """Put the current tree, the tables of notebooks and the number of lines of code in their places."""
    text = TREE.sub(lambda _: tree(deep=False), readme())
    text = NOTEBOOKS.sub(lambda _: short_lesson_table(), text)
    text = LINES_OF_CODE.sub(str(algorithm_lines()), text)
    README.write_text(text, encoding="utf-8")
    course = NOTEBOOKS.sub(lambda _: course_table(), COURSE.read_text(encoding="utf-8"))
    COURSE.write_text(course, encoding="utf-8")


def run_commands(folder):
    """Run the console blocks of all pages and return the number that print something else.

    Each page has a folder of its own, in which the project's files lie as in the project's, and nothing is left.
    """
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(folder).resolve()), os.environ["PATH"]])}
    failures = 0
    for page in pages():
        with tempfile.TemporaryDirectory() as place:
            for path in ROOT.iterdir():
                (Path(place) / path.name).symlink_to(path)
            for command, want in commands(page.read_text(encoding="utf-8")):
                done = subprocess.run(command, shell=True, cwd=place, env=environment, capture_output=True, text=True)
                is_right = done.returncode == 0 and agree(want, done.stdout)
                print("ok:" if is_right else "DIFFERENT:", name_of(page), command)
                if not is_right:
                    print(f"the page prints\n{want}\nthe command prints (exit code {done.returncode})\n{done.stdout}")
                    print(done.stderr)
                failures += not is_right
    return failures


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write_generated()
    elif len(sys.argv) == 3 and sys.argv[1] == "--commands":
        sys.exit(run_commands(sys.argv[2]))
    else:
        sys.exit(__doc__)
