"""How does a model learn: which loop, which schedule, what survives an interruption?

A step is a pure function of (parameters, moments, seed, step): the batch comes from (seed, step), its four shards
are shared by two threads and their gradients are added in fixed order. So a resumed run equals an uninterrupted one
bit for bit. For speed set OPENBLAS_NUM_THREADS=1 before NumPy is imported: two threads with one-threaded products
learn more characters a second than one thread with two-threaded products. Read `optim.py` and `checkpoint.py` before.
"""

import argparse
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from specsample.transformer import checkpoint, data
from specsample.transformer.layers import cross_entropy
from specsample.transformer.model import Config, forward, init_params, loss_and_grads, n_params
from specsample.transformer.optim import AdamW, clip_by_norm, flatten, learning_rate, n_decayed

SHARDS = 4  # part of the arithmetic (the order of summation), so it does not follow the machine
WORKERS = 2  # threads; twice as many shards, so that a thread that is held up does less
LOG_EVERY, EVALUATE_EVERY, SAVE_SECONDS = 50, 500, 240.0
QUICK_EVALUATION = 20_000  # characters of each kind


@dataclass(frozen=True)
class Preset:
    """Say what is trained and for how long.

    Parameters
    ----------
    config : Config
        Sizes of the model; max_length is twice the window.
    steps, batch, window : int
        Steps of `batch` windows of `window` characters; the last tenth has half the windows, twice as long.
    lr : float
        Largest learning rate.
    """

    config: Config
    steps: int
    batch: int
    window: int
    lr: float


def _config(width: int, n_layers: int, n_heads: int, n_kv_heads: int, *, hidden: int, max_length: int) -> Config:
    """Make a character model's config."""
    return Config(97, width, n_layers, n_heads, n_kv_heads=n_kv_heads, hidden=hidden, max_length=max_length)


PRESETS = {
    "tiny": Preset(_config(32, 2, 2, 1, hidden=64, max_length=128), steps=300, batch=8, window=64, lr=1e-2),
    "draft": Preset(_config(64, 2, 2, 1, hidden=176, max_length=512), steps=6000, batch=8, window=256, lr=4e-3),
    "target": Preset(_config(160, 8, 5, 1, hidden=432, max_length=512), steps=4000, batch=8, window=256, lr=2.5e-3),
}


@dataclass
class State:
    """Hold everything that a step changes."""

    flat: np.ndarray
    params: dict[str, np.ndarray]
    optimizer: AdamW
    step: int = 0
    seconds: float = 0.0


def train(
    preset: Preset, out: str | Path, *, seed: int = 0, resume: bool = False, on_step: Callable | None = None
) -> State:
    """Train a model, writing `checkpoint.npz` and `log.jsonl` into a folder.

    Ctrl-C finishes the step, saves and returns; call again with resume=True to go on.

    Parameters
    ----------
    preset : Preset
        What to train.
    out : str or Path
        Folder of the run, made if need be.
    seed : int
        Of the first parameters and of the order of the data.
    resume : bool
        Go on from the folder's checkpoint.
    on_step : function of one dict, optional
        Called after each step with step, steps, bits (per character), characters.

    Returns
    -------
    State
        The trained parameters and where the run stands.

    Raises
    ------
    ValueError
        If the folder holds a run already (resume=False), or another run (resume=True).
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    state = _resume(preset, out, seed) if resume else _start(preset, out, seed)
    train_streams, held_out, corpus = data.load_streams()
    log = _Log(out / "log.jsonl", state)
    with ThreadPoolExecutor(WORKERS) as pool, _interruption() as interrupted:
        while state.step < preset.steps and not interrupted.is_set():
            tokens = next_batch(preset, train_streams, seed=seed, step=state.step)
            bits = training_step(preset, state, tokens, pool)
            log.count(state, bits, tokens[:, 1:].size)
            if state.step % EVALUATE_EVERY == 0:
                log.write(step=state.step, **evaluate(preset, state, held_out, pool=pool, limit=QUICK_EVALUATION))
            if log.is_due():
                _save(out, preset, state, seed=seed, corpus=corpus)
            if on_step is not None:
                on_step(
                    {
                        "step": state.step,
                        "steps": preset.steps,
                        "bits": bits,
                        "characters": tokens[:, 1:].size,
                    }
                )
        log.settle(state)
        _save(out, preset, state, seed=seed, corpus=corpus)
        if state.step == preset.steps:
            log.write(step=state.step, full=True, **evaluate(preset, state, held_out, pool=pool))
    return state


def next_batch(preset: Preset, streams: dict[str, np.ndarray], *, seed: int, step: int) -> np.ndarray:
    """Return the (B, T+1) tokens of a step; the last tenth of the run has half as many windows, twice as long.

    Parameters
    ----------
    preset : Preset
        Gives batch and window.
    streams : dict of (n,) arrays
        Training tokens.
    seed, step : int
        Name the batch.

    Returns
    -------
    (B, T+1) int64 array
    """
    size, window = preset.batch, preset.window
    if step >= preset.steps - preset.steps // 10:
        size, window = size // 2, window * 2
    return data.batch(streams, seed=seed, step=step, size=size, window=window)


def training_step(preset: Preset, state: State, tokens: np.ndarray, pool: Executor) -> float:
    """Take one step and return the loss before it.

    Parameters
    ----------
    preset : Preset
        Gives config and schedule.
    state : State
        Changed in place.
    tokens : (B, T+1) int array
        B must be a multiple of the 4 shards.
    pool : Executor
        Runs the shards.

    Returns
    -------
    float
        Bits per character.
    """

    def shard_loss(rows):
        loss, grads = loss_and_grads(preset.config, state.params, rows[:, :-1], rows[:, 1:])
        return loss, np.concatenate([grads[name].reshape(-1) for name in state.params])

    losses, grads = zip(*pool.map(shard_loss, np.split(tokens, SHARDS)), strict=True)
    grad = grads[0]
    for other in grads[1:]:
        grad += other
    grad *= 1.0 / SHARDS
    clip_by_norm(grad, 1.0)
    lr = learning_rate(state.step, steps=preset.steps, peak=preset.lr, warmup=min(100, preset.steps // 10 + 1))
    state.optimizer.update(state.flat, grad, lr)
    state.step += 1
    return sum(losses) / SHARDS / math.log(2)


def evaluate(
    preset: Preset, state: State, held_out: dict[str, np.ndarray], *, pool: Executor, limit: int | None = None
) -> dict[str, float]:
    """Measure the loss on held-out text of each kind.

    Parameters
    ----------
    preset : Preset
        Gives config and window.
    state : State
        Gives the parameters.
    held_out : dict of (n,) arrays
        Held-out tokens of each kind.
    pool : Executor
        Runs batches of windows.
    limit : int, optional
        Characters of each kind, a fixed sample; all if None.

    Returns
    -------
    dict
        held_out_code and held_out_prose, bits per character.
    """

    def windows_loss(rows):
        return cross_entropy(forward(preset.config, state.params, rows[:, :-1]), rows[:, 1:])[0] * len(rows)

    result = {}
    for kind, stream in held_out.items():
        windows = data.held_out_windows(stream, window=preset.window, limit=limit)
        parts = np.array_split(windows, math.ceil(len(windows) / 8))
        result[f"held_out_{kind}"] = sum(pool.map(windows_loss, parts)) / len(windows) / math.log(2)
    return result


class _Log:
    """Write log.jsonl and keep the time of a run, interruptions excluded."""

    def __init__(self, path: Path, state: State) -> None:
        lines = path.read_text().splitlines() if path.exists() and state.step else []
        kept = [line for line in lines if json.loads(line)["step"] <= state.step]
        path.write_text("".join(line + "\n" for line in kept))
        self.path, self.clock, self.saved = path, time.monotonic(), time.monotonic()
        self.bits, self.characters, self.since = [], 0, self.clock

    def count(self, state: State, bits: float, characters: int) -> None:
        """Take note of a step, and write a line every LOG_EVERY steps."""
        self.bits.append(bits)
        self.characters += characters
        if state.step % LOG_EVERY == 0:
            self.settle(state)
            speed = self.characters / (time.monotonic() - self.since)
            mean = sum(self.bits) / len(self.bits)
            self.write(
                step=state.step,
                bits=mean,
                seconds=round(state.seconds, 1),
                characters_per_second=round(speed),
            )
            self.bits, self.characters, self.since = [], 0, time.monotonic()

    def settle(self, state: State) -> None:
        """Add the time since the last call to the state's seconds."""
        now = time.monotonic()
        state.seconds, self.clock = state.seconds + now - self.clock, now

    def is_due(self) -> bool:
        """Say whether a checkpoint is due, and if so start waiting for the next."""
        due = time.monotonic() - self.saved > SAVE_SECONDS
        self.saved = time.monotonic() if due else self.saved
        return due

    def write(self, **record) -> None:
        """Append one line of JSON."""
        with open(self.path, "a") as file:
            file.write(json.dumps({n: round(v, 4) if isinstance(v, float) else v for n, v in record.items()}) + "\n")


def _start(preset: Preset, out: Path, seed: int) -> State:
    """Draw the first parameters."""
    if (out / "checkpoint.npz").exists():
        raise ValueError(f"{out} must not hold a run; got a checkpoint. Resume it, or choose another folder?")
    return _state(preset, init_params(preset.config, np.random.default_rng(seed)))


def _state(preset: Preset, params: dict[str, np.ndarray]) -> State:
    """Put parameters into one flat vector, with fresh moments beside it."""
    flat, views = flatten(params, preset.config)
    return State(flat, views, AdamW(flat.size, n_decayed(preset.config)))


def _save(out: Path, preset: Preset, state: State, *, seed: int, corpus: str) -> None:
    """Write everything that `_resume` needs."""
    optimizer, run = state.optimizer, _describe(preset, seed)
    moments = {"first": optimizer.first, "second": optimizer.second}
    notes = {"step": state.step, "seconds": state.seconds, "corpus": corpus, "run": run}
    checkpoint.save(out / "checkpoint.npz", preset.config, state.params, **moments, **notes)


def _resume(preset: Preset, out: Path, seed: int) -> State:
    """Read a run back and check that it is the one asked for."""
    config, params, extra = checkpoint.load(out / "checkpoint.npz")
    if config != preset.config or extra["run"] != _describe(preset, seed):
        raise ValueError(
            f"{out} must hold the run to resume; got {extra['run']} of {config}. Another preset or seed?"
        )
    state = _state(preset, params)
    state.step, state.seconds, state.optimizer.count = extra["step"], extra["seconds"], extra["step"]
    state.optimizer.first[:], state.optimizer.second[:] = extra["first"], extra["second"]
    return state


def _describe(preset: Preset, seed: int) -> dict:
    """Return what makes a run this run."""
    return {
        "seed": seed,
        "steps": preset.steps,
        "batch": preset.batch,
        "window": preset.window,
        "lr": preset.lr,
    }


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Turn Ctrl-C and a polite kill into a flag that is read between steps."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: interrupted.set()) for number in signals]
    try:
        yield interrupted
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def progress_bar(state_step: int = 0) -> Iterator[Callable[[dict], None]]:
    """Show loss, speed and time left in the terminal; yields what `train` takes as on_step."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task, started, seen = progress.add_task("train", total=None, note=""), time.monotonic(), 0

        def on_step(record: dict) -> None:
            nonlocal seen
            seen += record["characters"]
            note = f"{record['bits']:.3f} bits/char, {seen / (time.monotonic() - started):,.0f} char/s"
            progress.update(task, completed=record["step"], total=record["steps"], note=note)

        yield on_step


def main(arguments: list[str] | None = None) -> None:
    """Train a preset from the command line."""
    parser = argparse.ArgumentParser(prog="python -m specsample.transformer.train", description="Train a preset.")
    parser.add_argument("--preset", choices=PRESETS, required=True)
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="instead of the preset's")
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    given = parser.parse_args(arguments)
    preset = PRESETS[given.preset]
    preset = replace(preset, steps=given.steps or preset.steps)
    print(f"{given.preset}: {n_params(preset.config):,} parameters, {preset.steps} steps", flush=True)
    with progress_bar() as on_step:
        state = train(preset, given.out, seed=given.seed, resume=given.resume, on_step=on_step)
    print(f"step {state.step} after {state.seconds:.0f} s; checkpoint and log in {given.out}")


if __name__ == "__main__":
    main()
