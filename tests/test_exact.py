"""The enumerator: lazy uniforms, the law of a function of them, and how laws are compared."""

import operator
from fractions import Fraction as F

import numpy as np
import pytest

from specsample import TableModel, autoregressive
from specsample.conformance import exact_law, explain, target_law, total_variation
from specsample.conformance.laws.lazy import LazyTape, LazyUniform

HALF, THIRD = F(1, 2), F(1, 3)
CUMULATIVE = np.array([F(1, 6), F(1, 2), F(1)])


def lazy_uniform():
    """Return one fresh lazy uniform."""
    return LazyTape([]).random()


# the law of a function


def test_law_of_one_comparison_is_its_threshold():
    assert exact_law(lambda tape: tape.random() < THIRD) == {True: THIRD, False: F(2, 3)}


def test_law_of_a_constant_is_certain():
    assert exact_law(lambda tape: "heads") == {"heads": 1}


def test_law_of_independent_uniforms_is_the_product():
    law = exact_law(lambda tape: tuple(u < THIRD for u in tape.random(2)))
    assert law == {(a, b): (THIRD if a else 2 * THIRD) * (THIRD if b else 2 * THIRD) for a in (0, 1) for b in (0, 1)}


def test_thresholds_outside_the_unit_interval_do_not_fork():
    law = exact_law(lambda tape: tuple(tape.random() < a for a in (-1, 0, F(0), 1, F(7, 5), np.inf)))
    assert law == {(False, False, False, True, True, True): 1}


def test_a_threshold_may_depend_on_earlier_comparisons():
    law = exact_law(lambda tape: tape.random() < (HALF if tape.random() < THIRD else F(1, 4)))
    assert law == {True: F(1, 3), False: F(2, 3)}


def test_probabilities_are_fractions_for_fractions_and_floats_for_floats():
    assert all(isinstance(mass, F) for mass in exact_law(lambda tape: tape.random() < THIRD).values())
    assert exact_law(lambda tape: tape.random() < 0.25) == {True: 0.25, False: 0.75}
    assert all(isinstance(mass, float) for mass in exact_law(lambda tape: tape.random() < np.float32(0.3)).values())


def test_float_thresholds_are_taken_at_their_exact_value():
    law = exact_law(lambda tape: tape.random() < np.float32(0.3))
    assert law[True] == float(np.float32(0.3))


# comparing


COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@pytest.mark.parametrize("sign", COMPARE)
@pytest.mark.parametrize("a", [THIRD, 0.25, np.float32(0.25), np.float64(0.25), np.array(0.25)])
def test_scalars_compare_from_either_side(sign, a):
    below = {True: a, False: 1 - a}
    above = {True: 1 - a, False: a}
    assert exact_law(lambda tape: bool(COMPARE[sign](tape.random(), a))) == (below if "<" in sign else above)
    assert exact_law(lambda tape: bool(COMPARE[sign](a, tape.random()))) == (above if "<" in sign else below)


@pytest.mark.parametrize("sign", COMPARE)
@pytest.mark.parametrize("dtype", [object, float, np.float32])
def test_arrays_compare_elementwise_from_either_side(sign, dtype):
    cuts = np.array([[HALF, F(1, 4)], [F(0), F(1)]], object).astype(dtype)
    left = exact_law(lambda tape: tuple(COMPARE[sign](tape.random(), cuts).ravel().tolist()))
    right = exact_law(lambda tape: tuple(COMPARE[sign](cuts, tape.random()).ravel().tolist()))
    below = {
        (True, True, False, True): F(1, 4),
        (True, False, False, True): F(1, 4),
        (False, False, False, True): HALF,
    }
    above = {tuple(not answer for answer in answers): mass for answers, mass in below.items()}
    assert (left, right) == ((below, above) if "<" in sign else (above, below))


def test_array_of_lazy_uniforms_compares_elementwise():
    law = exact_law(lambda tape: tuple((tape.random(3)[:2] < np.array([HALF, THIRD])).tolist()))
    assert law == {(True, True): F(1, 6), (True, False): THIRD, (False, True): F(1, 6), (False, False): THIRD}


def test_searchsorted_picks_by_inverse_cdf():
    law = exact_law(lambda tape: int(np.searchsorted(CUMULATIVE, tape.random(), side="right")))
    assert law == {0: F(1, 6), 1: F(1, 3), 2: HALF}


def test_one_comparison_with_an_array_needs_one_run_a_cell():
    runs = []
    exact_law(lambda tape: runs.append(0) or int((tape.random() >= CUMULATIVE).sum()))
    assert len(runs) == 3


def test_every_comparison_with_nan_is_false():
    assert exact_law(lambda tape: tuple(sign(tape.random(), np.nan) for sign in COMPARE.values())) == {
        (False,) * 4: 1
    }


def test_empty_array_gives_an_empty_answer():
    assert exact_law(lambda tape: (tape.random() < np.array([])).shape) == {(0,): 1}


def test_tape_takes_the_sizes_of_a_generator():
    tape = LazyTape([])
    assert isinstance(tape.random(), LazyUniform)
    assert [tape.random(size).shape for size in (0, 3, (2, 3))] == [(0,), (3,), (2, 3)]


def test_a_uniform_shows_its_interval():
    law = exact_law(lambda tape: (u := tape.random()) < THIRD and repr(u))
    assert law == {"LazyUniform[0, 1/3)": THIRD, False: F(2, 3)}


# a uniform used twice


def test_a_uniform_keeps_what_was_learnt():
    law = exact_law(lambda tape: ((u := tape.random()) < HALF, u < THIRD, u < HALF))
    assert law == {(True, True, True): THIRD, (True, False, True): F(1, 6), (False, False, False): HALF}


def test_a_uniform_used_for_two_tokens_gives_a_wrong_law():
    model = TableModel(np.array([[HALF, HALF], [THIRD, 2 * THIRD]]))
    fresh = exact_law(lambda tape: tuple(autoregressive([0], model, max_new_tokens=2, rng=tape)))

    class Stuck:
        def __init__(self, tape):
            self.u = tape.random(1)

        def random(self, n):
            return self.u

    stuck = exact_law(lambda tape: tuple(autoregressive([0], model, max_new_tokens=2, rng=Stuck(tape))))
    assert fresh == target_law(model, [0], 2)
    assert total_variation(stuck, target_law(model, [0], 2)) == F(5, 12)


# what is refused


ARITHMETIC = {
    "u + 1": lambda u: u + 1,
    "1 - u": lambda u: 1 - u,
    "u * fraction": lambda u: u * HALF,
    "float64 * u": lambda u: np.float64(2) * u,
    "array + u": lambda u: np.ones(2) + u,
    "u / array": lambda u: u / np.ones(2),
    "-u": operator.neg,
    "float(u)": float,
    "int(u)": int,
    "round(u)": round,
    "f'{u:.2f}'": lambda u: f"{u:.2f}",
    "if u": bool,
    "hash(u)": hash,
    "u == 0": lambda u: u == 0,
    "u != array": lambda u: u != np.ones(2),
    "list[u]": lambda u: [0][u],
    "array[0] = u": lambda u: np.zeros(2).fill(u),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_anything_but_a_comparison_is_refused_and_says_what_to_do(name):
    with pytest.raises(TypeError, match="Only compare it: u < threshold"):
        ARITHMETIC[name](lazy_uniform())


def test_a_uniform_equals_itself():
    u = lazy_uniform()
    assert [sign(u, u) for sign in COMPARE.values()] == [False, True, False, True]


def test_two_uniforms_cannot_be_compared_with_each_other():
    with pytest.raises(TypeError, match="compared with numbers only"):
        lazy_uniform() < lazy_uniform()  # noqa: B015


def test_ufuncs_are_refused():
    with pytest.raises(TypeError, match="LazyUniform"):
        np.log(lazy_uniform())


def test_an_unhashable_outcome_is_refused():
    with pytest.raises(TypeError, match="got list"):
        exact_law(lambda tape: [0])


# bounds


def test_too_many_paths_are_an_error_that_reports_the_mass():
    with pytest.raises(ValueError, match=r"max_paths = 3 paths; those tried cover 0\.875000"):
        exact_law(lambda tape: next(i for i in range(8) if tape.random() < HALF), max_paths=3)


def test_as_many_paths_as_allowed_are_enough():
    assert len(exact_law(lambda tape: tuple((tape.random(2) < HALF).tolist()), max_paths=4)) == 4


def test_a_function_that_does_not_end_is_an_error():
    def redraw(tape):
        while tape.random() < HALF:
            pass

    with pytest.raises(ValueError, match="Does it redraw until u is small"):
        exact_law(redraw)


def test_other_randomness_is_an_error():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="draw from another generator"):
        exact_law(lambda tape: tape.random() < rng.random())


def test_state_kept_between_runs_is_an_error():
    seen = []
    with pytest.raises(ValueError, match="it made 1 comparisons where it had made at least 2"):
        exact_law(lambda tape: seen.append(0) or all(u < HALF for u in tape.random(3 - len(seen))))


# target_law, total_variation, explain


MODEL = TableModel(np.array([[HALF, HALF, 0], [0, 0, F(1)], [THIRD, THIRD, THIRD]]))


def test_target_law_multiplies_the_rows():
    assert target_law(MODEL, [0], 2) == {(0, 0): F(1, 4), (0, 1): F(1, 4), (1, 2): HALF}


def test_target_law_ends_at_stop_tokens_and_keeps_them():
    assert target_law(MODEL, [0], 2, stop=[0]) == {(0,): HALF, (1, 2): HALF}


def test_target_law_of_no_token_is_certain():
    assert target_law(MODEL, [0], 0, stop=[0]) == {(): 1}


def test_target_law_applies_the_transform():
    one_hot = target_law(MODEL, [0], 2, transform=lambda p: np.where(np.arange(3) == 2, F(1), F(0)))
    assert one_hot == {(2, 2): 1}


def test_target_law_of_floats_is_in_floats():
    law = target_law(TableModel(np.array([[0.5, 0.5], [0.25, 0.75]], np.float32)), [0], 2)
    assert law[0, 1] == 0.25
    assert {type(mass) for mass in law.values()} == {float}


def test_total_variation_counts_outcomes_of_either_law():
    assert total_variation({0: F(1, 4), 1: F(3, 4)}, {1: F(1, 4), 2: F(3, 4)}) == F(3, 4)
    assert total_variation(target_law(MODEL, [0], 3), target_law(MODEL, [0], 3)) == 0


def test_explain_shows_the_worst_outcomes_first_as_fractions():
    text = explain({"a": F(1, 4), "b": F(1, 4), "c": HALF}, {"a": THIRD, "b": F(2, 3)}, n=2)
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["outcome", "a", "b", "a", "-", "b"],
        ["'c'", "1/2", "0", "1/2"],
        ["'b'", "1/4", "2/3", "-5/12"],
    ]


def test_explain_of_equal_laws_shows_no_outcome():
    assert explain({0: 0.5, 1: 0.5}, {0: 0.5, 1: 0.5}) == "total variation 0, over 2 outcomes\noutcome  a  b  a - b"
