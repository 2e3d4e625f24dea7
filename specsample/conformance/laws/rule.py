"""A rule of the catalogue, and how one is made of a replaced piece.

`judged(accept=...)` is the shipped algorithm but for when a draft is accepted: what is not named stays right.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from specsample.conformance.laws.exact import Law
from specsample.conformance.laws.open_round import draft_by, judge, law_of, speculate
from specsample.conformance.laws.probes import Probe
from specsample.conformance.laws.wrong_rules import judge_by


@dataclass(frozen=True)
class Rule:
    """A way of sampling, and where it comes from."""

    id: str  # M.. for wrong ones, C.. for right ones
    mechanism: str  # one sentence: what the code does
    symptom: str  # what it looks like from outside
    source: str  # owner/repository#issue or @commit, empty where none is known
    generate: Callable[..., Any]  # with the arguments of `speculative.generate`; its first result is the tokens
    probe: str = "drift"  # name of the probe that shows it first

    def law(self, probe: Probe) -> Law:
        """Compute the exact law of its text on a probe."""
        return law_of(self.generate, probe)


def judged(**pieces: Any) -> Callable[..., Any]:
    """Make a sampler that is `speculate` but for some pieces of `judge`."""
    return partial(speculate, judging=partial(judge, **pieces))


def drafted(**pieces: Any) -> Callable[..., Any]:
    """Make a sampler that is `speculate` but for some pieces of `draft_by`."""
    return partial(speculate, drafting=partial(draft_by, **pieces))


def verified(verify: Callable[..., Any]) -> Callable[..., Any]:
    """Make a sampler that is `speculate` with another function in place of `verify`."""
    return partial(speculate, judging=partial(judge_by, verify=verify))
