"""The judge: asks the questions and gathers evidence until it can say.

Is a sampler lossless? `check` is the whole kit in one call. Contract first, then the law of what it emits on every
probe, chunk by chunk, with one error budget for everything; after a FAIL, what is wrong and where.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from specsample.conformance.adapters import Adapter, Broken, Sample
from specsample.conformance.alone import ALONE, merged, right_alone
from specsample.conformance.asking import Check, Progress, first_failure, task
from specsample.conformance.chunks import run, sizes
from specsample.conformance.contract import own_ways, same_whatever_the_seed, seeds_of
from specsample.conformance.diagnosis import Guess, inquire
from specsample.conformance.edges import at_the_edges
from specsample.conformance.questions import Tally, eps_reached, liveliest, questions_for, tallies_for
from specsample.conformance.report import Expected, Report, report
from specsample.conformance.watch import guarded

SEED_STREAMS = 128
EPS = 0.02
COARSEST_PASS = 0.25  # a PASS that excludes no more would say too little
IF_FAILED = 3584  # streams of each probe where a contract check has failed, to name the mistake


@np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
def check(
    adapter: Adapter,
    *,
    probes: Any = "standard",
    alpha: float = 1e-6,
    eps: float | None = None,
    power: float = 0.999,
    budget: int | None = None,
    seconds: float | None = None,
    expect: Expected = "lossless",
    within: float | None = None,
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
    eps : float, total variation that a PASS excludes; None for 0.02, or for what `seconds` allow
        With expect="lossy", how near the bounds of the deviation shall come to what is seen.
    power : float, the probability that a deviation by eps would have been found
    budget : int, streams in all, or None for as many as eps needs
    seconds : float, on the clock, or None; without eps, a PASS then excludes what the streams until then exclude
    expect : {"lossless", "lossy"}
    within : float, the total variation that a sampler declares, with expect="lossy": PASS if it is shown to keep it
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
    goal = EPS if eps is None else eps
    _check_numbers(adapter, {"alpha": alpha, "eps": goal, "power": power}, budget, time_limit)
    _check_bounds(expect, within, seconds)
    # what is asked, and how many streams each question may take
    started = perf_counter()
    ask = questions_for(adapter, probes)
    tallies = tallies_for(ask, alpha=alpha, eps=goal, power=power, budget=budget, within=within)
    until = None if seconds is None else started + seconds
    tell = progress or (lambda _: None)
    asked = Check(adapter, tallies, seed, executor, time_limit, alpha, tell, [], goal, until)
    found = _found(asked, within)
    # the clock has ended it, not what was seen: what these streams exclude holds as if it had been asked for
    if seconds is not None and eps is None and goal < eps_reached(tallies) <= COARSEST_PASS:
        goal = eps_reached(tallies)
        for tally in tallies:
            tally.needed = tally.needed_at(goal)
    # verdict and words
    settings: dict[str, Any] = {"alpha": alpha, "eps": goal, "power": power, "seed": seed}
    settings |= {"expect": expect, "within": within}
    return report(adapter, tallies, **settings, **found, seconds=perf_counter() - started)


def _found(asked: Check, within: float | None) -> dict[str, Any]:
    """Look for what breaks the contract, then at the law: what `report` puts into words."""
    adapter = asked.adapter
    # whatever breaks the contract ends the check; what was found until then is reported
    findings: list[str] = []
    warnings: list[str] = []
    failed = None
    diagnosis = None
    is_scripted = False
    try:
        # first the contract, which costs a few calls
        adapter.last.forget()
        findings, warnings, is_scripted = at_the_edges(adapter, asked.seed, asked.time_limit)
        # of a declared deviation, tokens of p = 0 are a part
        if within is not None:
            warnings = [*findings, *warnings]
            findings = []
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
    found = {"findings": findings, "warnings": warnings, "failed": failed, "diagnosis": diagnosis}
    return found | {"error": "".join(asked.broken[:1]), "is_scripted": is_scripted}


def seeds_compared(asked: Check) -> tuple[list[str], list[str]]:
    """Ask with equal inputs and different seeds, then with equal seeds: findings and warnings."""
    tally = liveliest(asked.tallies)
    one = seeds_of(asked.seed, 9, 0)
    other = seeds_of(asked.seed, 9, 0, sampler=(9, 1))
    first, second, again = (_sample(asked, tally, SEED_STREAMS, each) for each in (one, other, one))
    said = same_whatever_the_seed(first, second, tally.question.law, tally.question.setting)
    return [said] if said else [], own_ways(asked.adapter, first, again)


def diagnose(asked: Check, failed: Tally) -> Guess:
    """Draw a fixed number of streams more, and look for the mistake."""
    samples: list[Sample] = []

    def draw(tally: Tally, n: int) -> Sample:
        # a chunk that no plan has, with its rounds
        i = asked.tallies.index(tally)
        chunk = run(task(asked, i, max(1000, len(sizes(tally.limit))), n, keep=True))
        tally.add(chunk)
        assert chunk.sample is not None
        samples.append(chunk.sample)
        return chunk.sample

    found = inquire(asked.tallies, failed, draw)
    if found.id != "unknown" or not asked.adapter.is_batched:
        return found
    # no mistake that we know: is it only wrong in a batch?
    i = asked.tallies.index(failed)
    seeds = [seeds_of(asked.seed, 3, i, j) for j in range(ALONE)]
    setting = failed.question.setting
    draw_alone = lambda: merged([asked.adapter.sample(setting, 1, each) for each in seeds])  # noqa: E731
    alone = guarded(draw_alone, asked.time_limit, asked.adapter.last)
    return found._replace(where=[*found.where, *right_alone(failed, alone, samples[0])])


def _sample(asked: Check, tally: Tally, n: int, seeds: Any) -> Sample:
    """Draw streams in this process."""
    draw = partial(asked.adapter.sample, tally.question.setting, n, seeds)
    return guarded(draw, asked.time_limit, asked.adapter.last)


def _check_numbers(adapter: Any, shares: dict[str, float], budget: Any, time_limit: float) -> None:
    """Refuse arguments that make no sense."""
    if not isinstance(adapter, Adapter):
        raise TypeError(f"adapter must come from from_verify or one like it; got {type(adapter).__name__}.")
    for name, value in shares.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie strictly between 0 and 1; got {value}.")
    if (budget is not None and budget < 1) or not time_limit > 0:
        raise ValueError(f"budget must be at least 1 stream and time_limit above 0 s; got {budget} and {time_limit}.")


def _check_bounds(expect: str, within: float | None, seconds: float | None) -> None:
    """Refuse a deviation that is declared and has no bound, or the other way round; and no time."""
    if expect not in ("lossless", "lossy"):
        raise ValueError(f'expect must be "lossless" or "lossy"; got {expect!r}.')
    if (expect == "lossy") != (within is not None) or not 0 < (within or 0.5) < 1:
        raise ValueError(
            f'within must lie strictly between 0 and 1 with expect="lossy", and be None otherwise; got {within} with '
            f'expect="{expect}".'
        )
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds must be above 0; got {seconds}.")


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
