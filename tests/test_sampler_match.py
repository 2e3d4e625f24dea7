"""Sampler-match: lossless without a residual, slower than the token rule, and biased if the target draws again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verifier_cases import PROBES, SHORT, SHORT_K2, SHORT_STOP, assert_lossless, pairs, probe_of, rows

from specsample import speculative
from specsample.conformance import total_variation
from specsample.conformance.laws.accepted import expected_accepted
from specsample.conformance.laws.right_samplers import RIGHT
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.distributions import pick
from specsample.rounds import generate_by
from specsample.speculative import Verdict
from specsample.verifiers import sampler_match

RULES = RIGHT | WRONG


@pytest.mark.parametrize("probe", [SHORT, SHORT_K2, SHORT_STOP, *PROBES.values()], ids=lambda probe: probe.name)
def test_the_law_of_whole_runs_is_the_targets(probe):
    assert_lossless(sampler_match.generate, probe)


@settings(max_examples=30, deadline=None)
@given(pairs(), st.integers(1, 2))
def test_the_law_of_the_text_is_the_targets(pair, K):
    assert_lossless(sampler_match.generate, probe_of(pair, K, K + 1))


@settings(max_examples=50, deadline=None)
@given(pairs(orders=(0,)))
def test_one_draft_is_kept_as_often_as_two_draws_agree(pair):
    p, q = (model.table for model in pair)
    kept = expected_accepted(sampler_match.generate, probe_of(pair, 1, 2))
    assert (
        kept == sampler_match.keep_probability(p, q) <= expected_accepted(speculative.generate, probe_of(pair, 1, 2))
    )


def redrawing(x, q, p, *, u_accept, u_emit):
    """Throw the target's own token away where it differs, and draw again."""
    n = sampler_match.verify(x, q, p, u_accept=u_accept, u_emit=u_emit).n_accepted
    return Verdict(n, pick(p[n], u_emit))


def test_a_sibling_whose_target_draws_again_is_rejected():
    law = SHORT_K2.law(lambda *models, **request: generate_by(redrawing, *models, **request))
    assert law == RULES["M22"].law(SHORT_K2)
    assert total_variation(law, SHORT_K2.target_law()) > 0


def test_the_catalogues_rule_keeps_as_many():
    assert expected_accepted(sampler_match.generate, SHORT_K2) == expected_accepted(RULES["C1"].generate, SHORT_K2)


def test_the_token_that_ends_a_run_is_the_one_that_was_compared():
    p, q = rows("11", "11"), rows("01")
    assert sampler_match.verify([1], q, p, u_accept=[0.2], u_emit=0.9) == (0, 0)
