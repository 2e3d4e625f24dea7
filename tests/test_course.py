"""The course's files: sources, student versions, grading. Sources are executed in tests/test_notebooks.py."""

import csv
import json
import re
from collections import Counter

import pytest
from test_layout import ROOT

from specsample import cli, residual
from specsample.commands import course
from specsample.course import hints
from specsample.course.grade import Grade
from specsample.course.progress import Unit
from specsample.course.source import read, sources, to_notebook
from specsample.course.student import student_version, write_student_notebooks
from specsample.exercises import NotYet, all_exercises, check, grading

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


# --- hints and answers -------------------------------------------------------------------------------------------


@pytest.fixture
def new_session(monkeypatch):
    """Forget what was tried and shown."""
    monkeypatch.setattr(hints, "SHOWN", Counter())
    grading.TRIES.clear()
    grading.PASSED.clear()


@pytest.mark.parametrize("id", all_exercises())
def test_an_exercise_has_hints_in_its_own_text_and_an_answer_that_passes(id):
    found = hints.hints_of(id)
    assert len(found) == 2
    code = re.search(r"```python\n(.*)\n```", hints.answer(id, show=True).text, re.DOTALL)[1]
    assert "###" not in code
    assert not any(code.strip() in text for text in found)


def test_the_first_hint_comes_before_the_second_which_then_stays(new_session):
    told = [hints.hint("03.2").text for _ in range(3)]
    assert [text.partition(":")[0] for text in told] == ["Hint 1 of 2", "Hint 2 of 2", "Hint 2 of 2"]
    assert hints.hint("03.1").text.startswith("Hint 1 of 2")
    assert hints.hint("03.1")._repr_markdown_() == repr(hints.hint("03.1"))


def test_an_answer_is_shown_after_three_tries_or_on_request_or_when_it_is_solved(new_session):
    for n in range(3):
        assert f"of which {n} are made" in hints.answer("03.4").text
        with pytest.raises(NotYet) as wrong:
            check("03.4", 1)
        assert ("answer(" in wrong.value.help) == (n == 2)
        assert 'hint("03.4")' in wrong.value.help
    assert "my_overlap = F(2, 3)" in hints.answer("03.4").text
    assert "def my_residual" not in hints.answer("03.2").text
    assert "def my_residual" in hints.answer("03.2", show=True).text
    check("03.2", residual)
    assert "def my_residual" in hints.answer("03.2").text


def test_an_empty_answer_is_no_try(new_session):
    with pytest.raises(NotYet):
        check("03.4", None)
    assert "of which 0 are made" in hints.answer("03.4").text


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


# --- progress ----------------------------------------------------------------------------------------------------


def test_progress_says_what_is_solved_and_what_is_next(tmp_path, capsys):
    path = submit(tmp_path, RIGHT | {"03-3": "def my_sampler(p, q, tape):\n    return 0"})
    path.rename(tmp_path / f"{ONE_DRAFT.stem}.ipynb")
    assert cli.main(["course", "progress", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "3 of 4" in shown
    assert "✓✓·✓" in shown
    assert shown.count("not here") == len(SOURCES) - 1
    assert "3 of 4 solved. Next, 03.3: " in shown
    assert "You can now" not in shown


def test_progress_tells_who_is_done_with_all_of_it_what_they_can_do_now(tmp_path, capsys, monkeypatch):
    submit(tmp_path, RIGHT).rename(tmp_path / f"{ONE_DRAFT.stem}.ipynb")
    assert cli.main(["course", "progress", str(tmp_path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "4 of 4 solved. Next, the notebook 00_start_here." in shown
    assert "You can now ✓ write the accept test and the residual yourself" in shown
    assert len(re.findall(r"(?<!✓)✓ ", shown)) == 1  # beside the marks of the table
    done = Unit("03", [Grade("03.ipynb", "03.1", 1, "")])
    monkeypatch.setattr(course, "units", lambda folder: [done])
    assert cli.main(["course", "progress", str(tmp_path)]) == 0
    assert "1 of 1 solved. All of them: you can now" in capsys.readouterr().out


def test_progress_of_a_folder_without_notebooks_says_how_to_get_them(tmp_path, capsys):
    assert cli.main(["course", "progress", str(tmp_path)]) == 2
    assert "specsample course open" in capsys.readouterr().err
