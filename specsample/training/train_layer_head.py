"""The training of a one-layer head on text that its target wrote itself.

Four stages: the most frequent ids are kept; `fc` is solved for by least squares, in seconds; the layer learns the
target's distributions by cross-entropy; and then the overlap itself, while the learning rate falls. The target is not
asked again, for `own_text` has kept what it had in mind. A step is a pure function of (state, seed, step, text), so a
run that was killed goes on as if it had not been, and one may give it more text in between.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from specsample.drafts import layer_head
from specsample.drafts.layer_head_lm import PRETRAINED, save_layer_head
from specsample.files import read_arrays, write_arrays
from specsample.training.lesson import (
    Side,
    borrow,
    cross_entropy_of_cut,
    linear_start,
    load_texts,
    overlap_of_cut,
    overlaps,
    wanted_rows,
)
from specsample.training.optim import AdamW, clip_by_norm, flatten, learning_rate
from specsample.training.own_text import OwnText, load_text
from specsample.training.runlog import RunLog, StepReport, interruption, progress_bar
from specsample.transformer.allocator import keep_freed_memory
from specsample.transformer.config import Config
from specsample.transformer.lm import TransformerLM, load

EVALUATE_EVERY = 100  # steps
FC_PACE = 0.3  # of the learning rate: what least squares found shall not be undone


class Plan(NamedTuple):
    """How large the head is, and how it is trained."""

    first_steps: int  # by cross-entropy
    last_steps: int  # by the overlap
    n_ids: int = 8192  # V'
    hidden: int = 1536  # F
    batch: int = 4  # conversations a step
    K: int = 2  # steps unrolled
    lr: float = 4e-4
    seed: int = 0


class State:
    """Everything that a step changes: two groups of parameters, each with its moments."""

    def __init__(self, config: Config, params: dict[str, np.ndarray]) -> None:
        order = layer_head.shapes(config)
        self.flat, self.params = flatten(params, order)
        n_fc = params["fc"].size
        matrices = sum(value.size for name, value in params.items() if value.ndim == 2) - n_fc
        # the layer first, its matrices before its norms; fc, the last, keeps its size and goes slowly
        self.parts = slice(0, self.flat.size - n_fc), slice(self.flat.size - n_fc, self.flat.size)
        self.optimizers = AdamW(self.flat.size - n_fc, matrices), AdamW(n_fc, 0)
        self.step = 0
        self.seconds = 0.0

    def update(self, grad: np.ndarray, lr: float) -> None:
        """Take one step of the optimizers; grad is used up."""
        for part, optimizer, pace in zip(self.parts, self.optimizers, (1.0, FC_PACE), strict=True):
            optimizer.update(self.flat[part], grad[part], lr * pace)
        self.step += 1

    def save(self, path: Path, ids: np.ndarray) -> None:
        """Write all of it, in one file that is whole or not there."""
        moments = {
            f"{name}{i}": getattr(o, name) for i, o in enumerate(self.optimizers) for name in ("first", "second")
        }
        progress = {"step": np.array(self.step), "seconds": np.array(self.seconds)}
        write_arrays(path, {"flat": self.flat, "ids": ids, **moments, **progress})

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over what `save` wrote."""
        self.flat[:] = arrays["flat"]
        self.step = int(arrays["step"])
        self.seconds = float(arrays["seconds"])
        for i, optimizer in enumerate(self.optimizers):
            optimizer.count = self.step
            optimizer.first[:] = arrays[f"first{i}"]
            optimizer.second[:] = arrays[f"second{i}"]


def step_gradient(
    config: Config, plan: Plan, side: Side, *, state: State, text: OwnText
) -> tuple[list[float], np.ndarray]:
    """Return each depth's cross-entropy in nats on the step's conversations, and the flat gradient."""
    chosen = np.random.default_rng((plan.seed, state.step)).choice(len(text.tokens), plan.batch, replace=False)
    known, embedded, is_wanted, target_probs = wanted_rows(side, OwnText(*(part[chosen] for part in text)))
    losses, grads = layer_head.loss_and_grads(
        config,
        state.params,
        known,
        embedded,
        is_wanted=is_wanted,
        target_probs=target_probs,
        output=side.output,
        K=plan.K,
        criterion=cross_entropy_of_cut if state.step < plan.first_steps else overlap_of_cut,
    )
    return losses, flatten(grads, layer_head.shapes(config))[0]


def rate(plan: Plan, step: int) -> float:
    """Return the learning rate: level while the head learns distributions, falling while it learns the overlap."""
    late = step - plan.first_steps
    if late < 0:
        return min(1.0, (step + 1) / 40) * plan.lr
    return learning_rate(late, steps=plan.last_steps, peak=plan.lr, warmup=0, floor=0.03)


def train_layer_head(
    target: TransformerLM,
    text: OwnText,
    held_out: OwnText,
    *,
    out: str | Path,
    plan: Plan,
    on_step: Callable[[StepReport], None] = lambda report: None,
) -> dict[str, np.ndarray]:
    """Train a head, or go on with the run that a folder holds.

    Parameters
    ----------
    target : TransformerLM
    text, held_out : OwnText, to learn from, and on prompts kept apart
    out : str or Path, folder of the run, made if need be
    plan : Plan
    on_step : function of one StepReport, called after each step

    Returns
    -------
    dict of arrays, the parameters and the (V',) ids
    """
    keep_freed_memory()
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    config = layer_head.head_config(target.config, plan.hidden, plan.n_ids)
    # a run that goes on has its ids and parameters; a new one counts and solves
    path = out / "state.npz"
    saved = read_arrays(path) if path.exists() else {}
    ids = saved.get("ids", layer_head.frequent_ids(text.tokens, target.vocab_size, plan.n_ids))
    side = borrow(target, ids)
    fc = np.zeros((2 * config.width, config.width)) if saved else linear_start(text, side.embedded)
    state = State(config, layer_head.init_params(config, fc, np.random.default_rng(plan.seed)))
    if saved:
        state.restore(saved)
    log = RunLog(out / "log.jsonl", state.step, state.seconds)
    steps = plan.first_steps + plan.last_steps
    # Ctrl-C and a polite kill are seen between steps: what is saved is a whole step
    with interruption() as interrupted:
        while state.step < steps and not interrupted.is_set():
            # where it stands, on prompts kept apart
            if state.step % EVALUATE_EVERY == 0:
                log.write(
                    step=state.step, overlaps=[round(x, 4) for x in overlaps(config, state.params, side, held_out)]
                )
            losses, grad = step_gradient(config, plan, side, state=state, text=text)
            clip_by_norm(grad, 1.0)
            state.update(grad, rate(plan, state.step))
            state.seconds = log.seconds
            report = StepReport(state.step, steps, losses[0] / np.log(2), plan.batch * text.tokens.shape[1])
            log.count(report)
            if log.is_due():
                state.save(path, ids)
            on_step(report)
    state.save(path, ids)
    if state.step == steps:
        log.write(step=steps, overlaps=[round(x, 4) for x in overlaps(config, state.params, side, held_out)])
    return {**state.params, "ids": ids}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train SmolLM2's head on what `own_text` wrote, and write it."""
    parser = argparse.ArgumentParser(prog="train_layer_head", description="Train SmolLM2's draft head.")
    parser.add_argument("--text", type=Path, required=True, help="folder that specsample.training.own_text wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; one that is there goes on")
    parser.add_argument("--first-steps", type=int, default=600, help="by cross-entropy (default: 600)")
    parser.add_argument("--last-steps", type=int, default=640, help="by the overlap (default: 640)")
    given = parser.parse_args(arguments)
    plan = Plan(given.first_steps, given.last_steps)
    held_out = load_text(given.text.with_name(given.text.name + "-held-out.npz"))
    with progress_bar("head of SmolLM2") as on_step:
        target = load("smollm2")
        params = train_layer_head(target, load_texts(given.text), held_out, out=given.out, plan=plan, on_step=on_step)
    save_layer_head(given.out / PRETRAINED.name, params)
    return 0


if __name__ == "__main__":
    sys.exit(main())
