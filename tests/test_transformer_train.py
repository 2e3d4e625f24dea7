"""Training learns, and an interrupted run that is resumed equals one that was not."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from specsample.transformer.train import PRESETS, next_batch, train

TINY = replace(PRESETS["tiny"], steps=20, batch=8, window=32)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    return train(TINY, out, seed=3), out


def interrupt_at(step):
    """Return an on_step that presses Ctrl-C after a step."""
    return lambda record: os.kill(os.getpid(), signal.SIGINT) if record["step"] == step else None


def test_resumed_run_equals_the_uninterrupted_one_bit_for_bit(whole_run, tmp_path):
    stopped = train(TINY, tmp_path, seed=3, on_step=interrupt_at(7))
    assert stopped.step == 7
    train(TINY, tmp_path, seed=3, resume=True, on_step=interrupt_at(18))
    state = train(TINY, tmp_path, seed=3, resume=True)
    assert state.step == 20
    np.testing.assert_array_equal(state.flat, whole_run[0].flat)
    np.testing.assert_array_equal(state.optimizer.second, whole_run[0].optimizer.second)


def test_everything_stays_float32(whole_run):
    state, _ = whole_run
    assert {a.dtype for a in (state.flat, state.optimizer.first, state.optimizer.second)} == {np.dtype(np.float32)}


def test_last_line_of_the_log_is_the_full_evaluation(whole_run):
    _, out = whole_run
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert (last["full"], last["step"]) == (True, 20)
    assert 0.0 < last["held_out_code"] < np.log2(97)


def test_last_tenth_has_half_the_windows_twice_as_long():
    streams = {"code": np.zeros(1000, np.uint8), "prose": np.zeros(1000, np.uint8)}
    assert next_batch(TINY, streams, seed=0, step=17).shape == (8, 33)
    assert next_batch(TINY, streams, seed=0, step=18).shape == (4, 65)


def test_another_run_is_not_resumed_and_a_run_is_not_overwritten(whole_run):
    with pytest.raises(ValueError, match="Another preset or seed"):
        train(TINY, whole_run[1], seed=4, resume=True)
    with pytest.raises(ValueError, match="must not hold a run"):
        train(TINY, whole_run[1], seed=3)
