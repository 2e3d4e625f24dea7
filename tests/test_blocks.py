"""A kernel that goes over a row in blocks, and goes wrong at their ends, fails on the wide probe and on no other."""

from functools import partial

import numpy as np
import pytest
import samplers_under_test as s

from specsample.conformance import check, from_verify
from specsample.conformance.laws.open_round import law_of
from specsample.conformance.laws.probes import Probe, Spread
from specsample.conformance.laws.setting import Setting
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.make_probes import OF_ALL_TOKENS
from specsample.conformance.pack.design import fractions, random_weights
from specsample.conformance.pack.packed import load_probes
from specsample.language_model import TableModel

NARROW = [probe.name for probe in load_probes() if probe.name != "P13"]


def picked(weights, totals, u):
    """Pick the first token of each row whose cumulative weight exceeds u times a total."""
    cumulative = weights.cumsum(axis=1)
    return np.minimum((u[:, None] * totals[:, None] >= cumulative).sum(axis=1), weights.shape[1] - 1)


def in_blocks(x, q, p, rng, *, pick):
    """Verify; `pick` draws from what is left of p, which it is given unnormalised."""
    N, K, V = q.shape
    every = np.arange(N)
    at = every[:, None], np.arange(K), x
    is_kept = rng.random((N, K)) * q[at] < p[at]
    n = np.where(is_kept.all(axis=1), K, is_kept.argmin(axis=1))
    left = p[every, n] - np.concatenate([q, np.zeros((N, 1, V))], axis=1)[every, n]
    return s.rows_of(x, n, pick(np.maximum(left, 0), rng))


def right(left, rng):
    return picked(left, left.sum(axis=1), rng.random(len(left)))


def first_block_alone(left, rng, size):
    """Look at the first block and no other."""
    first = left[:, :size] + 1e-300  # where nothing is left there, it takes token 0
    return picked(first, first.sum(axis=1), rng.random(len(left)))


def total_of_the_first_block(left, rng, size):
    """Go through all blocks, with a total that was summed over the first."""
    return picked(left, left[:, :size].sum(axis=1), rng.random(len(left)))


def last_block_wins(left, rng, size):
    """Find the winner of a race in each block; that of the last block with any mass stays."""
    race = left / rng.exponential(size=left.shape)
    best = np.stack([race[:, i : i + size].max(axis=1) for i in range(0, left.shape[1], size)], axis=1)
    block = best.shape[1] - 1 - (best[:, ::-1] > 0).argmax(axis=1)
    is_there = np.arange(left.shape[1]) // size == block[:, None]
    return np.where(is_there, race, -1).argmax(axis=1)


MISTAKES = (first_block_alone, total_of_the_first_block, last_block_wins)


def test_the_probe_has_mass_on_both_sides_of_the_ends_of_blocks():
    probe = load_probes(["P13"])[0]
    for model in (probe.setting.target_model, probe.setting.draft_model):
        for size in (1024, 8192):
            below = model.rows[:, :size].sum(axis=1)
            assert (below >= 0.1).all()
            assert (below <= 0.9).all()
            assert (model.rows[:, [size - 1, size]] > 0).all()


def test_a_sampler_that_reads_the_first_block_alone_fails_and_passes_on_narrow_rows():
    wrong = partial(in_blocks, pick=partial(first_block_alone, size=1024))
    assert check(from_verify(wrong), probes=["P13"]).verdict == "FAIL"
    assert check(from_verify(wrong), probes=["P1", "P4"], eps=0.1).verdict == "PASS"


@pytest.mark.thorough
@pytest.mark.parametrize("size", [1024, 8192])
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda f: f.__name__)
def test_a_mistake_at_the_ends_of_blocks_shows_on_the_wide_probe_alone(mistake, size):
    wrong = from_verify(partial(in_blocks, pick=partial(mistake, size=size)))
    found = check(wrong, eps=0.1)
    assert (found.verdict, found.reasons[0][:42]) == ("FAIL", "the law of the text on probe P13 is not th")
    assert found.diagnosis.id == "unknown"
    assert check(wrong, probes=NARROW, eps=0.1).verdict == "PASS"


@pytest.mark.thorough
def test_the_same_code_without_a_mistake_passes_everywhere():
    found = check(from_verify(partial(in_blocks, pick=right)), eps=0.1)
    assert found.verdict == "PASS"
    assert "0.1 on any of these probes (0.2 on P13)" in found.meaning


@pytest.mark.thorough
def test_tokens_that_cannot_come_change_the_law_of_no_rule_but_those_that_are_left_out():
    rng = np.random.default_rng(0)
    p, q = (TableModel(fractions(random_weights((3, 3), rng))) for _ in range(2))
    ids = (0, 2, 3)
    few, many = (Setting(*models, max_new_tokens=3) for models in ((p, q), (Spread(p, ids, 5), Spread(q, ids, 5))))
    for rule in WRONG.values():
        if rule.id in ("M39", "M40"):  # no matter of the law
            continue
        narrow, wide = (law_of(rule.generate, Probe("", "", setting)) for setting in (few, many))
        is_same = {tuple(ids[x] for x in text): mass for text, mass in narrow.items()} == wide
        assert is_same == (rule.id not in OF_ALL_TOKENS), rule.id
