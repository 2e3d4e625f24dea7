"""The notebooks keep their rules, and run from a clean kernel.

pytest -m notebooks      runs every source (all checks pass) and every student version (only checks may fail)
"""

import ast
import json
import re
import statistics
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from test_layout import ROOT

import specsample
from specsample.course.source import read, sources, to_notebook
from specsample.course.student import student_version
from specsample.course.syllabus import lesson
from specsample.exercises import find
from specsample.exercises.showing import flat, same, show
from specsample.exercises.unit_04 import HAND

SOURCES = sources()
NETWORK = re.compile(r"urllib|requests|http\.client|socket|urlopen|^\s*[!%]", re.MULTILINE)
SECONDS = 300  # for one cell, on a machine that does other work as well; a hanging notebook must not hang the tests

each = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def code(path):
    """List the code cells of a source."""
    return [cell for cell in read(path) if cell.kind == "code"]


def bound(tree):
    """List the names that a cell binds at its top level, imports apart."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id


def test_there_are_thirteen_notebooks_numbered_in_order():
    assert [path.stem[:2] for path in SOURCES] == [f"{n:02d}" for n in range(13)]


@each
def test_a_notebook_is_short_and_so_are_its_cells(path):
    cells, lengths = read(path), [len(cell.text.splitlines()) for cell in code(path)]
    assert len(cells) <= 70
    assert statistics.median(lengths) <= 5
    assert max(lengths) <= 15


@each
def test_only_answers_define_functions_and_no_cell_redefines_a_public_name(path):
    for cell in code(path):
        tree = ast.parse(cell.text)
        defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        assert cell.is_answer or not defined, cell.text
        assert not {*bound(tree)} & {*specsample.__all__}, cell.text


@each
def test_no_notebook_needs_the_network(path):
    assert not [cell.text for cell in code(path) if NETWORK.search(cell.text)]


@pytest.mark.parametrize("text", ["!pip install x", "import requests", "x = 1\n%load y", "urlopen(a)"])
def test_the_search_for_the_network_finds_it(text):
    assert NETWORK.search(text)


@each
def test_a_notebook_begins_with_its_facts_and_ends_with_three_takeaways_and_the_next_one(path):
    facts, last = lesson(path), read(path)[-1].text
    assert facts.minutes > 0
    assert len(re.findall(r"^\d\. ", last.partition("## Take away")[2], re.MULTILINE)) == 3
    following = SOURCES[SOURCES.index(path) + 1 :][:1]
    assert all(f"]({other.stem}.ipynb)" in last for other in following)


@each
def test_every_answer_has_two_hints_that_are_folded_away(path):
    n = lesson(path).exercises
    text = "\n".join(cell.text for cell in read(path))
    assert text.count("<details><summary>Hint</summary>") == n
    assert text.count("<details><summary>Second hint</summary>") == n


@each
def test_links_lead_to_files_that_exist(path):
    for cell in read(path):
        for link in re.findall(r"\]\(([^)#]+)", cell.text if cell.kind == "markdown" else ""):
            assert (ROOT / "notebooks" / unquote(link)).exists(), link


@each
def test_the_notebook_holds_no_outputs_and_ids_that_are_its_own(path):
    notebook = json.loads((ROOT / "notebooks" / f"{path.stem}.ipynb").read_text(encoding="utf-8"))
    assert [cell["id"] for cell in notebook["cells"]] == [f"{path.stem}-{i:03d}" for i in range(len(read(path)))]
    assert not [cell for cell in notebook["cells"] if cell.get("outputs") or cell.get("execution_count")]


# --- what a beginner meets ---------------------------------------------------------------------------------------


def made_by(stem, text):
    """Run the imports of a notebook and the code cells that hold one of some texts; what they bind and show."""
    path = next(path for path in SOURCES if path.stem.startswith(stem))
    first, *rest = [cell.text for cell in code(path) if not (cell.is_answer or cell.is_check)]
    names = {}
    for cell in [first, *(cell for cell in rest if re.search(text, cell))]:
        *lines, last = ast.parse(cell).body
        exec(compile(ast.Module(lines, []), path.name, "exec"), names)
        shown = eval(ast.unparse(last), names) if isinstance(last, ast.Expr) else exec(ast.unparse(last), names)
    return names, shown


@each
def test_a_notebook_takes_from_the_exercises_their_check_alone_and_opens_no_catalogue_by_its_inner_name(path):
    for cell in code(path):
        for node in ast.walk(ast.parse(cell.text)):
            if isinstance(node, ast.ImportFrom):
                inner = f"from {node.module} import {', '.join(alias.name for alias in node.names)}"
                assert "specsample.exercises" not in inner or inner.endswith(".exercises import check")
                assert "specsample.course" not in inner or inner.endswith(".course import answer, check, hint")
                assert "conformance.laws" not in inner, inner
            assert not (isinstance(node, ast.Attribute) and node.attr == "law"), cell.text


def test_the_round_that_is_played_by_hand_is_the_one_that_is_checked():
    names, _ = made_by("04", "^drafted = ")
    shown = {"draft_tokens": names["drafted"], "draft_probs": names["q_rows"], "u_accept": names["u_accept"]}
    shown |= {"target_probs": [*names["p_rows"], names["p_after"]], "u_emit": names["u_emit"]}
    assert all(same(shown[name], value) for name, value in HAND.items())


def test_where_two_pictures_are_asked_about_there_are_two_and_the_trees_are_drawn():
    _, figure = made_by("01", r"prompt = |prompt_2 = |low, high = ")
    assert [ax.get_title() for ax in figure.axes] == ["T = 0.5", "T = 2"]
    names, figure = made_by("10", r"best_tree|draft_trees")
    drawn = [len(ax.lines) for ax in figure.axes]
    assert drawn == [len(parents) for parents in names["shapes"].values()] == [6, 6, 6]


ANSWERED_BY = {  # what of the library answers an exercise: no cell above it may call that
    "00.2": {"tokens_per_target_pass"},
    "01.1": {"pick"},
    "01.2": {"top_p"},
    "02.1": {"envelope_bound", "classic_acceptance"},
    "02.2": {"keep_probability", "classic_acceptance", "overlap"},
    "02.3": {"maximal_coupling", "residual", "accept_probability"},
    "03.1": {"accept_probability"},
    "03.2": {"residual"},
    "03.3": {"verify", "maximal_coupling"},
    "04.1": {"verify"},
    "04.3": {"acceptance_rate", "acceptance_by_position"},
    "05.1": {"target_law"},
    "06.1": {"rms_norm"},
    "07.1": {"cross_entropy", "bits_per_character"},
    "08.1": {"expected_tokens", "tokens_per_pass"},
    "08.2": {"speedup"},
    "08.3": {"best_K"},
    "08.4": {"predicted_speedup"},
    "08.5": {"expected_tokens_by_position"},
    "08.6": {"acceptance_by_position", "rates_by_position"},
    "09.1": {"PromptLookup"},
    "10.1": {"run_weights"},
    "10.3": {"quantile_coupling"},
    "10.6": {"recursive_rejection", "residual"},
    "10.7": {"required_n"},
    "11.1": {"cumprod"},
}


def called(text):
    """List the names that a cell takes from modules and objects or passes; what widgets show is played, not read."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id == "widgets"):
            yield node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        elif isinstance(node, ast.keyword):
            yield node.arg


@pytest.mark.parametrize("id", ANSWERED_BY)
def test_the_librarys_answer_is_not_called_above_the_exercise_that_asks_for_it(id):
    cells = code(next(path for path in SOURCES if path.stem.startswith(id[:2])))
    place = next(i for i, cell in enumerate(cells) if cell.grade_id == id.replace(".", "-"))
    above = [cell.text for cell in cells[:place] if not (cell.is_answer or cell.is_check)]
    assert above
    assert not [text for text in above if {*called(text)} & ANSWERED_BY[id]]


def test_the_search_for_the_librarys_answers_finds_a_call_an_attribute_and_a_keyword():
    found = {*called("a = ss.residual(p, q)\nb = trace.acceptance_rate\nc = make(top_p=1)\nwidgets.pick(p)")}
    found |= {*called("d = target_law(table, [0], 2)")}
    assert {"residual", "acceptance_rate", "top_p", "target_law"} <= found
    assert "pick" not in found


@each
def test_the_text_right_below_a_prediction_does_not_give_it_away(path):
    cells = read(path)
    for i, cell in enumerate(cells):
        exercise = cell.is_check and find(cell.text.split('"')[1])
        if exercise and exercise.kind == "predict" and not callable(exercise.key):
            numbers = {str(x) for x in flat(exercise.key)} - {"0", "1"}
            said = set(re.findall(r"[\d/.]*\d", cells[i + 1].text))
            assert not numbers & said, cells[i + 1].text


@each
def test_an_open_question_has_a_hint_that_helps_whoever_has_the_notebook_alone(path):
    text = "\n".join(cell.text for cell in read(path) if cell.kind == "markdown")
    assert "nstructor" not in text
    (question,) = re.findall(r"^.*\*\*Open question.*$", text, re.MULTILINE)
    assert re.search(r"\*Hint:\* \S+ \S+ ", question)


# --- run them ----------------------------------------------------------------------------------------------------


def execute(cells, stem, tmp_path, *, only_tagged):
    """Run cells in a kernel of their own; errors may come only from cells tagged raises-exception, or from none."""
    import nbclient
    import nbformat

    notebook = nbformat.reads(to_notebook(cells, stem), as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(notebook, timeout=SECONDS, force_raise_errors=not only_tagged)
    client.execute(cwd=str(tmp_path))
    return notebook


def given_away(path, notebook):
    """List the outputs above an exercise that hold the value which it asks for."""
    above = []
    for cell, run in zip(read(path), notebook.cells, strict=True):
        if cell.is_check:
            exercise = find(cell.text.split('"')[1])
            value = "" if callable(exercise.key) else re.sub(r"[\[\]() ]", "", show(exercise.key))
            yield from [
                text for text in above if len(value) > 2 and re.search(rf"(?<![\d/.]){value}(?![\d/.])", text)
            ]
        elif not cell.is_answer:
            outputs = run.get("outputs", [])
            shown = "".join(
                output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs
            )
            above.append(re.sub(r"[\[\]() ]", "", shown))


def test_the_search_for_values_that_are_given_away_finds_one_and_spares_a_longer_number():
    path = next(path for path in SOURCES if path.stem.startswith("03"))
    runs = [{} for _ in read(path)]
    runs[4] = {"outputs": [{"text": "kept 12/3 and 2/33"}]}
    assert not [*given_away(path, SimpleNamespace(cells=runs))]
    runs[4] = {"outputs": [{"data": {"text/plain": "kept (2/3, 1/4)"}}]}
    assert len([*given_away(path, SimpleNamespace(cells=runs))]) == 1


@pytest.mark.notebooks
@each
def test_a_source_runs_from_a_clean_kernel_and_every_check_passes(path, tmp_path):
    notebook = execute(read(path), path.stem, tmp_path, only_tagged=False)
    n = lesson(path).exercises
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    assert len(re.findall(r"✓ \d\d\.\d passed: ", said)) == n
    assert f"done: {n} of {n} in this notebook" in said
    assert not [*given_away(path, notebook)]
    assert not list(tmp_path.iterdir()), "a notebook left files behind"


@pytest.mark.notebooks
@each
def test_a_student_version_runs_to_its_end_and_only_its_checks_fail(path, tmp_path):
    cells = student_version(path)
    notebook = execute(cells, path.stem, tmp_path, only_tagged=True)
    for cell, run in zip(cells, notebook.cells, strict=True):
        errors = [output for output in run.get("outputs", []) if output["output_type"] == "error"]
        assert bool(errors) == cell.is_check, cell.text
        assert all("is not yet tried" in output["evalue"] for output in errors)
        # what is seen: a grey box, and one line in the place of a traceback
        assert not errors or "○" in run["outputs"][0]["data"]["text/html"]
        assert all(len(output["traceback"]) == 1 for output in errors)
