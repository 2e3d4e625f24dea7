"""A checkpoint comes back as it was saved, survives a kill, and never loads as something it is not."""

import errno
import json
import pickle
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import files
from specsample.transformer import checkpoint
from specsample.transformer.config import Config, init_params

SMALL = Config(7, width=8, n_layers=2, n_heads=4, n_kv_heads=2, hidden=6, max_length=12)
PARAMS = init_params(SMALL, np.random.default_rng(0))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.npz"
    checkpoint.save(path, SMALL, PARAMS, step=3, moments=np.arange(4.0), note="x")
    return path


def test_what_was_saved_comes_back(saved):
    config, params, extra = checkpoint.load(saved)
    assert (config, params.keys()) == (SMALL, PARAMS.keys())
    assert all(np.array_equal(params[name], PARAMS[name]) for name in PARAMS)
    assert (extra["step"], extra["note"], extra["moments"].tolist()) == (3, "x", [0.0, 1.0, 2.0, 3.0])
    assert {array.dtype for array in params.values()} == {np.dtype(np.float32)}


def test_half_precision_on_disk_is_float32_in_memory(tmp_path):
    checkpoint.save(tmp_path / "half.npz", SMALL, PARAMS, dtype=np.float16)
    _, params, _ = checkpoint.load(tmp_path / "half.npz")
    assert {array.dtype for array in params.values()} == {np.dtype(np.float32)}
    assert all(np.array_equal(params[name], PARAMS[name].astype(np.float16)) for name in PARAMS)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, tmp_path, share):
    whole = saved.read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"cut\.npz must be a whole \.npz checkpoint; it is cut short or foreign"):
        checkpoint.load(tmp_path / "cut.npz")


def test_foreign_files_are_refused(tmp_path):
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("not a checkpoint")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(PARAMS))
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match=f"{path.name} must be a "):
            checkpoint.load(path)


def test_a_pickled_array_is_refused_unread(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.savez(tmp_path / "trap.npz", config=np.array([Trap()], dtype=object), notes=np.array("{}"))
    with pytest.raises(ValueError, match="allow_pickle"):
        checkpoint.load(tmp_path / "trap.npz")
    assert not (tmp_path / "sprung").exists()


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "none.npz")


@settings(max_examples=100)
@given(position=st.integers(min_value=0), byte=st.integers(0, 255))
def test_a_damaged_file_loads_unchanged_or_is_refused(saved, tmp_path_factory, position, byte):
    damaged, path = bytearray(saved.read_bytes()), tmp_path_factory.getbasetemp() / "damaged.npz"
    damaged[position % len(damaged)] = byte
    path.write_bytes(damaged)
    try:
        _, params, _ = checkpoint.load(path)
    except ValueError:
        return
    assert all(np.array_equal(params[name], PARAMS[name]) for name in PARAMS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm": None}, r"parameters \['norm'\] are missing"),
        ({"head": np.zeros((8, 7))}, r"parameters \['head'\] are not in this config"),
        ({"norm": np.zeros(9)}, r"norm must be \(8,\) to fit the config; got \(9,\)"),
    ],
)
def test_parameters_that_do_not_fit_the_config_are_refused(tmp_path, change, message):
    params = {name: value for name, value in (PARAMS | change).items() if value is not None}
    checkpoint.save(tmp_path / "odd.npz", SMALL, params)
    with pytest.raises(ValueError, match=message):
        checkpoint.load(tmp_path / "odd.npz")


@pytest.mark.parametrize("config", ["[]", "{", '{"colour": 1}', json.dumps(asdict(SMALL) | {"width": -8})])
def test_a_config_that_cannot_be_read_is_refused(tmp_path, config):
    np.savez(tmp_path / "odd.npz", config=np.array(config), notes=np.array("{}"))
    with pytest.raises(ValueError, match=r"config|width must be"):
        checkpoint.load(tmp_path / "odd.npz")


SAVE_FOR_EVER = """
import itertools, sys
import numpy as np
from specsample.transformer import checkpoint
from specsample.transformer.config import Config, shapes
config = Config(97, width=64, n_layers=4, n_heads=4, n_kv_heads=4, hidden=256, max_length=8)
for i in itertools.count():
    params = {name: np.full(shape, i, np.float32) for name, shape in shapes(config).items()}
    checkpoint.save(sys.argv[1], config, params, step=i)
"""


def test_a_kill_during_a_save_leaves_a_whole_checkpoint(tmp_path):
    path, delays = tmp_path / "model.npz", random.Random(0)
    for _ in range(4):
        path.unlink(missing_ok=True)
        with subprocess.Popen([sys.executable, "-c", SAVE_FOR_EVER, str(path)]) as process:
            while not path.exists():
                time.sleep(0.01)
            time.sleep(delays.uniform(0.0, 0.1))
            process.send_signal(signal.SIGKILL)
        _, params, extra = checkpoint.load(path)
        assert {value for array in params.values() for value in np.unique(array)} == {extra["step"]}


def test_a_full_disk_leaves_the_old_file_alone_and_is_told_with_its_name(saved, monkeypatch):
    before = saved.read_bytes()

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        files.write_arrays(saved, {"a": np.zeros(3)})
    assert caught.value.filename == str(saved)
    assert saved.read_bytes() == before
    # nothing half written lies beside it
    assert [path.name for path in saved.parent.iterdir() if path.name.startswith(f"{saved.name}.")] == []
