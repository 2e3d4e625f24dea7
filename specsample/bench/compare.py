"""One prompt continued both ways, with measured and predicted times.

Times are medians of interleaved repeats inside one process, because only their ratios mean anything on a machine that
does other work as well.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from specsample.autoregressive import autoregressive
from specsample.language_model import LanguageModel
from specsample.speculative import generate
from specsample.theory import speedup
from specsample.trace import Trace


class Costs(NamedTuple):
    """Cost of the three kinds of pass at one context length; `target_seconds` in seconds, the others ratios."""

    target_seconds: float  # a 1-row target pass
    cost_ratio: float  # c: a draft pass / a 1-row target pass
    verify_ratio: float  # ρ: a K+1-row target pass / a 1-row target pass


class Comparison(NamedTuple):
    """The same prompt continued twice, autoregressively and speculatively; times in seconds."""

    baseline_tokens: list[int]
    baseline_seconds: float
    trace: Trace
    seconds: float


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Call a function and measure it.

    Parameters
    ----------
    function : callable without arguments

    Returns
    -------
    (what it returned, seconds)

    Examples
    --------
    >>> timed(lambda: 2 + 2)[0]
    4
    """
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def pass_costs(
    target_model: LanguageModel, draft_model: LanguageModel, tokens: Sequence[int], *, K: int, repeats: int = 30
) -> Costs:
    """Measure c and ρ after reading `tokens`, by passes that are rolled back again.

    c is the cost ratio of Leviathan et al., section 3.3; ρ, which they take to be 1, is what K+1 rows cost against 1.

    Parameters
    ----------
    target_model, draft_model : LanguageModel
    tokens : sequence of int, the context at which to measure
    K : int >= 0, drafts a round
    repeats : int >= 1, the medians' sample size

    Returns
    -------
    Costs(target_seconds, cost_ratio, verify_ratio)

    Examples
    --------
    >>> from specsample.language_model import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> min(pass_costs(other, other, [0], K=2, repeats=3)) > 0
    True
    """
    # three contexts that have read the same text
    jobs = [(target_model.start(), 1), (target_model.start(), K + 1), (draft_model.start(), 1)]
    for context, _ in jobs:
        context.extend(tokens)
    seconds = np.empty((repeats, len(jobs)))
    # in turns: what disturbs one disturbs all
    for repeat in range(repeats):
        for job, (context, rows) in enumerate(jobs):
            seconds[repeat, job] = timed(lambda: context.extend([tokens[-1]] * rows))[1]  # noqa: B023
            context.rollback(len(tokens))
    one_row, all_rows, draft_row = np.median(seconds, axis=0)
    return Costs(float(one_row), float(draft_row / one_row), float(all_rows / one_row))


def compare(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int,
    max_new_tokens: int,
    seed: int,
    run: Callable[..., Any] = generate,
    repeats: int = 3,
    **settings: Any,
) -> Comparison:
    """Continue a prompt autoregressively and speculatively, in turns, and take the median times.

    Parameters
    ----------
    prompt_tokens : sequence of int
    target_model, draft_model : LanguageModel
    K : int >= 0, drafts a round
    max_new_tokens : int >= 0, tokens
    seed : int, of both runs
    run : `speculative.generate`, or another with its arguments, whose K = 0 is then the baseline
    repeats : int >= 1, runs of each
    **settings : passed on to `autoregressive` and `run` (transform, stop)

    Returns
    -------
    Comparison

    Examples
    --------
    >>> from specsample.language_model import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> found = compare([0], other, other, K=2, max_new_tokens=4, seed=0)
    >>> found.baseline_tokens, found.trace.target_passes
    ([1, 0, 1, 0], 2)
    """
    size = {"max_new_tokens": max_new_tokens} | settings
    # a Transformer lays out its weights at the first start: that belongs to neither time
    for model in (target_model, draft_model):
        model.start()

    def continued(K: int) -> Any:
        return run(prompt_tokens, target_model, draft_model, K=K, rng=np.random.default_rng(seed), **size)

    def baseline() -> Any:
        if run is generate:
            return autoregressive(prompt_tokens, target_model, rng=np.random.default_rng(seed), **size)
        return continued(0)[0]

    # both kinds in turns; the tokens of every turn are the same, for the seed is
    turns = [(timed(baseline), timed(lambda: continued(K))) for _ in range(repeats)]
    slow, fast = (median(seconds for _, seconds in runs) for runs in zip(*turns, strict=True))
    (tokens, _), ((_, trace), _) = turns[0]
    return Comparison(tokens, slow, trace, fast)


def predicted_speedup(trace: Trace, costs: Costs, K: int) -> float:
    """Predict the speed-up from measured α, c and ρ (Leviathan et al., theorem 3.8, with ρ in place of 1).

    Parameters
    ----------
    trace : Trace, which measured α
    costs : Costs, which measured c and ρ
    K : int >= 0, drafts a round

    Returns
    -------
    float, autoregressive seconds / speculative seconds; NaN if nothing was tested

    Examples
    --------
    >>> from specsample.language_model import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> _, trace = generate([0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0))  # α = 1
    >>> predicted_speedup(trace, Costs(1.0, cost_ratio=0.25, verify_ratio=1.5), K=2)  # 3 tokens for 0.5 + 1.5
    1.5
    """
    return float(speedup(trace.acceptance_rate, K, costs.cost_ratio, costs.verify_ratio))
