"""Chunks of streams: the verdict does not depend on who draws them.

A chunk is a fixed number of streams with a seed of its own. Chunks are started ahead on any
`concurrent.futures.Executor` and always read in one order. A sampler that raises, hangs or answers nonsense ends in a
`Broken` that says what to do.
"""

import pickle
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import closing
from dataclasses import replace
from functools import lru_cache, partial
from itertools import islice
from time import monotonic
from typing import Any, NamedTuple

from specsample.conformance.adapters import Adapter, Broken, Sample, Seeds, Tabled
from specsample.conformance.branches import efficiency
from specsample.conformance.evidence.cells import distinct
from specsample.conformance.pack.packed import PackedProbe, load_probes
from specsample.conformance.watch import guarded, stacks
from specsample.distributions import Array

AHEAD = 16  # chunks started before the oldest one has been read
FIRST, LARGEST = 512, 16_384  # streams of a probe's first chunk, and of its largest


class Task(NamedTuple):
    """What one worker has to do."""

    adapter: Adapter
    source: Any  # the name of a shipped probe, a PackedProbe, or a Tabled
    n: int
    seeds: Seeds
    time_limit: float
    keep: bool = False  # send all streams and rounds back, not only their counts


class Chunk(NamedTuple):
    """What came of a task."""

    texts: Array  # (M, L), the different ones, padded with -1
    counts: Array  # how often each came
    violations: Counter[str]
    efficiency: Array  # (4,), see `branches.efficiency`
    sample: Sample | None


def run(task: Task) -> Chunk:
    """Draw the streams of one task.

    Raises
    ------
    Broken
        If the sampler raises, hangs or returns what is no text.
    """
    setting = setting_of(task.source)
    draw = partial(task.adapter.sample, setting, task.n, task.seeds)
    sample = guarded(draw, task.time_limit, task.adapter.last)
    texts, counts = distinct(sample.tokens, setting.vocab_size)
    return Chunk(texts, counts, sample.violations, efficiency(sample, setting), sample if task.keep else None)


def run_all(tasks: Iterable[Task], executor: Executor | None) -> Generator[Chunk, None, None]:
    """Run tasks, ahead where there is an executor, and yield their chunks in the tasks' order.

    Parameters
    ----------
    tasks : iterable of Task
    executor : concurrent.futures.Executor, or None for this process

    Raises
    ------
    Broken
        If the sampler breaks its contract, or a worker dies.
    TypeError
        If the adapter cannot be sent to a worker.
    """
    if executor is None:
        yield from map(run, tasks)
        return
    # some are always ahead, and the oldest is read first: the order of chunks is the tasks', whoever is faster
    waiting: deque[Future[Chunk]] = deque()
    source = iter(tasks)
    try:
        while True:
            for task in islice(source, AHEAD - len(waiting)):
                waiting.append(executor.submit(run, task))
            if not waiting:
                return
            yield _result(waiting.popleft())
    finally:
        for future in waiting:
            future.cancel()


def run_surviving(
    tasks: Sequence[Task], executor: Executor | None, broken: list[str]
) -> Generator[tuple[int, Chunk], None, None]:
    """Run tasks as `run_all` does; where the sampler raises, go on with the tasks of the other sources.

    Parameters
    ----------
    tasks : sequence of Task
    executor : concurrent.futures.Executor, or None for this process
    broken : list of str, to which is appended what was raised

    Yields
    ------
    (number of the task, Chunk), in the tasks' order

    Raises
    ------
    Broken
        If a call lasts too long: it would again on every source.
    """
    left = list(enumerate(tasks))
    while left:
        n = 0
        began = monotonic()
        try:
            with closing(run_all((task for _, task in left), executor)) as chunks:
                for (i, _), chunk in zip(left, chunks, strict=True):
                    n = n + 1
                    yield i, chunk
                    began = monotonic()
        except Broken as error:
            if monotonic() - began >= left[n][1].time_limit:
                raise
            source = left[n][1].source
            broken.append(f"on probe {source}, {error}" if isinstance(source, str) else str(error))
        # what raised is not asked again
        left = [(i, task) for i, task in left[n + 1 :] if task.source is not left[n][1].source]


def _result(future: "Future[Chunk]") -> Chunk:
    """Wait for a chunk; say what to do where the executor could not make one."""
    try:
        return future.result()
    except BrokenExecutor as error:
        said = f"a worker process died while the sampler ran: {error}. Run it with executor=None."
        raise Broken("\n".join([said, stacks()]).rstrip()) from error
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(
            f"the adapter cannot be sent to another process: {error}. Define the function at the top of a module, "
            "not inside a function or as a lambda, or leave executor out."
        ) from error


@lru_cache(maxsize=64)
def _shipped(name: str) -> Tabled:
    """Build the setting of a shipped probe, once in a process."""
    return setting_of(load_probes([name])[0])


def setting_of(source: Any) -> Tabled:
    """Build what an adapter is asked, from a probe, its name, or a Tabled."""
    if isinstance(source, str):
        return _shipped(source)
    if isinstance(source, Tabled):
        return source
    return Tabled.of(source.setting, source.name)


def light(probe: PackedProbe) -> PackedProbe:
    """Leave out of a probe what no worker needs."""
    return replace(probe, rule_laws={}, required_n={})


def sizes(total: int) -> list[int]:
    """Cut a number of streams into chunks that double up to a largest size."""
    parts: list[int] = []
    size = FIRST
    while total > 0:
        parts.append(min(size, total))
        total = total - parts[-1]
        size = min(2 * size, LARGEST)
    return parts


def in_turn(totals: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (question, chunk, streams): every question's first chunk, then every one's second, and so on.

    Examples
    --------
    >>> list(in_turn([600, 500]))
    [(0, 0, 512), (1, 0, 500), (0, 1, 88)]
    """
    parts = [sizes(total) for total in totals]
    for j in range(max(map(len, parts))):
        yield from ((i, j, part[j]) for i, part in enumerate(parts) if j < len(part))
