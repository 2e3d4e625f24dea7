"""The rule: its identities on exact fractions, its dtypes, its corner cases."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample.acceptance import accept_probability, check_drafts, overlap, residual


def fractions(weights):
    """Normalise integer weights to a row of fractions."""
    return np.array([Fraction(w, sum(weights)) for w in weights], dtype=object)


WEIGHTS = st.lists(st.integers(0, 6), min_size=4, max_size=4).filter(any).map(fractions)
P, Q = fractions([1, 1, 0, 2]), fractions([1, 3, 4, 0])  # [1/4, 1/4, 0, 1/2] and [1/8, 3/8, 1/2, 0]


def test_accept_probability_is_min_1_p_over_q():
    assert accept_probability(P, Q).tolist() == [1, Fraction(2, 3), 0, 0]


@given(p=WEIGHTS, q=WEIGHTS)
@settings(deadline=None)
def test_accept_probability_equals_the_papers_formula(p, q):
    expected = [min(Fraction(1), a / b) if b else 0 for a, b in zip(p, q, strict=True)]
    assert accept_probability(p, q).tolist() == expected


def test_a_token_at_least_as_likely_under_p_is_kept_with_probability_exactly_1():
    p, q = np.random.default_rng(0).dirichlet(np.ones(50), 2).astype("float32")
    assert (accept_probability(np.maximum(p, q), q) == 1).all()


def test_a_token_that_q_cannot_draft_is_never_kept_and_nothing_is_divided_by_zero():
    with np.errstate(all="raise"):
        assert accept_probability(np.array([0.5, 0.0]), np.zeros(2)).tolist() == [0, 0]


def test_residual_is_the_normalised_excess_of_p():
    assert residual(P, Q).tolist() == [Fraction(1, 5), 0, 0, Fraction(4, 5)]


@given(p=WEIGHTS, q=WEIGHTS)
@settings(deadline=None)
def test_keeping_or_replacing_a_draft_emits_exactly_p(p, q):
    kept = q * accept_probability(p, q)
    assert (kept + (1 - kept.sum()) * residual(p, q) == p).all()


@given(p=WEIGHTS, q=WEIGHTS)
@settings(deadline=None)
def test_the_residual_is_a_distribution_on_tokens_that_p_allows(p, q):
    r = residual(p, q)
    assert r.sum() == 1
    assert all(r_x >= 0 and (p_x > 0 or r_x == 0) for r_x, p_x in zip(r, p, strict=True))


def test_the_residual_of_equal_rows_is_p_because_nothing_is_ever_rejected():
    assert (residual(P, P) == P).all()


def test_the_residual_of_a_row_without_draft_is_p():
    assert (residual(P, np.zeros(4, int)) == P).all()
    # bit for bit, also where a row sums to 1 only by rounding
    coarse = np.array([0.4996, 0.4999])
    assert (residual(coarse, np.zeros(2)) == coarse).all()


def test_the_residual_of_rows_apart_by_rounding_is_still_a_distribution():
    p = np.array([0.5, 0.5])
    for q in (np.nextafter(p, 0), np.nextafter(p, 1), np.array([0.5, np.nextafter(0.5, 0)])):
        assert residual(p, q).sum() == 1


@given(p=WEIGHTS, q=WEIGHTS)
@settings(deadline=None)
def test_overlap_is_1_minus_total_variation_and_the_probability_of_keeping(p, q):
    assert overlap(p, q) == 1 - abs(p - q).sum() / 2 == (q * accept_probability(p, q)).sum()


def test_overlap_is_1_for_equal_and_0_for_disjoint_rows():
    assert overlap(P, P) == 1
    assert overlap(fractions([1, 0]), fractions([0, 1])) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_part_of_the_rule_keeps_the_dtype_and_takes_a_batch(dtype):
    p, q = np.random.default_rng(0).dirichlet(np.ones(5), (2, 3, 4)).astype(dtype)
    for function, shape in ((accept_probability, (3, 4, 5)), (residual, (3, 4, 5)), (overlap, (3, 4))):
        out = function(p, q)
        assert (out.dtype, out.shape) == (dtype, shape)
        assert (out[1, 2] == function(p[1, 2], q[1, 2])).all()


def test_every_part_of_the_rule_keeps_fractions():
    values = [*accept_probability(P, Q), *residual(P, Q), *residual(P, P), overlap(P, Q)]
    assert {type(value) for value in values} == {Fraction}


@pytest.mark.parametrize(
    ("K", "q_shape", "p_shape", "message"),
    [
        (4, (4, 28), (5, 27), r"draft_probs must be \(K, V\) = \(4, 27\) .*; got \(4, 28\)\. Do both models share"),
        (4, (3, 27), (5, 27), r"draft_probs must be \(K, V\) = \(4, 27\) .*; got \(3, 27\)"),
        (4, (4, 27), (4, 27), r"target_probs must be \(K\+1, V\) = \(5, V\) for 4 draft_tokens; got \(4, 27\)"),
        (0, (0, 0), (27,), r"target_probs must be \(K\+1, V\) = \(1, V\) for 0 draft_tokens; got \(27,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named_in_full(K, q_shape, p_shape, message):
    with pytest.raises(ValueError, match=message):
        check_drafts([0] * K, np.zeros(q_shape), np.zeros(p_shape), [0.5] * K)


HALF = np.full((2, 2), 0.5)


def test_drafts_that_fit_are_accepted_also_without_any():
    check_drafts([0], HALF[:1], HALF, [0.5])
    check_drafts(np.array([1]), HALF[:1], HALF, np.array([0.5]))
    check_drafts([], np.empty((0, 0)), HALF[:1], [])


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"draft_tokens": [0.7]}, TypeError, r"draft_tokens must hold integers; got 0\.7"),
        ({"draft_tokens": [2]}, ValueError, r"draft_tokens must lie in 0 \.\. 1; got 2"),
        ({"draft_tokens": [-1]}, ValueError, r"draft_tokens must lie in 0 \.\. 1; got -1"),
        (
            {"draft_probs": [[0.5, 0.5]]},
            TypeError,
            r"draft_probs must be an array; got list\. Is numpy\.array missing",
        ),
        ({"target_probs": HALF.tolist()}, TypeError, "target_probs must be an array; got list"),
        ({"target_probs": HALF * [[4], [-2]]}, ValueError, r"target_probs must be >= 0; .* Are these logits\?"),
        ({"target_probs": HALF * np.nan}, ValueError, "target_probs must hold probabilities; got NaN"),
        ({"target_probs": HALF * 0.8}, ValueError, r"rows of target_probs must sum to 1; one is off by 0\.2"),
        ({"draft_probs": HALF[:1] * 2}, ValueError, "rows of draft_probs must sum to 1"),
        ({"u_accept": []}, ValueError, "u_accept must hold K = 1 uniform numbers, one a draft; got 0"),
        ({"u_accept": [0.5, 0.5]}, ValueError, "u_accept must hold K = 1 .*; got 2"),
    ],
)
def test_what_is_no_draft_or_no_distribution_is_refused_by_name(changed, error, message):
    fitting = {"draft_tokens": [0], "draft_probs": HALF[:1], "target_probs": HALF, "u_accept": [0.5]}
    with pytest.raises(error, match=message):
        check_drafts(**fitting | changed)
