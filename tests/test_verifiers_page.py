"""docs/verifiers.md is what its script makes of the exact laws and of the counts that were measured."""

import make_verifiers as docs
import pytest


@pytest.mark.thorough
def test_the_page_is_what_its_script_writes():
    assert docs.PAGE.read_text(encoding="utf-8") == docs.page(), "run: python docs/make_verifiers.py"


LOSSY = [rule for rule in docs.RULES if rule.startswith(("lenient", "typical"))]


@pytest.mark.parametrize("rule", docs.RULES)
def test_only_the_lossy_rules_are_any_distance_from_the_target(rule):
    distances = [docs.exact(rule, name)[1] for name in docs.PROBE]
    assert any(distances) == (rule in LOSSY)


def test_block_verification_keeps_at_least_as_many_as_the_token_rule_on_every_probe():
    for K in ("", ", K = 4"):
        kept = [[docs.exact(rule + K, name)[0] for name in docs.PROBE] for rule in ("block", "token rule")]
        assert all(ours >= theirs for ours, theirs in zip(*kept))


def test_every_sampler_was_measured_on_as_many_prompts_as_its_baseline_and_is_another_one():
    note = docs.figures()
    best = {K: docs.tree.best_tree(K, note["acceptance"]) for K in (5, 10, 20)}
    same = {f"tree of {K}" for K, shape in best.items() if shape == tuple(range(-1, K - 1))}  # the chain itself
    for name, (base, _, _) in docs.samplers(note["acceptance"]).items():
        assert len(note["samplers"][name]["passes"]) in (2 * n for n in docs.N_PROMPTS.values())
        assert base is None or (docs.difference(note["samplers"], name, base)[1] == 0) == (name in same)
