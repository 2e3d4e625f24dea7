"""Every exercise tells a right answer from an empty, a hard-coded and a mistaken one, and names the mistake."""

import re
import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from specsample import residual
from specsample.exercises import NotYet, all_exercises, asking, check, clock, find, grading, slips
from specsample.exercises.asking import Asked
from specsample.exercises.clock import TooLong
from specsample.exercises.exercise import KINDS, Raised, call
from specsample.exercises.grading import outcome
from specsample.exercises.showing import same, show
from specsample.viewer.origins import COLORS

EXERCISES = all_exercises()
FUNCTIONS = [id for id, exercise in EXERCISES.items() if callable(exercise.key)]
MISTAKES = [(id, i) for id, exercise in EXERCISES.items() for i in range(len(exercise.mistakes))]

HALF = [0.5, 0.5]
HARD_CODED = {  # answers that look at nothing, for the exercises that ask for values
    "00.1": (0, 0),
    "01.3": HALF,
    "02.2": (1, 1),
    "03.4": 1,
    "04.2": [0],
    "05.2": (HALF, HALF),
    "05.3": ([HALF, HALF], [HALF, HALF]),
    "07.3": (HALF, HALF, HALF),
    "09.3": ([1, 0], [1, 0]),
    "10.2": (HALF, HALF),
    "11.3": 0,
    "12.3": (HALF, HALF),
}


def constant(value):
    """Make a function that returns one value whatever it is asked."""
    return lambda *arguments, **named: value


def hard_coded(id):
    """Give the right answer to the first case, whatever the case; of samplers, always the same tokens."""
    exercise = EXERCISES[id]
    if id in HARD_CODED:
        return HARD_CODED[id]
    if exercise.ask is not call and isinstance(outcome(exercise, exercise.key, exercise.cases(0)[0]), dict):
        return constant((0, 0) if id in ("02.3", "10.3") else 0)
    return constant(outcome(exercise, exercise.key, exercise.cases(0)[0]))


def message(id, answer, seed=0):
    """Check an answer that must fail, and return what is said."""
    with pytest.raises(NotYet) as caught:
        check(id, answer, seed=seed)
    return str(caught.value)


def test_there_are_thirty_exercises_of_all_four_kinds_and_two_or_more_a_notebook():
    units = Counter(id[:2] for id in EXERCISES)
    assert len(EXERCISES) >= 30
    assert set(units) == {f"{n:02d}" for n in range(13)}
    assert min(units.values()) >= 2
    assert {exercise.kind for exercise in EXERCISES.values()} == set(KINDS)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("id", EXERCISES)
def test_the_model_answer_passes_and_says_what_it_cost(id, seed):
    said = repr(check(id, EXERCISES[id].key, seed=seed))
    assert re.search(rf"{id} passed: .+\n  cost: .+ model.*\. Tried on \d+ cases?; ", said)


@pytest.mark.parametrize("id", EXERCISES)
def test_an_empty_answer_is_told_that_it_is_empty(id):
    def empty(*arguments, **named):
        raise NotImplementedError

    assert "is not yet tried" in message(id, empty if id in FUNCTIONS else None)
    assert "is not yet tried" in message(id, None)


@pytest.mark.parametrize("id", EXERCISES)
def test_a_hard_coded_answer_fails(id):
    assert f"{id} not yet" in message(id, hard_coded(id))


@pytest.mark.parametrize(("id", "i"), MISTAKES)
def test_a_known_mistake_fails_and_is_called_by_its_name(id, i):
    mistake = EXERCISES[id].mistakes[i]
    said = message(id, mistake.answer)
    assert mistake.name in said
    assert mistake.hint in said


def test_a_machine_that_becomes_busy_accuses_no_answer_of_chance(monkeypatch):
    def late(exercise, answer, cases):
        return [*asking.ask_all(exercise, answer, cases[:-1]), Asked(cases[-1], Raised("late", TooLong, ""))]

    monkeypatch.setattr(slips, "ask_all", late)
    mistake = EXERCISES["03.1"].mistakes[0]
    assert mistake.name in message("03.1", mistake.answer)


@pytest.mark.parametrize("id", EXERCISES)
def test_every_exercise_knows_a_mistake_and_gives_a_hint(id):
    exercise = EXERCISES[id]
    assert exercise.mistakes
    assert all(mistake.hint.endswith((".", "?")) for mistake in exercise.mistakes)


def test_a_failure_shows_the_smallest_case_with_both_answers():
    said = message("03.2", lambda p, q: abs(p - q) / abs(p - q).sum() if (p != q).any() else p)
    assert "p = (1/2, 1/2), q = (1/3, 2/3)" in said
    assert "yours:    (1/2, 1/2)" in said
    assert "expected: (1, 0)" in said


def test_a_pass_in_a_notebook_is_a_green_tick_with_what_was_passed_in_this_session():
    grading.PASSED.clear()
    check("03.4", 2 / 3)
    passed = check("03.2", residual)
    assert "✓ 03.2 passed" in passed._repr_html_()
    assert COLORS["accepted"] in passed._repr_html_()
    assert "done: 2 of 4 in this notebook" in passed._repr_html_()
    assert "done" not in repr(passed)
    message("03.4", 1)  # spoilt again
    assert check("03.2", residual).progress == "1 of 4 in this notebook"


@pytest.mark.parametrize(
    ("answer", "color", "mark"), [(None, "discarded", "○ 03.2 is not yet"), (abs, "rejected", "✗ 03.2 not yet")]
)
def test_a_failure_in_a_notebook_is_a_box_and_no_traceback(answer, color, mark, monkeypatch):
    shown = []
    shell = SimpleNamespace(kernel="a kernel", display_pub=SimpleNamespace(publish=shown.append))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with pytest.raises(NotYet) as caught:
        check("03.2", answer)
    said = str(caught.value)
    assert caught.value._render_traceback_() == [f"\x1b[90m{said.splitlines()[0]}\x1b[0m"]
    (data,) = shown
    assert data["text/plain"] == said
    assert mark in data["text/html"]
    assert COLORS[color] in data["text/html"]
    assert "display: none" in data["text/html"]  # what is painted red below it


def test_a_failure_in_a_terminal_is_its_message():
    with pytest.raises(NotYet) as caught:
        check("03.2", None)
    assert caught.value._render_traceback_() == ["03.2 is not yet tried: the residual distribution."]


def test_an_answer_that_raises_is_shown_its_error():
    assert "raises ZeroDivisionError" in message("03.1", lambda p_x, q_x: 1 / 0)


def test_a_failed_prediction_is_not_told_the_answer():
    assert "expected" not in message("03.4", 1)


def test_an_answer_that_has_learnt_the_cases_by_heart_fails_on_other_seeds():
    learnt = {case.label: residual(*case.arguments) for case in find("03.2").cases(0)}
    by_heart = lambda p, q: learnt.get(f"p = {show(p)}, q = {show(q)}", p)  # noqa: E731
    check("03.2", by_heart)
    assert "03.2 not yet" in message("03.2", by_heart, seed=1)


def test_an_answer_cannot_change_the_cases_under_the_key():
    def spoiling(p, q):
        p[:] = q
        return p

    assert "not yet" in message("03.2", spoiling)


def test_fractions_are_compared_exactly_and_floats_to_nine_digits():
    assert same(np.array([1, 2]), [1, 2.0])
    assert same(0.1 + 0.2, 0.3)
    assert not same(1, 1.00001)
    assert not same(True, [1])


@pytest.mark.parametrize("id", ["03.9", "99.1", "x"])
def test_an_unknown_exercise_is_refused(id):
    with pytest.raises(ValueError, match="no exercise"):
        check(id, 0)


def test_a_loop_ends_in_a_browser_too_and_a_trace_function_comes_back(monkeypatch):
    def loops():
        while True:
            pass

    monkeypatch.setattr(clock, "HAS_THREADS", False)
    monkeypatch.setattr(clock, "Thread", None)
    before = sys.gettrace()
    with pytest.raises(TooLong):
        clock.within(0.1, loops)
    assert (clock.within(5, lambda: "done"), sys.gettrace()) == ("done", before)
