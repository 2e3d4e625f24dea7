"""Several chains: lossless with and without replacement, more tokens than one, and independent tries are rejected."""

from functools import partial

import pytest
from hypothesis import given, settings
from test_siblings import independent_tries
from verifier_cases import PROBES, SHORT_K2, SHORT_STOP, assert_lossless, pairs, probe_of

from specsample import speculative
from specsample.conformance import total_variation
from specsample.conformance.laws.accepted import expected_accepted
from specsample.rounds import play_all
from specsample.verifiers import multi_draft
from specsample.verifiers.siblings import with_replacement
from specsample.verifiers.token_tree import chains, tree_round

DISTINCT = partial(multi_draft.generate, distinct=True)
RULES = {"with replacement": multi_draft.generate, "without": DISTINCT}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "probe", [SHORT_K2, SHORT_STOP, PROBES["gaps"], PROBES["sharp"]], ids=lambda probe: probe.name
)
def test_the_law_of_whole_runs_is_the_targets(rule, probe):
    assert_lossless(RULES[rule], probe if probe.setting.target_model.vocab_size == 2 else probe.but(K=1))


def test_three_chains_are_lossless_too():
    assert_lossless(partial(multi_draft.generate, n_chains=3), SHORT_K2.but(K=1, max_new_tokens=3))
    assert_lossless(partial(DISTINCT, n_chains=3), PROBES["drift"].but(K=1, max_new_tokens=2))


@settings(max_examples=15, deadline=None)
@given(pairs(sizes=(2,)))
def test_two_chains_keep_at_least_as_many_drafts_as_one(pair):
    probe = probe_of(pair, 2, 3)
    one, two, distinct = (expected_accepted(rule, probe) for rule in (speculative.generate, *RULES.values()))
    assert one <= two
    assert one <= distinct


def test_distinct_first_tokens_are_kept_more_often_at_k_1():
    probe = PROBES["drift"].but(K=1)
    with_, without = (expected_accepted(rule, probe) for rule in RULES.values())
    assert without > with_ > expected_accepted(speculative.generate, probe)


def test_independent_tries_are_rejected():
    play = partial(tree_round, parents=chains(2, 1), propose=with_replacement, choose=independent_tries)
    law = SHORT_K2.but(max_new_tokens=3).law(lambda *models, K, **request: play_all(*models, play=play, **request))
    assert total_variation(law, SHORT_K2.but(max_new_tokens=3).target_law()) > 0


def test_more_distinct_chains_than_tokens_are_refused():
    with pytest.raises(ValueError, match="at most V = 2 to be distinct; got 3"):
        SHORT_K2.run(partial(DISTINCT, n_chains=3), None)
