"""How good a model is on text that it was not trained on.

Bits per character, and for a draft the acceptance rate against its teacher, on held-out code and prose.
"""

import math
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

import numpy as np

from specsample.training import data
from specsample.training.distil import ROWS, acceptance_on_text
from specsample.transformer.layers import cross_entropy
from specsample.transformer.lm import TransformerLM
from specsample.transformer.model import forward


def bits_per_character(model: TransformerLM, windows: np.ndarray, *, skip: int = 0) -> float:
    """Measure the loss on given text.

    Parameters
    ----------
    model : TransformerLM
    windows : (B, T+1) int array, T inputs and, one further, T targets
    skip : int, positions at the start of each window that do not count

    Returns
    -------
    float, mean of −log2 p(target), bits per character
    """
    logits = forward(model.config, model.params, windows[:, :-1])
    return cross_entropy(logits[:, skip:], windows[:, skip + 1 :])[0] / math.log(2)


def evaluate(
    model: TransformerLM,
    held_out: dict[str, np.ndarray],
    *,
    window: int,
    pool: Executor,
    teacher: TransformerLM | None = None,
    limit: int | None = None,
) -> dict[str, float]:
    """Measure a model on held-out text of each kind.

    Parameters
    ----------
    model : TransformerLM
    held_out : dict of (n,) arrays, held-out tokens of each kind
    window : int, T, characters predicted at a time; as many before them are read
    pool : Executor, runs batches of windows
    teacher : TransformerLM, optional, the target that the model drafts for
    limit : int, optional, characters of each kind, a fixed sample; all if None

    Returns
    -------
    dict, held_out_code and held_out_prose, bits per character; with a teacher acceptance_code and acceptance_prose
    """
    result = {}
    for kind, stream in held_out.items():
        # every character is predicted once, with a window of text before it
        windows = data.held_out_windows(stream, window=window, context=window, limit=limit)
        measure = partial(bits_per_character, model, skip=window)
        result[f"held_out_{kind}"] = _mean(measure, windows, pool)
        # a draft's worth is how often its teacher would keep it
        if teacher is not None:
            measure = partial(acceptance_on_text, teacher, model, skip=window)
            result[f"acceptance_{kind}"] = _mean(measure, windows, pool)
    return result


def _mean(measure: Callable[[np.ndarray], float], windows: np.ndarray, pool: Executor) -> float:
    """Average a measure over windows, a few at a time."""
    parts = np.array_split(windows, math.ceil(len(windows) / ROWS))
    return sum(pool.map(lambda rows: measure(rows) * len(rows), parts)) / len(windows)
