"""softmax, pick, uniforms and check_probs: exact where the numbers allow it."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample.conformance.laws.lazy import LazyTape
from specsample.distributions import check_probs, pick, softmax, uniforms

LAST_UNIFORM = 1 - 2.0**-53  # the largest number that a NumPy Generator's random() can return
WEIGHTS = st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any)


def fractions(*weights):
    """Normalise integer weights to a row of fractions."""
    return np.array([Fraction(w, sum(weights)) for w in weights], dtype=object)


def test_softmax_normalises_exponentials():
    np.testing.assert_allclose(softmax(np.log([1.0, 2.0, 5.0])), [0.125, 0.25, 0.625], rtol=1e-15)


def test_softmax_works_on_every_row_of_a_batch():
    logits = np.log(np.array([[[1.0, 3.0], [2.0, 2.0]], [[3.0, 1.0], [1.0, 7.0]]]))
    expected = [[[0.25, 0.75], [0.5, 0.5]], [[0.75, 0.25], [0.125, 0.875]]]
    np.testing.assert_allclose(softmax(logits), expected, rtol=1e-15)


def test_softmax_neither_overflows_nor_underflows_on_large_logits():
    assert softmax(np.array([1e30, 1e30, -1e30])).tolist() == [0.5, 0.5, 0.0]


def test_softmax_gives_a_masked_logit_no_probability():
    assert softmax(np.array([0.0, -np.inf, 0.0])).tolist() == [0.5, 0.0, 0.5]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_keeps_the_dtype(dtype):
    assert softmax(np.zeros((2, 4), dtype)).dtype == dtype


def test_half_precision_becomes_float32_before_it_is_summed():
    probs = softmax(np.zeros(70_000, np.float16))  # the sum of the weights exceeds the largest float16
    assert probs.dtype == np.float32
    assert np.isclose(probs.sum(dtype=float), 1)


def test_pick_returns_the_token_whose_interval_holds_u():
    row = fractions(1, 2, 5)  # intervals [0, 1/8), [1/8, 3/8), [3/8, 1)
    at = [Fraction(n, 16) for n in range(16)]
    assert [pick(row, u) for u in at] == [0] * 2 + [1] * 4 + [2] * 10


def test_pick_skips_a_first_token_of_probability_zero_at_u_0():
    assert pick(np.array([0.0, 0.0, 1.0]), 0.0) == 2


@given(weights=WEIGHTS, u=st.fractions(0, 1).filter(lambda u: u < 1))
@settings(deadline=None)
def test_pick_inverts_the_cumulative_sum_of_fractions(weights, u):
    row = fractions(*weights)
    token = pick(row, u)
    assert row[:token].sum() <= u < row[: token + 1].sum()


@given(weights=WEIGHTS, u=st.floats(0, LAST_UNIFORM), dtype=st.sampled_from(["float16", "float32", "float64"]))
@settings(deadline=None)
def test_pick_never_returns_a_token_of_probability_zero(weights, u, dtype):
    row = (np.array(weights) / sum(weights)).astype(dtype)
    assert row[pick(row, np.float64(u))] > 0


@pytest.mark.parametrize(("dtype", "n"), [("float16", 6), ("float32", 12), ("float64", 10)])
def test_pick_survives_a_cumulative_sum_that_rounds_below_1(dtype, n):
    row = np.append(np.full(n, 1 / np.asarray(n, dtype), dtype), np.zeros(5, dtype))
    assert np.cumsum(row)[-1] <= LAST_UNIFORM
    assert pick(row, np.float64(LAST_UNIFORM)) == n - 1


def test_pick_gives_one_token_whether_u_is_a_python_or_a_numpy_float():
    row, u = np.array([0.5, 0.5], "float32"), 0.5 - 1e-11  # in float32 this u would round to 0.5
    assert pick(row, u) == pick(row, np.float64(u)) == 0


def test_pick_returns_a_python_int():
    assert type(pick(np.array([0.5, 0.5]), 0.7)) is int


def test_pick_refuses_a_row_without_any_possible_token():
    with pytest.raises(ValueError, match="probs must sum to 1; every token has probability 0"):
        pick(np.zeros(3), 0.5)


@pytest.mark.parametrize("u", [1, 1.0, 50, float("nan")])
def test_pick_refuses_what_is_no_uniform_number(u):
    with pytest.raises(ValueError, match=r"u must lie in \[0, 1\); got"):
        pick(np.array([0.5, 0.5]), u)


class Tape:
    """Hand out the same numbers, however many are asked for."""

    def __init__(self, numbers):
        self.numbers = numbers

    def random(self, n):
        return self.numbers


def test_uniforms_are_those_of_the_generator():
    drawn = uniforms(np.random.default_rng(0), 5)
    assert (drawn == np.random.default_rng(0).random(5)).all()


@pytest.mark.parametrize("numbers", [[0.0, LAST_UNIFORM], [0, Fraction(1, 2)], np.array([0.0, 0.5])])
def test_uniforms_may_be_a_recorded_tape(numbers):
    assert uniforms(Tape(numbers), 2) is numbers


def test_uniforms_that_fork_are_handed_on_without_a_comparison():
    tape = LazyTape([])
    assert (len(uniforms(tape, 3)), tape.length) == (3, 0)


@pytest.mark.parametrize("rng", [7, None, Random(7)])
def test_a_seed_in_place_of_a_generator_is_refused(rng):
    with pytest.raises(
        TypeError, match=r"rng must have a method random\(n\), .* Write numpy.random.default_rng\(seed\)"
    ):
        uniforms(rng, 1)


@pytest.mark.parametrize("numbers", [[0.5], [0.5] * 3, [0.5, 1.0], [-0.1, 0.5], [50, 7], np.array([0.5, np.nan])])
def test_numbers_outside_0_1_or_too_few_of_them_are_refused(numbers):
    with pytest.raises(ValueError, match=r"rng\.random\(2\) must give 2 numbers in \[0, 1\); got"):
        uniforms(Tape(numbers), 2)


@pytest.mark.parametrize(
    "row", [np.array([0.25, 0.75], "float32"), fractions(1, 2), np.ones((2, 3, 1)), np.empty((0, 4))]
)
def test_check_probs_returns_the_very_array(row):
    assert check_probs(row, "p") is row


def test_check_probs_allows_the_rounding_of_low_precision():
    row = (np.ones(100) / 100).astype("float16")
    assert check_probs(row, "p") is row


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (np.array([0.5, np.nan]), "p must hold probabilities; got NaN. Did a logit overflow"),
        (np.array([1.5, -0.5]), r"p must be >= 0; got -0.5. Are these logits\? Apply softmax first."),
        (np.array([0.5, 0.25]), r"rows of p must sum to 1; one is off by 0.25. Was a mask applied"),
        (np.array([[0.5, 0.5], [1.0, 1.0]]), "rows of p must sum to 1; one is off by 1"),
        (np.array([0.0, np.inf]), "rows of p must sum to 1; one is off by inf"),
        (np.array([0.5, 0.502]), "rows of p must sum to 1; one is off by 0.002"),
        (np.zeros(3), "rows of p must sum to 1; one is off by 1"),
        (np.array([Fraction(1, 2), Fraction(4999, 10000)]), "rows of p must sum to 1; one is off by 1/10000"),
        (np.array([Fraction(3, 2), Fraction(-1, 2)]), "p must be >= 0; got -1/2"),
        (np.array([[Fraction(1), 0], [Fraction(1), Fraction(1, 9)]]), "rows of p must sum to 1; one is off by 1/9"),
        (np.array([[Fraction(1), 0], [Fraction(4), -3]]), "p must be >= 0; got -3"),
    ],
)
def test_check_probs_says_what_is_wrong(row, message):
    with pytest.raises(ValueError, match=message):
        check_probs(row, "p")
