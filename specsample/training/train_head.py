"""The training of a draft head on its target.

`python -m specsample.training.train_head` does it in minutes. A step reads a few windows of training text with the
target, once, and unrolls the head K steps from every position, against the target's own distributions: cross-entropy
in the first half of the run, the overlap itself in the second, as `training.distil` does it. The batch is a pure
function of (seed, step).
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from specsample.distributions import softmax
from specsample.drafts import head
from specsample.drafts.head_lm import PRETRAINED, save_head
from specsample.training import data
from specsample.training.distil import acceptance_criterion, fingerprint
from specsample.training.optim import AdamW, clip_by_norm, flatten, learning_rate, n_decayed
from specsample.training.runlog import StepReport, progress_bar
from specsample.transformer.allocator import keep_freed_memory
from specsample.transformer.layers import cross_entropy
from specsample.transformer.lm import TransformerLM, load, load_pair

HIDDEN, K, STEPS = 128, 4, 1500  # F; steps unrolled; steps of the optimizer
BATCH, WINDOW, PEAK = 4, 256, 4e-3  # windows a step, their characters, largest learning rate


def train_head(
    target: TransformerLM,
    *,
    hidden: int = HIDDEN,
    steps: int = STEPS,
    seed: int = 0,
    on_step: Callable[[StepReport], None] = lambda report: None,
) -> dict[str, np.ndarray]:
    """Train a head on the target's features and distributions over the training text.

    Parameters
    ----------
    target : TransformerLM, a character model
    hidden : int, F
    steps : int >= 1
    seed : int, of the first parameters and of the order of the text
    on_step : function of one StepReport, called after each step
    """
    keep_freed_memory()
    # one flat vector that every parameter is a view of, as in `training.train`
    streams = data.load_streams()[0]
    order = head.shapes(target.config.width, hidden)
    flat, params = flatten(head.init_params(target.config.width, hidden, np.random.default_rng(seed)), order)
    optimizer = AdamW(flat.size, n_decayed(order))
    for step in range(steps):
        # the batch is a pure function of (seed, step)
        tokens = data.batch(streams, seed=seed, step=step, size=BATCH, window=WINDOW)[:, :-1]
        losses, grads = step_gradient(target, params, tokens, is_late=2 * step >= steps)
        grad = flatten(grads, order)[0]
        clip_by_norm(grad, 1.0)
        optimizer.update(flat, grad, learning_rate(step, steps=steps, peak=PEAK))
        on_step(StepReport(step + 1, steps, losses[0] / math.log(2), tokens.size))
    return params


def step_gradient(
    target: TransformerLM, params: dict[str, np.ndarray], tokens: np.ndarray, *, is_late: bool
) -> tuple[list[float], dict[str, np.ndarray]]:
    """Let the target read windows of text, and the head learn from what it saw.

    Parameters
    ----------
    target : TransformerLM
    params : dict of arrays, the head's
    tokens : (B, T) int array
    is_late : bool, follow the overlap and not the cross-entropy

    Returns
    -------
    losses : list of K floats, cross-entropy in nats after 1 ... K steps
    grads : dict of arrays
    """
    # what the target saw, read once: features, distributions, embeddings
    output = head.output_matrix(target)
    known = head.features(target, tokens)
    p = softmax(known * target.params["norm"] @ output)
    embedded = target.params["embedding"][tokens]
    criterion = acceptance_criterion if is_late else cross_entropy
    return head.loss_and_grads(params, known, embedded, p, output=output, K=K, criterion=criterion)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train a head on the shipped target, or on another one, and write it."""
    parser = argparse.ArgumentParser(prog="train_head", description="Train a draft head on a target.")
    parser.add_argument("--target", type=Path, help="checkpoint (default: the one that comes with the package)")
    parser.add_argument("--out", type=Path, default=PRETRAINED, help="file to write")
    parser.add_argument("--hidden", type=int, default=HIDDEN, help=f"F, the width inside (default: {HIDDEN})")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of the optimizer (default: {STEPS})")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    # train, then write with what the head was trained on, so that another target refuses it
    target = load_pair()[0] if given.target is None else load(given.target)
    with progress_bar("head") as on_step:
        params = train_head(target, hidden=given.hidden, steps=given.steps, seed=given.seed, on_step=on_step)
    save_head(given.out, params, target=fingerprint(target), steps=given.steps, seed=given.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
