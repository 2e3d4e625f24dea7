"""Wrong answers get the names that are theirs, right ones pass in every form, and none goes on for ever."""

import random
import signal
import threading
import time
from fractions import Fraction as F
from functools import reduce

import numpy as np
import pytest
from wrong_answers import WRONG_ANSWERS, head_of, residual, taken_back, twice

import specsample as ss
from specsample.exercises import NotYet, check
from specsample.exercises.clock import TooLong, within
from specsample.verifiers.tree_context import path_to

NAMED = "This is what comes of it if"


def said_of(id, answer, seed=0):
    """Check an answer that must fail, and return what is said."""
    with pytest.raises(NotYet) as caught:
        check(id, answer, seed=seed)
    return str(caught.value)


# --- names ---


@pytest.mark.filterwarnings("ignore")  # of NumPy, about 0/0
@pytest.mark.parametrize(
    ("id", "what", "answer", "says"), WRONG_ANSWERS, ids=[f"{x[0]}-{x[1]}" for x in WRONG_ANSWERS]
)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.thorough)])
def test_a_wrong_answer_fails_and_gets_a_true_name_or_none(id, what, answer, says, seed):
    said = said_of(id, answer, seed)
    assert f"{id} not yet" in said
    name = said.partition(NAMED)[2].partition("\n")[0]
    assert says in name if says else not name


def test_of_the_wrong_answers_three_in_four_have_a_name():
    named = [says for *_, says in WRONG_ANSWERS if says]
    assert len(WRONG_ANSWERS) >= 100
    assert len(named) >= 0.75 * len(WRONG_ANSWERS)


def test_the_distance_of_a_counterexample_is_shown_with_the_answer():
    said = said_of("05.2", ([F(1, 3), F(2, 3)], [F(1, 2), F(1, 2)]))
    assert "yours:    ([1/3, 2/3], [1/2, 1/2]), which gives 1/18" in said


def test_a_row_that_does_not_sum_to_1_is_told_only_that():
    for id in ("05.2", "10.2"):
        said = said_of(id, ([F(1, 2), F(1, 4)], [0, 1]))
        assert said.count("sum to 1") == 2  # the error, and its name
        assert said.count(NAMED) == 1


# --- the student's line ---


def dividing_by_nothing(p_x, q_x):
    nothing = q_x - q_x
    return p_x / nothing


def test_an_answer_that_raises_is_shown_its_own_line():
    said = said_of("03.1", dividing_by_nothing)
    line = dividing_by_nothing.__code__.co_firstlineno + 2
    assert f"at:       line {line} of test_wrong_answers.py: return p_x / nothing" in said
    assert "It raises ZeroDivisionError for p(x) = 0" in said.splitlines()[0]
    assert "specsample/" not in said


def test_the_line_is_the_students_where_the_library_raised():
    said = said_of("03.3", lambda p, q, tape: ss.pick(0 * p, tape.random(1)[0]))
    assert "ss.pick(0 * p" in said
    assert "distributions.py" not in said


def test_a_line_of_a_notebook_is_called_one_of_the_cell():
    namespace = {}
    exec(compile("def f(p_x, q_x):\n    return 1 / 0\n", "ipykernel_12/345.py", "exec"), namespace)
    assert "at:       line 2 of your cell" in said_of("03.1", namespace["f"])


# --- what does not end ---


def turning(p_x, q_x):
    while True:
        pass


def catching_all(p_x, q_x):
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722
            continue


def sleeping(p_x, q_x):
    time.sleep(600)


def redrawing_from_one_number(p, q, tape):
    u = tape.random(3)
    x = ss.pick(q, u[0])
    while not u[1] < p[x] / q[x]:
        x = ss.pick(q, u[0])
    return x


@pytest.fixture
def short(monkeypatch):
    """Half a second and not five."""
    monkeypatch.setattr("specsample.exercises.asking.ask_all.__defaults__", (0.5,))


@pytest.mark.parametrize("answer", [turning, catching_all, sleeping])
def test_a_loop_without_end_is_ended_and_its_line_is_shown(answer, short):
    start = time.monotonic()
    said = said_of("03.1", answer)
    assert time.monotonic() - start < 5
    assert "does not end" in said
    assert "of test_wrong_answers.py" in said
    assert NAMED not in said


def test_a_sampler_that_never_asks_for_another_number_is_ended(short):
    assert "does not end" in said_of("03.3", redrawing_from_one_number)


@pytest.mark.parametrize("answer", [turning, catching_all])
def test_a_loop_without_end_is_ended_on_a_thread_too(answer, short):
    said = []
    thread = threading.Thread(target=lambda: said.append(said_of("03.1", answer)), daemon=True)
    thread.start()
    thread.join(10)
    assert "does not end" in said[0]


def test_an_alarm_of_somebody_elses_is_left_alone(short):
    rang = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        assert "does not end" in said_of("03.1", turning)
        assert rang == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_clock_leaves_no_alarm_behind():
    before = signal.getsignal(signal.SIGALRM)
    assert within(5, lambda: 1) == 1
    with pytest.raises(TooLong):
        within(0.01, lambda: time.sleep(5))
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_an_interrupted_check_says_at_which_line():
    def interrupting(p_x, q_x):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        check("03.1", interrupting)
    assert "interrupted in 03.1, at line" in str(caught.value)
    assert "signal.raise_signal(signal.SIGINT)" in str(caught.value)
    assert caught.value._render_traceback_() == [str(caught.value)]
    assert any("interrupting" in str(entry) for entry in caught.traceback)


def test_an_answer_that_leaves_python_is_an_error_like_any_other():
    assert "raises SystemExit" in said_of("03.1", lambda p_x, q_x: exit())


# --- right answers, however they are written ---


def loop_pick(p, u):
    total = 0
    for x, mass in enumerate(p):
        total += mass
        if u < total:
            return x


def by_hand(p, q, tape):
    x = loop_pick(q, tape.random(1)[0])
    if p[x] >= q[x]:
        return x
    if tape.random(1)[0] < p[x] / q[x]:
        return x
    return loop_pick(residual(p, q), tape.random(1)[0])


def last_to_first(p, q, tape):
    """Draft from the last token on: another way to the same law."""
    u = tape.random(3)
    x = len(q) - 1 - ss.pick(q[::-1], u[0])
    return x if u[1] >= 1 - min(1, p[x] / q[x]) else ss.pick(residual(p, q), u[2])


def verify_in_numpy(x, q, p, *, u_accept, u_emit):
    K = len(x)
    ok = np.array(u_accept) < p[np.arange(K), x] / q[np.arange(K), x]
    n = int(np.cumprod(ok).sum())
    q = np.concatenate([q, 0 * q[:1]])
    return np.int64(n), np.searchsorted(np.cumsum(residual(p[n], q[n])), u_emit, side="right")


def to_others(value):
    """Give p back where p != q, and any distribution where p = q."""
    return lambda p, q: residual(p, q) if (p != q).any() else value(p)


RIGHT_ANSWERS = (
    ("00.1", [1, 6]),
    ("00.1", np.array([1, 6])),
    ("00.1", (1.0, 6.0)),
    ("00.2", lambda trace: F(len(trace.tokens), len(trace.rounds))),
    ("00.2", lambda trace: np.mean([len(r.emitted) for r in trace.rounds])),
    ("01.1", loop_pick),
    ("01.1", lambda p, u: np.searchsorted(np.cumsum(p), u, side="right")),
    ("01.1", lambda p, u: sum(u >= total for total in np.cumsum(p))),
    ("01.1", lambda p, u: np.flatnonzero(u < np.cumsum(p))[0]),
    ("01.3", (F(1, 10), F(9, 10))),
    ("01.3", np.array([0.25, 0.75]) ** 2 / 0.625),
    ("01.2", lambda p, mass: ss.top_p(mass)(p.copy())),
    ("01.2", lambda p, mass: ss.top_p(mass)(p).tolist()),
    ("02.1", lambda p, q: max(float(a) / float(b) for a, b in zip(p, q) if b)),
    ("02.2", [1 / 3, 0.6]),
    ("02.3", lambda p, q, tape: (lambda x, y: [x, y])(*ss.theory.rejection.maximal_coupling(p, q, tape.random(3)))),
    ("03.1", lambda p_x, q_x: 1 if p_x > q_x else p_x / q_x),
    ("03.1", lambda p_x, q_x: np.minimum(1, float(p_x) / float(q_x))),
    ("03.1", lambda p_x, q_x: min(p_x, q_x) / q_x),
    ("03.4", 2 / 3),
    ("03.4", F(2, 3)),
    ("03.4", np.float64(2) / 3),
    ("03.2", to_others(lambda p: np.full(len(p), 1 / len(p)))),
    ("03.2", to_others(lambda p: [1] + [0] * (len(p) - 1))),
    ("03.2", lambda p, q: residual(p, q).tolist()),
    ("03.2", lambda p, q: tuple(map(float, residual(p, q)))),
    ("03.3", by_hand),
    ("03.3", last_to_first),
    ("04.2", (2, 1)),
    ("04.2", np.array([2, 1])),
    ("04.1", verify_in_numpy),
    ("04.1", lambda *rows, **u: list(ss.verify(*rows, **u))),
    ("05.2", ([0.5, 0.5], [0, 1])),
    ("05.2", ([0.4, 0.6], [0.9, 0.1])),
    ("05.2", (np.array([1 / 3, 2 / 3]), np.array([1.0, 0.0]))),
    ("05.2", (["1/2", "1/2"], [0, 1])),
    ("06.2", lambda n, m: [[j <= m - n + i for j in range(m)] for i in range(n)]),
    ("06.3", lambda T, K, n: [T + n, T + n - (n == K)]),
    ("08.1", lambda alpha, K: float(sum(float(alpha) ** k for k in range(K + 1)))),
    ("08.3", lambda alpha, c: float(ss.theory.best_K(alpha, c, max_K=20))),
    (
        "09.1",
        lambda tokens, n: np.int64(
            next((tokens[e] for e in range(len(tokens) - 1, n - 1, -1) if tokens[e - n : e] == tokens[-n:]), -1)
        ),
    ),
    ("08.5", lambda rates: 1 + float(np.cumprod(np.array(rates, float)).sum())),
    ("09.4", lambda p, q, t: list(taken_back(p.astype(float), q.astype(float), float(t), p.astype(float)))),
    ("10.4", lambda parents: [[j in path_to(i, parents) for j in range(len(parents))] for i in range(len(parents))]),
    ("10.6", lambda p, q, tape: list(twice(p, q, tape, residual(p, q)))),
    ("10.7", lambda eps, z: float(z * z) * 0.25 / float(eps) ** 2),
    (
        "11.5",
        lambda rounds, k: np.int64(reduce(lambda free, n: sorted([free[0] + n, *free[1:]]), rounds, [0] * k)[-1]),
    ),
    ("11.6", head_of),
    ("11.1", lambda kept: [next((i for i, x in enumerate(row) if not x), len(row)) for row in kept]),
)


@pytest.mark.parametrize(("id", "answer"), RIGHT_ANSWERS, ids=[f"{i}-{x[0]}" for i, x in enumerate(RIGHT_ANSWERS)])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_right_answer_passes_in_every_form(id, answer, seed):
    assert f"{id} passed" in repr(check(id, answer, seed=seed))


def test_the_cost_line_says_what_is_counted():
    assert "cost: one use runs the target model once, the draft model 1 time. Tried" in repr(check("03.3", by_hand))
    assert "cost: it runs no model. Tried on 1 case; chance decides nothing." in repr(check("03.4", 2 / 3))


def test_a_check_leaves_the_generators_of_others_where_they_are():
    state = random.getstate()
    key = np.random.get_state()[1].copy()  # noqa: NPY002
    said_of("03.1", lambda p_x, q_x: p_x)
    assert random.getstate() == state
    assert np.array_equal(np.random.get_state()[1], key)  # noqa: NPY002
