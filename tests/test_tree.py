"""Sequoia's tree: the best of all trees, lossless, and at equal rows never worse than the chain in its own model."""

from fractions import Fraction as F
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tree_context import transformer
from verifier_cases import PROBES, SHORT_K2, SHORT_STOP, assert_lossless

from specsample import autoregressive, strategies
from specsample.conformance import exact_law, total_variation
from specsample.conformance.laws.accepted import expected_accepted
from specsample.verifiers import tree
from specsample.verifiers.token_tree import cut

COMB = partial(tree.generate, parents=(-1, -1, 0))


@pytest.mark.parametrize(
    "probe", [SHORT_K2, SHORT_STOP, PROBES["drift"], PROBES["gaps"]], ids=lambda probe: probe.name
)
def test_the_law_of_whole_runs_is_the_targets(probe):
    assert_lossless(COMB, probe)


def every_tree(n):
    """All parents tuples of n nodes."""
    return [()] if n == 0 else [(*t, parent) for t in every_tree(n - 1) for parent in range(-1, n - 1)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=3, max_size=3), st.integers(0, 5), st.integers(1, 5))
def test_no_tree_is_expected_to_emit_more(weights, n, depth):
    a = sorted((w / 28 for w in weights), reverse=True)
    best = tree.best_tree(n, a, depth)
    assert len(best) == n or depth < 3
    fitting = [t for t in every_tree(n) if cut(t, depth) == t and all(t.count(x) <= 3 for x in t)]
    most = max((tree.expected_tokens(t, a) for t in fitting), default=0)
    assert tree.expected_tokens(best, a) == pytest.approx(max(most, tree.expected_tokens(best, a)), abs=1e-12)
    assert cut(best, depth) == best


def test_a_sure_draft_wants_a_chain_and_an_unsure_one_a_bush():
    assert tree.best_tree(4, (0.9, 0.01)) == (-1, 0, 1, 2)
    assert tree.best_tree(4, (0.25, 0.25, 0.25, 0.25)) == (-1, -1, -1, -1)


def test_the_acceptance_that_is_measured_is_that_of_the_siblings():
    probe = PROBES["flat"].but(K=1, max_new_tokens=2)
    two = partial(tree.generate, parents=(-1, -1))
    law = exact_law(lambda tape: tuple(tree.measured_acceptance(probe.run(two, tape)[1].rounds[:1], 2)))
    kept = [sum(mass * F(outcome[i]) for outcome, mass in law.items()) for i in range(2)]
    assert sum(kept) == expected_accepted(two, probe)
    assert kept[0] == expected_accepted(partial(tree.generate, parents=(-1,)), probe)


def test_a_bush_keeps_more_than_a_chain_of_as_many_rows_where_the_draft_is_poor():
    probe = PROBES["flat"]
    chain, bush = (partial(tree.generate, parents=parents) for parents in ((-1, 0), (-1, -1)))
    assert expected_accepted(bush, probe) > expected_accepted(chain, probe)


def test_the_law_of_a_transformer_with_its_one_pass_is_that_of_its_own_autoregressive_run():
    p, q = transformer(seed=1), transformer(seed=2)
    request = {"max_new_tokens": 3, "transform": strategies.top_k(2)}  # two tokens a row: fewer paths
    ours = exact_law(lambda tape: tuple(COMB([0], p, q, rng=tape, **request)[0]))
    own = exact_law(lambda tape: tuple(autoregressive([0], p, rng=tape, **request)))
    assert total_variation(ours, own) <= 1e-12


def test_more_children_than_tokens_are_refused():
    with pytest.raises(ValueError, match="at most V = 2 children"):
        SHORT_K2.run(partial(tree.generate, parents=(-1, -1, -1)), np.random.default_rng(0))
