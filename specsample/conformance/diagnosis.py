"""What is wrong with a sampler that has failed? The most probable mistake, and the branch in which it shows.

The name comes from likelihood ratios between the exact laws of the catalogue, over all probes that have been sampled;
it is given only if its law also fits. Where none does: "unknown", with the texts that are furthest off. Before this
file: `questions`; after it: `report_html`.
"""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np

from specsample.conformance.adapters import Sample
from specsample.conformance.branches import Branch, attribute
from specsample.conformance.evidence.e_process import posterior
from specsample.conformance.evidence.fit import FITS, goodness_of_fit, standardised_cells
from specsample.conformance.laws.wrong_samplers import RIGHT, WRONG
from specsample.conformance.questions import Case

EXTRA = 3072  # streams drawn after the verdict, on the probe that failed
ALONE = 512  # and one at a time, where no known mistake fits


class Guess(NamedTuple):
    """Name a mistake."""

    id: str  # of the catalogue, or "unknown"
    mechanism: str
    source: str
    posterior: dict[str, float]  # the five most probable
    fit: float  # how well the most probable one fits the probe that failed
    cells: list[tuple[str, float]]  # the texts furthest off, in standard deviations
    where: list[str]  # sentences
    branches: list[Branch]


def guess(cases: Sequence[Case], failed: Case, sample: Sample) -> Guess:
    """Name the mistake of a sampler that has failed.

    Parameters
    ----------
    cases : sequence of Case
    failed : Case, the one to fit
    sample : Sample of the failed case, with its rounds

    Returns
    -------
    Guess
    """
    odds, question = catalogue_posterior(cases, failed), failed.question
    best = next((name for name, share in odds.items() if share > 0), None)
    fit = goodness_of_fit(failed.evidence.counts, question.known_laws[best]) if best else 0.0
    known = (WRONG | RIGHT).get(best) if best and fit >= FITS else None
    branches = attribute(sample, question.setting)
    return Guess(
        id=known.id if known else "unknown",
        mechanism=known.mechanism if known else "No mistake of the catalogue explains what was seen.",
        source=known.source if known else "",
        posterior={name: odds[name] for name in list(odds)[:5]},
        fit=fit,
        cells=furthest_cells(failed),
        where=where_wrong(branches),
        branches=branches,
    )


def catalogue_posterior(cases: Sequence[Case], failed: Case) -> dict[str, float]:
    """Compute the odds of the wrong samplers whose law is known on the probe that failed.

    Other probes count too, as far as the laws of all these samplers are known there.

    Parameters
    ----------
    cases : sequence of Case
    failed : Case
    """
    names = list(failed.question.known_laws)
    others = [case for case in cases if case is not failed and case.evidence.n]
    asked = [failed, *(case for case in others if {*names} <= {*case.question.known_laws})]
    laws = {name: np.concatenate([case.question.known_laws[name] for case in asked]) for name in names}
    return posterior(np.concatenate([case.evidence.counts for case in asked]), laws) if names else {}


def furthest_cells(case: Case, n: int = 4) -> list[tuple[str, float]]:
    """List the texts that are furthest from the target's law, in standard deviations."""
    with np.errstate(invalid="ignore"):
        z = standardised_cells(case.evidence.counts, case.question.law)
    worst = [i for i in np.argsort(-abs(z)).tolist() if abs(z[i]) > 3][:n]
    outside = [(f"{list(text)} (impossible)", float("inf")) for text, _ in case.outside.most_common(2)]
    cells = case.question.cells
    return [*outside, *((str(list(cells[i])), float(z[i])) for i in worst if i < len(cells))][:n]


WORDS = {
    "acceptance": "on acceptance: the ratio is not min(1, p/q), or q is not what the draft was drawn from",
    "replacement": "on replacement: the residual, the row it comes from, or the random number it is drawn with",
    "bonus": "on the bonus token: its row of p, or what was done to that row",
}


def where_wrong(branches: Sequence[Branch]) -> list[str]:
    """Say in words in which branches a sampler goes wrong, and from which round on.

    Parameters
    ----------
    branches : sequence of Branch

    Returns
    -------
    list of str
    """
    wrong = {each.name for each in branches if each.is_wrong}
    known = [name for name in WORDS if name in wrong]
    said = [f"wrong {'only ' if len(known) == 1 else ''}{WORDS[name]}" for name in known]
    rounds = {name for name in wrong if name.endswith("in round 1")}
    later = {name for name in wrong if name.endswith("later")}
    if later and not rounds:
        said.append("right in the first round, wrong from round 2 on: the cache, or an index that is not moved along")
    tokens = [each for each in branches if each.name.startswith("token")]
    first = next((each.name for each in tokens if each.is_wrong), None)
    if first is not None:
        said.append("wrong from token 1 on" if first == "token 1" else f"right up to {first}, where it goes wrong")
    return said


def right_alone(failed: Case, alone: Sample, batch: Sample) -> list[str]:
    """Say whether a sampler is right for one sequence and wrong for a batch of them.

    Parameters
    ----------
    failed : Case
    alone : Sample of streams drawn one at a time
    batch : Sample drawn in a batch, at least as many
    """
    n, question = len(alone.tokens), failed.question
    counts = [np.bincount(question.cells_of(each.tokens[:n]), minlength=len(question.law)) for each in (alone, batch)]
    fits = [goodness_of_fit(each, question.law) for each in counts]
    if fits[0] < FITS or fits[1] > FITS / 10:  # between the two, the few streams drawn alone show nothing
        return []
    return ["right one at a time, wrong in a batch: its rows are mixed up with each other, or share random numbers"]


def merged(samples: Sequence[Sample]) -> Sample:
    """Put the texts of several samples into one; their rounds are left out."""
    return Sample(np.concatenate([sample.tokens for sample in samples]))


def diagnosis_lines(diagnosis: Guess | None) -> list[str]:
    """Say in lines what is probably wrong.

    Parameters
    ----------
    diagnosis : Guess or None
    """
    if diagnosis is None:
        return []
    odds = ", ".join(f"{name} {share:.3f}" for name, share in diagnosis.posterior.items() if share >= 1e-3)
    seen = f" Seen in {diagnosis.source}." if diagnosis.source else ""
    lines = [f"Diagnosis: {diagnosis.id}. {diagnosis.mechanism}{seen}"]
    lines += [f"  odds over the catalogue: {odds}"] if odds else []
    lines += [f"  {sentence}" for sentence in diagnosis.where]
    if diagnosis.id == "unknown" and diagnosis.cells:
        far = "; ".join(f"{text} {z:+.1f}" if isfinite(z) else text for text, z in diagnosis.cells)
        lines.append(f"  furthest texts, in standard deviations: {far}")
    return lines
