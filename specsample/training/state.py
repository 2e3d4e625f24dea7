"""What must be kept of a training run so that it can go on, bit for bit, after any interruption?

Parameters, both moments, the step, and the run's description: a checkpoint is only resumed as what it is. Read
`optim.py` and `checkpoint.py` before, then `train.py`.
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
    """Hold everything that a step changes.

    Parameters
    ----------
    flat : (n_params,) array
        All parameters.
    params : dict of arrays
        Views into `flat`.
    optimizer : AdamW
    step : int
        Steps taken.
    seconds : float
        Time spent, interruptions excluded.
    """

    flat: np.ndarray
    params: dict[str, np.ndarray]
    optimizer: AdamW
    step: int = 0
    seconds: float = 0.0


def describe(preset: Preset, seed: int, teacher: TransformerLM | None = None) -> dict[str, Any]:
    """Return what makes a run this run.

    Parameters
    ----------
    preset : Preset
    seed : int
    teacher : TransformerLM, optional

    Returns
    -------
    dict
        What can be written as JSON and compared.

    Raises
    ------
    ValueError
        If the teacher has another vocabulary or cannot read the preset's windows.
    """
    sizes = {"seed": seed, "steps": preset.steps, "batch": preset.batch, "window": preset.window, "lr": preset.lr}
    if teacher is None:
        return sizes
    V, longest = preset.config.vocab_size, 2 * preset.window
    if teacher.vocab_size != V or teacher.max_length < longest:
        raise ValueError(
            f"teacher must have vocab_size {V} and max_length >= {longest}; got {teacher.vocab_size} and "
            f"{teacher.max_length}. Was it trained with another tokenizer or on shorter windows?"
        )
    return sizes | {"teacher": fingerprint(teacher)}


def start_state(preset: Preset, out: Path, seed: int) -> State:
    """Draw the first parameters.

    Parameters
    ----------
    preset : Preset
    out : Path
        Folder of the run, which must not hold one yet.
    seed : int

    Returns
    -------
    State

    Raises
    ------
    ValueError
        If the folder holds a checkpoint.
    """
    if (out / "checkpoint.npz").exists():
        raise ValueError(f"{out} must not hold a run; got a checkpoint. Resume it, or choose another folder?")
    return _state(preset, init_params(preset.config, np.random.default_rng(seed)))


def save_state(out: Path, preset: Preset, state: State, *, run: dict[str, Any], corpus: str) -> None:
    """Write everything that `resume_state` needs.

    Parameters
    ----------
    out : Path
        Folder of the run.
    preset : Preset
    state : State
    run : dict
        As `describe` makes it.
    corpus : str
        The corpus's hash.
    """
    moments = {"first": state.optimizer.first, "second": state.optimizer.second}
    notes = {"step": state.step, "seconds": state.seconds, "corpus": corpus, "run": run}
    checkpoint.save(out / "checkpoint.npz", preset.config, state.params, **moments, **notes)


def resume_state(preset: Preset, out: Path, *, run: dict[str, Any], corpus: str) -> State:
    """Read a run back and check that it is the one asked for.

    Parameters
    ----------
    preset : Preset
    out : Path
        Folder of the run.
    run : dict
        As `describe` makes it.
    corpus : str
        The corpus's hash.

    Returns
    -------
    State

    Raises
    ------
    FileNotFoundError
        If the folder holds no checkpoint.
    ValueError
        If it holds another run, or one on another text.
    """
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
    state = _state(preset, params)
    state.step, state.seconds, state.optimizer.count = extra["step"], extra["seconds"], extra["step"]
    state.optimizer.first[:], state.optimizer.second[:] = extra["first"], extra["second"]
    return state


def _state(preset: Preset, params: dict[str, np.ndarray]) -> State:
    """Put parameters into one flat vector, with fresh moments beside it."""
    order = shapes(preset.config)
    flat, views = flatten(params, order)
    return State(flat, views, AdamW(flat.size, n_decayed(order)))
