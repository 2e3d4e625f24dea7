"""The laws that a sampler is compared with, and the evidence on each.

A `Question` is a setting with the target's law over cells, made from a probe of the pack or from an engine's own
model. A `Tally` is what has been seen of it so far.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import Any

import numpy as np

from specsample.conformance.adapters import Adapter, Tabled
from specsample.conformance.adapters.adapter import TOO_LONG
from specsample.conformance.chunks import Chunk, light, setting_of
from specsample.conformance.evidence.bounds import distance, outputs_for, radius
from specsample.conformance.evidence.cells import PADDING, Cells
from specsample.conformance.evidence.e_process import EProcess, log_e_threshold
from specsample.conformance.evidence.sizes import E_PROCESS_PRICE, noncentrality
from specsample.conformance.laws.exact import target_law
from specsample.conformance.pack.packed import PackedProbe, load_probes

INDEPENDENCE_SHARE = 0.1  # of the error budget


@dataclass(frozen=True)
class Question:
    """One question to a sampler."""

    name: str
    purpose: str
    source: Any  # what a worker needs to pose it: a probe's name, a PackedProbe, or a Tabled
    setting: Tabled
    law: Any  # (C,), the target's; its last cell, "anything else", has probability 0
    rule_laws: Mapping[str, Any]  # from the id of a wrong sampler to its (C,) law
    cells: Sequence[Any]  # what is seen of the texts of each cell but the last
    cells_of: Callable[[Any], Any]  # from (N, L) texts, padded with -1, to the (N,) numbers of their cells
    weight: float = 1.0  # share of the error budget
    blind_to: Sequence[str] = ()  # ids of wrong samplers whose law is the target's here
    least_eps: float = 0.0  # a PASS excludes no smaller total variation here: its streams cost a lot

    @property
    def known_laws(self) -> dict[str, Any]:
        """The laws of the wrong samplers, those that the probe cannot show among them."""
        return {**dict.fromkeys(self.blind_to, self.law), **self.rule_laws}


@dataclass
class Tally:
    """What has been seen of one question."""

    question: Question
    alpha: float  # its share of the error budget
    miss: float  # 1 - power
    within: float | None  # the total variation that is allowed, or None for none
    noncentral: float  # λ* of `sizes.noncentrality`
    needed: int = 0  # streams for a PASS
    limit: int = 0  # streams that the budget allows
    evidence: EProcess = field(init=False)
    log_e: float = field(init=False, default=0.0)
    violations: Counter[str] = field(init=False, default_factory=Counter)
    efficiency: Any = field(init=False, default_factory=lambda: np.zeros(4))
    outside: Counter[tuple[int, ...]] = field(init=False, default_factory=Counter)
    rejected_at: int | None = field(init=False, default=None)
    looks: int = field(init=False, default=0)  # chunks so far
    at_least: float = field(init=False, default=0.0)  # the deviation, by the looks so far

    def __post_init__(self) -> None:
        self.evidence = EProcess(self.question.law, list(self.question.rule_laws.values()))

    @property
    def excluded_tv(self) -> float:
        """The smallest total variation that the streams so far would have shown, whatever its shape."""
        n = self.evidence.n
        if n and self.within is not None:
            return radius(n, len(self.question.law), self.miss)
        return min(1.0, sqrt(E_PROCESS_PRICE * self.noncentral / (4 * n))) if n else 1.0

    @property
    def at_most(self) -> float:
        """The deviation at most, a bound that fails with probability 1 - power."""
        if not self.evidence.n:
            return 1.0
        return min(1.0, distance(self.evidence.counts, self.question.law) + self.excluded_tv)

    def needed_at(self, eps: float) -> int:
        """Count the streams that exclude a total variation, or that tell the deviation within as much."""
        least = self.question.least_eps
        # as near as the allowed deviation needs, where rows are long
        if self.within is not None:
            return outputs_for(max(eps, min(least, self.within / 2)), len(self.question.law), self.miss)
        return ceil(E_PROCESS_PRICE * self.noncentral / (4 * max(eps, least) ** 2))  # as `sizes.required_n`

    @property
    def broken(self) -> Counter[str]:
        """The promises broken that decide the verdict; texts that were too long have been cut."""
        return Counter({said: n for said, n in self.violations.items() if not said.startswith(TOO_LONG)})

    @property
    def n_cut(self) -> int:
        """How many texts were cut at max_new_tokens."""
        return self.violations.total() - self.broken.total()

    def add(self, chunk: Chunk) -> None:
        """Count the streams of a chunk, and note when the evidence suffices."""
        # the law of the text, in cells
        cells = self.question.cells_of(chunk.texts)
        counts = np.zeros(len(self.question.law), np.int64)
        np.add.at(counts, cells, chunk.counts)
        # texts that the target cannot emit are named in the report
        for i in np.flatnonzero(self.question.law[cells] == 0).tolist():
            self.outside[tuple(x for x in chunk.texts[i].tolist() if x != PADDING)] += int(chunk.counts[i])
        # evidence, broken promises and tokens a round
        self.log_e = self.evidence.update(counts)
        self.violations += chunk.violations
        self.efficiency = self.efficiency + chunk.efficiency
        if self.rejected_at is None and (self._is_convicted() or self.broken):
            self.rejected_at = self.evidence.n

    def _is_convicted(self) -> bool:
        """Whether the evidence suffices: against any deviation, or against one of at most `within`."""
        if self.within is None:
            return self.log_e >= log_e_threshold(self.alpha)
        # look j has the share 1 / (j (j + 1)) of alpha, so that all looks together fail with probability alpha
        self.looks = self.looks + 1
        alpha = self.alpha / (self.looks * (self.looks + 1))
        seen = distance(self.evidence.counts, self.question.law)
        self.at_least = max(self.at_least, seen - radius(self.evidence.n, len(self.question.law), alpha))
        return self.at_least > self.within


def liveliest(tallies: Sequence[Tally]) -> Tally:
    """Choose the probe on which equal outputs are least likely."""
    return min(tallies, key=lambda tally: float((np.asarray(tally.question.law) ** 2).sum()))


def cut_texts(tallies: Sequence[Tally]) -> list[str]:
    """Say how many texts were longer than asked for: what came after is no part of the law."""
    n = sum(tally.n_cut for tally in tallies)
    drawn = sum(tally.evidence.n for tally in tallies)
    said = f"cut at max_new_tokens: {n:,} of {drawn:,} texts had more tokens. What is judged is the text up to there"
    return [f"{said}; a caller who asks for n tokens gets more."] if n else []


def questions_for(adapter: Adapter, probes: Any) -> list[Question]:
    """List the questions that a sampler is asked.

    Parameters
    ----------
    adapter : Adapter
    probes : "standard", names of shipped probes, or a list of PackedProbe; an engine with models of its own is asked
        about those

    Raises
    ------
    ValueError
        If there is no probe.
    """
    # an engine with models of its own can be asked about those alone
    if adapter.own:
        return [_from_setting(setting) for setting in adapter.own]
    if isinstance(probes, str) and probes == "standard":
        return [_from_probe(probe, probe.name) for probe in load_probes()]
    each = [probes] if isinstance(probes, (str, PackedProbe)) else list(probes)
    if not each:
        raise ValueError('probes must be "standard", names such as ["P1", "P3"], or PackedProbe objects; got none.')
    # shipped ones travel to workers by name, a user's own whole
    named = [name for name in each if isinstance(name, str)]
    shipped = [_from_probe(probe, probe.name) for probe in load_probes(named)] if named else []
    return shipped + [_from_probe(probe, light(probe)) for probe in each if not isinstance(probe, str)]


def tallies_for(
    questions: Sequence[Question],
    *,
    alpha: float,
    eps: float,
    power: float,
    budget: int | None = None,
    within: float | None = None,
) -> list[Tally]:
    """Split the error budget and find out how many streams each question needs.

    Parameters
    ----------
    questions : sequence of Question
    alpha : float, error budget of the whole check
    eps : float, total variation
    power : float
    budget : int or None, streams in all, shared out in proportion to what each question needs
    within : float or None, the total variation that is allowed
    """
    total = sum(question.weight for question in questions)
    tallies: list[Tally] = []
    for question in questions:
        # how many streams show any deviation by eps at this share of alpha
        share = alpha * (1 - INDEPENDENCE_SHARE) * question.weight / total
        n_cells = max(2, int((np.asarray(question.law) > 0).sum()))
        noncentral = noncentrality(n_cells, alpha=share, power=power)
        tallies.append(Tally(question, share, 1 - power, within, noncentral))
        tallies[-1].needed = tallies[-1].needed_at(eps)
    # a budget is shared out in proportion to what each question needs
    every = sum(tally.needed for tally in tallies)
    for tally in tallies:
        tally.limit = tally.needed if budget is None else min(tally.needed, budget * tally.needed // every)
    return tallies


def eps_reached(tallies: Sequence[Tally]) -> float:
    """Compute the total variation that the streams of all probes exclude, in three digits; 1 where one has none."""
    # a probe that is asked for gross faults alone has said all once it has excluded those
    open_ones = [tally for tally in tallies if tally.evidence.n < tally.needed_at(tally.question.least_eps or 1e-9)]
    reached = max((tally.excluded_tv for tally in open_ones), default=0.0)
    return ceil(reached * 1000) / 1000


def _from_probe(probe: PackedProbe, source: Any) -> Question:
    """Ask what a probe asks."""
    named: dict[str, Any] = {"law": probe.law, "rule_laws": probe.rule_laws, "cells": probe.cells}
    named |= {"cells_of": probe.cells_of}
    named |= {"weight": probe.weight, "blind_to": probe.blind_to, "least_eps": probe.least_eps}
    return Question(probe.name, probe.purpose, source, setting_of(probe), **named)


def _from_setting(setting: Tabled) -> Question:
    """Ask about an engine's own target: multiply its law out, one cell a text."""
    law = target_law(setting.target_model, setting.prompt, setting.max_new_tokens, stop=setting.stop)
    cells = list(law)
    masses = np.array([*(float(law[cell]) for cell in cells), 0.0])
    named = {"law": masses / masses.sum(), "rule_laws": {}, "cells": cells}
    purpose = "the sampler's own models, without speculation"
    return Question(setting.name, purpose, setting, setting, **named, cells_of=Cells(cells, setting.vocab_size))
