"""The asking of questions, chunk by chunk, until one is answered.

Every probe's first chunk, then every probe's second, so that a gross mistake shows before the first probe is done.
Where time is given, in ever finer passes: each is a whole check at an eps of its own.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from math import sqrt
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.adapters import Adapter
from specsample.conformance.chunks import LARGEST, Chunk, Task, in_turn, run_surviving
from specsample.conformance.contract import Pairs, adjacent, seeds_of
from specsample.conformance.questions import INDEPENDENCE_SHARE, Tally, liveliest

COARSEST = 0.5  # eps of the first pass, where time is given
Plan = list[tuple[int, int, int]]  # (tally, number of its chunk, streams)


class Progress(NamedTuple):
    """How far a check has come."""

    streams: int
    needed: int
    log_e: float  # the largest evidence against the sampler so far
    probe: str


class Check(NamedTuple):
    """What stays the same during a check."""

    adapter: Adapter
    tallies: list[Tally]
    seed: int
    executor: Executor | None
    time_limit: float
    alpha: float
    progress: Callable[[Progress], None]
    broken: list[str]  # what the sampler raised on some probes, while the others are judged
    eps: float
    until: float | None  # on the clock of `perf_counter`, or None


def first_failure(asked: Check, n_each: int | None = None) -> tuple[Tally | None, list[str]]:
    """Draw chunk after chunk of every probe in turn, until one is rejected, or all are done, or time is over.

    Parameters
    ----------
    asked : Check
    n_each : int, streams of each probe at most, or None

    Returns
    -------
    (Tally that was rejected, or None; findings about outputs that depend on each other)
    """
    # on one probe, that on which equal outputs are rarest, outputs are also watched for depending on each other
    watch = Neighbours(asked)
    for plan in passes(asked, n_each):
        tasks = [task(asked, i, j, n, keep=asked.tallies[i] is watch.tally and j < 2) for i, j, n in plan]
        with closing(run_surviving(tasks, asked.executor, asked.broken)) as chunks:
            for k, chunk in chunks:
                tally = asked.tallies[plan[k][0]]
                tally.add(chunk)
                watch.add(chunk)
                _tell(asked, tally)
                # stop at the first rejection: the evidence holds at any time
                is_rejected = tally.rejected_at is not None
                if watch.found or is_rejected:
                    return (tally if is_rejected else None), watch.found
                if asked.until is not None and perf_counter() > asked.until:
                    return None, []
    return None, []


class Neighbours:
    """Outputs of one probe that should not depend on each other: neighbours in a batch, rows of two calls."""

    def __init__(self, asked: Check) -> None:
        self.tally = liveliest(asked.tallies)
        share = asked.alpha * INDEPENDENCE_SHARE / 2
        self.neighbours = Pairs(self.tally.question.law, share)
        self.consecutive = Pairs(self.tally.question.law, share)
        self.kept: list[Any] = []

    def add(self, chunk: Chunk) -> None:
        """Look at a chunk that was kept whole."""
        if chunk.sample is None:
            return
        self.kept.append(self.tally.question.cells_of(chunk.sample.tokens))
        self.neighbours.update(adjacent(self.kept[-1]), "neighbouring rows")
        if len(self.kept) == 2:
            n = min(map(len, self.kept))
            pairs = np.stack([self.kept[0][:n], self.kept[1][:n]], axis=1)
            self.consecutive.update(pairs, "the same rows of two calls")

    @property
    def found(self) -> list[str]:
        """What was found."""
        return [*self.neighbours.found, *self.consecutive.found]


def passes(asked: Check, n_each: int | None) -> Iterator[Plan]:
    """Yield one plan, or plans of ever finer passes as long as time lasts."""
    limits = [tally.limit if n_each is None else min(tally.limit, n_each) for tally in asked.tallies]
    if asked.until is None:
        yield list(in_turn(limits))
        return
    drawn = [0] * len(limits)
    chunks = [0] * len(limits)
    eps = max(COARSEST, asked.eps)
    while True:
        # what this pass needs beyond the ones before it
        began = perf_counter()
        plan: Plan = []
        for i, (tally, limit) in enumerate(zip(asked.tallies, limits, strict=True)):
            for start in range(drawn[i], min(limit, tally.needed_at(eps)), LARGEST):
                n = min(LARGEST, min(limit, tally.needed_at(eps)) - start)
                plan.append((i, chunks[i], n))
                chunks[i] += 1
                drawn[i] += n
        yield plan
        # twice as many streams next, or as many as the time that is left allows by what this pass took
        now = perf_counter()
        n = sum(n for _, _, n in plan)
        rest = 0.9 * n * (asked.until - now) / max(now - began, 1e-9)
        finer = eps * max(sqrt(1 / 2), sqrt(sum(drawn) / (sum(drawn) + max(rest, 0))))
        if eps <= asked.eps or finer > 0.97 * eps:
            return
        eps = max(finer, asked.eps)


def task(asked: Check, i: int, j: int, n: int, *, keep: bool = False) -> Task:
    """Describe chunk j of tally i; its seed depends on nothing else."""
    seeds = seeds_of(asked.seed, 1, i, j)
    return Task(asked.adapter, asked.tallies[i].question.source, n, seeds, asked.time_limit, keep)


def _tell(asked: Check, last: Tally) -> None:
    """Report progress."""
    streams = sum(tally.evidence.n for tally in asked.tallies)
    needed = sum(tally.limit for tally in asked.tallies)
    log_e = max(tally.log_e for tally in asked.tallies)
    asked.progress(Progress(streams, needed, log_e, last.question.name))
