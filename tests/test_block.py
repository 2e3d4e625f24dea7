"""Block verification: lossless in exact fractions, the paper's numbers, never fewer drafts than the token rule."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verifier_cases import SHORT, SHORT_STOP, assert_lossless, pairs, rows

from specsample import speculative
from specsample.conformance.laws.accepted import expected_accepted, ideal_accepted
from specsample.conformance.laws.exact import total_variation
from specsample.conformance.laws.probes import PROBES, Probe
from specsample.conformance.laws.right_samplers import RIGHT
from specsample.conformance.laws.setting import Setting
from specsample.verifiers import block

BLOCK = RIGHT["C3"]
PAPER = PROBES["paper"]


def test_the_weights_of_the_papers_pair_by_hand():
    p, q = rows("12", "12", "12"), rows("21", "21")
    w = block.run_weights(p[[0, 1], [0, 1]], q[[0, 1], [0, 1]])
    assert w.tolist() == [1, Fraction(1, 2), 1]
    assert block.keep_probabilities(w, q, p).tolist() == [0, 1]


def test_a_failed_shorter_run_does_not_end_the_block():
    verdict = block.verify([0, 1], rows("21", "21"), rows("12", "12", "12"), u_accept=[0.9, 0.9], u_emit=0.0)
    assert verdict == (2, 0)


def test_one_failed_draft_is_corrected_from_the_weighted_residual():
    verdict = block.verify([2, 2], rows("013", "013"), rows("111", "111", "111"), u_accept=[0.1, 0.9], u_emit=0.99)
    assert verdict == (1, 0)


def test_equal_models_keep_every_draft():
    p = rows("112", "121", "211")
    assert block.verify([0, 1], p[:2], p, u_accept=[0.999, 0.999], u_emit=0.6) == (2, 1)


def test_no_drafts_leave_the_targets_own_draw():
    assert block.verify([], np.empty((0, 0)), rows("121"), u_accept=[], u_emit=0.3) == (0, 1)


def test_a_draft_of_target_probability_zero_is_never_kept_even_at_u_zero():
    assert block.verify([0], rows("10"), rows("01", "11"), u_accept=[0], u_emit=0).n_accepted == 0


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="target_probs"):
        block.verify([0], rows("11"), rows("11"), u_accept=[0.5], u_emit=0.5)


@settings(max_examples=50, deadline=None)
@given(pairs(orders=(0,)), st.fractions(0, 1), st.fractions(0, 1), st.integers(0, 1))
def test_with_one_draft_it_is_the_token_rule(pair, u_accept, u_emit, x):
    p, q = np.stack([pair[0].table] * 2), pair[1].table[None]
    u = {"u_accept": [min(u_accept, Fraction(99, 100))], "u_emit": min(u_emit, Fraction(99, 100))}
    assert block.verify([x], q, p, **u) == speculative.verify([x], q, p, **u)


@settings(max_examples=20, deadline=None)
@given(pairs(), st.integers(1, 2))
def test_the_law_of_the_text_is_the_targets(pair, K):
    probe = Probe("", "", Setting(*pair, K=K, max_new_tokens=K + 1))
    assert BLOCK.law(probe) == probe.target_law()


def test_three_drafts_and_two_rounds_are_lossless_too():
    probe = PAPER.but(K=3, max_new_tokens=5)
    assert total_variation(BLOCK.law(probe), probe.target_law()) == 0


@settings(max_examples=30, deadline=None)
@given(pairs(), st.integers(1, 2))
def test_it_keeps_at_least_as_many_drafts_as_the_token_rule_and_at_most_the_ideal(pair, K):
    probe = Probe("", "", Setting(*pair, K=K))
    token, whole = (expected_accepted(rule, probe) for rule in (speculative.generate, BLOCK.generate))
    assert token <= whole <= ideal_accepted(probe)


def test_floats_and_fractions_give_the_same_tokens():
    p, q, rng = rows("323", "242", "215"), rows("611", "152"), np.random.default_rng(0)
    for _ in range(200):
        x, u = rng.integers(3, size=2).tolist(), rng.random(3)
        exact, *rounded = (
            block.verify(x, q.astype(t), p.astype(t), u_accept=u[:2], u_emit=u[2]) for t in ("O", "f8", "f4")
        )
        assert rounded == [exact, exact]


@pytest.mark.parametrize("probe", [SHORT, SHORT_STOP, *PROBES.values()], ids=lambda probe: probe.name)
def test_the_law_of_whole_runs_of_its_own_generate_is_the_targets(probe):
    assert_lossless(block.generate, probe)
