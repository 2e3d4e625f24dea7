"""A budget in seconds says which eps was reached, and a declared deviation is held to its bound."""

import numpy as np
import pytest
import samplers_under_test as s

from specsample.conformance import asking, check, from_verify, kit
from specsample.conformance.evidence.bounds import distance, outputs_for, radius
from specsample.conformance.pack.packed import load_probes

P2 = load_probes(["P2"])[0]
M01 = float(np.abs(P2.rule_laws["M01"] - P2.law).sum() / 2)  # how far that rule is from the target on P2


# --- seconds, on a clock that moves a millisecond for every row ---------------------------------------------------


@pytest.fixture
def clocked(monkeypatch):
    clock = [0.0]
    for module in (asking, kit):
        monkeypatch.setattr(module, "perf_counter", lambda: clock[0])

    def slow(verify):
        def called(x, q, p, rng):
            clock[0] += len(x) / 1000
            return verify(x, q, p, rng)

        return from_verify(called)

    return slow


def test_a_pass_says_which_eps_was_reached_in_the_time(clocked):
    found = check(clocked(s.right), seconds=30, probes=["P1", "P2"])
    assert found.verdict == "PASS"
    assert 0.02 < found.eps < 0.1
    assert found.seconds <= 33
    assert all(probe.streams >= probe.needed for probe in found.probes)
    # none of the probes was asked for much longer than the others
    assert max(probe.excluded_tv for probe in found.probes) < 1.5 * min(probe.excluded_tv for probe in found.probes)
    # as if that eps had been asked for
    again = check(clocked(s.right), eps=found.eps, probes=["P1", "P2"])
    assert [each.needed for each in again.probes] == [each.needed for each in found.probes]


def test_an_eps_that_was_asked_for_and_not_reached_is_no_pass(clocked):
    found = check(clocked(s.right), seconds=10, eps=0.02, probes=["P2"])
    assert (found.verdict, found.eps) == ("INCONCLUSIVE", 0.02)
    assert "Raise budget or seconds" in found.meaning


def test_time_that_suffices_is_not_used_up(clocked):
    found = check(clocked(s.right), seconds=10_000, eps=0.05, probes=["P2"])
    assert (found.verdict, found.eps, found.probes[0].streams) == ("PASS", 0.05, found.probes[0].needed)
    assert found.seconds < 100


def test_too_little_time_is_no_pass(clocked):
    assert check(clocked(s.right), seconds=0.9, probes=["P2"]).verdict == "INCONCLUSIVE"


def test_a_wrong_sampler_fails_within_the_time(clocked):
    found = check(clocked(s.replaced_from_p), seconds=30, probes=["P1"])
    assert (found.verdict, found.diagnosis.id) == ("FAIL", "M01")


# --- a declared deviation ------------------------------------------------------------------------------------------


def lossy(verify, within, **settings):
    return check(from_verify(verify), expect="lossy", within=within, probes=["P2"], **settings)


def test_a_declared_deviation_is_held_to_its_bound():
    kept = lossy(s.replaced_from_p, 2 * M01)
    assert (kept.verdict, kept.reasons) == ("PASS", [])
    exceeded = lossy(s.replaced_from_p, M01 / 2)
    assert exceeded.verdict == "FAIL"
    assert f"{M01 / 2:g} is declared" in exceeded.reasons[0]
    # at the bound itself nothing can be said, and both ends are shown
    at_it = lossy(s.replaced_from_p, M01, eps=0.05)
    assert at_it.verdict == "INCONCLUSIVE"
    assert at_it.probes[0].at_least < M01 < at_it.probes[0].at_most
    assert "on either side" in at_it.meaning


def test_a_lossless_sampler_keeps_to_any_bound():
    found = lossy(s.right, 0.1, eps=0.05)
    assert (found.verdict, found.probes[0].at_least) == ("PASS", 0)
    assert found.heads[3:] == ("deviates by", "may by")
    assert found.probes[0].row[3:] == (f"0.000 to {found.probes[0].at_most:.3f}", "0.1")


def test_a_budget_that_ends_before_the_bound_is_shown_is_no_pass():
    assert lossy(s.right, 0.1, eps=0.05, budget=200).verdict == "INCONCLUSIVE"


def test_a_promise_that_is_broken_is_no_deviation():
    assert lossy(s.other_than_the_draft, 0.9).verdict == "FAIL"
    assert lossy(s.fixed_seed, 0.9).verdict == "FAIL"


@pytest.mark.parametrize("wrong", [{"within": 0.1}, {"expect": "lossy"}, {"expect": "lossy", "within": 1.5}])
def test_a_bound_without_a_declared_deviation_is_refused(wrong):
    with pytest.raises(ValueError, match="within must lie strictly between 0 and 1"):
        check(from_verify(s.right), **wrong)
    with pytest.raises(ValueError, match="expect must be"):
        check(from_verify(s.right), expect="wrong")
    with pytest.raises(ValueError, match="seconds must be above 0"):
        check(from_verify(s.right), seconds=0)


# --- the bounds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", [2, 27])
@pytest.mark.parametrize("n", [50, 5000])
def test_shares_are_within_the_radius_as_often_as_is_said(cells, n):
    # 4,000 runs: 400 failures are allowed; the bound is generous, so that 300 come with probability below 1e-9
    law = np.random.default_rng(cells).dirichlet(np.ones(cells))
    counts = np.random.default_rng().multinomial(n, law, size=4000)
    far = np.array([distance(row, law) for row in counts])
    assert (far > radius(n, cells, 0.1)).sum() <= 300
    assert (far > radius(n, cells, 0.1) / 4).sum() > 400  # a quarter of it would not do


def test_as_many_outputs_as_are_asked_for_give_the_radius():
    for cells, within in ((2, 0.1), (64, 0.02)):
        n = outputs_for(within, cells, 1e-3)
        assert radius(n, cells, 1e-3) <= within < radius(n - 1, cells, 1e-3)
