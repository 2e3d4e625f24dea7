"""Is rejection sampling what its module says, and speculative sampling the maximal coupling? Exact laws, `==`."""

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from specsample import overlap, residual, verify
from specsample.conformance import exact_law
from specsample.theory import classic_acceptance
from specsample.theory.rejection import (
    Tries,
    envelope_bound,
    independent_coupling,
    keep_probability,
    kept_law,
    maximal_coupling,
    quantile_coupling,
    rejection_sample,
    try_once,
)

P, Q = np.array([F(1, 2), F(1, 3), F(1, 6)]), np.array([F(1, 6), F(1, 3), F(1, 2)])
BOUNDS = st.fractions(F(1, 4), 4, max_denominator=8)


@st.composite
def pairs(draw):
    """Draw two distributions of three or four exact fractions, zeros included."""
    V = draw(st.integers(3, 4))
    rows = st.lists(st.integers(0, 5), min_size=V, max_size=V).filter(any)
    return tuple(np.array([F(n, sum(row)) for n in row], dtype=object) for row in (draw(rows), draw(rows)))


def as_law(probs):
    """Write an array as a law: token to probability, without the impossible ones."""
    return {x: p_x for x, p_x in enumerate(probs) if p_x > 0}


def coupled(couple, p, q):
    """Sum the exact law of a coupling to the laws of x and of y, and to P(x = y)."""
    law, x_law, y_law = exact_law(lambda tape: tuple(couple(p, q, tape.random(3)))), {}, {}
    for (x, y), mass in law.items():
        x_law[x], y_law[y] = x_law.get(x, 0) + mass, y_law.get(y, 0) + mass
    return x_law, y_law, sum(mass for (x, y), mass in law.items() if x == y)


def test_the_bound_is_the_largest_ratio_and_an_envelope():
    assert envelope_bound(P, Q) == 3
    assert all(P <= 3 * Q)
    assert keep_probability(P, Q, 3) == F(1, 3) == classic_acceptance(P, Q)


def test_where_the_draft_misses_a_token_there_is_no_bound():
    with pytest.raises(ValueError, match="got 0 at token 1"):
        envelope_bound(P, np.array([F(1), F(0), F(0)]))


def test_where_no_token_is_shared_nothing_is_ever_kept():
    p, q = np.array([F(1), F(0)]), np.array([F(0), F(1)])
    assert rejection_sample(p, q, 1, rng=np.random.default_rng(0), max_draws=50) == Tries(None, 50)
    with pytest.raises(ValueError, match="must share a token"):
        kept_law(p, q, 1)


@settings(deadline=None, max_examples=50)
@given(pairs(), BOUNDS)
def test_one_try_keeps_each_token_with_what_fits_under_p_and_M_q(pair, M):
    p, q = pair
    law = exact_law(lambda tape: try_once(p, q, M, tape.random(2)))
    kept = as_law(np.minimum(p / M, q))
    assert law == kept | ({None: 1 - sum(kept.values())} if sum(kept.values()) < 1 else {})
    assert sum(kept.values()) == keep_probability(p, q, M)


@settings(deadline=None, max_examples=30)
@given(pairs(), BOUNDS)
def test_the_loop_emits_its_kept_law_and_draws_a_geometric_number(pair, M):
    p, q = pair
    assume(overlap(p, q) > 0)
    law = exact_law(lambda tape: rejection_sample(p, q, M, rng=tape, max_draws=3))
    a, emitted = keep_probability(p, q, M), kept_law(p, q, M)
    expected = {Tries(x, n): (1 - a) ** (n - 1) * a * mass for n in (1, 2, 3) for x, mass in as_law(emitted).items()}
    expected[Tries(None, 3)] = (1 - a) ** 3
    assert law == {outcome: mass for outcome, mass in expected.items() if mass > 0}


@settings(deadline=None, max_examples=50)
@given(pairs())
def test_from_an_envelope_the_loop_emits_the_target_at_one_token_in_M_draws(pair):
    p, q = pair
    assume(all((q > 0) | (p == 0)))
    M = envelope_bound(p, q)
    assert kept_law(p, q, M).tolist() == p.tolist()
    assert keep_probability(p, q, M) == 1 / M == classic_acceptance(p, q) <= overlap(p, q)


def test_a_bound_that_is_too_small_biases_the_loop():
    assert kept_law(P, Q, F(3, 2)).tolist() == [F(1, 3), F(4, 9), F(2, 9)]
    assert kept_law(P, Q, 1).tolist() == [F(1, 4), F(1, 2), F(1, 4)]  # norm(min(p, q)) is not p


@settings(deadline=None, max_examples=50)
@given(pairs())
def test_the_first_try_at_M_1_and_the_residual_make_the_target(pair):
    p, q = pair
    first = as_law(np.minimum(p, q))
    assert exact_law(lambda tape: try_once(p, q, 1, tape.random(2))).get(None, 0) == 1 - overlap(p, q)
    repaired = [first.get(x, 0) + (1 - overlap(p, q)) * r for x, r in enumerate(residual(p, q))]
    assert repaired == p.tolist()


@settings(deadline=None, max_examples=50)
@given(pairs())
def test_speculative_sampling_couples_p_and_q_as_tightly_as_any_coupling_can(pair):
    p, q = pair
    assert coupled(maximal_coupling, p, q) == (as_law(q), as_law(p), overlap(p, q))


@settings(deadline=None, max_examples=50)
@given(pairs())
def test_the_coupling_is_what_verify_does_with_one_draft(pair):
    p, q = pair

    def verified(tape):
        u = tape.random(4)
        x = next(x for x in range(len(q)) if u[0] < sum(q[: x + 1]))
        n, t = verify([x], q[None], np.stack([p, p]), u_accept=u[1:2], u_emit=u[2])
        return x, x if n else t

    assert exact_law(verified) == exact_law(lambda tape: tuple(maximal_coupling(p, q, tape.random(3))))


@settings(deadline=None, max_examples=50)
@given(pairs())
def test_other_couplings_have_the_same_marginals_and_agree_less(pair):
    p, q = pair
    for couple in (quantile_coupling, independent_coupling):
        x_law, y_law, equal = coupled(couple, p, q)
        assert (x_law, y_law) == (as_law(q), as_law(p))
        assert equal <= overlap(p, q)
    assert equal == sum(p * q)


def test_common_random_numbers_depend_on_the_order_of_the_tokens():
    order = [0, 2, 1]
    assert coupled(quantile_coupling, P, Q)[2] == F(1, 3)
    assert coupled(quantile_coupling, P[order], Q[order])[2] == F(2, 3) == overlap(P, Q)
