"""Typical acceptance: lossy, exactly as its rule written out says, and with one-hot rows greedy decoding."""

from fractions import Fraction as F
from math import exp, log

import numpy as np
import pytest
from verifier_cases import PROBES, SHORT_K2, assert_lossless, rows

from specsample import TableModel, greedy, speculative
from specsample.conformance import total_variation
from specsample.conformance.laws.accepted import expected_accepted
from specsample.distributions import pick
from specsample.rounds import generate_by
from specsample.speculative import Verdict
from specsample.verifiers import typical

DRIFT = PROBES["drift"].but(max_new_tokens=3)


def strict(*models, **request):
    """Ask for 0.4 where the target is sure, for less where it is not."""
    return typical.generate(*models, epsilon=0.4, delta=0.8, **request)


def may_pass(p):
    """The rule once more, in plain numbers."""
    entropy = -sum(float(m) * log(m) for m in p if m)
    return [m > min(0.4, 0.8 * exp(-entropy)) for m in p]


def written_out(probe):
    """Law of three tokens with K = 2: along a run of drafts from q until one fails, then from p, and again."""
    setting = probe.setting

    def row(model, text):
        return model.start().extend([*setting.prompt, *text])[-1].tolist()

    def grow(text, drafted, mass):
        if len(text) == setting.max_new_tokens:
            law[text] = law.get(text, 0) + mass
            return
        p, q = row(setting.target_model, text), row(setting.draft_model, text)
        is_draft = drafted < min(setting.K, setting.max_new_tokens - (len(text) - drafted) - 1)
        kept = [m * ok if is_draft else 0 for m, ok in zip(q, may_pass(p))]
        for x, m in enumerate(p):
            if kept[x]:
                grow((*text, x), drafted + 1, mass * kept[x])
            if m * (1 - sum(kept)):
                grow((*text, x), 0, mass * m * (1 - sum(kept)))

    law = {}
    grow((), 0, F(1))
    return law


def test_the_law_of_the_text_is_the_rules_and_not_the_targets():
    law, target = DRIFT.law(strict), DRIFT.target_law()
    assert law == written_out(DRIFT)
    assert 0 < total_variation(law, target) < 1


def test_a_sibling_that_ignores_the_entropy_is_told_apart():
    hard = DRIFT.law(lambda *models, **request: typical.generate(*models, epsilon=0.4, delta=1e9, **request))
    assert hard != written_out(DRIFT)


def beyond_a_failure(x, q, p, **u):
    """Count every draft that passes, wherever the first failure is."""
    passed = [may_pass(p[i])[token] for i, token in enumerate(x)]
    return Verdict(sum(passed), pick(p[sum(passed)], u["u_emit"]))


def test_a_sibling_that_counts_drafts_behind_a_failure_is_told_apart():
    law = DRIFT.law(lambda *models, **request: generate_by(beyond_a_failure, *models, **request))
    assert law != written_out(DRIFT)


def test_a_target_that_is_sure_lets_only_its_own_token_pass():
    assert_lossless(typical.generate, SHORT_K2.but(transform=greedy), greedy)


def test_where_every_token_passes_the_text_is_the_drafts_except_for_the_last():
    p, q = rows("11", "11"), rows("13", "31")
    pair = {"target_model": TableModel(p), "draft_model": TableModel(q)}
    law = SHORT_K2.but(K=1, max_new_tokens=2, **pair).law(typical.generate)
    assert law == {(a, b): q[0, a] / 2 for a in range(2) for b in range(2)}


def test_it_keeps_more_drafts_than_the_token_rule_where_much_is_allowed():
    assert expected_accepted(typical.generate, SHORT_K2) > expected_accepted(speculative.generate, SHORT_K2)


@pytest.mark.parametrize("dtype", [object, np.float64, np.float32])
def test_the_threshold_of_two_equal_tokens_is_half_of_delta(dtype):
    assert typical.threshold(rows("11").astype(dtype), epsilon=0.9, delta=0.5) == pytest.approx(0.25)
