"""The loop that every verifier shares: the same texts as the core's, exact lengths, stop tokens, refused requests."""

import inspect
import re
from functools import partial

import numpy as np
import pytest
from verifier_cases import PROBES, SHORT_STOP

from specsample import speculative
from specsample.conformance import exact_law
from specsample.rounds import generate_by, play_all
from specsample.verifiers import (
    beam,
    block,
    coupled,
    greedy,
    kseq,
    lenient,
    multi_draft,
    sampler_match,
    tree,
    typical,
)

MODULES = (block, coupled, greedy, kseq, lenient, multi_draft, sampler_match, tree, typical)
RULES = {module.__name__.rsplit(".", 1)[-1]: module.generate for module in MODULES}
LAZY = RULES | {"coupled": partial(coupled.generate, coupling=coupled.COMMON_UNIFORM)}  # comparisons only
DRIFT = PROBES["drift"]


@pytest.mark.parametrize("name", PROBES)
def test_with_the_token_rule_the_loop_is_the_cores_record_for_record(name):
    probe, rule = PROBES[name], partial(generate_by, speculative.verify)
    for seed in range(20):
        (ours, trace), (tokens, theirs) = (
            probe.run(generate, np.random.default_rng(seed)) for generate in (rule, speculative.generate)
        )
        assert (ours, trace) == (tokens, theirs)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_exactly_max_new_tokens_come_back(name, n):
    for seed in range(10):
        tokens, trace = DRIFT.but(K=3, max_new_tokens=n).run(RULES[name], np.random.default_rng(seed))
        assert len(tokens) == n == sum(len(round.emitted) for round in trace.rounds)


@pytest.mark.parametrize("name", RULES)
def test_a_stop_token_ends_the_text_and_is_part_of_it(name):
    probe = SHORT_STOP.but(max_new_tokens=3)
    law = exact_law(lambda tape: tuple(probe.run(LAZY[name], tape)[0]))
    assert all(1 not in text[:-1] and (text[-1] == 1 or len(text) == 3) for text in law)


def test_a_round_that_emits_too_much_is_not_hidden():
    def play(tokens, target, drafter, *, room, rng):
        return speculative.step(tokens, target, drafter, K=room, u=rng.random(2 * room + 1))[1]

    models = DRIFT.setting.target_model, DRIFT.setting.target_model  # every draft is accepted
    tokens, _ = play_all([0], *models, play=play, max_new_tokens=3, rng=np.random.default_rng(0))
    assert len(tokens) == 4


def test_a_request_that_cannot_be_served_is_refused():
    for bad in ({"K": -1}, {"max_new_tokens": -1}):
        with pytest.raises(ValueError, match="must be an integer >= 0"):
            block.generate(
                [0], *[DRIFT.setting.target_model] * 2, rng=np.random.default_rng(0), **{"max_new_tokens": 1} | bad
            )


def test_no_rule_imports_another():
    for module in (*MODULES, beam):
        imported = set(re.findall(r"^from specsample\.verifiers\.(\w+) import", inspect.getsource(module), re.M))
        assert imported <= {"matching", "siblings", "token_tree", "tree_context"}
