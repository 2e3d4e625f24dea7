"""The draft head: its gradient, what it reads and carries on, and that the text is the target's."""

import numpy as np
import pytest

from specsample import generate, load_pair, overlap
from specsample.conformance.laws.exact import exact_law, target_law, total_variation
from specsample.distributions import softmax
from specsample.drafts import head
from specsample.drafts.head_lm import PRETRAINED, head_pair, load_head, save_head
from specsample.training.distil import fingerprint
from specsample.training.train_head import step_gradient, train_head
from specsample.transformer.config import Config, init_params
from specsample.transformer.layers import cross_entropy, rejection_rate
from specsample.transformer.lm import TransformerLM
from specsample.transformer.model import forward

V, D, F, K = 3, 8, 6, 2


def small_target(tied=True):
    """A Transformer of three tokens with weights large enough that its rows differ."""
    config = Config(V, width=D, n_layers=2, n_heads=2, n_kv_heads=1, hidden=12, max_length=32, tied=tied)
    params = init_params(config, np.random.default_rng(0), np.float64)
    return TransformerLM(config, {name: p if p.ndim == 1 else p * 20 for name, p in params.items()})


def small_head(seed=1):
    """A head in float64 with weights that matter."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in head.shapes(D, F).items()}


TARGET = small_target()
TEXT = [0, 2, 1, 1, 0, 2, 2, 1]


def unrolled(target, params, text, first, n):
    """Rows by hand: from the features before token `first`, over that token and the n - 1 behind it."""
    state, rows = head.features(target, np.array([text]))[0, first - 1], []
    for token in text[first : first + n]:
        state = head.advance(params, state, target.params["embedding"][token])[0]
        normed = state / np.sqrt((state**2).mean() + head.EPS) * params["norm"]
        rows.append(softmax(normed @ head.output_matrix(target)))
    return np.stack(rows)


# --- the layer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", [cross_entropy, rejection_rate])
def test_the_gradient_through_all_steps_is_the_derivative(criterion):
    """Central differences at h = 1e-5 in float64; relative to each array's largest entry."""
    rng, params = np.random.default_rng(0), small_head()
    known, embedded = rng.standard_normal((2, 2, 5, D))
    setting = {"output": rng.standard_normal((D, V)), "K": K, "criterion": criterion}
    p = rng.dirichlet(np.ones(V), size=(2, 5))
    grads = head.loss_and_grads(params, known, embedded, p, **setting)[1]
    for name, value in params.items():
        for index in list(np.ndindex(value.shape))[:: max(1, value.size // 12)]:
            kept, losses = value[index], []
            for value[index] in (kept + 1e-5, kept - 1e-5):
                losses.append(np.mean(head.loss_and_grads(params, known, embedded, p, **setting)[0]))
            value[index] = kept
            assert abs((losses[0] - losses[1]) / 2e-5 - grads[name][index]) < 1e-5 * np.abs(grads[name]).max()


@pytest.mark.parametrize("tied", [True, False])
def test_features_times_the_output_are_the_targets_logits(tied):
    target, tokens = small_target(tied), np.array([TEXT])
    logits = head.features(target, tokens) * target.params["norm"] @ head.output_matrix(target)
    np.testing.assert_allclose(logits, forward(target.config, target.params, tokens), atol=1e-12)


def test_a_new_head_says_what_the_target_said_one_token_ago():
    params = head.init_params(D, F, np.random.default_rng(0))
    state = head.features(TARGET, np.array([TEXT]))[0, 3]
    moved = head.advance(params, state, TARGET.params["embedding"][1])[0]
    assert np.abs(moved - state).max() < 0.01


# --- two contexts that belong together -----------------------------------------------------------------------------


def test_the_watched_target_says_what_the_target_says():
    watched = head_pair(TARGET, small_head())[0].start()
    rows = [watched.extend(TEXT[:3]), watched.extend(TEXT[3:])]
    np.testing.assert_allclose(np.concatenate(rows), TARGET.start().extend(TEXT), atol=1e-12)


def test_drafts_start_from_the_features_and_carry_them_on():
    params = small_head()
    target, draft = head_pair(TARGET, params)
    reader, drafter = target.start(), draft.start()
    reader.extend(TEXT[:4])
    rows = drafter.extend(TEXT[:5])  # token 4 is the last emitted one, which the target has not read
    drafted = np.concatenate([rows[-1:], drafter.extend(TEXT[5:6]), drafter.extend(TEXT[6:7])])
    np.testing.assert_allclose(drafted, unrolled(TARGET, params, TEXT, 4, 3), atol=1e-12)


def test_what_the_target_has_read_meanwhile_is_used_and_rejected_drafts_are_not():
    params = small_head()
    target, draft = head_pair(TARGET, params)
    reader, drafter = target.start(), draft.start()
    reader.extend(TEXT[:3])
    drafter.extend([*TEXT[:4], 0])
    reader.extend([TEXT[3], 0, 0])  # the target reads the drafts, and keeps only what stands in TEXT
    reader.rollback(4)
    drafter.rollback(4)
    np.testing.assert_allclose(drafter.extend(TEXT[4:6]), unrolled(TARGET, params, TEXT, 4, 2), atol=1e-12)


def test_a_target_that_has_read_nothing_reads_the_prompt_first():
    params = small_head()
    target, draft = head_pair(TARGET, params)
    reader, drafter = target.start(), draft.start()
    rows = drafter.extend(TEXT[:5])
    assert reader.length == 4
    np.testing.assert_allclose(rows[-1:], unrolled(TARGET, params, TEXT, 4, 1), atol=1e-12)


@pytest.mark.parametrize("prompt", [[0], [0, 2, 1]])
def test_the_law_of_the_text_is_the_targets(prompt):
    """In float64: equal up to rounding."""
    pair, run = head_pair(TARGET, small_head()), {"K": 2, "max_new_tokens": 3}
    law = exact_law(lambda tape: tuple(generate(prompt, *pair, rng=tape, **run)[0]))
    assert total_variation(law, target_law(TARGET, prompt, 3)) < 1e-10


def test_the_law_of_another_target_is_told_apart():
    pair, run = head_pair(TARGET, small_head()), {"K": 2, "max_new_tokens": 3}
    law = exact_law(lambda tape: tuple(generate([0], *pair, rng=tape, **run)[0]))
    assert total_variation(law, target_law(pair[1], [0], 3)) > 0.01


def test_a_head_of_another_width_is_refused():
    with pytest.raises(ValueError, match="target of width 8; got one of"):
        head_pair(TARGET, head.init_params(4, F, np.random.default_rng(0)))


# --- training and files --------------------------------------------------------------------------------------------


def test_a_saved_head_comes_back_in_half_precision(tmp_path):
    params = small_head()
    save_head(tmp_path / "head.npz", params, seed=0)
    for name, value in load_head(tmp_path / "head.npz").items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, params[name].astype(np.float16))


def test_the_shipped_head_was_trained_on_the_shipped_target_and_drafts_well():
    """If the target was trained anew, train the head anew: python -m specsample.training.train_head"""
    target = load_pair()[0]
    with np.load(PRETRAINED, allow_pickle=False) as archive:
        assert str(archive["target"]) == fingerprint(target)
    watched, draft = head_pair(target, load_head())
    text = target.tokenizer.encode(
        "def read_lines(path):\n    with open(path) as file:\n        return file.readlines()"
    )
    p, q = watched.start().extend(text), draft.start().extend(text)
    assert overlap(p, q)[20:].mean() > 0.5


def text_target():
    """A character model, untrained."""
    config = Config(97, width=16, n_layers=1, n_heads=2, n_kv_heads=1, hidden=16, max_length=256)
    return TransformerLM(config, init_params(config, np.random.default_rng(0)))


def test_training_learns_and_is_a_function_of_its_seed():
    reports = list[float]()
    runs = [train_head(text_target(), hidden=8, steps=6, on_step=lambda r: reports.append(r.bits)) for _ in range(2)]
    assert all((runs[0][name] == runs[1][name]).all() for name in runs[0])
    assert reports[:6] == reports[6:]
    assert reports[5] < reports[0]


def test_both_halves_of_a_run_follow_their_own_gradient():
    params, tokens = head.init_params(16, 8, np.random.default_rng(0)), np.array([[5, 6, 7, 8, 9, 10, 11, 12]])
    early, late = (step_gradient(text_target(), params, tokens, is_late=is_late) for is_late in (False, True))
    assert early[0] == late[0]
    assert (early[1]["down"] != late[1]["down"]).any()


def test_the_target_that_is_watched_is_not_packed_again():
    target, _ = head_pair(TARGET, small_head())
    assert target.packed.layers is TARGET.packed.layers
    assert target.output is TARGET.packed.head
    assert TARGET.packed.head.d_out == TARGET.vocab_size  # whose own head stays
