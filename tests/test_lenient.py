"""Lenience: lossy, by exactly what the formula says, and never past the bound p/l."""

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verifier_cases import PROBES, SHORT_K2, assert_lossless, law_of_one_verdict, pairs, probe_of, rows

from specsample import overlap, speculative
from specsample.acceptance import residual
from specsample.conformance import total_variation
from specsample.conformance.laws.accepted import expected_accepted
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.distributions import pick
from specsample.speculative import Verdict
from specsample.verifiers import lenient

CORRECTIONS = ("token", "lenient")
LENIENCES = st.fractions(F(1, 10), 1, max_denominator=10)


def sampler(lenience, correction="token"):
    """Fix the two settings."""
    return lambda *models, **request: lenient.generate(*models, lenience=lenience, correction=correction, **request)


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("probe", [SHORT_K2, PROBES["drift"], PROBES["gaps"]], ids=lambda probe: probe.name)
def test_with_lenience_one_it_is_lossless(probe, correction):
    assert_lossless(sampler(1, correction), probe)


def written_out(p, q, l, correction):
    """The law of one token, by its formula."""
    kept = np.minimum(q, p / l)
    excess = np.maximum(p - (q if correction == "token" else l * q), 0 * p)
    left = 1 - kept.sum()
    return kept + (left * excess / excess.sum() if left else 0)


@settings(max_examples=60, deadline=None)
@given(pairs(orders=(0,)), LENIENCES, st.sampled_from(CORRECTIONS))
def test_one_tokens_law_is_the_formula_and_within_the_bound(pair, l, correction):
    p, q = (model.table for model in pair)
    law = law_of_one_verdict(lambda *a, **u: lenient.verify(*a, lenience=l, correction=correction, **u), q, p)
    expected = written_out(p, q, l, correction)
    assert law == {x: mass for x, mass in enumerate(expected) if mass}
    assert (expected <= p / l).all()


@settings(max_examples=60, deadline=None)
@given(pairs(orders=(0,)), LENIENCES)
def test_the_distance_is_the_formulas_and_the_other_residual_is_never_closer(pair, l):
    p, q = (model.table for model in pair)
    token, other = (abs(written_out(p, q, l, correction) - p).sum() / 2 for correction in CORRECTIONS)
    assert lenient.distance(p, q, l) == token <= other <= 1 - l


@settings(max_examples=15, deadline=None)
@given(pairs(), LENIENCES, st.sampled_from(CORRECTIONS))
def test_no_text_of_n_tokens_is_more_likely_than_p_over_l_to_the_n(pair, l, correction):
    probe = probe_of(pair, K=1, n=3)
    law, p = probe.law(sampler(l, correction)), probe.target_law()
    assert all(mass <= p.get(text, 0) / l ** len(text) for text, mass in law.items())


def test_the_shares_that_pass_are_those_of_the_paper():
    p, q = rows("12")[0], rows("21")[0]
    for l, kept in ((F(1), F(2, 3)), (F(3, 4), F(7, 9)), (F(1, 2), F(1))):
        assert expected_accepted(sampler(l), PROBES["paper"].but(K=1)) == overlap(p / l, q) == kept


def test_it_is_lossy_by_the_catalogues_distance():
    shipped = SHORT_K2.law(sampler(F(4, 5)))
    catalogue = WRONG["M28"].law(SHORT_K2)
    assert shipped == catalogue
    assert 0 < total_variation(shipped, SHORT_K2.target_law()) < 1 - F(4, 5) ** 4


def test_a_draft_of_target_probability_zero_is_never_kept():
    assert lenient.verify([0], rows("10"), rows("01", "11"), u_accept=[0], u_emit=0, lenience=F(1, 10)) == (0, 1)


def wrong_side(x, q, p, *, u_accept, u_emit, lenience):
    """Multiply p by l as well when the replacement is drawn."""
    n = lenient.verify(x, q, p, u_accept=u_accept, u_emit=u_emit, lenience=lenience).n_accepted
    return Verdict(n, pick(residual(q[n], lenience * p[n]) if n < len(x) else p[n], u_emit))


def test_a_wrong_sibling_breaks_the_bound():
    p, q, l = *rows("019", "550"), F(1, 2)
    law = law_of_one_verdict(lambda *a, **u: wrong_side(*a, lenience=l, **u), q, p)
    assert law[0] > p[0] / l


def test_a_lenience_outside_its_range_is_refused():
    for l in (0, F(3, 2)):
        with pytest.raises(ValueError, match="lenience must lie in"):
            lenient.verify([0], rows("11"), rows("11", "11"), u_accept=[0], u_emit=0, lenience=l)


def test_it_keeps_more_drafts_than_the_token_rule():
    assert expected_accepted(sampler(F(1, 2)), SHORT_K2) > expected_accepted(speculative.generate, SHORT_K2)
