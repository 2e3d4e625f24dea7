"""What a training run must keep to go on, bit for bit.

Parameters, both moments, the step, and the run's description: a checkpoint is only resumed as what it is.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from specsample.training.distil import fingerprint
from specsample.training.optim import AdamW, flatten, n_decayed
from specsample.training.presets import Preset
from specsample.transformer import checkpoint
from specsample.transformer.config import init_params, shapes
from specsample.transformer.lm import TransformerLM


@dataclass
class State:
    """Everything that a step changes."""

    flat: np.ndarray  # (n_params,), all parameters
    params: dict[str, np.ndarray]  # views into `flat`
    optimizer: AdamW
    step: int = 0  # steps taken
    seconds: float = 0.0  # time spent, interruptions excluded


def describe(preset: Preset, seed: int, teacher: TransformerLM | None = None) -> dict[str, Any]:
    """Return what makes a run this run, as a dict that can be written as JSON and compared.

    Raises
    ------
    ValueError
        If the teacher has another vocabulary or cannot read the preset's windows.
    """
    sizes = {"seed": seed, "steps": preset.steps, "batch": preset.batch, "window": preset.window, "lr": preset.lr}
    if teacher is None:
        return sizes
    V = preset.config.vocab_size
    longest = 2 * preset.window
    if teacher.vocab_size != V or teacher.max_length < longest:
        raise ValueError(
            f"teacher must have vocab_size {V} and max_length >= {longest}; got {teacher.vocab_size} and "
            f"{teacher.max_length}. Was it trained with another tokenizer or on shorter windows?"
        )
    return sizes | {"teacher": fingerprint(teacher)}


def start_state(preset: Preset, out: Path, seed: int) -> State:
    """Draw the first parameters; ValueError if the folder holds a checkpoint."""
    if (out / "checkpoint.npz").exists():
        raise ValueError(f"{out} must not hold a run; got a checkpoint. Resume it, or choose another folder?")
    return _state(preset, init_params(preset.config, np.random.default_rng(seed)))


def save_state(out: Path, preset: Preset, state: State, *, run: dict[str, Any], corpus: str) -> None:
    """Write everything that `resume_state` needs; run is what `describe` makes, corpus a hash."""
    moments = {"first": state.optimizer.first, "second": state.optimizer.second}
    notes = {"step": state.step, "seconds": state.seconds, "corpus": corpus, "run": run}
    checkpoint.save(out / "checkpoint.npz", preset.config, state.params, **moments, **notes)


def resume_state(preset: Preset, out: Path, *, run: dict[str, Any], corpus: str) -> State:
    """Read a run back and check that it is the one asked for.

    Raises
    ------
    FileNotFoundError
        If the folder holds no checkpoint.
    ValueError
        If it holds another run, or one on another text.
    """
    # the run must be the one that is asked for, on the same text
    config, params, extra = checkpoint.load(out / "checkpoint.npz")
    if config != preset.config or extra.get("run") != run:
        raise ValueError(
            f"{out} must hold the run to resume, {run}; got {extra.get('run')} of {config}. "
            "Another preset, seed or teacher?"
        )
    if extra["corpus"] != corpus:
        raise ValueError(
            f"{out} must hold a run on the text of this Python, {corpus[:8]}...; got {extra['corpus'][:8]}.... "
            "Was it begun with another version of Python?"
        )
    # everything that a step changes, moments included
    state = _state(preset, params)
    state.step = extra["step"]
    state.seconds = extra["seconds"]
    state.optimizer.count = extra["step"]
    state.optimizer.first[:] = extra["first"]
    state.optimizer.second[:] = extra["second"]
    return state


def _state(preset: Preset, params: dict[str, np.ndarray]) -> State:
    """Put parameters into one flat vector, with fresh moments beside it."""
    order = shapes(preset.config)
    flat, views = flatten(params, order)
    return State(flat, views, AdamW(flat.size, n_decayed(order)))
