"""Is a sampler lossless? Ask it the probes' questions and gather evidence until a verdict is due.

`check` is the whole kit in one call. Contract first, then the law of what it emits on every probe, chunk by chunk,
with one error budget for everything; after a FAIL, what is wrong and where. Read `statistics` for the evidence and
`adapters` for how a sampler is shown. Before this file: `report`; after it: `command`.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.adapters import Adapter, Broken, Sample
from specsample.conformance.chunks import Task, guarded, run, run_all, sizes
from specsample.conformance.contract import Pairs, same_whatever_the_seed, scripted, seeds_of
from specsample.conformance.diagnosis import ALONE, EXTRA, Guess, guess, merged, right_alone
from specsample.conformance.questions import INDEPENDENCE_SHARE, Case, cases_for, questions_for
from specsample.conformance.report import Report, report

SEED_STREAMS = 128
IF_FAILED = 3584  # streams of each probe where a contract check has failed, to name the mistake


class Progress(NamedTuple):
    """Tell how far a check has come."""

    streams: int
    needed: int
    log_e: float  # the largest evidence against the sampler so far
    probe: str


class Work(NamedTuple):
    """Hold what stays the same during a check."""

    adapter: Adapter
    cases: list[Case]
    seed: int
    executor: Executor | None
    time_limit: float
    alpha: float
    progress: Callable[[Progress], None]


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
    started, ask = perf_counter(), questions_for(adapter, probes)
    cases = cases_for(ask, alpha=alpha, eps=eps, power=power, budget=budget)
    work = Work(adapter, cases, seed, executor, time_limit, alpha, progress or (lambda _: None))
    findings, error, failed, diagnosis, is_scripted = list[str](), "", None, None, False
    try:
        is_scripted, findings = scripted(adapter, time_limit)
        fixed = fixed_seed(work)
        if not fixed:
            failed, dependent = first_failure(work, n_each=IF_FAILED if findings else None)
            diagnosis = diagnose(work, failed) if failed and not dependent else None
            findings += dependent
        findings += fixed
    except Broken as broken:
        error = str(broken)
    settings: dict[str, Any] = {"alpha": alpha, "eps": eps, "power": power, "seed": seed, "is_scripted": is_scripted}
    found: dict[str, Any] = {"findings": findings, "error": error, "failed": failed, "diagnosis": diagnosis}
    return report(adapter, cases, **settings, **found, seconds=perf_counter() - started)


def fixed_seed(work: Work) -> list[str]:
    """Ask twice with equal inputs and different seeds.

    Parameters
    ----------
    work : Work

    Returns
    -------
    findings
    """
    case = _liveliest(work.cases)
    seeds = (seeds_of(work.seed, 9, 0), seeds_of(work.seed, 9, 0, sampler=(9, 1)))
    first, second = (_sample(work, case, SEED_STREAMS, each) for each in seeds)
    said = same_whatever_the_seed(first, second, case.question.law)
    return [said] if said else []


def first_failure(work: Work, n_each: int | None = None) -> tuple[Case | None, list[str]]:
    """Draw chunk after chunk of every probe in turn, until one is rejected or all have had their streams.

    Parameters
    ----------
    work : Work
    n_each : int, streams of each probe at most, or None

    Returns
    -------
    (Case that was rejected, or None; findings about outputs that depend on each other)
    """
    pairs_of, share = work.cases.index(_liveliest(work.cases)), work.alpha * INDEPENDENCE_SHARE / 2  # half each
    law = work.cases[pairs_of].question.law
    neighbours, consecutive, kept = Pairs(law, share), Pairs(law, share), list[Any]()
    plan = list(_plan(work, n_each))
    tasks = (_task(work, i, j, n, keep=i == pairs_of and j < 2) for i, j, n in plan)
    with closing(run_all(tasks, work.executor)) as chunks:
        for (i, _, _), chunk in zip(plan, chunks, strict=True):
            case = work.cases[i]
            case.add(chunk)
            if chunk.sample is not None:
                kept.append(case.question.cells_of(chunk.sample.tokens))
                neighbours.update(_adjacent(kept[-1]), "neighbouring rows")
                if len(kept) == 2:
                    n = min(map(len, kept))
                    consecutive.update(np.stack([kept[0][:n], kept[1][:n]], axis=1), "the same rows of two calls")
            _tell(work, case)
            if (found := [*neighbours.found, *consecutive.found]) or case.rejected_at is not None:
                return (case if case.rejected_at is not None else None), found
    return None, []


def diagnose(work: Work, failed: Case) -> Guess:
    """Draw a fixed number of streams more, and look for the mistake.

    Parameters
    ----------
    work : Work
    failed : Case
    """
    i = work.cases.index(failed)
    chunk = run(_task(work, i, max(1000, len(sizes(failed.limit))), EXTRA, keep=True))  # one that no plan has
    failed.add(chunk)
    assert chunk.sample is not None
    found = guess(work.cases, failed, chunk.sample)
    if found.id != "unknown" or not work.adapter.is_batched:
        return found
    seeds, setting = [seeds_of(work.seed, 3, i, j) for j in range(ALONE)], failed.question.setting
    alone = guarded(lambda: merged([work.adapter.sample(setting, 1, each) for each in seeds]), work.time_limit)
    return found._replace(where=[*found.where, *right_alone(failed, alone, chunk.sample)])


def _plan(work: Work, n_each: int | None) -> Iterator[tuple[int, int, int]]:
    """Yield (case, chunk, streams): every probe's first chunk, then every probe's second one, and so on."""
    parts = [sizes(case.limit if n_each is None else min(case.limit, n_each)) for case in work.cases]
    for j in range(max(map(len, parts))):
        yield from ((i, j, part[j]) for i, part in enumerate(parts) if j < len(part))


def _task(work: Work, i: int, j: int, n: int, *, keep: bool = False) -> Task:
    """Describe chunk j of case i; its seed depends on nothing else."""
    seeds = seeds_of(work.seed, 1, i, j)
    return Task(work.adapter, work.cases[i].question.source, n, seeds, work.time_limit, keep)


def _sample(work: Work, case: Case, n: int, seeds: Any) -> Sample:
    """Draw streams in this process."""
    return guarded(lambda: work.adapter.sample(case.question.setting, n, seeds), work.time_limit)


def _liveliest(cases: Sequence[Case]) -> Case:
    """Choose the probe on which equal outputs are least likely."""
    return min(cases, key=lambda case: float((np.asarray(case.question.law) ** 2).sum()))


def _adjacent(cells: Any) -> Any:
    """Pair rows 0 and 1, 2 and 3, and so on."""
    return cells[: len(cells) // 2 * 2].reshape(-1, 2)


def _tell(work: Work, last: Case) -> None:
    """Report progress."""
    streams, needed = (sum(numbers) for numbers in zip(*((c.evidence.n, c.limit) for c in work.cases), strict=True))
    log_e = max(case.log_e for case in work.cases)
    work.progress(Progress(streams, needed, log_e, last.question.name))


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
    if (found := check(adapter, **settings)).verdict != "PASS":
        raise AssertionError(str(found))
