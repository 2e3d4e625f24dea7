"""Greedy verification: the text of greedy decoding whatever the drafts, and a sibling that samples its correction."""

import numpy as np
import pytest
from verifier_cases import PROBES, SHORT_K2, SHORT_STOP, assert_lossless, rows

from specsample import speculative, strategies
from specsample.conformance import total_variation
from specsample.conformance.laws.accepted import expected_accepted
from specsample.distributions import pick
from specsample.rounds import generate_by
from specsample.speculative import Verdict
from specsample.verifiers import greedy

PLAIN = [SHORT_K2, SHORT_STOP, *(probe for probe in PROBES.values() if probe.setting.transform is None)]


@pytest.mark.parametrize("probe", PLAIN, ids=lambda probe: probe.name)
def test_the_text_is_the_one_of_greedy_decoding(probe):
    assert_lossless(greedy.generate, probe.but(max_new_tokens=4), strategies.greedy)


def test_it_is_the_token_rule_on_one_hot_rows():
    probe = PROBES["drift"].but(K=3, max_new_tokens=8, transform=strategies.greedy)
    for seed in range(10):
        runs = (probe.run(rule, np.random.default_rng(seed)) for rule in (greedy.generate, speculative.generate))
        (ours, trace), (theirs, other) = runs
        assert (ours, trace.counts()) == (theirs, other.counts())


def test_a_sampled_draft_is_kept_as_often_as_it_is_the_targets_best_token():
    probe = PROBES["flat"].but(K=1)  # p prefers token 0, which q draws once in eight times
    assert expected_accepted(greedy.generate, probe) == probe.setting.draft_model.table[0]


def sampling_correction(x, q, p, *, u_accept, u_emit):
    """Correct as the sampled rule does, without making the rows one-hot."""
    n = greedy.verify(x, q, p, u_accept=u_accept, u_emit=u_emit).n_accepted
    return Verdict(n, pick(p[n], u_emit))


def test_a_sibling_that_samples_its_correction_is_rejected():
    law = SHORT_K2.law(lambda *models, **request: generate_by(sampling_correction, *models, **request))
    assert total_variation(law, SHORT_K2.but(transform=strategies.greedy).target_law()) > 0


def test_among_equals_the_lowest_id_is_the_best():
    assert greedy.verify([1], rows("11"), rows("11", "11"), u_accept=[0], u_emit=0) == (0, 0)
