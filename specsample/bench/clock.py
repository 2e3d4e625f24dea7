"""Times whose ratios mean something: in turns, many times, the median.

Whatever else the machine does then slows all jobs down alike.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Median and quartiles of repeated measurements, in seconds."""

    median: float
    lower: float
    upper: float

    def scaled(self, factor: float) -> "Spread":
        """Multiply all three, to change the unit or to share them out."""
        return Spread(*(factor * value for value in self))


def spread(seconds: Any) -> Spread:
    """Sum measurements up.

    Parameters
    ----------
    seconds : (n,) array or sequence of float

    Examples
    --------
    >>> spread([1.0, 2.0, 6.0])
    Spread(median=2.0, lower=1.5, upper=4.0)
    """
    lower, median, upper = np.quantile(np.asarray(seconds, float), (0.25, 0.5, 0.75))
    return Spread(float(median), float(lower), float(upper))


def in_turns(
    jobs: Mapping[Any, Callable[[], Any]],
    repeats: int,
    *,
    is_warm: bool = False,
    after: Callable[[Any], Any] = lambda job: None,
    on_call: Callable[[], Any] = lambda: None,
) -> dict[Any, list[float]]:
    """Call every job once, then every job again, `repeats` times, and measure each call.

    Parameters
    ----------
    jobs : mapping from names to functions without arguments
    repeats : int >= 1
    is_warm : bool, call each job once more, unmeasured, right before: its data is then where a loop would have it
    after : function of a job's name, called after each call of that job, unmeasured, for what must be undone
    on_call : function without arguments, called after each call, for a progress bar

    Returns
    -------
    dict from names to lists of `repeats` seconds
    """
    seconds: dict[Any, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            # once more, unmeasured, so that its data lies where a loop would have it
            if is_warm:
                job()
                after(name)
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
            after(name)
            on_call()
    return seconds
