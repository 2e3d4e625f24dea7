"""The training loop, its schedule, and what survives an interruption.

A step is a pure function of (parameters, moments, seed, step): the batch comes from (seed, step), its one to four
shards are shared by two threads and their gradients are added in fixed order. So a resumed run equals one that was
not interrupted bit for bit. With a teacher the targets are its distributions, else the text; nothing else differs.
For speed set OPENBLAS_NUM_THREADS=1 before NumPy is imported: two threads with one-threaded products learn more
characters a second than one thread with two-threaded products.
"""

import math
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from specsample.training import data
from specsample.training.distil import acceptance_criterion, next_token_probs
from specsample.training.evaluate import evaluate
from specsample.training.optim import clip_by_norm, flatten, learning_rate
from specsample.training.presets import PRESETS, Preset
from specsample.training.runlog import RunLog, StepReport, interruption, progress_bar
from specsample.training.state import State, describe, resume_state, save_state, start_state
from specsample.transformer import checkpoint
from specsample.transformer.allocator import keep_freed_memory
from specsample.transformer.config import n_params, shapes
from specsample.transformer.layers import cross_entropy
from specsample.transformer.lm import TransformerLM, load
from specsample.transformer.model import loss_and_grads

SHARDS = 4  # at most; part of the arithmetic (the order of summation), so it does not follow the machine
SHARD_SIZE = 512  # positions, at least: below that a second thread costs more than it brings
WORKERS = 2  # threads; twice as many shards, so that a thread that is held up does less
EVALUATE_EVERY, QUICK_EVALUATION = 500, 20_000  # steps; characters of each kind


def run(
    preset_name: str,
    out: str | Path,
    *,
    seed: int = 0,
    resume: bool = False,
    teacher: str | Path | None = None,
    steps: int | None = None,
) -> State:
    """Train a preset with a progress bar: what `specsample train` does.

    Parameters and Returns: as for `training.train.train`.

    Parameters
    ----------
    preset_name : {"tiny", "draft", "target"}
    teacher : str or Path, optional, checkpoint of a target to distil from
    steps : int, optional, instead of the preset's

    Raises
    ------
    ValueError
        If the preset is unknown, a checkpoint cannot be read, or the folder holds what `train` refuses.
    """
    if preset_name not in PRESETS:
        raise ValueError(f"preset_name must be one of {', '.join(PRESETS)}; got {preset_name!r}.")
    preset = PRESETS[preset_name]
    preset = replace(preset, steps=preset.steps if steps is None else steps)
    model = None if teacher is None else load(teacher)
    with progress_bar(f"{preset_name}, {n_params(preset.config):,} parameters") as on_step:
        return train(preset, out, seed=seed, resume=resume, teacher=model, on_step=on_step)


def train(
    preset: Preset,
    out: str | Path,
    *,
    seed: int = 0,
    resume: bool = False,
    teacher: TransformerLM | None = None,
    on_step: Callable[[StepReport], None] = lambda report: None,
) -> State:
    """Train a model, writing `checkpoint.npz`, `log.jsonl` and, when done, a small `model.npz` into a folder.

    Ctrl-C finishes the step, saves and returns; call again with resume=True to go on.

    Parameters
    ----------
    preset : Preset, what to train
    out : str or Path, folder of the run, made if need be
    seed : int, of the first parameters and of the order of the data
    resume : bool, go on from the folder's checkpoint
    teacher : TransformerLM, optional, learn its distributions over the text instead of the text
    on_step : function of one StepReport, called after each step

    Returns
    -------
    State, the trained parameters and where the run stands

    Raises
    ------
    ValueError
        If the folder holds a run already (resume=False) or another run (resume=True), or the teacher does not fit.
    """
    keep_freed_memory()
    # what this run is, and where it begins: at step 0, or where the folder's checkpoint stands
    run_is = describe(preset, seed, teacher)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    train_streams, held_out, corpus = data.load_streams()
    state = resume_state(preset, out, run=run_is, corpus=corpus) if resume else start_state(preset, out, seed)
    # a view of the parameters: what is measured is always the latest
    model = TransformerLM(preset.config, state.params)
    log = RunLog(out / "log.jsonl", state.step, state.seconds)
    with ThreadPoolExecutor(WORKERS) as pool:

        def measure(limit: int | None) -> dict[str, float]:
            return evaluate(model, held_out, window=preset.window, pool=pool, teacher=teacher, limit=limit)

        # Ctrl-C is seen between steps: what is saved is a whole step
        with interruption() as interrupted:
            while state.step < preset.steps and not interrupted.is_set():
                # one step
                tokens = next_batch(preset, train_streams, seed=seed, step=state.step)
                bits = training_step(preset, state, tokens, pool=pool, teacher=teacher)
                state.seconds = log.seconds
                # what it tells
                report = StepReport(state.step, preset.steps, bits, tokens[:, 1:].size)
                log.count(report)
                if state.step % EVALUATE_EVERY == 0:
                    log.write(step=state.step, **measure(QUICK_EVALUATION))
                # what a crash may not cost: at most a few minutes
                if log.is_due():
                    save_state(out, preset, state, run=run_is, corpus=corpus)
                on_step(report)
            save_state(out, preset, state, run=run_is, corpus=corpus)
        # done: a small file without moments, and the numbers on all of the held-out text
        if state.step == preset.steps and not interrupted.is_set():
            checkpoint.save(out / "model.npz", preset.config, state.params, dtype=np.float16, corpus=corpus)
            log.write(step=state.step, full=True, **measure(None))
    return state


def next_batch(preset: Preset, streams: dict[str, np.ndarray], *, seed: int, step: int) -> np.ndarray:
    """Return the (B, T+1) tokens of a step; the last tenth of the run has half as many windows, twice as long.

    Parameters
    ----------
    preset : Preset, gives batch and window
    streams : dict of (n,) arrays, training tokens
    seed, step : int, name the batch

    Returns
    -------
    (B, T+1) int64 array
    """
    # long windows at the end: a model that never saw position 300 predicts badly there
    size, window = preset.batch, preset.window
    if step >= preset.steps - preset.steps // 10:
        size = size // 2
        window = window * 2
    return data.batch(streams, seed=seed, step=step, size=size, window=window)


def n_shards(n_positions: int) -> int:
    """Say into how many parts a step's batch is cut: 1, 2 or 4, by its size alone.

    Parameters
    ----------
    n_positions : int, B · T

    Examples
    --------
    >>> [n_shards(n) for n in (512, 1024, 2048, 8192)]
    [1, 2, 4, 4]
    """
    return max(n for n in (1, 2, SHARDS) if n == 1 or n_positions >= n * SHARD_SIZE)


def training_step(
    preset: Preset, state: State, tokens: np.ndarray, *, pool: Executor, teacher: TransformerLM | None = None
) -> float:
    """Take one step and return the loss before it.

    Parameters
    ----------
    preset : Preset, gives config and schedule
    state : State, changed in place
    tokens : (B, T+1) int array, B must be a multiple of the number of shards
    pool : Executor, runs the shards
    teacher : TransformerLM, optional, its distributions are the targets, else the tokens are

    Returns
    -------
    float, cross-entropy to the targets, bits per character
    """
    # first learn the teacher's distributions, then to be accepted by it
    is_late = teacher is not None and 2 * state.step >= preset.steps
    criterion = acceptance_criterion if is_late else cross_entropy

    def shard_loss(rows: np.ndarray) -> tuple[float, np.ndarray]:
        read = rows[:, :-1]
        targets = rows[:, 1:] if teacher is None else next_token_probs(teacher, read)
        loss, grads = loss_and_grads(preset.config, state.params, read, targets, criterion=criterion)
        return loss, flatten(grads, shapes(preset.config))[0]

    # the shards' gradients are added in fixed order, whichever thread is first
    shards = np.split(tokens, n_shards(tokens[:, 1:].size))
    losses, grads = zip(*(map if len(shards) == 1 else pool.map)(shard_loss, shards), strict=True)
    grad = grads[0]
    for other in grads[1:]:
        grad += other
    grad *= 1.0 / len(shards)
    # one step of the optimizer on all parameters at once
    clip_by_norm(grad, 1.0)
    lr = learning_rate(state.step, steps=preset.steps, peak=preset.lr, warmup=min(100, preset.steps // 10 + 1))
    state.optimizer.update(state.flat, grad, lr)
    state.step += 1
    return float(sum(losses)) / len(shards) / math.log(2)
