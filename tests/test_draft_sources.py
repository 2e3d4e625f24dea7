"""Unigram, prompt lookup and early exit: what they predict, and that the text is the target's whatever they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import TableModel, autoregressive, generate, greedy
from specsample.conformance.laws.exact import exact_law, target_law, total_variation
from specsample.conformance.laws.probes import PROBES
from specsample.drafts.declining import Confident, OrElse
from specsample.drafts.early_exit import ExitLM, early_exit_pair
from specsample.drafts.ngram import train_ngram
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.drafts.unigram import train_unigram
from specsample.transformer.config import Config, init_params
from specsample.transformer.lm import TransformerLM

V = 3
DRIFT = PROBES["drift"]
texts = st.lists(st.integers(0, V - 1), min_size=1, max_size=10)
ABACUS = [[0, 1, 0, 2, 1, 2, 0, 1, 0]]


def small_target(n_layers=3):
    """A Transformer of three tokens with weights large enough that its rows differ."""
    config = Config(V, width=8, n_layers=n_layers, n_heads=2, n_kv_heads=1, hidden=12, max_length=32)
    params = init_params(config, np.random.default_rng(0), np.float64)
    return TransformerLM(config, {name: p if p.ndim == 1 else p * 20 for name, p in params.items()})


TARGET = small_target()
NGRAM = train_ngram(ABACUS, order=3, vocab_size=V)
SOURCES = {
    "unigram": train_unigram(ABACUS, V),
    "n-gram": NGRAM,
    "prompt lookup": PromptLookup(V, longest=3, shortest=1),
    "prompt lookup, else n-gram": OrElse(PromptLookup(V, longest=3, shortest=2), NGRAM),
    "unsure n-gram": Confident(NGRAM, 0.5),
    "early exit": ExitLM(TARGET, 1),
    "early exit, alone in a shared memory": early_exit_pair(TARGET, 1)[1],
}
EACH = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


# --- what every source must do -------------------------------------------------------------------------------------


@EACH
@settings(max_examples=100)
@given(data=st.data(), text=texts)
def test_reading_in_pieces_and_taking_back_gives_the_rows_of_a_fresh_context(source, data, text):
    # each row as a fresh context gives it that ends there, for an answer may be for the last tokens only
    context, fresh = source.start(), [source.start().extend(text[: i + 1])[-1:] for i in range(len(text))]
    for _ in range(3):
        context.rollback(data.draw(st.integers(0, context.length)))
        end = data.draw(st.integers(context.length + 1, len(text))) if context.length < len(text) else len(text)
        if context.length < end:
            start = context.length
            rows = context.extend(text[start:end])
            assert len(rows) <= end - start
            assert len(rows[-1:]) == len(fresh[end - 1])
            expected = np.concatenate(fresh[end - len(rows) : end]) if len(rows) else rows
            np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-12)
        assert context.length == end
    np.testing.assert_allclose(np.concatenate(fresh).sum(axis=1), 1, atol=1e-12)


@EACH
def test_a_rollback_beyond_what_was_read_is_refused(source):
    context = source.start()
    context.extend([0, 1])
    with pytest.raises(ValueError, match="length must lie in"):
        context.rollback(3)


@EACH
def test_the_law_of_the_text_is_the_targets_whatever_drafts(source):
    """The target is a table of fractions, the drafts have floats: equal up to rounding."""
    run = {"K": 2, "max_new_tokens": 3}
    law = exact_law(lambda tape: tuple(generate([0, 1], DRIFT.setting.target_model, source, rng=tape, **run)[0]))
    assert total_variation(law, target_law(DRIFT.setting.target_model, [0, 1], 3)) < 1e-12


@EACH
def test_a_greedy_text_is_unchanged(source):
    expected = {"max_new_tokens": 12, "transform": greedy, "rng": np.random.default_rng(0)}
    tokens, trace = generate([0, 1], TARGET, source, K=3, **expected)
    assert tokens == autoregressive([0, 1], TARGET, **expected)
    assert trace.tested > 0


# --- unigram -------------------------------------------------------------------------------------------------------


def test_a_unigram_counts_and_adds_one():
    row = train_unigram([[0, 0, 0], [1]], vocab_size=4).start().extend([3])[0]
    np.testing.assert_allclose(row, np.array([4, 2, 1, 1]) / 8)


def test_a_strange_token_is_refused():
    with pytest.raises(ValueError, match="token ids in 0"):
        train_unigram([[0, 2]], vocab_size=2)


# --- prompt lookup -------------------------------------------------------------------------------------------------


def slow_lookup(text, longest, shortest):
    """The token behind the latest earlier occurrence of the longest ending that has one, if the one before agrees."""
    for n in range(longest, shortest - 1, -1):
        places = [i for i in range(len(text) - n) if text[i : i + n] == text[len(text) - n :]]
        if n < len(text) and places:
            followed = [text[i + n] for i in places[-2:]]
            return followed[-1] if len({*followed}) == 1 else None
    return None


@given(texts, st.integers(1, 4), st.integers(0, 3))
def test_lookup_drafts_on_the_latest_longest_match_if_the_text_agrees(text, shortest, more):
    rows = PromptLookup(V, longest=shortest + more, shortest=shortest).start().extend(text)
    found = slow_lookup(text, shortest + more, shortest)
    np.testing.assert_array_equal(rows, np.empty((0, V)) if found is None else np.eye(V)[[found]])


def test_lookup_declines_where_nothing_matches_and_where_the_text_went_on_in_two_ways():
    context = PromptLookup(V, longest=2, shortest=2).start()
    assert len(context.extend([0, 1, 2])) == 0  # nothing matches
    assert context.extend([0, 1]).tolist() == [[0, 0, 1]]  # 0 1 was followed by 2
    assert len(context.extend([1, 0, 1])) == 0  # by 2, then by 1
    context.rollback(5)
    assert context.extend([2, 0, 1]).tolist() == [[0, 0, 1]]  # by 2 both times


def test_lookup_refuses_what_is_no_token():
    with pytest.raises(ValueError, match=r"tokens must lie in 0 \.\. 2; got 3"):
        PromptLookup(V).start().extend([0, 3])


def test_a_text_that_repeats_itself_is_drafted_without_a_miss():
    cycle = TableModel(np.eye(V)[[1, 2, 0]])
    source = PromptLookup(V, longest=3, shortest=2)
    _, trace = generate([0, 1, 2, 0, 1], cycle, source, K=5, max_new_tokens=18, rng=np.random.default_rng(0))
    assert (trace.acceptance_rate, trace.target_passes) == (1.0, 3)


def test_impossible_lookups_are_refused():
    with pytest.raises(ValueError, match="shortest <= longest"):
        PromptLookup(V, longest=1, shortest=2)


# --- early exit ----------------------------------------------------------------------------------------------------


def test_an_exit_behind_the_last_layer_is_the_target():
    text = [0, 1, 2, 0, 1]
    np.testing.assert_array_equal(ExitLM(TARGET, 3).start().extend(text), TARGET.start().extend(text))


def test_an_early_exit_has_no_parameters_of_its_own():
    draft = ExitLM(TARGET, 1)
    assert all(value is TARGET.params[name] for name, value in draft.params.items())
    assert draft.target.packed is TARGET.packed
    assert {name for name in draft.params if name.startswith("layers.")} == {
        name for name in TARGET.params if name.startswith("layers.0.")
    }
    assert draft.config.n_layers == 1


def test_an_early_exit_packs_no_matrices_of_its_own():
    draft = ExitLM(TARGET, 2)
    assert all(mine is theirs for mine, theirs in zip(draft.packed.layers, TARGET.packed.layers[:2], strict=True))
    assert draft.packed.head is TARGET.packed.head


def test_a_pair_writes_into_one_memory_and_makes_the_same_text():
    pair, run = early_exit_pair(TARGET, 1), {"K": 3, "max_new_tokens": 25}
    shared = generate([0, 1], *pair, rng=np.random.default_rng(0), **run)
    apart = generate([0, 1], TARGET, ExitLM(TARGET, 1), rng=np.random.default_rng(0), **run)
    assert shared[0] == apart[0]
    assert [r.n_accepted for r in shared[1].rounds] == [r.n_accepted for r in apart[1].rounds]
    reader = pair[0].start()
    assert np.shares_memory(pair[1].start().cache.keys, reader.cache.keys)


def test_in_a_shared_memory_each_forgets_for_itself():
    target, draft = early_exit_pair(TARGET, 1)
    reader, drafter = target.start(), draft.start()
    reader.extend([0, 1, 2])
    drafter.extend([0, 1, 2, 0, 0])
    drafter.rollback(3)
    assert (reader.length, drafter.length) == (3, 3)
    np.testing.assert_allclose(reader.extend([1]), TARGET.start().extend([0, 1, 2, 1])[-1:], atol=1e-12)
    np.testing.assert_allclose(drafter.extend([1]), ExitLM(TARGET, 1).start().extend([0, 1, 2, 1])[-1:], atol=1e-12)


def test_the_law_of_a_pair_with_one_memory_is_the_targets():
    pair, run = early_exit_pair(TARGET, 1), {"K": 2, "max_new_tokens": 3}
    law = exact_law(lambda tape: tuple(generate([0, 1], *pair, rng=tape, **run)[0]))
    assert total_variation(law, target_law(TARGET, [0, 1], 3)) < 1e-10


def test_layers_are_told_apart_by_their_whole_number():
    many = small_target(n_layers=12)
    names = {name.split(".")[1] for name in ExitLM(many, 2).params if name.startswith("layers.")}
    assert names == {"0", "1"}


@pytest.mark.parametrize("n", [0, 4])
def test_an_exit_the_target_does_not_have_is_refused(n):
    with pytest.raises(ValueError, match="n_layers must lie in 1"):
        ExitLM(TARGET, n)
