"""The evidence is a martingale, exactly; the planning table is reproduced; laws are told apart."""

from itertools import product
from math import comb, exp, factorial, inf, log, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit_reference import diagnose

from specsample.conformance.evidence.calibration import calibrate
from specsample.conformance.evidence.e_process import EProcess, log_e_threshold, posterior
from specsample.conformance.evidence.fit import agrawal_bound, goodness_of_fit, monte_carlo_p, standardised_cells
from specsample.conformance.evidence.formulas import log_evidence, log_ratio
from specsample.conformance.evidence.sizes import (
    chi_square_tail,
    min_detectable_tv,
    noncentrality,
    required_n,
    required_n_against,
)
from specsample.conformance.pack.packed import load_probes

P = np.array([0.5, 0.3, 0.2, 0.0])
CATALOGUE = np.array([[0.4, 0.4, 0.2, 0.0], [0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])


def all_counts(n, cells):
    """List every vector of counts of n outputs."""
    return [counts for counts in product(range(n + 1), repeat=cells) if sum(counts) == n]


def chance(counts, law):
    """Multinomial probability of counts."""
    orders = factorial(sum(counts)) / prod(map(factorial, counts))
    return orders * prod(p**n for p, n in zip(law, counts, strict=True))


def mean_e(law, catalogue, n):
    """Mean of E after n outputs of the law itself, over all counts that it can give."""
    possible = [counts for counts in all_counts(n, len(law)) if chance(counts, law) > 0]
    return sum(chance(counts, law) * exp(log_evidence(np.array(counts), law, catalogue)) for counts in possible)


# the e-process


@pytest.mark.parametrize("n", range(8))
def test_the_mean_of_e_under_the_target_is_one(n):
    assert abs(mean_e(P[:3], CATALOGUE[:2, :3], n) - 1) < 1e-12
    assert abs(mean_e(P[:3], [], n) - 1) < 1e-12
    assert abs(mean_e(np.array([0.999, 0.001]), [[0.9, 0.1]], n) - 1) < 1e-12


def test_a_catalogue_law_with_mass_on_the_impossible_only_lowers_the_mean():
    lost = 1 - 0.75**5  # of the third law, in five outputs; it carries a sixth of the weight
    assert abs(mean_e(P, CATALOGUE, 5) - (1 - lost / 6)) < 1e-12


@pytest.mark.parametrize("counts", all_counts(3, 3))
def test_e_is_a_martingale_step_by_step(counts):
    now = exp(log_evidence(np.array(counts), P[:3], CATALOGUE[:2, :3]))
    after = [exp(log_evidence(np.array(counts) + step, P[:3], CATALOGUE[:2, :3])) for step in np.eye(3, dtype=int)]
    assert abs(P[:3] @ after - now) < 1e-12


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=3), st.floats(1e-6, 0.49))
def test_evidence_is_never_nan_and_depends_on_the_sum_of_batches_only(counts, p):
    law = [p, 1 - 2 * p, p]
    once, twice = EProcess(law, [[0.2, 0.3, 0.5]]), EProcess(law, [[0.2, 0.3, 0.5]])
    for part in (np.array(counts) // 2, np.array(counts) - np.array(counts) // 2):
        twice.update(part)
    assert once.update(counts) == twice.log_e
    assert np.isfinite(once.log_e)
    assert once.n == sum(counts)


def test_an_impossible_output_is_infinite_evidence():
    evidence = EProcess(P, CATALOGUE)
    assert evidence.update([5, 3, 2, 0]) < log_e_threshold(0.01)
    assert evidence.update([0, 0, 0, 1]) == inf
    assert evidence.update([9, 9, 9, 0]) == inf


def test_evidence_of_many_counts_at_once_is_that_of_each():
    counts = np.array([[3, 2, 1, 0], [0, 9, 0, 0], [1, 0, 0, 1]])
    each = [EProcess(P, CATALOGUE).update(row) for row in counts]
    assert log_evidence(counts, P, CATALOGUE).tolist() == each


def test_no_output_is_no_evidence():
    assert abs(EProcess(P, CATALOGUE).log_e) < 1e-12
    assert abs(EProcess(P).log_e) < 1e-12


def test_broad_deviations_are_seen_without_a_catalogue_and_known_ones_sooner_with_it():
    counts = np.array([4200, 3600, 2200, 0])
    assert EProcess(P).update(counts) > log_e_threshold(1e-6)
    assert EProcess(P, CATALOGUE[:1]).update(counts // 20) > EProcess(P).update(counts // 20)


def test_a_law_that_excludes_what_was_seen_has_ratio_zero():
    assert log_ratio(np.array([1, 1, 1, 0]), CATALOGUE[1], P) == -inf
    assert log_ratio(np.array([1, 1, 0, 0]), CATALOGUE[1], P) == pytest.approx(log(0.5 / 0.3))


@pytest.mark.parametrize("law", [[0.5, 0.4], [1.5, -0.5], [[1.0]]])
def test_what_is_no_law_is_refused(law):
    with pytest.raises(ValueError, match="sum to 1; got shape"):
        EProcess(law)


def test_laws_and_counts_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="C = 4 cells; got 2 cells"):
        EProcess(P, [[0.5, 0.5]])
    for counts in ([1, 2], [1.0, 2.0, 3.0, 4.0], [1, 1, 1, -1]):
        with pytest.raises(ValueError, match=r"counts must be \(4,\) integers"):
            EProcess(P).update(counts)
    with pytest.raises(ValueError, match="alpha must lie in"):
        log_e_threshold(0)


# naming a law


def test_posterior_is_bayes_with_equal_odds():
    odds = posterior([3, 1], {"fair": [0.5, 0.5], "bent": [0.75, 0.25], "never": [1.0, 0.0]})
    a, b = 0.5**4, 0.75**3 * 0.25
    assert odds == pytest.approx({"bent": b / (a + b), "fair": a / (a + b), "never": 0.0})
    assert next(iter(odds)) == "bent"


def test_posterior_is_zero_where_every_law_excludes_what_was_seen():
    assert posterior([1, 1], {"left": [1.0, 0.0], "right": [0.0, 1.0]}) == {"left": 0.0, "right": 0.0}
    assert diagnose([1, 1], {"left": [1.0, 0.0], "right": [0.0, 1.0]}).name == "unknown"


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("draws", [1, 2])
def test_the_monte_carlo_p_value_is_one_exactly(n, draws):
    # every way that the counts and the draws of the simulation can turn out, with its probability
    ways = [(goodness_distance(counts, P[:3]), chance(counts, P[:3])) for counts in all_counts(n, 3)]
    law = {}
    for (t, mass), *others in product(ways, repeat=1 + draws):
        p_value = monte_carlo_p(t, np.array([other for other, _ in others]))
        law[p_value] = law.get(p_value, 0) + mass * prod(m for _, m in others)
    assert abs(sum(law.values()) - 1) < 1e-12
    for level in law:
        assert sum(mass for p_value, mass in law.items() if p_value <= level) <= level + 1e-12


def goodness_distance(counts, law):
    """n KL(counts / n, law), written out."""
    n = sum(counts)
    return sum(c * log(c / (n * p)) for c, p in zip(counts, law, strict=True) if c)


def test_agrawals_bound_is_one():
    for n, k in ((1, 2), (9, 2), (6, 3)):
        law = P[:k] / P[:k].sum()
        cases = [(goodness_distance(counts, law), chance(counts, law)) for counts in all_counts(n, k)]
        for t, _ in cases:
            assert sum(mass for other, mass in cases if other >= t - 1e-9) <= agrawal_bound(t, k)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [1, 4, 9])
def test_goodness_of_fit_is_a_p_value_for_every_seed_up_to_the_error_of_its_draws(n, seed):
    error = (np.log(2 / 1e-9) / (2 * 1999)) ** 0.5  # Dvoretzky, Kiefer and Wolfowitz: exceeded with probability 1e-9
    cases = [(goodness_of_fit(counts, P[:3], seed=seed), chance(counts, P[:3])) for counts in all_counts(n, 3)]
    for level in (1e-3, 0.01, 0.1, 0.5):
        assert sum(mass for fit, mass in cases if fit <= level) <= level + error


def test_goodness_of_fit_holds_for_large_counts_and_sees_the_impossible():
    assert goodness_of_fit([5000, 3000, 2000, 0], P) == 1
    assert goodness_of_fit([5000, 3000, 2000, 1], P) == 0
    assert goodness_of_fit([5000, 2000, 3000, 0], P) < 1e-50
    assert goodness_of_fit([0, 0, 0, 0], P) == 1


def test_standardised_cells_are_zero_where_nothing_can_differ_and_infinite_for_the_impossible():
    assert standardised_cells([50, 30, 20, 0], P).tolist() == [0, 0, 0, 0]
    assert standardised_cells([59, 30, 10, 1], P)[[0, 3]].tolist() == [9 / 5, inf]
    assert standardised_cells([10, 0], [1.0, 0.0]).tolist() == [0, 0]


def test_the_law_that_counts_come_from_is_named():
    # Σ over pairs of the Bhattacharyya coefficient^n bounds the probability that any law is taken for another
    laws, n = load_probes(["P1"])[0].rule_laws, 16_000
    roots = np.sqrt(np.array(list(laws.values())))
    overlaps = (roots @ roots.T)[np.triu_indices(len(laws), 1)]
    assert (overlaps**n).sum() < 1e-9
    rng = np.random.default_rng()
    for name, law in laws.items():
        found = diagnose(rng.multinomial(n, law / law.sum()), laws, level=1e-12)
        assert (found.name, next(iter(found.posterior))) == (name, name)


# planning: the table of λ*, to its printed digits


@pytest.mark.parametrize(
    ("cells", "expected", "sizes"),
    [
        (8, "82.1", ("8.2e+03", "5.1e+04", "2.1e+05")),
        (27, "109.6", ("1.1e+04", "6.9e+04", "2.7e+05")),
        (64, "141.6", ("1.4e+04", "8.8e+04", "3.5e+05")),
        (256, "231.7", ("2.3e+04", "1.4e+05", "5.8e+05")),
        (1024, "410", ("4.1e+04", "2.6e+05", "1.0e+06")),
    ],
)
def test_the_planning_table(cells, expected, sizes):
    value = noncentrality(cells, alpha=1e-6, power=0.999)
    assert f"{value:.{len(expected.partition('.')[2])}f}" == expected
    assert tuple(f"{required_n(cells, eps):.1e}" for eps in (0.05, 0.02, 0.01)) == sizes


def test_min_detectable_tv_is_the_inverse_of_required_n():
    for cells, eps in ((2, 0.3), (27, 0.02), (100, 0.005)):
        assert min_detectable_tv(required_n(cells, eps), cells) == pytest.approx(eps, rel=1e-3)
    assert min_detectable_tv(1, 27) == 1


@pytest.mark.parametrize("x", [0.5, 3.0, 40.0])
def test_chi_square_tails_agree_with_closed_forms(x):
    assert chi_square_tail(x, 2) == pytest.approx(exp(-x / 2), rel=1e-13)
    assert chi_square_tail(x, 6) == pytest.approx(exp(-x / 2) * (1 + x / 2 + x**2 / 8), rel=1e-13)
    mixture = sum(exp(-2) * 2**j / factorial(j) * chi_square_tail(x, 3 + 2 * j) for j in range(60))
    assert chi_square_tail(x, 3, noncentral=4.0) == pytest.approx(mixture, rel=1e-13)


def test_known_quantiles_of_chi_square():  # to the digits of printed tables
    assert chi_square_tail(3.841, 1) == pytest.approx(0.05, rel=1e-3)
    assert chi_square_tail(18.307, 10) == pytest.approx(0.05, rel=1e-3)
    assert chi_square_tail(149.449, 100) == pytest.approx(0.001, rel=1e-3)


def test_planning_refuses_what_makes_no_sense():
    for call, said in [
        (lambda: required_n(8, 0), "eps must lie in"),
        (lambda: required_n(1, 0.1), "cells must be at least 2"),
        (lambda: required_n(8, 0.1, alpha=0.5, power=0.4), "0 < alpha < power < 1"),
        (lambda: min_detectable_tv(0, 8), "n must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=said):
            call()


def test_required_n_against_an_impossible_output_waits_for_the_first_one():
    assert required_n_against([0.99, 0.01], [1.0, 0.0]) == 688  # 0.99^688 <= 0.001
    assert required_n_against([0.5, 0.5], [0.5, 0.5]) == inf


# calibration: sampled, with exact binomial bounds


def tail(runs, hits, rate):
    """P(at least `hits` of `runs`) at a rate."""
    return sum(comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in range(hits, runs + 1))


def test_a_right_sampler_fails_no_more_often_than_alpha():
    runs, alpha = 500, 0.05  # a false-alarm rate of 0.12 would be found out with probability 0.97
    found = calibrate(P, P, CATALOGUE, rng=np.random.default_rng(), runs=runs, n=3000, alpha=alpha)
    assert tail(runs, round(found.rejected * runs), alpha) > 1e-9


def test_a_wrong_sampler_fails_within_its_required_n():
    law = np.array([0.45, 0.35, 0.2, 0.0])
    n = int(required_n_against(law, P, rivals=1, power=1 - 1e-12))
    found = calibrate(law, P, [law], rng=np.random.default_rng(), runs=100, n=n)
    assert found.rejected == 1
    assert (found.largest_log_e >= np.maximum(found.log_e, log_e_threshold(1e-6))).all()
    assert (found.n_at_rejection <= n).all()
