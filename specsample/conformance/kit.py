"""The judge: asks the questions and gathers evidence until it can say.

Is a sampler lossless? `check` is the whole kit in one call. Contract first, then the law of what it emits on every
probe, chunk by chunk, with one error budget for everything; after a FAIL, what is wrong and where.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import closing, suppress
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.adapters import Adapter, Broken, Sample
from specsample.conformance.chunks import Task, in_turn, run, run_surviving, sizes
from specsample.conformance.contract import Pairs, adjacent, own_ways, same_whatever_the_seed, seeds_of
from specsample.conformance.diagnosis import ALONE, EXTRA, Guess, guess, merged, right_alone, separating
from specsample.conformance.edges import at_the_edges
from specsample.conformance.questions import INDEPENDENCE_SHARE, Tally, liveliest, questions_for, tallies_for
from specsample.conformance.report import Report, report
from specsample.conformance.watch import guarded

SEED_STREAMS = 128
IF_FAILED = 3584  # streams of each probe where a contract check has failed, to name the mistake


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


@np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
def check(
    adapter: Adapter,
    *,
    probes: Any = "standard",
    alpha: float = 1e-6,
    eps: float = 0.02,
    power: float = 0.999,
    budget: int | None = None,
    seed: int = 0,
    executor: Executor | None = None,
    time_limit: float = 60.0,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Judge a sampler.

    Parameters
    ----------
    adapter : Adapter, from `from_verify`, `from_step`, `from_generate`, ...
    probes : "standard", names of shipped probes, or a list of PackedProbe
    alpha : float, the probability that a lossless sampler gets FAIL, over the whole check
    eps : float, total variation that a PASS excludes
    power : float, the probability that a deviation by eps would have been found
    budget : int, streams in all, or None for as many as eps needs
    seed : int, of everything that is drawn
    executor : concurrent.futures.Executor or None for this process; the verdict does not depend on it
    time_limit : float, seconds on the clock for one call of the sampler
    progress : function called with a Progress after every chunk, or None

    Returns
    -------
    Report; its verdict is FAIL, PASS, INCONCLUSIVE or INVALID

    Raises
    ------
    ValueError
        If a number lies outside its range.
    TypeError
        If adapter is no Adapter, or cannot be sent to the executor.

    Examples
    --------
    >>> from specsample.conformance.adapters import from_verify
    >>> check(from_verify(lambda x, q, p, rng: np.hstack([x, x[:, :1]]), name="drafts and one more")).verdict
    'FAIL'
    """
    _check_numbers(adapter, {"alpha": alpha, "eps": eps, "power": power}, budget, time_limit)
    # what is asked, and how many streams each question may take
    started = perf_counter()
    ask = questions_for(adapter, probes)
    tallies = tallies_for(ask, alpha=alpha, eps=eps, power=power, budget=budget)
    asked = Check(adapter, tallies, seed, executor, time_limit, alpha, progress or (lambda _: None), [])
    # whatever breaks the contract ends the check; what was found until then is reported
    findings: list[str] = []
    warnings: list[str] = []
    failed = None
    diagnosis = None
    is_scripted = False
    try:
        # first the contract, which costs a few calls
        adapter.last.forget()
        findings, warnings, is_scripted = at_the_edges(adapter, seed, time_limit)
        fixed, own = seeds_compared(asked)
        warnings += own
        # then the law, which costs thousands; with a fixed seed there is none to judge
        if not fixed:
            failed, dependent = first_failure(asked, n_each=IF_FAILED if findings else None)
            diagnosis = diagnose(asked, failed) if failed and not dependent else None
            findings += dependent
        findings += fixed
    except Broken as broken:
        asked.broken.append(str(broken))
    finally:
        adapter.end()
    # verdict and words
    settings: dict[str, Any] = {"alpha": alpha, "eps": eps, "power": power, "seed": seed, "is_scripted": is_scripted}
    error = "".join(asked.broken[:1])
    found: dict[str, Any] = {"findings": findings, "error": error, "failed": failed, "diagnosis": diagnosis}
    return report(adapter, tallies, **settings, **found, warnings=warnings, seconds=perf_counter() - started)


def seeds_compared(asked: Check) -> tuple[list[str], list[str]]:
    """Ask with equal inputs and different seeds, then with equal seeds: findings and warnings."""
    tally = liveliest(asked.tallies)
    one = seeds_of(asked.seed, 9, 0)
    other = seeds_of(asked.seed, 9, 0, sampler=(9, 1))
    first, second, again = (_sample(asked, tally, SEED_STREAMS, each) for each in (one, other, one))
    said = same_whatever_the_seed(first, second, tally.question.law, tally.question.setting)
    return [said] if said else [], own_ways(asked.adapter, first, again)


def first_failure(asked: Check, n_each: int | None = None) -> tuple[Tally | None, list[str]]:
    """Draw chunk after chunk of every probe in turn, until one is rejected or all have had their streams.

    Parameters
    ----------
    asked : Check
    n_each : int, streams of each probe at most, or None

    Returns
    -------
    (Tally that was rejected, or None; findings about outputs that depend on each other)
    """
    # on one probe, that on which equal outputs are rarest, outputs are also watched for depending on each other
    pairs_of = asked.tallies.index(liveliest(asked.tallies))
    share = asked.alpha * INDEPENDENCE_SHARE / 2
    law = asked.tallies[pairs_of].question.law
    neighbours = Pairs(law, share)
    consecutive = Pairs(law, share)
    kept: list[Any] = []
    # every probe's first chunk, then every probe's second: a gross mistake shows before the first probe is done
    limits = [tally.limit if n_each is None else min(tally.limit, n_each) for tally in asked.tallies]
    plan = list(in_turn(limits))
    tasks = [_task(asked, i, j, n, keep=i == pairs_of and j < 2) for i, j, n in plan]
    with closing(run_surviving(tasks, asked.executor, asked.broken)) as chunks:
        for k, chunk in chunks:
            tally = asked.tallies[plan[k][0]]
            tally.add(chunk)
            # neighbours in a batch, and the same rows of two calls
            if chunk.sample is not None:
                kept.append(tally.question.cells_of(chunk.sample.tokens))
                neighbours.update(adjacent(kept[-1]), "neighbouring rows")
                if len(kept) == 2:
                    n = min(map(len, kept))
                    consecutive.update(np.stack([kept[0][:n], kept[1][:n]], axis=1), "the same rows of two calls")
            _tell(asked, tally)
            # stop at the first rejection: the evidence holds at any time
            found = [*neighbours.found, *consecutive.found]
            is_rejected = tally.rejected_at is not None
            if found or is_rejected:
                return (tally if is_rejected else None), found
    return None, []


def diagnose(asked: Check, failed: Tally) -> Guess:
    """Draw a fixed number of streams more, and look for the mistake."""
    i = asked.tallies.index(failed)
    # a chunk that no plan has, with its rounds
    n = EXTRA if not failed.question.least_eps else EXTRA // 3
    chunk = run(_task(asked, i, max(1000, len(sizes(failed.limit))), n, keep=True))
    failed.add(chunk)
    assert chunk.sample is not None
    # a name is given only if it also fits where it differs most from the next best
    other = separating(asked.tallies, failed)
    if other is not None:
        with suppress(Broken):  # what it raises on one probe more is another matter
            other.add(run(_task(asked, asked.tallies.index(other), max(1000, len(sizes(other.limit))), EXTRA)))
    found = guess(asked.tallies, failed, chunk.sample)
    if found.id != "unknown" or not asked.adapter.is_batched:
        return found
    # no mistake that we know: is it only wrong in a batch?
    seeds = [seeds_of(asked.seed, 3, i, j) for j in range(ALONE)]
    setting = failed.question.setting
    draw = lambda: merged([asked.adapter.sample(setting, 1, each) for each in seeds])  # noqa: E731
    alone = guarded(draw, asked.time_limit, asked.adapter.last)
    return found._replace(where=[*found.where, *right_alone(failed, alone, chunk.sample)])


def _task(asked: Check, i: int, j: int, n: int, *, keep: bool = False) -> Task:
    """Describe chunk j of tally i; its seed depends on nothing else."""
    seeds = seeds_of(asked.seed, 1, i, j)
    return Task(asked.adapter, asked.tallies[i].question.source, n, seeds, asked.time_limit, keep)


def _sample(asked: Check, tally: Tally, n: int, seeds: Any) -> Sample:
    """Draw streams in this process."""
    draw = partial(asked.adapter.sample, tally.question.setting, n, seeds)
    return guarded(draw, asked.time_limit, asked.adapter.last)


def _tell(asked: Check, last: Tally) -> None:
    """Report progress."""
    streams = sum(tally.evidence.n for tally in asked.tallies)
    needed = sum(tally.limit for tally in asked.tallies)
    log_e = max(tally.log_e for tally in asked.tallies)
    asked.progress(Progress(streams, needed, log_e, last.question.name))


def _check_numbers(adapter: Any, shares: dict[str, float], budget: Any, time_limit: float) -> None:
    """Refuse arguments that make no sense."""
    if not isinstance(adapter, Adapter):
        raise TypeError(f"adapter must come from from_verify or one like it; got {type(adapter).__name__}.")
    for name, value in shares.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie strictly between 0 and 1; got {value}.")
    if (budget is not None and budget < 1) or not time_limit > 0:
        raise ValueError(f"budget must be at least 1 stream and time_limit above 0 s; got {budget} and {time_limit}.")


def assert_lossless(adapter: Adapter, **settings: Any) -> None:
    """Raise AssertionError with the report unless the verdict is PASS, for a test.

    Parameters
    ----------
    adapter, **settings : as for `check`

    Raises
    ------
    AssertionError
        If the verdict is another than PASS; the message is the report.

    Examples
    --------
    >>> from specsample.conformance.adapters import from_verify
    >>> assert_lossless(from_verify(lambda x, q, p, rng: np.hstack([x, x])))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    AssertionError: FAIL
    """
    __tracebackhide__ = True  # pytest shows the line of the test, not ours
    found = check(adapter, **settings)
    if found.verdict != "PASS":
        raise AssertionError(str(found))
