"""How many drafts each rule keeps: exact, beside what the papers print."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from test_block import PAPER, pairs

from specsample import generate, overlap
from specsample.conformance.laws.accepted import expected_accepted, ideal_accepted
from specsample.conformance.laws.probes import Probe
from specsample.conformance.laws.right_samplers import RIGHT
from specsample.conformance.laws.setting import Setting
from specsample.conformance.laws.wrong_samplers import WRONG

SAMPLER = {id: rule.generate for id, rule in (WRONG | RIGHT).items()}


@pytest.mark.parametrize(("rule", "kept"), [("C0", 10), ("C3", 11), ("C9", 10), ("M10", 18), ("M19", 11)])
def test_drafts_kept_on_the_pair_of_the_block_verification_paper_in_ninths(rule, kept):
    assert expected_accepted(SAMPLER[rule], PAPER) == Fraction(kept, 9)


def test_no_lossless_rule_can_keep_more_than_twelve_ninths_there():
    assert ideal_accepted(PAPER) == Fraction(12, 9)


@settings(max_examples=40, deadline=None)
@given(pairs(orders=(0,)))
def test_one_draft_is_kept_with_probability_one_minus_total_variation(pair):
    beta = overlap(pair[0].table, pair[1].table)
    probe = Probe("", "", Setting(*pair, K=1))
    assert expected_accepted(generate, probe) == beta == ideal_accepted(probe)


@settings(max_examples=20, deadline=None)
@given(pairs(orders=(1,)))
def test_each_position_is_kept_with_probability_one_minus_total_variation(pair):
    p, q = (model.table for model in pair)
    first, second = overlap(p[0], q[0]), overlap(p, q)
    both = sum(min(p_x, q_x) * second[x] for x, (p_x, q_x) in enumerate(zip(p[0], q[0])))
    assert expected_accepted(generate, Probe("", "", Setting(*pair, K=2))) == first + both


@pytest.mark.parametrize("rule", ["C1", "C2", "C4", "C7", "C8"])
def test_lossless_is_not_optimal(rule):
    assert expected_accepted(SAMPLER[rule], PAPER) <= expected_accepted(generate, PAPER)
