"""Adapters hand a sampler what they promise, and say what is wrong with what comes back."""

import pickle
from functools import partial, wraps

import numpy as np
import pytest
import samplers_under_test as s

from specsample.conformance import check
from specsample.conformance.adapters import (
    Broken,
    Seeds,
    Tabled,
    from_engine,
    from_generate,
    from_step,
    from_verify,
    vllm,
)
from specsample.conformance.adapters.adapter import checked_row, checked_rows, checked_texts, name_of
from specsample.conformance.adapters.text_numbers import child, text_of
from specsample.conformance.laws.probes import PROBES, Penalised, sharpen
from specsample.language_model import TableModel

DRIFT = PROBES["drift"].setting
SETTING = Tabled(DRIFT.target_model, DRIFT.draft_model, (0,), 2, 3)
STOPPING = Tabled(DRIFT.target_model, DRIFT.draft_model, (0,), 2, 3, stop=(2,))


def seeds(n=0):
    return Seeds(np.random.SeedSequence(n), np.random.SeedSequence(n + 1000))


def sampled(adapter, n=50, setting=SETTING):
    return adapter.sample(setting, n, seeds())


# --- setting -----------------------------------------------------------------------------------------------------


def test_a_node_of_the_tree_is_a_text():
    V, node = 3, 0
    for x in (2, 0, 1):
        node = child(node, x, V)
    assert text_of(node, V) == [2, 0, 1]


def test_a_tree_model_answers_a_batch_as_the_model_answers_each_text():
    tokens = np.array([[0, 1, 2], [0, 2, 2], [0, 0, 1]])
    expected = [SETTING.target_model.start().extend(row).astype(float) for row in tokens.tolist()]
    np.testing.assert_array_equal(SETTING.p(tokens), expected)
    np.testing.assert_array_equal(
        SETTING.p(tokens[:, ::-1]),
        [  # other prompts too
            SETTING.target_model.start().extend(row).astype(float) for row in tokens[:, ::-1].tolist()
        ],
    )


def test_a_tree_model_is_a_language_model():
    context, plain = SETTING.p.start(), SETTING.target_model.start()
    np.testing.assert_array_equal(context.extend([0, 1, 2]), plain.extend([0, 1, 2]).astype(float))
    context.rollback(1)
    plain.rollback(1)
    np.testing.assert_array_equal(context.extend([2]), plain.extend([2]).astype(float))


def test_a_setting_can_be_sent_and_applies_its_strategy():
    setting = Tabled(*(DRIFT.target_model, DRIFT.draft_model), transform=sharpen)
    expected = sharpen(DRIFT.target_model.start().extend([0])[-1]).astype(float)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(setting)).p.rows(np.array([0]))[0], expected)


def test_a_setting_too_large_to_list_is_refused():
    wide = Penalised(TableModel(np.full((100, 100), 0.01)), 0.5)  # no table: every text has a row of its own
    with pytest.raises(ValueError, match="Ask for fewer tokens"):
        _ = Tabled(wide, wide, max_new_tokens=5).p


# --- verify and step ---------------------------------------------------------------------------------------------


def test_verify_gets_drafts_and_rows_of_probabilities():
    shapes = set()

    def look(x, q, p, rng):
        shapes.add((x.shape[1], q.shape[1:], p.shape[1:]))
        assert np.allclose(q.sum(-1), 1)
        assert np.allclose(p.sum(-1), 1)
        assert isinstance(rng, np.random.Generator)
        return s.right(x, q, p, rng)

    sampled(from_verify(look))
    assert shapes == {(2, (2, 3), (3, 3)), (1, (1, 3), (2, 3))}  # K = 2 first, then 1 where two tokens are left


def test_logits_are_logarithms_of_the_probabilities():
    plain, logits = from_verify(s.right), from_verify(s.right_logits, logits=True)
    np.testing.assert_array_equal(sampled(plain).tokens, sampled(logits).tokens)


def test_one_at_a_time_gets_one_sequence():
    seen = []
    sampled(from_verify(lambda *given: seen.append(given) or s.right_alone(*given), batched=False), n=4)
    assert seen[0][0].shape == (2,)
    assert seen[0][2].shape == (3, 3)


def test_a_batch_is_cut():
    sizes = []
    sampled(from_verify(lambda x, q, p, rng: sizes.append(len(x)) or s.right(x, q, p, rng), batch=20))
    assert sizes[:3] == [20, 20, 10]


def test_changing_the_arguments_changes_nothing_outside():
    def spoil(x, q, p, rng):
        out = s.right(x, q, p, rng)
        x[:], q[:], p[:] = 0, 0, 0
        return out

    np.testing.assert_array_equal(sampled(from_verify(spoil)).tokens, sampled(from_verify(s.right)).tokens)


def test_texts_end_at_stop_tokens():
    tokens = sampled(from_verify(s.right), 200, STOPPING).tokens
    behind = (tokens == 2).cumsum(axis=1) - (tokens == 2) > 0
    assert (tokens[behind] == -1).all()
    assert (tokens[~behind] >= 0).all()


def test_step_gets_prefixes_and_models_of_whole_batches():
    def look(prefixes, draft_model, target_model, K, rng):
        assert prefixes[:, 0].tolist() == [0] * len(prefixes)
        assert draft_model(prefixes).shape == target_model(prefixes).shape == (*prefixes.shape, 3)
        return s.right_step(prefixes, draft_model, target_model, K, rng)

    assert (sampled(from_step(look)).tokens >= 0).all()


def test_step_one_at_a_time_gets_language_models():
    def step(prefix, draft_model, target_model, K, rng):
        return [s.pick(target_model.start().extend(prefix)[-1:], rng.random(1))[0]]

    assert (sampled(from_step(step, batched=False)).tokens >= 0).all()


# --- generate ----------------------------------------------------------------------------------------------------


def test_generate_gets_the_setting_and_a_seed_of_its_own_each_time():
    asked = []

    def generate(prompt, n, *, target_model, draft_model, K, stop, seed):
        asked.append((tuple(prompt), n, K, stop))
        return np.random.default_rng(seed).integers(3, size=n)

    tokens = sampled(from_generate(generate)).tokens
    assert set(asked) == {((0,), 3, 2, ())}
    assert len(np.unique(tokens, axis=0)) > 10


def test_generate_may_take_a_batch_of_prompts():
    batched = from_generate(lambda prompts, n, *, seed, **_: np.zeros((len(prompts), n), int), batched=True, batch=20)
    assert sampled(batched).tokens.tolist() == [[0, 0, 0]] * 50


def test_texts_of_a_wrong_length_are_violations():
    texts = [[0, 1], [0, 1, 2, 0], [2, 1], [0, 2, -1]]
    found = checked_texts(texts, 4, STOPPING).violations
    assert found == {
        "a text ends before max_new_tokens without a stop token": 1,
        "more than max_new_tokens = 3 tokens": 1,
        "a token behind a stop token": 1,
    }


def test_an_engine_brings_its_own_target():
    adapter = from_engine(lambda prompt, n, *, seed: [0] * n, next_probs=lambda text: [0.5, 0.5], prompt=[1, 1])
    assert adapter.own[0].prompt == (1, 1)
    assert adapter.own[0].p.rows(np.array([0])).tolist() == [[0.5, 0.5]]


# --- what comes back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[0, 1]], "one row for each of the N drafts"),
        ([[0, 1, 9]] * 2, "must lie in 0 .. V-1 = 2"),
        ([[0, 1, -2]] * 2, "must lie in"),
        ([[-1, -1, -1]] * 2, "at least one token"),
        ([[0, -1, 1]] * 2, "must stand behind"),
        ([[0.5, 1, 1]] * 2, "dtype float64"),
        ([[np.nan, 1, 1]] * 2, "NaN"),
        ([[0], [0, 1]], "different lengths"),
        (None, "got NoneType"),
    ],
)
def test_rows_that_are_none_are_refused(given, message):
    with pytest.raises(Broken, match=message):
        checked_rows(given, (2, 3), 3)


def test_rows_may_be_whole_floats_and_nested_lists():
    assert checked_rows([[0.0, 1.0, -1.0]], (1, 3), 3).tolist() == [[0, 1, -1]]
    assert checked_row([2], 2, 3) == [2, -1, -1]
    with pytest.raises(Broken, match="batched=True"):
        checked_row([0, 0, 0, 0], 2, 3)


def test_texts_that_are_none_are_refused():
    for given, message in [(None, "got NoneType"), ([[0]], "got 1 of them"), ([[0], [[0]]], "flat sequence")]:
        with pytest.raises(Broken, match=message):
            checked_texts(given, 2, SETTING)


def test_names_hold_no_address_of_memory():
    class Verifier:
        def __call__(self, x, q, p, rng):
            return x

    class Wrapped:
        def __init__(self, fn):
            wraps(fn, assigned=())(self)

    assert name_of(partial(partial(s.right, rng=0), 1)) == "right"
    assert name_of(Wrapped(s.right)) == "right"
    assert name_of(Verifier()).endswith("locals>.Verifier")
    assert name_of(partial(Verifier(), 1)).endswith("locals>.Verifier")
    assert from_verify(partial(s.right)).name == "right"


def test_a_missing_package_is_named():
    with pytest.raises(RuntimeError, match=r"this adapter needs|no CUDA device"):
        vllm.rejection_sample()


# --- form before law ---------------------------------------------------------------------------------------------


LAW = np.array([0.6, 0.3, 0.1])


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        (np.log(LAW), "These are log-probabilities: take exp"),
        (np.log(LAW) - 2, "Are these logits"),
        (np.log(LAW) + 5, "Are these scores"),
        (np.array([0.6, 0.3, 0.0]), "Are these the likeliest few alone"),
        (np.array([0.0, -np.inf, -np.inf]), "logarithms, with -inf"),
        (LAW[None], r"one \(V,\) row; got shape \(1, 3\)"),
    ],
)
def test_an_engine_whose_rows_are_no_distributions_is_refused_by_name(row, cause):
    with pytest.raises(ValueError, match=cause):
        from_engine(lambda prompt, n, *, seed: [0] * n, next_probs=lambda text: row, prompt=[0])


def test_a_row_that_is_no_distribution_later_on_is_refused_as_well():
    adapter = from_engine(
        lambda prompt, n, *, seed: [0] * n, next_probs=lambda text: LAW if len(text) < 2 else np.log(LAW), prompt=[0]
    )
    with pytest.raises(ValueError, match="log-probabilities"):
        check(adapter, eps=0.3)


@pytest.mark.parametrize("V", [250, 151_936])
def test_a_wrong_engine_of_a_real_vocabulary_gets_its_verdict(V):
    ids = np.linspace(0, V - 1, 5).astype(int)
    law = np.zeros(V, np.float32)
    law[ids] = [0.4, 0.3, 0.15, 0.1, 0.05]

    def engine(prompt, n, *, seed):
        return [int(ids[1])] * n

    assert check(from_engine(engine, next_probs=lambda text: law, prompt=[1]), eps=0.3).verdict == "FAIL"


def test_a_tuple_for_a_result_is_said_to_be_one():
    for given in ((np.zeros((1, 3), int), np.ones(1)), ([1, 2], object())):
        with pytest.raises(Broken, match="got a tuple"):
            checked_rows(given, (1, 3), 4)


def test_minus_one_in_an_unsigned_type_is_padding():
    rows = np.array([[1, -1, -1]]).astype(np.uint32)
    assert checked_rows(rows, (1, 3), 4).tolist() == [[1, -1, -1]]


def test_texts_that_begin_with_the_prompt_are_told_so():
    with pytest.raises(Broken, match=r"new tokens alone; got texts that begin with the prompt \[0\]"):
        checked_texts([[0, 1, 2, 1], [0, 2, 2, 2]], 2, SETTING)


def test_a_stop_token_that_is_left_out_is_asked_for():
    sample = checked_texts([[0], [1, 0]], 2, STOPPING)
    assert any("The stop token is part of the text, return it" in said for said in sample.violations)
    sample = checked_texts([[0], [1, 2]], 2, STOPPING)  # one is there: the other text just ends
    assert not any("stop token is part" in said for said in sample.violations)


def test_zeros_for_padding_are_recognised():
    def padded_with_0(x, q, p, rng):
        tokens = s.right(x, q, p, rng)
        return np.where(tokens == -1, 0, tokens)

    found = sampled(from_verify(padded_with_0), n=200)
    assert any("is 0 used as padding? Pad with -1" in said for said in found.violations)


def test_verification_by_argmax_is_not_called_a_fixed_seed():
    def by_argmax(x, q, p, rng):
        best = p.argmax(axis=2)
        n = np.cumprod(x == best[:, :-1], axis=1).sum(axis=1)
        return np.where(np.arange(p.shape[1]) <= n[:, None], best, -1)

    found = check(from_verify(by_argmax), eps=0.1)
    assert found.verdict == "FAIL"
    assert "every token is the likeliest of p" in " ".join(found.reasons)
    assert "seed is fixed" not in " ".join(found.reasons)
