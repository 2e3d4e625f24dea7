"""What a check found, in words, in HTML and in JSON.

Two claims are kept apart: LOSSLESS (the law of the text, which decides the verdict) and OPTIMAL (as many tokens a
round as the token rule, which only warns). No verdict says that a sampler is right: PASS states what would have been
found.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from io import StringIO
from math import isfinite
from typing import Any, Literal

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from specsample.conformance.adapters import Adapter
from specsample.conformance.diagnosis import Guess
from specsample.conformance.in_words import diagnosis_lines
from specsample.conformance.questions import Tally, cut_texts
from specsample.conformance.report_html import to_html
from specsample.conformance.results import HEADS, HEADS_WITHIN, ProbeResult, meanings, result_of

Verdict = Literal["FAIL", "PASS", "INCONCLUSIVE", "INVALID"]
Expected = Literal["lossless", "lossy"]
EXIT_STATUS = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3, "INVALID": 4}  # 2 is bad usage
STYLES = {"PASS": "bold green", "FAIL": "bold red", "INCONCLUSIVE": "bold yellow", "INVALID": "bold magenta"}
SLOWER, FEWEST_ROUNDS = -6.0, 500  # standard deviations at which OPTIMAL warns; rounds before it says anything


@dataclass(frozen=True)
class Report:
    """What a check found."""

    sampler: str
    kind: str
    verdict: Verdict
    alpha: float
    eps: float
    power: float
    seed: int
    reasons: list[str]  # why it failed or is invalid
    optimal: str  # about tokens a round: a claim of its own, which never decides the verdict
    probes: list[ProbeResult]
    diagnosis: Guess | None
    seconds: float = field(compare=False)
    warnings: list[str] = field(default_factory=list)  # what decides no verdict
    is_scripted: bool = False  # whether the sampler drew numbers that the kit had scripted
    expect: Expected = "lossless"
    within: float | None = None  # the deviation that is declared, with "lossy"
    is_asked: bool | None = None  # whether it asked the generator that it was given; None where it gets a seed

    @property
    def exit_status(self) -> int:
        """0 for PASS, 1 for FAIL, 3 for INCONCLUSIVE, 4 for INVALID."""
        return EXIT_STATUS[self.verdict]

    @property
    def streams(self) -> int:
        """Streams drawn in all."""
        return sum(probe.streams for probe in self.probes)

    @property
    def asked(self) -> list[ProbeResult]:
        """The probes of which streams were drawn."""
        return [probe for probe in self.probes if probe.streams]

    @property
    def not_asked(self) -> str:
        """A sentence about the other probes, or ""."""
        n = len(self.probes) - len(self.asked)
        return f"Not needed for this verdict: {n} more of the probes." if n else ""

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the columns of `ProbeResult.row`."""
        return HEADS if self.within is None else HEADS_WITHIN

    @property
    def meaning(self) -> str:
        """One sentence: what the verdict says."""
        return meanings(self)[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values; infinite evidence as None."""
        # the diagnosis holds named tuples, which `asdict` leaves as they are
        record = asdict(self)
        if self.diagnosis is not None:
            branches = [each._asdict() for each in self.diagnosis.branches]
            record["diagnosis"] = self.diagnosis._asdict() | {"branches": branches}
        cleaned: dict[str, Any] = _finite(record | {"exit_status": self.exit_status, "meaning": self.meaning})
        return cleaned

    def to_json(self) -> str:
        """Return everything as a JSON text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def __rich__(self) -> Group:
        # verdict and reasons, the probes, the diagnosis, how it was drawn
        head = Text.assemble((self.verdict, STYLES[self.verdict]), f"  {self.sampler} ({self.kind})")
        lines = [head, Text(self.meaning), *(Text(f"- {reason}") for reason in self.reasons)]
        lines += [Text(f"- WARNING: {each}", "yellow") for each in self.warnings]
        table = Table(*self.heads)
        for probe in self.asked:
            table.add_row(*probe.row, style="red" if probe.is_rejected else None)
        shown: list[Table | Text] = [table, Text(self.not_asked, "dim")] if self.asked else []
        tail = [Text(line) for line in (*diagnosis_lines(self.diagnosis), f"OPTIMAL: {self.optimal}")]
        scripted = "" if self.is_scripted or self.verdict == "INVALID" else "; uniform numbers were not scripted"
        tail.append(Text(f"{self.streams:,} streams, {self.seconds:.1f} s, seed {self.seed}{scripted}", "dim"))
        return Group(*lines, *(each for each in shown if each), *tail)

    def __str__(self) -> str:
        text = StringIO()
        Console(file=text, width=118, color_system=None, highlight=False).print(self)
        return text.getvalue().rstrip()

    def _repr_html_(self) -> str:
        return to_html(self)


def report(
    adapter: Adapter,
    tallies: Sequence[Tally],
    *,
    findings: Sequence[str],
    error: str,
    failed: Tally | None,
    diagnosis: Guess | None,
    **settings: Any,
) -> Report:
    """Put together what a check found.

    Parameters
    ----------
    adapter : Adapter
    tallies : sequence of Tally
    findings : sequence of str, violations outside the law of the text
    error : str, how the contract was broken, or ""
    failed : Tally that was rejected, or None
    diagnosis : Guess or None
    **settings : further fields of Report
    """
    # a failure stands, whatever broke afterwards; PASS needs every stream
    is_failed = failed is not None or bool(findings)
    is_done = all(tally.evidence.n >= tally.needed for tally in tallies)
    # where a deviation is declared, the streams must show that it is kept on every probe
    is_done = is_done and all(tally.within is None or tally.at_most <= tally.within for tally in tallies)
    verdict: Verdict = "FAIL" if is_failed else "INVALID" if error else "PASS" if is_done else "INCONCLUSIVE"
    reasons = [*findings, *(_why(failed) if failed is not None else []), *([error] if error else [])]
    settings["warnings"] = [*settings.get("warnings", []), *cut_texts(tallies)]
    return Report(
        sampler=adapter.name,
        kind=adapter.kind,
        verdict=verdict,
        reasons=reasons,
        optimal=_optimal(tallies),
        probes=[result_of(tally) for tally in tallies],
        diagnosis=diagnosis,
        is_asked=None if adapter.kind == "generate" else adapter.last.is_asked,
        **settings,
    )


def _why(tally: Tally) -> list[str]:
    """Say on what a tally was rejected."""
    # broken promises and impossible texts say more than a number
    n, name = tally.rejected_at, tally.question.name
    said = [f"{what}: {times:,} times on probe {name}" for what, times in tally.broken.items()]
    if tally.within is not None:
        far = f"the law of the text on probe {name} deviates from the target's by {tally.at_least:.3f} at least"
        return said or [f"{far}; {tally.within:g} is declared (after {n:,} streams)"]
    for text, times in tally.outside.most_common(2):
        said.append(f"{list(text)} came {times:,} times on probe {name}; the target's law gives it probability 0")
    return said or [f"the law of the text on probe {name} is not the target's (after {n:,} streams)"]


def _optimal(tallies: Sequence[Tally]) -> str:
    """Compare tokens a round with those of the token rule."""
    # the mean of emitted - expected, in standard errors
    rounds, gap, squares, expected = sum(tally.efficiency for tally in tallies)
    if rounds < FEWEST_ROUNDS:
        return "not measured (the rounds are not seen from outside, or were too few)"
    z = gap / squares**0.5 if squares else 0.0
    numbers = f"{(expected + gap) / rounds:.3f} tokens a round, the token rule gives {expected / rounds:.3f}"
    if z < SLOWER:
        return f"WARNING, slower than the token rule: {numbers}. That says nothing about the text's law."
    return f"{'more than the token rule' if z > -SLOWER else 'as the token rule'}: {numbers}"


def _finite(value: Any) -> Any:
    """Replace numbers that JSON lacks by None."""
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
