"""The time of a pass of n rows against one row: the curve of ρ.

A pass is measured as the samplers call it, `extend` with its softmax and the check of its rows, right after another
of the same length, as in a loop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsample.bench.clock import Spread, in_turns, spread
from specsample.language_model import Transformed
from specsample.transformer.lm import TransformerLM


@dataclass(frozen=True)
class PassTimes:
    """Times of passes of one model at one context length.

    Parameters
    ----------
    model : str, its name
    context : int, tokens read before the pass
    seconds : dict from a number of rows to a Spread
    read_seconds : Spread, to read every weight once with one thread, which no 1-row pass can beat
    weight_bytes : int
    """

    model: str
    context: int
    seconds: dict[int, Spread]
    read_seconds: Spread
    weight_bytes: int

    def ratio(self, rows: int) -> float:
        """Return ρ: the median time of a pass of `rows` rows over that of 1 row.

        Parameters
        ----------
        rows : int, one of those measured
        """
        return self.seconds[rows].median / self.seconds[1].median


def pass_times(
    name: str,
    model: TransformerLM,
    *,
    rows: Sequence[int] = tuple(range(1, 18)),
    context: int = 128,
    repeats: int = 30,
    on_call: Callable[[], Any] = lambda: None,
) -> PassTimes:
    """Measure passes of every number of rows in turns, each rolled back again.

    Parameters
    ----------
    name : str, how reports call the model
    model : TransformerLM
    rows : sequence of int >= 1, with 1 among them
    context : int >= 1, tokens read before
    repeats : int >= 1
    on_call : function without arguments, called after each measurement
    """
    reader = Transformed(model).start()
    tokens = np.random.default_rng(0).integers(model.vocab_size, size=context + max(rows)).tolist()
    reader.extend(tokens[:context])
    jobs: dict[Any, Any] = {n: lambda n=n: reader.extend(tokens[context : context + n]) for n in rows}
    weights = [array.reshape(-1) for array in model.params.values()]
    jobs["read"] = lambda: [np.dot(weight, weight) for weight in weights]
    for job in jobs.values():  # the first call of each kind chooses layouts and fills caches
        job()
        reader.rollback(context)
    found = in_turns(jobs, repeats, is_warm=True, after=lambda _: reader.rollback(context), on_call=on_call)
    read = spread(found.pop("read"))
    seconds = {n: spread(found[n]) for n in rows}
    return PassTimes(name, context, seconds, read, sum(weight.nbytes for weight in weights))
