"""Does `theory` say what the papers say? Laws and bounds; `test_papers` recomputes every printed number."""

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample.acceptance import overlap
from specsample.papers import printed_figures
from specsample.theory import (
    acceptance_rate,
    best_K,
    classic_acceptance,
    expected_tokens,
    implied_alpha,
    improves,
    lenient_acceptance,
    memory_traffic,
    operations,
    oracle_speedup,
    speedup,
)

LEVIATHAN = printed_figures()["leviathan"]
rates = st.fractions(0, 1, max_denominator=12)
costs = st.fractions(0, 2, max_denominator=12)


def distributions(V):
    """Draw a distribution of V exact fractions."""
    weights = st.lists(st.integers(0, 5), min_size=V, max_size=V).filter(any)
    return weights.map(lambda w: np.array([F(n, sum(w)) for n in w], dtype=object))


@pytest.mark.parametrize("draft", ["unigram", "bigram", "small", "base"])
def test_table_5_obeys_the_laws_of_lenient_acceptance(draft):
    table = LEVIATHAN["table5_alpha_T1"]
    low, high = ([alpha + e for alpha in table[draft]] for e in (-0.005, 0.005))  # what is printed so
    x = [1 / lenience for lenience in table["l"]]  # sum min(p x, q) grows with x, is concave and at most alpha x
    for i in range(3):
        assert low[i] <= high[i + 1]
        assert low[i + 1] <= min(1, high[0] * x[i + 1])
    for i in range(2):
        assert (low[i + 2] - high[i + 1]) / (x[i + 2] - x[i + 1]) <= (high[i + 1] - low[i]) / (x[i + 1] - x[i])


def test_table_5_at_lenience_1_repeats_tables_2_and_3():
    plain = {draft: column[0] for draft, column in LEVIATHAN["table5_alpha_T1"].items() if isinstance(column, list)}
    table2 = {
        row["draft"].split()[0]: row["alpha"]
        for row in LEVIATHAN["tables2_4"]
        if (row["task"], row["T"]) == ("EnDe", 1)
    }
    table3 = {row["draft"]: row["alpha_T1"] for row in LEVIATHAN["table3_alpha"] if row["task"] == "EnDe"}
    assert plain == {"l": 1, **table3} | {draft: table2[draft] for draft in ("small", "base")}


def test_table_3_holds_rates_and_better_drafts_are_kept_more_often():
    rows = [(row["alpha_T0"], row["alpha_T1"]) for row in LEVIATHAN["table3_alpha"]]
    assert all(0 < alpha < 1 for row in rows for alpha in row)
    names = [row["draft"] for row in LEVIATHAN["table3_alpha"]]
    assert all(rows[i] < rows[i + 1] for i, name in enumerate(names) if name in ("unigram", "LaMDA 100M", "LaMDA 2B"))


def test_perfect_drafts_emit_every_token_of_a_round():
    assert expected_tokens(1, 5) == 6
    assert expected_tokens(F(1), 0) == 1


def test_useless_drafts_emit_one_token():
    assert expected_tokens(F(0), 7) == 1
    assert speedup(0.0, 4, 0.25) == 0.5


@settings(deadline=None)
@given(rates.filter(lambda alpha: alpha < 1), st.integers(0, 9))
def test_expected_tokens_is_the_quotient_of_equation_1(alpha, K):
    assert expected_tokens(alpha, K) == (1 - alpha ** (K + 1)) / (1 - alpha)


@settings(deadline=None)
@given(rates, st.integers(0, 9))
def test_expected_tokens_is_the_mean_run_length(alpha, K):
    mean = sum((n + 1) * alpha**n * (1 - alpha) for n in range(K)) + (K + 1) * alpha**K
    assert expected_tokens(alpha, K) == mean


def test_a_slower_verify_pass_divides_the_speedup():
    assert speedup(F(1, 2), 3, F(0), verify_ratio=F(5, 4)) == F(15, 8) / F(5, 4)


def test_formulas_take_arrays_of_acceptance_rates():
    assert speedup(np.array([0.0, 0.5, 1.0]), 1, 0.25).tolist() == [0.8, 1.2, 1.6]


@settings(deadline=None)
@given(rates, costs)
def test_drafting_helps_exactly_where_alpha_exceeds_the_cost(alpha, c):
    K = best_K(alpha, c, max_K=12)
    assert (speedup(alpha, K, c) > 1) == (K > 0) == improves(alpha, c)


@settings(deadline=None)
@given(rates, costs)
def test_the_best_K_is_at_least_as_fast_as_the_guarantee(alpha, c):
    assert speedup(alpha, 1, c) == (1 + alpha) / (1 + c)
    if improves(alpha, c):
        assert speedup(alpha, best_K(alpha, c, max_K=12), c) >= (1 + alpha) / (1 + c) > 1


def test_best_K_takes_a_verify_ratio_that_grows_with_K():
    assert best_K(F(9, 10), F(0), max_K=50) == 50
    assert best_K(F(9, 10), F(0), lambda K: 1 + F(K, 4)) == 6


def test_best_K_is_zero_where_the_longer_pass_eats_the_gain():
    assert best_K(0.5, 0.0, verify_ratio=2.0) == 0


@settings(deadline=None)
@given(rates, costs.filter(lambda c: c > 0), st.integers(0, 12))
def test_no_fixed_K_beats_the_oracle_where_drafting_helps(alpha, c, K):
    assert not improves(alpha, c) or speedup(alpha, K, c) <= oracle_speedup(alpha, c)


def test_the_oracle_gains_about_60_percent_at_most():
    grid = [(a, c) for a in (0.5, 0.7, 0.9, 0.99) for c in np.geomspace(0.01, 0.4, 12).tolist()]
    gains = [oracle_speedup(a, c) / speedup(a, best_K(a, c), c) for a, c in grid]
    assert 1.55 < max(gains) < 1.6  # section 3.5 says "up to ~60 %"


@settings(deadline=None, max_examples=50)
@given(rates, st.integers(0, 8), costs)
def test_operations_never_shrink(alpha, K, c):
    assert operations(alpha, K, c) >= 1


def test_operations_are_those_of_all_rows_and_drafts_spread_over_the_tokens():
    assert operations(F(1), 4, F(0)) == 1
    assert operations(F(4, 5), 5, F(1, 10)) == F(13, 2) / expected_tokens(F(4, 5), 5)


def test_memory_traffic_is_the_targets_readings_spread_over_the_tokens():
    assert memory_traffic(F(1, 2), 2) == 1 / expected_tokens(F(1, 2), 2)
    assert memory_traffic(F(0), 2, F(1, 4)) == F(3, 2)  # every draft is read for nothing
    assert memory_traffic(F(4, 5), 5, F(1, 10)) * speedup(F(4, 5), 5, F(1, 10)) == 1  # time is reading


@settings(deadline=None, max_examples=50)
@given(rates, costs, st.fractions(0, 1, max_denominator=9), st.integers(0, 8))
def test_a_row_that_costs_s_more_counts_as_a_dearer_draft(alpha, c, s, K):
    assert speedup(alpha, K, c, 1 + s * K) == speedup(alpha, K, c + s)


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 1), st.integers(1, 8), st.floats(0, 1), st.floats(0.5, 3))
def test_the_implied_rate_gives_the_speedup_back(alpha, K, c, rho):
    speed = speedup(alpha, K, c, rho)
    assert speedup(implied_alpha(speed, K, c, rho), K, c, rho) == pytest.approx(speed, rel=1e-12)


@settings(deadline=None)
@given(distributions(4), distributions(4))
def test_classic_rejection_keeps_no_more_than_speculative_sampling(p, q):
    classic = sum(p_x * min(q[y] / p[y] for y in range(4) if p[y] > 0) for p_x in p)
    assert classic_acceptance(p, q) == classic <= overlap(p, q)


@settings(deadline=None)
@given(distributions(4), distributions(4), st.fractions(F(1, 9), 1, max_denominator=9))
def test_lenience_keeps_each_draft_with_the_probability_of_appendix_A5(p, q, lenience):
    kept = sum(q_x * min(F(1), p_x / (lenience * q_x)) for p_x, q_x in zip(p, q, strict=True) if q_x > 0)
    assert lenient_acceptance(p, q, lenience) == kept >= overlap(p, q)


def test_full_lenience_is_lossless_and_little_of_it_keeps_everything():
    p, q = np.array([F(1, 4), F(3, 4)]), np.array([F(3, 4), F(1, 4)])
    assert lenient_acceptance(p, q, 1) == overlap(p, q) == F(1, 2)
    assert lenient_acceptance(p, q, F(1, 3)) == 1


def test_acceptance_rate_is_the_mean_overlap_of_all_rows():
    p = np.array([[F(1), F(0)], [F(1, 2), F(1, 2)], [F(0), F(1)]])
    q = np.array([[F(1), F(0)], [F(1, 4), F(3, 4)], [F(1), F(0)]])
    assert acceptance_rate(p, q) == F(7, 12)
    assert acceptance_rate(p[1], q[1]) == F(3, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expected_tokens(70, 5), "alpha must lie in"),
        (lambda: expected_tokens(float("nan"), 5), "alpha must lie in"),
        (lambda: expected_tokens(0.5, -1), "K must be an integer >= 0"),
        (lambda: speedup(0.5, 5, -0.1), "ratio of costs must be at least 0"),
        (lambda: speedup(0.5, 5, 0.1, verify_ratio=0), "verify_ratio must be positive"),
        (lambda: oracle_speedup(1, 0), "no finite speed-up"),
        (lambda: memory_traffic(0.5, 5, -0.1), "ratio of costs must be at least 0"),
        (lambda: implied_alpha(7, 5, 0.1), "speed must lie in 0.667 .. 4 at"),
        (lambda: lenient_acceptance(np.array([1.0]), np.array([1.0]), 0), "lenience must lie in"),
    ],
)
def test_arguments_outside_their_ranges_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
