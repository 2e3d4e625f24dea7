"""Grading: what is read of a submission, what runs, what is believed of it, and what is written down."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from test_course import ONE_DRAFT, RIGHT, SOURCES, points, stem, submit

from specsample import cli
from specsample.course.grade import grade
from specsample.course.gradebook import Student, canvas, moodle, student_of, wide, write_csv, write_feedback
from specsample.course.program import program
from specsample.course.runner import run_cell
from specsample.course.source import read, to_notebook
from specsample.course.student import student_version
from specsample.course.submission import as_python, read_submission
from specsample.course.values import Unknown, from_json, to_json

ALL = {"03.1": 1, "03.2": 1, "03.3": 1, "03.4": 1}
RESIDUAL = "def my_residual(p, q):\n    e = np.maximum(p - q, 0)\n    return e / e.sum() if e.sum() > 0 else p\n"


def edited(folder, change, answers=RIGHT):
    """Write a submission of notebook 03 whose JSON was changed."""
    path = submit(folder, answers)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(notebook)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def cell_of(notebook, grade_id):
    """Find an answer cell."""
    return next(x for x in notebook["cells"] if x["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def code(text):
    """Make a code cell without metadata."""
    return {
        "cell_type": "code",
        "id": "own",
        "metadata": {},
        "source": [text],
        "outputs": [],
        "execution_count": None,
    }


def said(grades, exercise):
    """Take what was said of one exercise."""
    return next(one.message for one in grades if one.exercise == exercise)


# --- right and wrong answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source", [pytest.param(x, marks=[] if x == ONE_DRAFT else pytest.mark.thorough) for x in SOURCES], ids=stem
)
def test_every_model_answer_gets_its_point_in_a_process_of_its_own(tmp_path, source):
    full = {cell.grade_id: cell.text for cell in read(source) if cell.is_answer}
    cells = [cell._replace(text=full.get(cell.grade_id, cell.text)) for cell in student_version(source)]
    path = tmp_path / "x.ipynb"
    path.write_text(to_notebook(cells, "x"), encoding="utf-8")
    grades = grade(path)
    assert [one.exercise for one in grades if not one.points or one.note] == []


def test_an_empty_submission_gets_no_point_and_is_told_so(tmp_path):
    grades = grade(submit(tmp_path, {}))
    assert len(grades) == 4
    assert all(one.points == 0 and "is not yet tried" in one.message for one in grades)


def test_a_wrong_answer_is_named_and_costs_its_own_point_only(tmp_path):
    grades = grade(submit(tmp_path, RIGHT | {"03-2": "def my_residual(p, q):\n    return p"}))
    assert points(grades) == ALL | {"03.2": 0}
    assert "p itself is taken" in said(grades, "03.2")
    assert next(one.note for one in grades if one.exercise == "03.3") == "03.2 is the model answer"


SAMPLERS = {
    "def my_sampler(p, q, tape):\n    return 0": "no random number is taken from the tape",
    "def my_sampler(p, q, tape):\n    return tape.random()": "a uniform number is returned",
    "def my_sampler(p, q, tape):\n    u, v = tape.random(2)\n    return int(u * 2)": "more than a comparison",
    "def my_sampler(p, q, tape):\n    x = ss.pick(q, tape.random(1)[0])\n    u, v = tape.random(2)\n"
    "    return x if u < min(1, p[x] / q[x]) else ss.pick(p, v)": "M01",
}
PROBABILITIES = {
    "def my_accept_probability(a, b):\n    print(min(1, a / b))": "nothing is returned",
    "def my_accept_probability(a):\n    return 1": "does not take the arguments",
}
RESIDUALS = {"def my_residual(p, q):\n    p -= q\n    return p": "changes its argument number 1 in place"}


@pytest.mark.parametrize("sampler", SAMPLERS, ids=SAMPLERS.values())
def test_mistakes_have_the_same_names_when_the_answer_runs_elsewhere(tmp_path, sampler):
    # several mistakes in one submission: each is judged by itself
    number = list(SAMPLERS).index(sampler)
    asked = {"03-1": list(PROBABILITIES)[number % 2], "03-2": next(iter(RESIDUALS)), "03-3": sampler}
    grades = grade(submit(tmp_path, RIGHT | asked))
    names = PROBABILITIES | RESIDUALS | SAMPLERS
    for exercise, answer in asked.items():
        assert names[answer] in said(grades, exercise.replace("-", "."))


def test_an_error_shows_the_students_line(tmp_path):
    raising = "def my_residual(p, q):\n    return p.nothing"
    assert "line 2 of your cell: return p.nothing" in said(grade(submit(tmp_path, RIGHT | {"03-2": raising})), "03.2")
    broken = "def my_residual(p, q:\n    return p"
    assert re.search(
        "SyntaxError.*line 1", said(grade(submit(tmp_path, RIGHT | {"03-2": broken})), "03.2"), re.DOTALL
    )


# --- what may have happened to a notebook ------------------------------------------------------------------------


def test_lines_that_only_a_notebook_understands_cost_nothing(tmp_path):
    around = {
        "03-1": "%%time\n{}",
        "03-2": "%%timeit -n 1\n{}\n%timeit 1\ndisplay(input())",
        "03-3": "!pip list\n?np\n{}",
        "03-4": "{}\nfiles = !ls\nnp.maximum?",
    }
    assert points(grade(submit(tmp_path, {key: text.format(RIGHT[key]) for key, text in around.items()}))) == ALL


def test_a_magic_inside_a_function_leaves_the_function_whole():
    assert as_python("def f():\n    %time\n!ls") == "def f():\n    pass\npass"
    assert as_python("x = '''\n%time\n'''") == "x = '''\n%time\n'''"
    assert as_python("%%bash\nls") == ""


def test_helpers_of_the_students_own_run_wherever_they_stand(tmp_path):
    uses = "def my_residual(p, q):\n    e = positive(p - q)\n    return e / e.sum() if e.sum() > 0 else p"
    helper = code("def positive(x):\n    return np.maximum(x, 0)")
    for place in (1, -1):
        path = edited(tmp_path, lambda nb, at=place: nb["cells"].insert(at, helper), RIGHT | {"03-2": uses})
        assert points(grade(path)) == ALL


def test_cells_that_no_answer_needs_do_not_run(tmp_path):
    endless = code("while True:\n    pass")
    assert points(grade(edited(tmp_path, lambda nb: nb["cells"].insert(1, endless)), seconds=10)) == ALL


def test_names_of_an_answers_own_take_no_cell_along(tmp_path):
    uses = "def my_residual(p, q):\n    n = [i for i in range(len(p))]\n    return p[n]"
    # the same names, but of the module: not those of the function and of its loop
    other = code("for i in range(3):\n    raise KeyError(i)\nn = p = q = 0")
    path = edited(tmp_path, lambda notebook: notebook["cells"].insert(1, other), RIGHT | {"03-2": uses})
    _, theirs = program(read_submission(path), "03.2", [])
    assert [cell.text for cell in theirs] == [uses]


def test_an_answer_in_two_cells_is_joined_and_that_is_said(tmp_path):
    def split(notebook):
        cell = cell_of(notebook, "03-2")
        other = cell | {"id": "second", "source": [RESIDUAL]}
        cell["source"] = ["def helper(p, q):\n    return np.maximum(p - q, 0)\n"]
        notebook["cells"].insert(notebook["cells"].index(cell) + 1, other)

    grades = grade(edited(tmp_path, split))
    assert points(grades) == ALL
    assert "2 cells are this answer's" in next(one.note for one in grades if one.exercise == "03.2")


def test_answers_are_found_by_their_names_if_the_metadata_are_gone(tmp_path):
    def strip(notebook):
        for cell in notebook["cells"]:
            cell["metadata"] = {}

    grades = grade(edited(tmp_path, strip))
    assert points(grades) == ALL
    assert "another cell" in grades[0].note


def test_an_answer_written_below_the_empty_cell_counts(tmp_path):
    path = edited(
        tmp_path, lambda nb: nb["cells"].append(code(RESIDUAL)), {k: v for k, v in RIGHT.items() if k != "03-2"}
    )
    assert points(grade(path)) == ALL


def test_edited_checks_and_names_of_ours_that_an_answer_hides_do_not_matter(tmp_path):
    harmless = lambda cell: cell._replace(text="pass") if cell.is_check else cell  # noqa: E731
    spoilt = {"03-1": "def check(*anything, **more):\n    pass\n\nmy_accept_probability = None"}
    assert points(grade(submit(tmp_path, RIGHT | spoilt, change=harmless)))["03.1"] == 0
    hiding = {"03-2": "sum = len = list = check = p = q = 0\n" + RESIDUAL}
    assert points(grade(submit(tmp_path, RIGHT | hiding))) == ALL


def test_a_byte_order_mark_and_the_older_format_are_read(tmp_path):
    path = submit(tmp_path, RIGHT)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_submission(path).source == ONE_DRAFT
    notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": notebook["cells"]}]}))
    assert read_submission(path).answer_to("03.2") == RIGHT["03-2"]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"cells": []}', '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}', "[" * 100_000, "null"]
)
def test_what_is_no_notebook_of_the_course_is_refused(tmp_path, text):
    (tmp_path / "x.ipynb").write_text(text)
    with pytest.raises(ValueError, match=r"x\.ipynb must"):
        grade(tmp_path / "x.ipynb")


# --- one answer costs one mark -----------------------------------------------------------------------------------


ENDINGS = {
    "while True:\n    pass": "does not end within 4 s",
    "import os\nos._exit(0)": "its process ended, with status 0",
    "raise SystemExit": "SystemExit",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "import ctypes\nctypes.string_at(0)": "signal SIGSEGV",
    "hoard = [0] * 10**12": "MemoryError",
    "def f():\n    f()\nf()": "RecursionError",
    "import time\ntime.sleep(60)": "does not end within 4 s",
    "import sys\nwhile True:\n    print('x' * 10**6, file=sys.stderr)": "does not end",
}


@pytest.mark.parametrize("first", [0, 2, 4, pytest.param(6, marks=pytest.mark.thorough)])
def test_a_loop_or_a_crash_costs_one_mark_and_is_called_what_it_is(tmp_path, first):
    spoilt = dict(zip(("03-1", "03-2", "03-4"), list(ENDINGS)[first : first + 3], strict=True))
    grades = grade(submit(tmp_path, RIGHT | spoilt), seconds=4, megabytes=2048)
    assert points(grades) == ALL | {key.replace("-", "."): 0 for key in spoilt}
    for key, text in spoilt.items():
        assert ENDINGS[text] in said(grades, key.replace("-", "."))


@pytest.mark.thorough
@pytest.mark.parametrize("body", ["while True: pass", "import os; os._exit(3)", "raise SystemExit"])
def test_so_does_one_inside_a_function(tmp_path, body):
    grades = grade(submit(tmp_path, RIGHT | {"03-2": f"def my_residual(p, q):\n    {body}"}), seconds=10)
    assert points(grades) == ALL | {"03.2": 0}


def test_limits_that_cannot_be_set_are_noted_and_cost_nothing(tmp_path, monkeypatch):
    from specsample.course import runner

    resource = pytest.importorskip("resource")

    def refuse(*_):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert runner.limit(100, 10) == ["memory", "processor time"]


# --- marks cannot be forged --------------------------------------------------------------------------------------

PATCHED = """
import specsample.exercises.grading as grading
grading.outcome = lambda *anything: 0
"""
WRITTEN = """
import json, os
for number in range(256):
    for line in ({"check": "03.1", "message": ""}, {"made": 1}, {"value": None}, {"function": "f", "parameters": []}):
        try:
            os.write(number, (json.dumps(line) + "\\n").encode())
        except OSError:
            pass
"""
LOOKED_UP = """
from specsample.exercises import find
my_accept_probability, my_residual = find("03.1").key, find("03.2").key
my_sampler, my_overlap = find("03.3").key, find("03.4").key
"""
# whoever gets hold of the runner can still only say what the answer returns
TAKEN_OVER = """
import gc
from specsample.course.runner import Channel
for channel in (x for x in gc.get_objects() if isinstance(x, Channel)):
    channel.send({"function": "f", "parameters": None})
    while True:
        channel.receive()
        channel.send({"made": 1, "message": "", "points": 1})
"""


def test_hostile_submissions_get_nothing_and_leave_the_others_marks_untouched(tmp_path, capsys):
    wrong = {
        "03-1": "def my_accept_probability(a, b):\n    return 0",
        "03-2": "def my_residual(p, q):\n    return 0",
        "03-3": "def my_sampler(p, q, tape):\n    return 0",
        "03-4": "my_overlap = 7",
    }
    hostile = {"bert": PATCHED, "carl": WRITTEN, "dora": LOOKED_UP, "emil": TAKEN_OVER}
    spoilt = {name: {key: text + code for key, text in wrong.items()} for name, code in hostile.items()}
    # the honest ones stand first and last
    for name, answers in {"anna": RIGHT, **spoilt, "fritz": RIGHT}.items():
        (tmp_path / name).mkdir()
        submit(tmp_path / name, answers)
    table = tmp_path / "x.csv"
    assert cli.main(["course", "grade", str(tmp_path), "--csv", str(table), "--wide", "--seconds", "8"]) == 0
    rows = {row["student"]: row for row in csv.DictReader(table.read_text().splitlines())}
    totals = {name: row["total"] for name, row in rows.items()}
    assert totals == {"anna": "4", "bert": "0", "carl": "0", "dora": "0", "emil": "0", "fritz": "4"}
    # what was tried is pointed at
    assert [name for name, row in rows.items() if not row["notes"]] == ["anna", "fritz"]


def test_what_an_answer_takes_from_the_library_is_pointed_at(tmp_path):
    own = "uses specsample's own residual"
    renamed = "from specsample import residual as r\ndef my_residual(p, q):\n    return r(p, q)"
    for submission in (
        {
            "03-1": ("import importlib\n" + RIGHT["03-1"], "imports importlib"),
            "03-2": ("my_residual = ss.residual", own),
            "03-3": ("text = 'specsample.exercises.unit_03'\n" + RIGHT["03-3"], "reads the exercises"),
        },
        {"03-2": (renamed, own)},
    ):
        grades = grade(submit(tmp_path, RIGHT | {key: answer for key, (answer, _) in submission.items()}))
        notes = {one.exercise: one.note for one in grades}
        for key, (_, note) in submission.items():
            assert note in notes[key.replace("-", ".")]


def test_a_name_of_the_students_own_is_no_borrowing(tmp_path):
    own = "def residual(p, q):\n    return np.maximum(p - q, 0)\n\n" + RESIDUAL
    grades = grade(submit(tmp_path, RIGHT | {"03-2": own}))
    assert [one.note for one in grades] == [""] * 4


# --- what crosses between the processes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 2.5, "text", float("inf"), 1j, [1, (2, "x")], {(0, 1): 0.5}, {1, 2}, np.float32(0.1),
        np.int64(3), np.array([[1.5, 2.5]]), np.array([True, False]), np.array(3), np.zeros((0, 2), np.int8),
    ],
)  # fmt: skip
def test_values_come_back_as_they_were(value):
    back = from_json(json.loads(json.dumps(to_json(value))))
    assert type(back) is type(value)
    assert np.array_equal(back, value) if isinstance(value, np.ndarray) else back == value
    assert getattr(back, "dtype", None) == getattr(value, "dtype", None)


def test_what_has_no_form_arrives_as_its_text_and_is_not_run():
    assert isinstance(from_json(to_json(object())), Unknown)
    assert list(from_json(to_json(iter([1, 2])))) == [1, 2]
    with pytest.raises(TypeError, match="cannot be called here"):
        from_json(to_json(print))()
    for odd in (
        {"other": 1},
        [1],
        {"fraction": [1, 0]},
        {"array": [1], "shape": [1]},
    ):
        with pytest.raises(ValueError, match="a value must be written"):
            from_json(odd)


def test_what_a_cell_raises_is_said_with_its_line():
    namespace = {}
    assert run_cell("x = 1", namespace) == {}
    raised = run_cell("\ny = x / 0", namespace)
    assert raised == {
        "raised": "ZeroDivisionError",
        "said": "division by zero",
        "at": "line 2 of your cell: y = x / 0",
    }
    assert run_cell("def f(:", namespace)["raised"] == "SyntaxError"


# --- files and tables --------------------------------------------------------------------------------------------


def test_a_class_is_graded_whatever_files_are_among_it(tmp_path, capsys):
    for name in ("anna", "bert", "zoë", "eve/.ipynb_checkpoints", "eve/__MACOSX", ".trash"):
        (tmp_path / name).mkdir(parents=True)
        submit(tmp_path / name, RIGHT)
    (tmp_path / "bert" / "03.ipynb").write_text('{"cells": [')
    (tmp_path / "anna" / "._03.ipynb").write_bytes(b"\0\1")
    status = cli.main(["course", "grade", str(tmp_path), "--csv", str(tmp_path / "x.csv")])
    rows = list(csv.DictReader((tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()))
    assert status == 1  # not everything could be graded
    assert [row["submission"].split("/")[-2] for row in rows] == ["anna"] * 4 + ["bert"] + ["zoë"] * 4
    assert [row["points"] for row in rows if row["exercise"]] == ["1"] * 8
    assert "bert" in capsys.readouterr().err.replace("\n", "")


def test_names_that_are_no_text_are_shown_and_written(tmp_path):
    folder = tmp_path / "m\udcfcller\x1b[2J"
    try:
        folder.mkdir()
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system wants names that are text")
    submit(folder, RIGHT)
    assert cli.main(["course", "grade", str(tmp_path), "--csv", str(tmp_path / "x.csv"), "--wide"]) == 0
    assert "m\\udcfcller\\x1b[2J" in (tmp_path / "x.csv").read_text(encoding="utf-8")


def test_paths_that_cannot_be_written_or_read_are_refused_before_the_grading(tmp_path, capsys):
    submit(tmp_path, RIGHT)
    assert cli.main(["course", "grade", str(tmp_path), "--csv", str(tmp_path / "no" / "x.csv")]) == 2
    assert cli.main(["course", "grade", str(tmp_path / "nothing")]) == 2
    (tmp_path / "empty").mkdir()
    assert cli.main(["course", "grade", str(tmp_path / "empty")]) == 2
    assert "there must be a notebook" in capsys.readouterr().err


def test_what_was_graded_is_on_the_disk_when_the_run_is_broken_off(tmp_path, monkeypatch):
    for name in ("anna", "bert"):
        (tmp_path / name).mkdir()
        submit(tmp_path / name, RIGHT)
    from specsample.commands import course

    def interrupted(path, **limits):
        if "bert" in str(path):
            raise KeyboardInterrupt
        return grade(path, **limits)

    monkeypatch.setattr(course, "grade", interrupted)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        raise SystemExit(cli.main(["course", "grade", str(tmp_path), "--csv", str(tmp_path / "x.csv")]))
    assert (tmp_path / "x.csv").read_text().count("anna") == 4


def some_grades():
    """Grade nobody."""
    from specsample.course.grade import Grade

    anna = Student("anna", [Grade("a", "03.1", 1, ""), Grade("a", "03.2", 0, "03.2 not yet: x\n  yours: y")])
    return [anna, Student("=bert", [Grade("b", "04.1", 1, "", "uses gc")])]


def test_a_wide_table_has_a_row_a_student_and_totals():
    assert wide(some_grades()) == [
        ["student", "03.1", "03.2", "04.1", "total", "notes"],
        ["anna", 1, 0, "", 1, ""],
        ["=bert", "", "", 1, 1, "04.1 uses gc"],
    ]


def test_tables_for_canvas_and_moodle_have_their_columns(tmp_path):
    head, possible, anna, _ = canvas(some_grades())
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "specsample 03", "specsample 04"]
    assert possible == ["Points Possible", "", "", "", "", 2, 1]
    assert anna == ["anna", "", "", "anna", "", 1, 0]
    head, anna, _ = moodle(some_grades())
    assert head[:3] == ["ID number", "specsample 03", "specsample 03 (feedback)"]
    assert anna[1] == 1
    assert "03.1 solved." in anna[2]


def test_every_student_gets_a_feedback_file(tmp_path):
    write_feedback(some_grades(), tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["_bert.txt", "anna.txt"]
    assert "anna: 1 of 2" in (tmp_path / "new" / "anna.txt").read_text(encoding="utf-8")


def test_grades_with_commas_and_newlines_survive_the_table_and_none_is_a_formula(tmp_path):
    from specsample.course.grade import Grade

    write_csv([Grade("=a,b", "03.1", 0, "one\ntwo, three")], tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert (row["submission"], row["message"]) == ("'=a,b", "one\ntwo, three")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5"])
def test_limits_of_less_than_one_are_refused(tmp_path, number, capsys):
    with pytest.raises(SystemExit):
        cli.main(["course", "grade", str(tmp_path), "--seconds", number])
    assert "at least 1" in capsys.readouterr().err


# --- handing out -------------------------------------------------------------------------------------------------


def test_a_notebook_that_somebody_has_worked_in_is_not_overwritten(tmp_path, capsys):
    assert cli.main(["course", "student", str(tmp_path)]) == 0
    worked_in = next(tmp_path.glob("03_*.ipynb"))
    worked_in.write_text("two hours of work", encoding="utf-8")
    assert cli.main(["course", "student", str(tmp_path)]) == 2
    assert worked_in.name in capsys.readouterr().err
    assert worked_in.read_text(encoding="utf-8") == "two hours of work"
    assert cli.main(["course", "student", str(tmp_path), "--force"]) == 0
    assert worked_in.read_text(encoding="utf-8") != "two hours of work"


def test_opening_the_course_adds_what_is_missing_and_keeps_the_rest(tmp_path, monkeypatch):
    from specsample.commands import course

    (tmp_path / "other.ipynb").write_text("{}")
    (tmp_path / "03_one_draft_token.ipynb").write_text("mine")
    calls = []
    monkeypatch.setattr(course, "find_spec", lambda name: True)
    monkeypatch.setattr(
        course.subprocess, "run", lambda command, check: calls.append(command) or type("R", (), {"returncode": 0})
    )
    assert cli.main(["course", "open", str(tmp_path), "--no-browser"]) == 0
    assert len(list(tmp_path.glob("*.ipynb"))) == len(SOURCES) + 1
    assert (tmp_path / "03_one_draft_token.ipynb").read_text() == "mine"
    assert calls[0][-1] == "--no-browser"


def test_the_table_names_the_mistake(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    submit(tmp_path, RIGHT | {"03-2": "def my_residual(p, q):\n    return p"})
    assert cli.main(["course", "grade", str(tmp_path)]) == 0
    assert "03.2: p itself is taken" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("path", "given", "name"),
    [
        ("subs/anna/03/x.ipynb", "subs", "anna"),
        ("subs/bert/03.ipynb", "subs/bert", "bert"),
        ("subs/carl.ipynb", "subs", "carl"),
        ("subs/dora/03_one_draft_token (1).ipynb", "subs/dora/03_one_draft_token (1).ipynb", "dora"),
        ("subs/03_one_draft_token_emil.ipynb", "subs", "03_one_draft_token_emil"),
    ],
)
def test_a_student_is_called_like_a_folder_or_a_file(path, given, name):
    assert student_of(Path(path), Path(given)) == name
