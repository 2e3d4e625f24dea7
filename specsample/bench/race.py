"""A run and its baseline with the time of every pass: a race.

Where do the seconds go? Both ways of decoding continue one prompt in turns, with the same numbers every time, so that
every pass is measured several times and its median is meant.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsample.autoregressive import autoregressive
from specsample.bench.machine import describe_machine
from specsample.distributions import Array, Uniforms
from specsample.language_model import Context, LanguageModel
from specsample.speculative import generate
from specsample.trace import Record, Trace

Pass = tuple[float, float]  # seconds between the pass before and this one, and seconds of this one
Log = list[tuple[bool, float, float]]  # whether the target's, when it began, when it ended


@dataclass(frozen=True)
class Race(Record):
    """A run beside its autoregressive baseline, with the times of both: the viewer shows them over one axis."""

    trace: Trace
    baseline_tokens: list[int]
    baseline_passes: list[Pass]  # one a token
    passes: list[list[Pass]]  # of each round its draft passes, then the target's
    how: str  # what was measured where

    def facts(self) -> tuple[Sequence[int], list[Mapping[str, Any]]]:
        """Return the prompt, and every round."""
        return self.trace.facts()

    def times(self) -> Mapping[str, Any]:
        """Return the baseline's tokens and all passes, in milliseconds."""
        return {
            "tokens": self.baseline_tokens,
            "passes": [_milliseconds(measured) for measured in self.baseline_passes],
            "rounds": [[_milliseconds(measured) for measured in played] for played in self.passes],
            "how": self.how,
        }


def race(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int,
    rng: Uniforms,
    repeats: int = 5,
    keep_rows: bool = True,
    **settings: Any,
) -> tuple[list[int], Race]:
    """Continue a prompt both ways, in turns, and measure every pass.

    Parameters
    ----------
    prompt_tokens : sequence of int
    target_model, draft_model : LanguageModel
    K : int >= 0, drafts a round
    rng : numpy.random.Generator; every repeat starts from a copy of it, and so does the baseline
    repeats : int >= 1, runs of each, of which every pass has its median
    keep_rows : bool, as for `speculative.generate`
    **settings : passed on to `autoregressive` and `generate` (max_new_tokens, transform, stop)

    Returns
    -------
    (list of int, the new tokens; Race)

    Examples
    --------
    >>> from specsample.language_model import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> tokens, raced = race([0], other, other, K=2, rng=np.random.default_rng(0), max_new_tokens=4)
    >>> tokens, len(raced.baseline_passes), [len(passes) for passes in raced.passes]
    ([1, 0, 1, 0], 4, [3, 1])
    """
    # a Transformer lays out its weights at the first start: that belongs to neither
    for model in (target_model, draft_model):
        model.start()
    slow: list[list[Pass]] = []
    fast: list[list[Pass]] = []
    for _ in range(repeats):
        # the baseline, then the rounds, each with the same numbers as in every other repeat
        log: Log = []
        watched = Watched(target_model, log, is_target=True)
        begun = time.perf_counter()
        baseline = autoregressive(prompt_tokens, watched, rng=deepcopy(rng), **settings)
        slow.append(_passes(log, begun))
        log = []
        watched = Watched(target_model, log, is_target=True)
        drafter = Watched(draft_model, log, is_target=False)
        begun = time.perf_counter()
        tokens, trace = generate(
            prompt_tokens, watched, drafter, K=K, rng=deepcopy(rng), keep_rows=keep_rows, **settings
        )
        fast.append(_passes(log, begun))
    # whose pass is whose is the same in every repeat: a round ends with the target's
    ends = [i + 1 for i, (is_target, _, _) in enumerate(log) if is_target]
    medians = _medians(fast)
    rounds = [medians[begin:end] for begin, end in zip([0, *ends], ends)]
    machine = describe_machine()
    how = f"medians of {repeats} runs of each, in turns; {machine['processor']}, {machine['date']}"
    return tokens, Race(trace, baseline, _medians(slow), rounds, how)


class Watched:
    """A model whose passes are written down.

    Parameters
    ----------
    model : LanguageModel
    log : list that gets an entry (whether the target's, when it began, when it ended) for each pass, in seconds
    is_target : bool
    """

    def __init__(self, model: LanguageModel, log: Log, *, is_target: bool) -> None:
        self.model = model
        self.log = log
        self.is_target = is_target
        self.vocab_size = model.vocab_size
        self.max_length = getattr(model, "max_length", None)

    def start(self) -> "WatchedContext":
        """Begin an empty context."""
        return WatchedContext(self, self.model.start())


@dataclass(frozen=True)
class WatchedContext:
    """A context whose passes are written down."""

    watch: Watched
    context: Context

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.context.length

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens, and note when that began and ended."""
        begun = time.perf_counter()
        rows = self.context.extend(tokens)
        self.watch.log.append((self.watch.is_target, begun, time.perf_counter()))
        return rows

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        self.context.rollback(length)


def _passes(log: Log, begun: float) -> list[Pass]:
    """Turn times of day into the time before each pass and the time of it."""
    ends = [begun, *(end for _, _, end in log)]
    return [(begin - before, end - begin) for before, (_, begin, end) in zip(ends, log)]


def _medians(repeats: Iterable[list[Pass]]) -> list[Pass]:
    """Take the median of each pass over the repeats, which consist of the same passes."""
    return [(float(idle), float(busy)) for idle, busy in np.median([*repeats], axis=0).reshape(-1, 2)]


def _milliseconds(measured: Pass) -> list[float]:
    """Write a pass in milliseconds, with the digits that mean something."""
    return [float(f"{1000 * seconds:.4g}") for seconds in measured]
