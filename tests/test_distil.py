"""A draft learns the target's distributions, and the overlap that it is measured by is the acceptance rate."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from specsample.acceptance import overlap
from specsample.training.distil import acceptance_on_text, fingerprint, next_token_probs
from specsample.training.evaluate import bits_per_character, evaluate
from specsample.training.presets import PRESETS
from specsample.training.state import start_state
from specsample.training.train import train, training_step
from specsample.transformer import checkpoint
from specsample.transformer.config import init_params, n_params
from specsample.transformer.lm import TransformerLM

TINY = replace(PRESETS["tiny"], steps=20, batch=8, window=16)
WINDOWS = np.random.default_rng(0).integers(97, size=(11, 17))


def model(seed, scale=4.0):
    """Make a random teacher with lively distributions."""
    params = init_params(TINY.config, np.random.default_rng(seed))
    return TransformerLM(TINY.config, {name: p * scale if p.ndim == 2 else p for name, p in params.items()})


def test_probs_over_whole_windows_are_those_of_a_context():
    teacher = model(0)
    context = np.concatenate([teacher.start().extend(row)[None] for row in WINDOWS])
    np.testing.assert_allclose(next_token_probs(teacher, WINDOWS), context, atol=1e-6)


def test_acceptance_on_text_is_the_mean_overlap_row_by_row():
    target, draft = model(0), model(1)
    p, q = (next_token_probs(m, WINDOWS[:, :-1]) for m in (target, draft))
    expected = np.mean([overlap(p_row, q_row) for p_row, q_row in zip(p, q, strict=True)])
    assert acceptance_on_text(target, draft, WINDOWS) == pytest.approx(expected, abs=1e-6)
    assert 0.1 < expected < 0.9


def test_equal_models_accept_every_draft():
    assert acceptance_on_text(model(0), model(0), WINDOWS) == pytest.approx(1.0, abs=1e-6)


def test_evaluation_of_few_windows_at_a_time_is_that_of_all_at_once():
    target, draft, stream = model(0), model(1), WINDOWS.astype(np.uint8).ravel()
    windows = np.lib.stride_tricks.sliding_window_view(stream, 33)[::16]  # 16 read, 16 predicted
    with ThreadPoolExecutor(2) as pool:
        result = evaluate(draft, {"code": stream}, window=16, pool=pool, teacher=target)
    assert result["held_out_code"] == pytest.approx(bits_per_character(draft, windows, skip=16), abs=1e-5)
    assert result["acceptance_code"] == pytest.approx(acceptance_on_text(target, draft, windows, skip=16), abs=1e-6)


def test_distillation_raises_the_acceptance_rate(tmp_path):
    preset, teacher = replace(TINY, steps=60), model(0)
    state, rng = start_state(preset, tmp_path, 5), np.random.default_rng(1)
    draft = TransformerLM(preset.config, state.params)
    before = acceptance_on_text(teacher, draft, WINDOWS)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(60):
            training_step(preset, state, rng.integers(97, size=(8, 17)), pool=pool, teacher=teacher)
    assert acceptance_on_text(teacher, draft, WINDOWS) > before + 0.1


def until(step):
    """Return an on_step that presses Ctrl-C after a step."""
    return lambda report: os.kill(os.getpid(), signal.SIGINT) if report.step == step else None


def test_resumed_distillation_equals_the_uninterrupted_one_and_keeps_its_teacher(tmp_path):
    teacher = model(0)
    whole = train(TINY, tmp_path / "whole", teacher=teacher, on_step=until(9))
    train(TINY, tmp_path / "parts", teacher=teacher, on_step=until(4))
    for other in (None, model(1)):
        with pytest.raises(ValueError, match="Another preset, seed or teacher"):
            train(TINY, tmp_path / "parts", resume=True, teacher=other)
    state = train(TINY, tmp_path / "parts", resume=True, teacher=teacher, on_step=until(9))
    np.testing.assert_array_equal(state.flat, whole.flat)
    text = train(TINY, tmp_path / "text", on_step=until(9))
    assert not np.array_equal(text.flat, whole.flat)


@pytest.mark.parametrize("change", [{"vocab_size": 11}, {"max_length": 31}])
def test_a_teacher_that_cannot_read_the_windows_is_refused(tmp_path, change):
    config = replace(TINY.config, **change)
    teacher = TransformerLM(config, init_params(config, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="teacher must have vocab_size 97 and max_length >= 32"):
        train(TINY, tmp_path, teacher=teacher)


def test_fingerprint_sees_a_changed_number_and_survives_the_disk(tmp_path):
    teacher, other = model(0), model(0)
    other.params["norm"][0] += 1e-3
    checkpoint.save(tmp_path / "teacher.npz", teacher.config, teacher.params)
    loaded = TransformerLM(*checkpoint.load(tmp_path / "teacher.npz")[:2])
    assert fingerprint(loaded) == fingerprint(teacher) != fingerprint(other)


def test_the_draft_has_at_most_a_tenth_of_the_targets_parameters():
    assert 10 * n_params(PRESETS["draft"].config) <= n_params(PRESETS["target"].config)
