"""The course's files: sources, student versions, grading. Sources are executed in tests/test_notebooks.py."""

import csv
import json
import re

import pytest
from test_layout import ROOT

from specsample import cli
from specsample.course.grade import grade, write_csv
from specsample.course.runner import run_cell
from specsample.course.source import read, sources, to_notebook
from specsample.course.student import student_version, write_student_notebooks
from specsample.exercises import all_exercises

SOURCES = sources()
ONE_DRAFT = next(path for path in SOURCES if path.stem.startswith("03"))
RIGHT = {cell.grade_id: cell.text for cell in read(ONE_DRAFT) if cell.is_answer}


def stem(path):
    """Name a notebook."""
    return path.stem


def submit(folder, answers, change=lambda cell: cell):
    """Write a submission of notebook 03: its student version with some answers filled in."""
    cells = [change(cell._replace(text=answers.get(cell.grade_id, cell.text))) for cell in student_version(ONE_DRAFT)]
    path = folder / "03.ipynb"
    path.write_text(to_notebook(cells, "03"), encoding="utf-8")
    return path


def points(grades):
    """List the points of each exercise."""
    return {one.exercise: one.points for one in grades}


# --- sources and student versions --------------------------------------------------------------------------------


def test_the_notebooks_are_the_student_versions_of_their_sources_and_nothing_is_left_over(tmp_path):
    written = {path.name: path.read_text(encoding="utf-8") for path in write_student_notebooks(tmp_path)}
    kept = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert kept == written, "run: python -m specsample course student notebooks"


@pytest.mark.parametrize("path", SOURCES, ids=stem)
def test_jupytext_reads_the_same_cells(path):
    jupytext = pytest.importorskip("jupytext")
    theirs = jupytext.read(path, fmt="py:percent").cells
    ours = read(path)
    assert [(c.cell_type, c.source) for c in theirs] == [(c.kind, c.text) for c in ours]
    assert [c.metadata.get("nbgrader") for c in theirs] == [c.metadata.get("nbgrader") for c in ours]


@pytest.mark.parametrize("path", SOURCES, ids=stem)
def test_the_student_version_holds_no_line_of_a_model_answer_and_no_hidden_test(path):
    student = "\n".join(cell.text for cell in student_version(path))
    for full, given in zip(read(path), student_version(path), strict=True):
        gone = set(full.text.splitlines()) - set(given.text.splitlines())
        assert bool(gone) == (full.is_answer or full.is_check)
        solution = [line.strip() for line in gone if full.is_answer and "###" not in line and len(line.strip()) > 8]
        assert not [line for line in solution if line in student]
    assert "###" not in student.replace("### Exercise", "")
    assert not re.search(r"^check\(.*seed=1\)", student, re.MULTILINE)


@pytest.mark.parametrize("path", SOURCES, ids=stem)
def test_no_text_of_a_notebook_shows_a_value_that_it_asks_for(path):
    student = "\n".join(cell.text for cell in student_version(path))
    answers = re.findall(r"^my_\w+ = (.{5,})$", "\n".join(cell.text for cell in read(path)), re.MULTILINE)
    assert not [answer for answer in answers if answer in student]


@pytest.mark.parametrize("path", SOURCES, ids=stem)
def test_a_notebook_asks_and_checks_exactly_the_exercises_of_its_unit(path):
    ids = [id for id in all_exercises() if id.startswith(path.stem[:2])]
    assert ids == [f"{path.stem[:2]}.{n}" for n in range(1, len(ids) + 1)]  # numbered as they stand
    cells = read(path)
    assert [cell.grade_id for cell in cells if cell.is_answer] == [id.replace(".", "-") for id in ids]
    assert [cell.text.split('"')[1] for cell in cells if cell.is_check] == ids
    text = "\n".join(cell.text for cell in cells)
    assert all(f"### Exercise {id} ({all_exercises()[id].kind}" in text for id in ids)


# --- grading -----------------------------------------------------------------------------------------------------


def test_the_source_itself_gets_every_point(tmp_path):
    assert set(points(grade(submit(tmp_path, RIGHT))).values()) == {1}


def test_an_empty_submission_gets_no_point_and_is_told_so(tmp_path):
    grades = grade(submit(tmp_path, {}))
    assert len(grades) == 4
    assert all(one.points == 0 and "no answer yet" in one.message for one in grades)


def test_a_wrong_answer_costs_its_own_point_and_those_of_what_is_built_on_it(tmp_path):
    mistaken = "def my_residual(p, q):\n    return p"
    grades = grade(submit(tmp_path, RIGHT | {"03-2": mistaken}))
    assert points(grades) == {"03.1": 1, "03.4": 1, "03.2": 0, "03.3": 0}
    assert "M01" in next(one.message for one in grades if one.exercise == "03.3")


def test_edited_check_cells_do_not_matter(tmp_path):
    harmless = lambda cell: cell._replace(text="pass") if cell.is_check else cell  # noqa: E731
    spoilt = {"03-1": "def check(*anything, **more):\n    pass\n\nmy_accept_probability = None"}
    assert points(grade(submit(tmp_path, RIGHT | spoilt, change=harmless)))["03.1"] == 0


def test_an_answer_that_exits_ends_nobody_elses_check(tmp_path):
    assert points(grade(submit(tmp_path, RIGHT | {"03-4": "raise SystemExit"}))) == {
        "03.1": 1,
        "03.4": 0,
        "03.2": 1,
        "03.3": 1,
    }


@pytest.mark.parametrize(
    "endless", [pytest.param("while True:\n    pass", marks=pytest.mark.thorough), "hoard = [0] * 10**12"]
)
def test_limits_of_time_and_memory_end_a_submission(tmp_path, endless):
    grades = grade(submit(tmp_path, {"03-1": endless}), seconds=15, megabytes=2048)
    assert points(grades)["03.1"] == 0
    assert all(one.message for one in grades)


@pytest.mark.parametrize("text", ["", "{}", '{"cells": []}', '{"cells": [1]}'])
def test_what_is_no_notebook_of_the_course_is_refused(tmp_path, text):
    (tmp_path / "x.ipynb").write_text(text)
    with pytest.raises(ValueError, match=r"x\.ipynb must"):
        grade(tmp_path / "x.ipynb")


def test_what_a_cell_prints_or_raises_stays_in_its_place():
    namespace = {}
    assert run_cell("x = 1", namespace) == ""
    assert run_cell("y = x / 0", namespace) == "ZeroDivisionError: division by zero"
    assert run_cell("def f(:", namespace).startswith("SyntaxError")


# --- the command -------------------------------------------------------------------------------------------------


def test_the_command_grades_a_folder_into_a_table_and_warns(tmp_path, capsys):
    (tmp_path / "alice").mkdir()
    submit(tmp_path / "alice", RIGHT)
    assert cli.main(["course", "grade", str(tmp_path), "--csv", str(tmp_path / "out.csv")]) == 0
    assert "with your rights" in " ".join(capsys.readouterr().err.split())
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [row["points"] for row in rows] == ["1"] * 4
    assert "alice" in rows[0]["submission"]


def test_the_command_writes_student_notebooks(tmp_path):
    assert cli.main(["course", "student", str(tmp_path / "new")]) == 0
    first = json.loads((tmp_path / "new" / "00_start_here.ipynb").read_text(encoding="utf-8"))
    assert first["nbformat"] == 4
    assert first["cells"][0]["id"] == "00_start_here-000"


def test_grades_with_commas_and_newlines_survive_the_table(tmp_path):
    from specsample.course.grade import Grade

    write_csv([Grade("a,b", "03.1", 0, "one\ntwo, three")], tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["message"] == "one\ntwo, three"
