"""What does each part of a round cost inside the real loop? The c and ρ from which the speed-up is predicted.

All that the loop does is counted where it happens: the draft step with its pick, the verification with both
rollbacks and the record, the autoregressive step with its pick, strategies and checks included. So c and ρ are ratios
of what is really paid, and not of matrix products. Before this file: `passes`; after it: `decode`.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from specsample.bench.clock import Spread, in_turns, spread
from specsample.distributions import pick
from specsample.language_model import LanguageModel, Transformed
from specsample.speculative import draft, step
from specsample.strategies import Transform

DRAFTS = 5  # draft steps in one measurement


class Parts(NamedTuple):
    """Seconds of the parts of decoding, at contexts spread over a text."""

    target_step: Spread  # an autoregressive step
    draft_step: Spread  # a draft step
    rounds: dict[int, Spread]  # a whole round of K drafts, by K

    @property
    def cost_ratio(self) -> float:
        """The c of Leviathan et al., section 3.3, bookkeeping included."""
        return self.draft_step.median / self.target_step.median

    def verify_ratio(self, K: int) -> float:
        """Return ρ, bookkeeping included: what a round costs beyond its K draft steps, in autoregressive steps.

        Parameters
        ----------
        K : int >= 0, one of those measured

        Returns
        -------
        float
        """
        return (self.rounds[K].median - K * self.draft_step.median) / self.target_step.median


def measure_parts(
    text: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    Ks: Sequence[int],
    transform: Transform | None = None,
    n_contexts: int = 4,
    repeats: int = 8,
    on_call: Callable[[], Any] = lambda: None,
) -> Parts:
    """Measure all parts in turns at several places of a text.

    Parameters
    ----------
    text : sequence of int, tokens to stand in; at least 8
    target_model, draft_model : LanguageModel
    Ks : sequence of int >= 0, drafts a round
    transform : decoding strategy of both models, or None
    n_contexts : int >= 1, places, evenly spread over the text
    repeats : int >= 1, at each place
    on_call : function without arguments, called after each measurement

    Returns
    -------
    Parts
    """
    found: dict[Any, list[float]] = {}
    for length in np.linspace(len(text) // 4, len(text) - 1, n_contexts).astype(int):
        jobs, undo = _jobs(list(text[:length]), target_model, draft_model, Ks=Ks, transform=transform)
        for job in jobs.values():
            job()
            undo(None)
        for name, seconds in in_turns(jobs, repeats, after=undo, on_call=on_call).items():
            found.setdefault(name, []).extend(seconds)
    drafts = spread(found["draft"]).scaled(1 / DRAFTS)
    return Parts(spread(found["target"]), drafts, {K: spread(found[K]) for K in Ks})


def _jobs(
    tokens: list[int], target_model: LanguageModel, draft_model: LanguageModel, *, Ks: Sequence[int], transform: Any
) -> tuple[dict[Any, Callable[[], Any]], Callable[[Any], None]]:
    """Return the parts as functions that stand where a round begins, and a function that goes back there."""
    target = Transformed(target_model, transform, "target_probs").start()
    drafter = Transformed(draft_model, transform, "draft_probs").start()
    start = len(tokens) - 1  # a round begins when the last token is unread
    uniforms = _uniforms()

    def undo(_: Any) -> None:
        for context in (target, drafter):
            context.rollback(min(start, context.length))
            if unread := tokens[context.length : start]:
                context.extend(unread)

    def target_step() -> int:
        return pick(target.extend(tokens[start:])[-1], next(uniforms)[0])

    undo(None)
    jobs: dict[Any, Callable[[], Any]] = {
        "target": target_step,
        "draft": lambda: draft(drafter, tokens, DRAFTS, next(uniforms)),
    }

    def one_round(K: int) -> None:
        step(tokens, target, drafter, K=K, u=next(uniforms)[: 2 * K + 1])

    return jobs | {K: partial(one_round, K) for K in Ks}, undo


def _uniforms() -> Iterator[Any]:
    """Give new uniform numbers each time, enough for any round."""
    rng = np.random.default_rng(0)
    while True:
        yield rng.random(256)
