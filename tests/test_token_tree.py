"""Token trees: a chain is the core's round, exact lengths, stop tokens, caches; a wrong walk is caught."""

from functools import partial

import numpy as np
import pytest
from verifier_cases import PROBES, SHORT_K2, assert_lossless

from specsample import speculative
from specsample.conformance import exact_law, target_law, total_variation
from specsample.rounds import play_all
from specsample.verifiers import token_tree
from specsample.verifiers.siblings import recursive_rejection, with_replacement, without_replacement
from specsample.verifiers.token_tree import chains, cut, tree_round

FORK = (-1, 0, -1)  # two siblings, the first with a child
SHAPES = {"chain": (-1, 0), "fork": FORK, "two chains": chains(2, 2), "comb": (-1, -1, 0, 0), "no draft": ()}


def sampler(parents, propose=without_replacement, choose=recursive_rejection):
    """Generate with a tree of a given shape."""
    play = partial(tree_round, parents=parents, propose=propose, choose=choose)
    return lambda *models, K=0, **request: play_all(*models, play=play, **request)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("propose", [with_replacement, without_replacement])
def test_the_law_of_whole_runs_is_the_targets(shape, propose):
    assert_lossless(sampler(SHAPES[shape], propose), SHORT_K2.but(max_new_tokens=3))


@pytest.mark.parametrize("name", ["drift", "gaps", "near", "stop", "repeats", "sharp"])
def test_the_law_of_a_fork_is_the_targets_on_every_probe(name):
    assert_lossless(sampler(FORK), PROBES[name])


@pytest.mark.parametrize("name", PROBES)
def test_a_chain_is_the_cores_round(name):
    probe = PROBES[name].but(K=3, max_new_tokens=7)
    for seed in range(10):
        ours, core = (
            probe.run(generate, np.random.default_rng(seed))[1]
            for generate in (sampler(chains(1, 3)), speculative.generate)
        )
        assert ours.counts() == core.counts()
        for name in ("draft_tokens", "p_x", "q_x", "u", "n_accepted", "emitted", "target_length", "draft_length"):
            assert [getattr(round, name) for round in ours.rounds] == [getattr(round, name) for round in core.rounds]


@pytest.mark.parametrize("shape", SHAPES)
def test_exactly_max_new_tokens_come_back_and_the_caches_hold_the_text(shape):
    for n in range(6):
        probe = PROBES["drift"].but(max_new_tokens=n)
        tokens, trace = probe.run(sampler(SHAPES[shape]), np.random.default_rng(n))
        assert len(tokens) == n
        read = [1 + sum(len(r.emitted) for r in trace.rounds[: i + 1]) - 1 for i in range(len(trace.rounds))]
        assert [round.target_length[1] for round in trace.rounds] == read


def test_a_path_is_recorded_with_the_origin_of_its_tokens():
    q = PROBES["near"].setting.draft_model
    probe = PROBES["near"].but(target_model=q, max_new_tokens=3)  # p = q: the first child is kept
    _, trace = probe.run(sampler((-1, -1, 0)), np.random.default_rng(0))
    (round,) = trace.rounds
    assert (round.path, round.tested, round.sources) == ((0, 2), (0, 2), ("accepted", "accepted", "bonus"))


def test_a_stop_token_inside_a_path_ends_the_text():
    probe = SHORT_K2.but(max_new_tokens=3, stop=(1,))
    law = exact_law(lambda tape: tuple(probe.run(sampler(FORK), tape)[0]))
    assert law == probe.target_law() != target_law(probe.setting.target_model, probe.setting.prompt, 3)


def one_row_up(drafts, target_probs, **rest):
    """Judge each node, and draw the bonus, from the row of its first sibling's parent: the row of the text."""
    rows = np.stack([target_probs[0], *(target_probs[parent + 1] for parent in drafts.parents)])
    return RIGHT_WALK(drafts, rows, **rest)


def without_cousins(drafts, target_probs, **rest):
    """Draw the token behind a leaf from the row of the last node of the tree."""
    walk = RIGHT_WALK(drafts, target_probs, **rest)
    is_leaf = walk.path and walk.path[-1] not in drafts.parents
    return walk._replace(token=token_tree.pick(target_probs[-1], rest["u_emit"])) if is_leaf else walk


RIGHT_WALK = token_tree.walk


@pytest.mark.parametrize("wrong", [one_row_up, without_cousins])
def test_a_sibling_that_reads_another_nodes_row_is_rejected(wrong, monkeypatch):
    probe = SHORT_K2.but(max_new_tokens=3)
    monkeypatch.setattr(token_tree, "walk", wrong)
    assert total_variation(probe.law(sampler(FORK)), probe.target_law()) > 0


def test_a_tree_is_cut_with_its_nodes_renumbered():
    assert cut((-1, 0, -1, 1, 2), 2) == (-1, 0, -1, 2)
    assert cut((-1, 0), 0) == ()


def test_no_chain_is_refused():
    with pytest.raises(ValueError, match="n_chains must be at least 1"):
        chains(0, 2)
