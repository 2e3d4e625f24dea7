"""Rows with zeros: drawn numbers convict, scripted ones warn, and unusual right samplers pass.

The verdicts are deterministic in the seed; a right sampler emits no token of p = 0 whatever is drawn, so that its
false alarms come from the law alone: 1e-6.
"""

import random
import time

import numpy as np
import pytest
import samplers_under_test as s

from specsample.conformance import check, from_step, from_verify
from specsample.conformance.edges import CASES, at_the_edges

QUICK = {"probes": [s.small_probe()], "eps": 0.1}


def choosing(choose):
    """Verify with a rule of one's own to draw a token of (N, V) weights, which need not sum to 1."""

    def verify(x, q, p, rng):
        (N, K), i = x.shape, np.arange(len(x))
        at = i[:, None], np.arange(K), x
        is_kept = rng.random((N, K)) * q[at] < p[at]
        n = np.where(is_kept.all(axis=1), K, is_kept.argmin(axis=1))
        q = np.concatenate([q, np.zeros_like(p[:, :1])], axis=1)
        with np.errstate(all="ignore"):
            return s.rows_of(x, n, choose(np.maximum(p[i, n] - q[i, n], 0), rng))

    return from_verify(verify, name=choose.__name__)


def one_by_one(choose):
    """Make a rule for one row a rule for many."""

    def many(w, rng):
        return np.array([choose(row, rng) for row in w])

    many.__name__ = choose.__name__
    return many


# --- right, in unusual ways ---------------------------------------------------------------------------------------


def gumbel(w, rng):
    return (np.log(w) - np.log(-np.log(rng.random(w.shape)))).argmax(axis=1)


def race(w, rng):  # an inversion that is infinite at u = 0
    return (w / -np.log(rng.random(w.shape))).argmax(axis=1)


def race_from_the_other_end(w, rng):  # 0 at u = 0
    return (w / -np.log1p(-rng.random(w.shape))).argmax(axis=1)


def numpys_exponentials(w, rng):
    return (w / rng.exponential(size=w.shape)).argmax(axis=1)


def sorted_keys(w, rng):  # Efraimidis and Spirakis
    return np.argsort(-(rng.random(w.shape) ** (1 / w)), axis=1, kind="stable")[:, 0]


@one_by_one
def loop_until_accepted(w, rng):
    while True:
        x = int(rng.integers(len(w)))
        if rng.random() * w.max() < w[x]:
            return x


@one_by_one
def alias(w, rng):
    share = w / w.sum() * len(w)
    other = np.arange(len(w))
    small = [i for i in range(len(w)) if share[i] < 1]
    large = [i for i in range(len(w)) if share[i] >= 1]
    while small and large:
        i = small.pop()
        other[i] = large[-1]
        share[large[-1]] -= 1 - share[i]
        if share[large[-1]] < 1:
            small.append(large.pop())
    i = int(rng.random() * len(w))
    return i if rng.random() < share[i] else other[i]


@one_by_one
def tree_descent(w, rng):
    low, high = 0, len(w)
    while high - low > 1:
        middle = (low + high) // 2
        if rng.random() * w[low:high].sum() < w[low:middle].sum():
            high = middle
        else:
            low = middle
    return low


def integer_thresholds(w, rng):
    steps = np.round(w.cumsum(axis=1) / w.sum(axis=1, keepdims=True) * 2**40).astype(np.int64)
    return (rng.integers(2**40, size=(len(w), 1)) >= steps).sum(axis=1)


@one_by_one
def one_number_cut_into_digits(w, rng):  # its upper bits choose a direction, its lower ones the token
    number = rng.integers(2**53)
    u = (number >> 1) / 2**52
    possible = np.flatnonzero(w)[:: -1 if number % 2 else 1]
    return possible[min((u * w.sum() >= w[possible].cumsum()).sum(), len(possible) - 1)]


def multinomial(w, rng):
    return rng.multinomial(1, w / w.sum(axis=1, keepdims=True)).argmax(axis=1)


def children(w, rng):  # a generator of its own for every call
    return multinomial(w, rng.spawn(1)[0])


RIGHT = (
    *(gumbel, race, race_from_the_other_end, numpys_exponentials, sorted_keys, loop_until_accepted, alias),
    *(tree_descent, integer_thresholds, one_number_cut_into_digits, multinomial, children),
)


@pytest.mark.parametrize("choose", RIGHT, ids=lambda f: f.__name__)
def test_a_right_sampler_passes_however_it_uses_its_numbers(choose):
    found = check(choosing(choose), **QUICK)
    assert (found.verdict, found.reasons) == ("PASS", [])
    assert not [each for each in found.warnings if "equal seeds" in each]
    assert found.is_scripted
    assert found.is_asked


def test_a_null_event_is_a_warning_with_its_case():
    found = check(choosing(race_from_the_other_end), **QUICK)
    assert "scripted to 0" in found.warnings[0]
    assert "emits token 1, although p = [0.5, 0.0, 0.5, 0.0]" in found.warnings[0]
    assert "decides no verdict" in found.warnings[0]
    assert found.to_dict()["warnings"] == found.warnings
    assert "WARNING: with its numbers scripted" in str(found)


def test_a_test_that_is_not_strict_is_warned_of():
    found = check(from_verify(s.at_most), **QUICK)
    assert found.verdict == "PASS"
    assert "scripted to 0" in found.warnings[0]
    assert not check(from_verify(s.right), **QUICK).warnings


# --- wrong --------------------------------------------------------------------------------------------------------


def rounds_up_to_1(w, rng):
    u = np.maximum(rng.random(w.shape).astype(np.float32), np.float32(1e-30))
    return (np.log(w).astype(np.float32) - np.log(-np.log(u))).argmax(axis=1)


def rounds_down_to_0(w, rng):
    return (w / -np.log(1 - rng.random(w.shape).astype(np.float32))).argmax(axis=1)


@one_by_one
def sum_below_1_in_float32(w, rng):
    return np.searchsorted((w / w.sum()).astype(np.float32).cumsum(), rng.random(), side="right")


@one_by_one
def any_token_now_and_then(w, rng):
    return int(rng.integers(len(w))) if rng.random() < 0.05 else rng.choice(len(w), p=w / w.sum())


@pytest.mark.parametrize(
    "choose",
    [rounds_up_to_1, rounds_down_to_0, sum_below_1_in_float32, any_token_now_and_then],
    ids=lambda f: f.__name__,
)
def test_an_impossible_token_from_drawn_numbers_fails(choose):
    found = at_the_edges(choosing(choose), seed=0, time_limit=10.0).findings
    assert "with drawn numbers" in found[0]
    assert "although p =" in found[0] or "(p =" in found[0]


@one_by_one
def sum_below_1(w, rng):
    return np.searchsorted((w / w.sum()).cumsum(), rng.random(), side="right")


@one_by_one
def last_token_where_the_sum_is_below_1(w, rng):
    return min((rng.random() >= (w / w.sum()).cumsum()).sum(), len(w) - 1)


@pytest.mark.parametrize("choose", [sum_below_1, last_token_where_the_sum_is_below_1], ids=lambda f: f.__name__)
def test_a_sum_that_rounding_leaves_below_1_is_warned_of(choose):
    found = at_the_edges(choosing(choose), seed=0, time_limit=10.0)
    assert not found.findings
    assert "1 - 2^-53" in found.warnings[0]


def test_a_hang_on_scripted_numbers_is_a_warning():
    def verify(x, q, p, rng):
        while len(x) == 1 and not rng.random():
            time.sleep(60)
        return s.right(x, q, p, rng)

    found = at_the_edges(from_verify(verify), seed=0, time_limit=0.3)
    assert not found.findings
    assert "did not return" in found.warnings[-1]


# --- randomness of its own ------------------------------------------------------------------------------------------


def test_a_sampler_that_never_asks_its_generator_is_told_so():
    found = check(from_verify(lambda x, q, p, rng: s.right(x, q, p, np.random.default_rng())), **QUICK)
    assert (found.verdict, found.is_asked, found.is_scripted) == ("PASS", False, False)
    assert any("never asked the random generator" in each for each in found.warnings)
    assert any("equal seeds gave different texts" in each for each in found.warnings)


def test_randomness_besides_the_generator_is_seen_in_every_kind():
    def step(text, q, p, K, rng):
        rng.random()
        return s.right_step(text, q, p, K, np.random.default_rng(random.getrandbits(32)))

    found = check(from_step(step), **QUICK)
    assert found.is_asked
    assert ["equal seeds" in each for each in found.warnings] == [True]
    assert check(from_step(s.right_step), **QUICK).warnings == []


def test_changed_arguments_are_warned_of():
    def spoil(x, q, p, rng):
        out = s.right(x, q, p, rng)
        p[:] = 0
        return out

    found = check(from_verify(spoil), **QUICK)
    assert found.verdict == "PASS"
    assert found.warnings == ["it changes the arrays that it is given; the kit hands out copies, a caller may not."]


def test_every_case_has_a_token_that_must_not_come():
    assert all(0 in case.p for case in CASES)
