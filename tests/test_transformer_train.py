"""Training learns, and an interrupted run that is resumed equals one that was not."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from specsample.training.presets import PRESETS
from specsample.training.runlog import StepReport, progress_bar
from specsample.training.train import next_batch, run, train
from specsample.transformer import checkpoint

TINY = replace(PRESETS["tiny"], steps=20)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    return run("tiny", out, seed=3, steps=20), out


def until(step):
    """Return an on_step that presses Ctrl-C after a step."""
    return lambda report: os.kill(os.getpid(), signal.SIGINT) if report.step == step else None


def test_resumed_run_equals_the_uninterrupted_one_bit_for_bit(whole_run, tmp_path):
    stopped = train(TINY, tmp_path, seed=3, on_step=until(7))
    assert stopped.step == 7
    train(TINY, tmp_path, seed=3, resume=True, on_step=until(18))
    state = train(TINY, tmp_path, seed=3, resume=True, on_step=until(20))  # no time for the full evaluation
    assert state.step == 20
    np.testing.assert_array_equal(state.flat, whole_run[0].flat)
    np.testing.assert_array_equal(state.optimizer.second, whole_run[0].optimizer.second)


SLOW_RUN = """
import sys, time
from dataclasses import replace
from specsample.training import runlog
from specsample.training.presets import PRESETS
from specsample.training.train import train
runlog.SAVE_SECONDS = 0.0  # after every step
tiny = replace(PRESETS["tiny"], steps=1000)
train(tiny, sys.argv[1], on_step=lambda report: time.sleep(0.01))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_resumes_as_if_it_had_not_been_killed(number, tmp_path):
    command = [sys.executable, "-c", SLOW_RUN, str(tmp_path / "killed")]
    with subprocess.Popen(command) as process:
        while not (tmp_path / "killed" / "checkpoint.npz").exists():
            time.sleep(0.02)
        time.sleep(0.1)
        process.send_signal(number)
    step, slow = checkpoint.load(tmp_path / "killed" / "checkpoint.npz")[2]["step"], replace(TINY, steps=1000)
    state = train(slow, tmp_path / "killed", resume=True, on_step=until(step + 2))
    whole = train(slow, tmp_path / "whole", on_step=until(step + 2))
    np.testing.assert_array_equal(state.flat, whole.flat)


def test_a_step_lowers_the_loss_and_everything_stays_float32(whole_run):
    state, out = whole_run
    assert {a.dtype for a in (state.flat, state.optimizer.first, state.optimizer.second)} == {np.dtype(np.float32)}
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert last["held_out_code"] < np.log2(97) - 1.0  # a uniform guess costs log2(97) = 6.6 bits


def test_last_line_of_the_log_is_the_full_evaluation(whole_run):
    last = json.loads((whole_run[1] / "log.jsonl").read_text().splitlines()[-1])
    assert last.keys() == {"step", "full", "held_out_code", "held_out_prose"}
    assert (last["full"], last["step"]) == (True, 20)


def test_last_tenth_has_half_the_windows_twice_as_long():
    streams = {"code": np.zeros(1000, np.uint8), "prose": np.zeros(1000, np.uint8)}
    assert next_batch(TINY, streams, seed=0, step=17).shape == (8, 65)
    assert next_batch(TINY, streams, seed=0, step=18).shape == (4, 129)


def test_another_run_is_not_resumed_and_a_run_is_not_overwritten(whole_run, tmp_path):
    with pytest.raises(ValueError, match="Another preset, seed or teacher"):
        train(TINY, whole_run[1], seed=4, resume=True)
    with pytest.raises(ValueError, match="must not hold a run"):
        train(TINY, whole_run[1], seed=3)
    with pytest.raises(FileNotFoundError):
        train(TINY, tmp_path, resume=True)


def test_a_run_on_another_text_is_not_resumed(whole_run, tmp_path):
    config, params, extra = checkpoint.load(whole_run[1] / "checkpoint.npz")
    checkpoint.save(tmp_path / "checkpoint.npz", config, params, **(extra | {"corpus": "0" * 64}))
    with pytest.raises(ValueError, match=r"got 00000000\.\.\.\. Was it begun with another version of Python"):
        train(TINY, tmp_path, seed=3, resume=True)


def test_progress_shows_bits_per_character_and_time_left(capsys):
    with progress_bar("tiny") as on_step:
        for step in range(1, 4):
            on_step(StepReport(step, 10, 2.5, 512))
    assert re.search(r"tiny.* 3/10 2\.500 bits/char, [\d,]+ char/s \d:\d\d:\d\d", capsys.readouterr().out)


def test_an_unknown_preset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="preset_name must be one of tiny, draft, target; got 'huge'"):
        run("huge", tmp_path)
