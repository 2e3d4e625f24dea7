"""K-SEQ: lossless, the smallest γ, at least 1 - 1/e of the best, and rejected with a wrong γ or correction."""

from fractions import Fraction as F
from functools import partial
from math import e

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_siblings import as_law, law
from verifier_cases import PROBES, SHORT_K2, SHORT_STOP, assert_lossless, pairs, rows

from specsample import overlap, speculative
from specsample.acceptance import accept_probability, residual
from specsample.conformance.laws.accepted import expected_accepted
from specsample.verifiers import kseq
from specsample.verifiers.siblings import Choice, with_replacement


@pytest.mark.parametrize(
    "probe", [SHORT_K2, SHORT_STOP, PROBES["gaps"], PROBES["sharp"]], ids=lambda probe: probe.name
)
def test_the_law_of_whole_runs_is_the_targets(probe):
    K = probe.setting.K if probe.setting.target_model.vocab_size == 2 else 1
    assert_lossless(kseq.generate, probe.but(K=K, max_new_tokens=3))


@settings(max_examples=60, deadline=None)
@given(pairs(orders=(0,)), st.integers(0, 3))
def test_siblings_have_the_targets_law(pair, k):
    p, q = (model.table for model in pair)
    assert law(p, q, k, propose=with_replacement, choose=kseq.choose) == as_law(p)


@settings(max_examples=60, deadline=None)
@given(pairs(orders=(0,)), st.integers(1, 4))
def test_gamma_is_the_smallest_for_which_the_rule_can_be_right(pair, k):
    p, q = (model.table for model in pair)
    gamma, step = kseq.smallest_gamma(p, q, k), F(k - 1, 2**12)
    slack = [
        g * kseq.passed_once(p, q, g) - (1 - (1 - kseq.passed_once(p, q, g)) ** k) for g in (gamma, gamma - step)
    ]
    assert slack[0] >= 0
    assert gamma == 1 or slack[1] < 0


def most_kept(p, q, k):
    """Bound what any rule could keep of k siblings: a token as often as it is there, or as p allows."""
    return sum(min(m, 1 - (1 - n) ** k) for m, n in zip(p, q))


@settings(max_examples=60, deadline=None)
@given(pairs(orders=(0,)), st.integers(1, 4))
def test_it_keeps_at_least_the_promised_share_of_what_any_rule_could(pair, k):
    p, q = (model.table for model in pair)
    kept = 1 - (1 - kseq.passed_once(p, q, kseq.smallest_gamma(p, q, k))) ** k
    assert most_kept(p, q, k) >= kept >= overlap(p, q) - F(k, 2**10)
    assert kept >= (1 - 1 / e) * float(most_kept(p, q, k)) - k / 2**10


def test_one_chain_is_the_token_rule():
    probe = PROBES["drift"].but(K=2, max_new_tokens=3)
    one = partial(kseq.generate, n_chains=1)
    assert expected_accepted(one, probe) == expected_accepted(speculative.generate, probe)


def wrong(p, siblings, proposals, u_accept, *, gamma=None, correct=None):
    """K-SEQ with another γ, or with another correction."""
    q, k = proposals[0], len(siblings)
    gamma = gamma or kseq.smallest_gamma(p, q, k)
    for i, x in enumerate(siblings):
        if u_accept[i] < accept_probability(p[[x]], q[[x]] * gamma)[0]:
            return Choice(i, p)
    return Choice(None, correct(p, q) if correct else kseq.missing(p, q, gamma=gamma, k=k))


def test_siblings_with_gamma_one_or_with_the_residual_of_the_token_rule_are_rejected():
    p, q = rows("125", "431")
    for mistake in ({"gamma": F(1)}, {"correct": residual}):
        assert law(p, q, 2, propose=with_replacement, choose=partial(wrong, **mistake)) != as_law(p)
    assert law(p, q, 2, propose=with_replacement, choose=partial(wrong, gamma=F(2))) == as_law(p)
