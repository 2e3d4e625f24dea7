"""What each part of a round costs inside the real loop: c and ρ.

The loops of `autoregressive` and `generate` run as they are, on a target that notes when its passes begin and with an
rng that notes when it is asked: an autoregressive step is what lies between two questions, a round likewise, and the
target's pass divides the round into drafting and the rest. So c and ρ hold the picks, checks, rollbacks and records,
and the caches of the processor are as warm as they really are: a pass measured alone, between others, costs more.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from specsample.autoregressive import autoregressive
from specsample.bench.clock import Spread, spread
from specsample.distributions import Array
from specsample.language_model import Context, LanguageModel
from specsample.speculative import generate


class Parts(NamedTuple):
    """Mean seconds of the parts of decoding: medians over repeats."""

    target_step: Spread  # an autoregressive step
    drafting: dict[int, Spread]  # the K draft steps of a round, by K
    rest: dict[int, Spread]  # everything else in the round

    def cost_ratio(self, K: int) -> float:
        """Return c (Leviathan et al., section 3.3): a draft step / an autoregressive step; NaN for K = 0."""
        return self.drafting[K].median / K / self.target_step.median if K else float("nan")

    def verify_ratio(self, K: int) -> float:
        """Return ρ: the rest of a round / an autoregressive step."""
        return self.rest[K].median / self.target_step.median


@dataclass
class Stopwatch:
    """A source of uniform numbers that notes when it is asked."""

    rng: Any
    times: list[float] = field(default_factory=list)  # seconds

    def random(self, n: int) -> Array:
        """Return n uniform numbers."""
        self.times.append(time.perf_counter())
        return self.rng.random(n)


@dataclass(frozen=True)
class Clocked:
    """A model seen through a clock."""

    model: LanguageModel
    begun: list[float] = field(default_factory=list)  # when its passes begin, in seconds

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.model.vocab_size

    def start(self) -> "ClockedContext":
        """Begin an empty context."""
        return ClockedContext(self.model.start(), self.begun)


@dataclass(frozen=True)
class ClockedContext:
    """A context that notes when its passes begin."""

    context: Context
    begun: list[float]

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.context.length

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens, as the context does."""
        self.begun.append(time.perf_counter())
        return self.context.extend(tokens)

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        self.context.rollback(length)


def time_steps(prompts: Sequence[Sequence[int]], target_model: LanguageModel, *, seed: int, **settings: Any) -> float:
    """Run `autoregressive` and return the mean seconds of a step, those with a prompt left out."""
    seconds: list[float] = []
    for prompt in prompts:
        rng = Stopwatch(np.random.default_rng(seed))
        autoregressive(prompt, target_model, rng=rng, **settings)
        # it is asked after each pass: the prompt's lies before the first question
        seconds += np.diff(rng.times).tolist()
    return float(np.mean(seconds))


def time_rounds(
    prompts: Sequence[Sequence[int]],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int,
    seed: int,
    **settings: Any,
) -> tuple[float, float]:
    """Run `generate` and return the mean seconds of a round of K drafts: of its draft steps, and of the rest.

    The rounds with a prompt and the last of each text, which may be shorter, are left out.

    Returns
    -------
    (float, float); NaN where no text has three rounds
    """
    drafting: list[float] = []
    rest: list[float] = []
    for prompt in prompts:
        target = Clocked(target_model)
        rng = Stopwatch(np.random.default_rng(seed))
        _, trace = generate(prompt, target, draft_model, K=K, rng=rng, **settings)
        # not the first round, which reads the prompt, nor the last, which may be shorter
        for i in range(1, len(trace.rounds) - 1):
            if trace.rounds[i].K == K:
                drafting.append(target.begun[i] - rng.times[i])
                rest.append(rng.times[i + 1] - target.begun[i])
    return (float(np.mean(drafting)), float(np.mean(rest))) if rest else (float("nan"), float("nan"))


def to_parts(steps: Sequence[float], rounds: dict[int, list[tuple[float, float]]]) -> Parts:
    """Sum repeats up.

    Parameters
    ----------
    steps : sequence of float, from `time_steps`
    rounds : dict from K to a list of what `time_rounds` returned
    """
    drafting, rest = ({K: spread([pair[i] for pair in pairs]) for K, pairs in rounds.items()} for i in (0, 1))
    return Parts(spread(steps), drafting, rest)
