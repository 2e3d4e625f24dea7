"""Contexts that outlive one text: the same law, and nothing that was read is read again."""

from fractions import Fraction as F

import numpy as np
import pytest
from test_head import TARGET
from test_layer_head import PAIR

from specsample import TableModel, generate
from specsample.conformance import exact_law, target_law
from specsample.drafts.declining import OrElse
from specsample.drafts.layer_head_lm import layer_head_pair
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.transformer.kept import KeptModel, go_on

ROWS = np.array(
    [[[3, 1, 2], [0, 2, 5], [4, 4, 1]], [[1, 1, 1], [2, 1, 1], [1, 3, 0]], [[1, 0, 3], [5, 1, 1], [2, 2, 3]]]
)
P, Q = (TableModel(rows.astype(object) * F(1) / rows.sum(-1, keepdims=True)) for rows in (ROWS, ROWS[::-1]))


def read_by(model):
    """Let a kept model's context write down what it reads."""
    read = []
    extend = model.start().context.extend
    model.context.context.extend = lambda tokens: read.append([*tokens]) or extend(tokens)
    return read


@pytest.mark.parametrize("second", [[0, 1, 2, 1], [0, 1], [0], [2, 1, 0], [0, 1, 2, 0, 0, 0, 1, 2]])
def test_the_law_after_a_text_that_was_kept_is_that_of_contexts_that_begin_anew(second):
    target, drafter = KeptModel(P), KeptModel(Q)

    def text(tape):
        for prompt, rng in (([0, 1, 2], np.random.default_rng(0)), (second, tape)):
            go_on(prompt, target, drafter)
            tokens, _ = generate(prompt, target, drafter, K=2, max_new_tokens=3, rng=rng)
        return tuple(tokens)

    assert exact_law(text) == target_law(P, second, 3)


def test_of_the_next_text_only_what_is_new_is_read():
    target, drafter = KeptModel(P), KeptModel(Q)
    read = read_by(target)
    go_on([0, 1, 2, 0], target, drafter)
    tokens, _ = generate([0, 1, 2, 0], target, drafter, K=0, max_new_tokens=2, rng=np.random.default_rng(0))
    assert read == [[0, 1, 2], [0], tokens[:1]]
    # what was written stays read, the token that nobody had read yet comes with the new ones
    text = [0, 1, 2, 0, *tokens, 1, 1, 2]
    go_on(text, target, drafter)
    assert read[3:] == [[tokens[1], 1, 1]]
    # another text from its second token on
    go_on([0, 2, 2], target, drafter)
    assert (read[4:], target.context.tokens) == ([[2]], [0, 2])


def kept_pair():
    """Make a target with features, and lookup, else its head, kept."""
    target, head = layer_head_pair(TARGET, PAIR)
    return KeptModel(target), KeptModel(OrElse(PromptLookup(3, longest=2, shortest=1), head))


def answered(models, prompt, seed):
    """Write a text with models that go on, or with new ones."""
    if isinstance(models[0], KeptModel):
        go_on(prompt, *models)
    return generate(prompt, *models, K=2, max_new_tokens=6, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(4))
def test_a_head_drafts_after_a_kept_text_what_it_drafts_after_one_that_is_read_anew(seed):
    models, text = kept_pair(), [0, 1]
    for turn in range(3):
        text = [*text, 2, 2, turn % 2, 0]
        found, trace = answered(models, text, seed)
        anew, expected = answered(tuple(model.model for model in kept_pair()), text, seed)
        assert found == anew
        rows = [np.float64(played.q_x) for record in (trace, expected) for played in record.rounds]
        np.testing.assert_allclose(np.concatenate(rows[: len(rows) // 2]), np.concatenate(rows[len(rows) // 2 :]))
        text = [*text, *found]


@pytest.mark.parametrize("interrupted", [0, 1])
def test_after_an_interrupted_pass_both_begin_anew(interrupted):
    models = kept_pair()
    answered(models, [0, 1, 2], 0)
    contexts = [model.context for model in models]
    # read, but not written down
    contexts[interrupted].context.extend([1])
    go_on([0, 1, 2, 2], *models)
    assert [model.context in contexts for model in models] == [False, False]
    assert answered(models, [0, 1, 2, 2], 1)[0] == answered(kept_pair(), [0, 1, 2, 2], 1)[0]
