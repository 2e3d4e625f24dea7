"""nbgrader makes assignments of the sources, unchanged, and grades what comes back.

pytest -m nbgrader       needs nbgrader and the extra [notebooks]
"""

import json
import os
import subprocess
import sys

import pytest
from test_layout import ROOT

from specsample.course.source import read, sources

pytestmark = pytest.mark.nbgrader

ONE_DRAFT = next(path for path in sources() if path.stem.startswith("03"))
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "specsample"
c.ExecutePreprocessor.timeout = 300
"""


def run(*command, cwd):
    """Run a program of this environment and return what it said."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # nbgrader calls `alembic`
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Convert one source with jupytext and make the assignment of it."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "nbgrader_config.py").write_text(CONFIG)
    (folder / "source" / "one").mkdir(parents=True)
    out = folder / "source" / "one" / f"{ONE_DRAFT.stem}.ipynb"
    run("jupytext", "--to", "ipynb", "--output", str(out), str(ONE_DRAFT), cwd=folder)
    run("nbgrader", "generate_assignment", "one", "--create", cwd=folder)
    return folder


def test_the_assignment_holds_no_model_answer_and_no_hidden_test(course):
    text = (course / "release" / "one" / f"{ONE_DRAFT.stem}.ipynb").read_text(encoding="utf-8")
    assert "NotImplementedError" in text
    assert not [word for word in ("BEGIN SOLUTION", "BEGIN HIDDEN", "seed=1)", "excess.sum()") if word in text]


@pytest.mark.parametrize(("student", "points"), [("right", 4), ("empty", 0)])
def test_autograding_gives_the_right_answers_their_points_and_empty_ones_none(course, student, points):
    answers = {cell.grade_id: cell.text for cell in read(ONE_DRAFT) if cell.is_answer} if student == "right" else {}
    notebook = json.loads((course / "release" / "one" / f"{ONE_DRAFT.stem}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = answers.get(grade_id, cell["source"])
    (course / "submitted" / student / "one").mkdir(parents=True)
    (course / "submitted" / student / "one" / f"{ONE_DRAFT.stem}.ipynb").write_text(json.dumps(notebook))
    run("nbgrader", "autograde", "one", "--student", student, "--create", cwd=course)
    run("nbgrader", "export", "--to", "grades.csv", cwd=course)
    rows = (course / "grades.csv").read_text().splitlines()
    where = rows[0].split(",").index("raw_score")
    assert [float(row.split(",")[where]) for row in rows if f",{student}," in row] == [points]
