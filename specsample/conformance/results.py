"""What was seen on one probe, in numbers and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.evidence.e_process import log_e_threshold
from specsample.conformance.evidence.fit import standardised_cells
from specsample.conformance.questions import Tally

HEADS = ("probe", "asks", "streams", "log E", "rejects at")  # of `ProbeResult.row`
HEADS_WITHIN = ("probe", "asks", "streams", "deviates by", "may by")  # where a deviation is allowed
SHOWN = 10  # texts of a picture
LABEL, BAR, NUMBERS, ROW = 190, 290, 150, 34  # widths and the height of a row, in pixels


class TextShare(NamedTuple):
    """How often a text came, and how often it should have come."""

    text: str  # its token ids, or what is seen of them
    observed: float  # share of the streams
    expected: float
    z: float  # observed - expected in standard deviations


@dataclass(frozen=True)
class ProbeResult:
    """What was seen on one probe."""

    name: str
    purpose: str
    streams: int  # drawn
    needed: int  # asked for by eps and power
    log_e: float  # evidence
    threshold: float  # where it rejects
    excluded_tv: float  # a deviation that the streams so far would have shown
    least_eps: float  # the smallest that a PASS excludes here, where that is more than was asked for
    is_rejected: bool
    texts: list[TextShare]  # those furthest off
    within: float | None  # the deviation that is allowed, if one is
    at_least: float  # the total variation, between two bounds
    at_most: float

    @property
    def row(self) -> tuple[str, ...]:
        """A line of the report's table, under `HEADS` or `HEADS_WITHIN`."""
        numbers = (f"{self.log_e:.1f}", f"{self.threshold:.1f}")
        if self.within is not None:
            numbers = (f"{self.at_least:.3f} to {self.at_most:.3f}", f"{self.within:g}")
        return self.name, self.purpose, f"{self.streams:,} of {self.needed:,}", *numbers


def result_of(tally: Tally) -> ProbeResult:
    """Sum a tally up."""
    numbers = tally.evidence.n, tally.needed, tally.log_e, log_e_threshold(tally.alpha), tally.excluded_tv
    rest = tally.question.least_eps, tally.rejected_at is not None, text_shares(tally)
    bounds = tally.within, tally.at_least, tally.at_most
    return ProbeResult(tally.question.name, tally.question.purpose, *numbers, *rest, *bounds)


def meanings(given: Any) -> dict[str, str]:
    """Say in a sentence what each verdict of a Report says."""
    tv = max((probe.excluded_tv for probe in given.probes), default=1.0)
    coarser = [probe for probe in given.probes if probe.least_eps > given.eps]
    coarse = "".join(f" ({probe.least_eps:g} on {probe.name})" for probe in coarser)
    invalid = "Nothing was judged: the sampler broke the contract."
    if given.asked:
        invalid = "The sampler broke the contract on a probe; on the others nothing was found."
    said = {
        "PASS": f"Had the text's law deviated by a total variation of {given.eps:g} on any of these probes{coarse}, "
        f"this check would have failed with probability {given.power:g} or more.",
        "FAIL": f"Not lossless. A lossless sampler gets this verdict with probability {given.alpha:g} at most.",
        "INCONCLUSIVE": f"The budget ended first: a deviation below {tv:.2g} may have been missed. Raise budget or "
        "seconds, or eps.",
        "INVALID": invalid,
    }
    if given.within is None:
        return said
    # a deviation is declared: its bound is held
    return said | {
        "PASS": "On each of these probes the text's law deviates from the target's by a total variation of "
        f"{given.within:g} at most; a sampler that exceeds it gets this verdict with probability "
        f"{1 - given.power:.2g} at most.",
        "FAIL": f"It does not keep to {given.within:g}, or breaks a promise. A sampler that keeps to it gets this "
        f"verdict with probability {given.alpha:g} at most.",
        "INCONCLUSIVE": f"The deviation may lie on either side of {given.within:g}, where a probe's bounds hold it "
        "between them. A smaller eps or more streams narrow them.",
    }


def text_shares(tally: Tally) -> list[TextShare]:
    """List the texts of a probe that are furthest from the target's law, the furthest first."""
    n = tally.evidence.n
    if not n:
        return []
    law = np.asarray(tally.question.law)
    # 0/0 in cells that neither side ever reaches
    with np.errstate(invalid="ignore"):
        z = standardised_cells(tally.evidence.counts, law)
    # the last cell holds what the target cannot emit
    cells = tally.question.cells
    furthest = np.argsort(-abs(z), kind="stable")[:SHOWN].tolist()
    names = [" ".join(map(str, cells[i])) if i < len(cells) else "anything else" for i in furthest]
    shares = (tally.evidence.counts[furthest] / n).tolist()
    return [
        TextShare(*each) for each in zip(names, shares, law[furthest].tolist(), z[furthest].tolist(), strict=True)
    ]


def bars(texts: Sequence[TextShare], title: str) -> str:
    """Draw two bars for each text, expected above observed, with their shares as numbers: an SVG for a page.

    Colours come from the page's `--expected`, `--observed` and `--fg`; expected is an outline, so that the two are
    told apart without colours.
    """
    width = LABEL + BAR + NUMBERS
    scale = BAR / max([*(share for each in texts for share in (each.observed, each.expected)), 1e-9])
    rows: list[str] = []
    for i, each in enumerate(texts):
        y = i * ROW + 4
        words = f"{each.text}: {each.observed:.2%} observed, {each.expected:.2%} expected"
        rows.append(
            f'<g><title>{escape(words)}</title><text x="{LABEL - 10}" y="{y + 17}" text-anchor="end">'
            f'{escape(each.text)}</text><rect class="expected" x="{LABEL}" y="{y}" height="11" '
            f'width="{each.expected * scale:.1f}"/><rect class="observed" x="{LABEL}" y="{y + 13}" height="11" '
            f'width="{each.observed * scale:.1f}"/><text class="number" x="{width}" y="{y + 17}" text-anchor="end">'
            f"{each.observed:.2%} / {each.expected:.2%}</text></g>"
        )
    height = len(texts) * ROW + 4
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>{''.join(rows)}</svg>"
    )
