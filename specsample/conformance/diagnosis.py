"""What is wrong with a sampler that has failed.

The name comes from likelihood ratios between the exact laws of the catalogue, over all probes that have been sampled.
It is given only if its law fits on each of them, and on the one that best tells it from the next most probable. Where
none does: "unknown", with the texts that are furthest off.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from specsample.conformance.adapters import Broken, Sample, Tabled
from specsample.conformance.branches import Branch, attribute
from specsample.conformance.evidence.e_process import log_e_threshold, posterior
from specsample.conformance.evidence.fit import FITS, goodness_of_fit, standardised_cells
from specsample.conformance.evidence.formulas import log_ratio
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.pieces import formulas
from specsample.conformance.questions import Tally

EXTRA = 3072  # streams drawn after the verdict, on the probe that failed, and on the one that separates two names
WITNESSES, WITNESS = 3, 1024  # further probes on which a name or a formula has to fit, and streams of each
WIDEST = 64  # vocabulary of which formulas are looked for
UNEXPLAINED = "No mistake of the catalogue explains what was seen."
UNLISTED = "No mistake of the catalogue, but one that can be written down."
UNCOMPARED = "On these models no law of the catalogue is known, so that no known mistake was looked for."
LAWFUL = "The law of the texts fits the target's: what is said above is all that was found."


class Guess(NamedTuple):
    """A mistake, by name, or that none is known."""

    id: str  # of the catalogue, "unlisted" where formulas say all that is wrong, or "unknown"
    mechanism: str
    source: str
    nearest: str  # id of the most probable mistake where it has no name, for its law does not fit; or ""
    posterior: dict[str, float]  # the five most probable, where there is a name
    fit: float  # how well the most probable one fits the probe that failed
    cells: list[tuple[str, float]]  # the texts furthest off, in standard deviations
    where: list[str]  # sentences
    branches: list[Branch]
    formulas: list[str]  # what wrong pieces do instead, where it can be written down


def inquire(tallies: Sequence[Tally], failed: Tally, draw: Callable[[Tally, int], Sample]) -> Guess:
    """Draw a fixed number of streams more, and look for the mistake of a sampler that has failed.

    Parameters
    ----------
    tallies : sequence of Tally
    failed : Tally
    draw : adds streams to a tally and returns them; it may raise Broken on probes that have had none
    """
    # streams of a wide vocabulary cost a lot, and it has too many rows for formulas
    first = draw(failed, EXTRA // 3 if failed.question.least_eps else EXTRA)
    played = [(first, failed.question.setting)]
    # a name is given only if it also fits where it differs most from the next best
    other = separating(tallies, failed)
    asked = [failed] if other is None else [failed, other]
    # a name has to fit on more tables, a formula must not be one of those that it was found on
    named = guess(tallies, failed, first).id
    more = [(WITNESS, tally) for tally in witnesses(named, tallies, asked)] if named in WRONG or first.rounds else []
    for n, tally in [*((EXTRA, tally) for tally in asked[1:]), *more]:
        with suppress(Broken):  # what it raises on one probe more is another matter
            played.append((draw(tally, n), tally.question.setting))
    return guess(tallies, failed, first, played=played)


def witnesses(name: str, tallies: Sequence[Tally], asked: Sequence[Tally]) -> list[Tally]:
    """Choose further probes on which a name has to fit: those where its law is furthest from the target's.

    Without a name, probes whose tables say most: those with the liveliest texts.
    """
    others = [tally for tally in tallies if not any(tally is each for each in asked) and not tally.question.least_eps]
    if name in WRONG:
        others = [tally for tally in others if name in tally.question.rule_laws]

    def telling(tally: Tally) -> float:
        question = tally.question
        if name in WRONG:
            return float(np.abs(np.asarray(question.law) - question.rule_laws[name]).sum())
        return -float((np.asarray(question.law) ** 2).sum())

    return sorted(others, key=telling, reverse=True)[:WITNESSES]


def guess(
    tallies: Sequence[Tally], failed: Tally, sample: Sample, *, played: Sequence[tuple[Sample, Tabled]] = ()
) -> Guess:
    """Name the mistake of a sampler that has failed.

    Parameters
    ----------
    tallies : sequence of Tally
    failed : Tally, the one to fit
    sample : Sample of the failed tally, with its rounds
    played : sequence of (Sample, Tabled), on which formulas have to fit; none are looked for without
    """
    # the most probable mistake of the catalogue has a name only if it fits what was seen, wherever that is known
    odds = catalogue_posterior(tallies, failed)
    best = next((name for name, share in odds.items() if share > 0), "")
    fit = fit_of(best, failed) if best else 0.0
    is_lawful = follows_target(failed)
    is_known = best in WRONG and not is_lawful and may_be_named(best, tallies, failed)
    # where it shows, whether it has a name or not; what has none may have a formula
    looks = [attribute(*each) for each in [(sample, failed.question.setting), *played[1:]]]
    branches = next((each for each in looks if any(part.is_wrong for part in each)), looks[0])
    wrong = [each for each in branches if each.is_wrong]
    small = [each for each in played if each[1].vocab_size <= WIDEST]
    written, is_written = ([], False) if is_known or is_lawful else formulas(small, wrong)
    said = LAWFUL if is_lawful else UNEXPLAINED if failed.question.rule_laws else UNCOMPARED
    return Guess(
        id=best if is_known else "unlisted" if is_written else "unknown",
        mechanism=WRONG[best].mechanism if is_known else UNLISTED if is_written else said,
        source=WRONG[best].source if is_known else "",
        nearest="" if is_known or is_lawful or is_written else best,
        posterior={name: odds[name] for name in list(odds)[:5]} if is_known else {},
        fit=fit,
        cells=furthest_cells(failed),
        where=where_wrong(branches),
        branches=branches,
        formulas=written,
    )


def catalogue_posterior(tallies: Sequence[Tally], failed: Tally) -> dict[str, float]:
    """Compute the odds of the wrong samplers that the probe which failed can show.

    Other probes count too, as far as the laws of all these samplers are known there.
    """
    # one likelihood over all probes on which every candidate has a law; whom the failed probe cannot show is none
    names = list(failed.question.rule_laws)
    others = [tally for tally in tallies if tally is not failed and tally.evidence.n]
    asked = [failed, *(tally for tally in others if {*names} <= {*tally.question.known_laws})]
    laws = {name: np.concatenate([tally.question.known_laws[name] for tally in asked]) for name in names}
    return posterior(np.concatenate([tally.evidence.counts for tally in asked]), laws) if names else {}


def separating(tallies: Sequence[Tally], failed: Tally) -> Tally | None:
    """Choose the probe that best tells the two most probable mistakes apart, before the first of them is named.

    None where the first does not fit anyway, or no other probe knows both.
    """
    two = [name for name, share in catalogue_posterior(tallies, failed).items()][:2]
    if len(two) < 2 or follows_target(failed) or not may_be_named(two[0], tallies, failed):
        return None
    known = [tally for tally in tallies if tally is not failed and {*two} <= {*tally.question.known_laws}]
    # not where streams cost a lot
    others = [tally for tally in known if not tally.question.least_eps]

    def apart(tally: Tally) -> float:
        # twice the square of Hellinger's distance
        a, b = (np.sqrt(tally.question.known_laws[name]) for name in two)
        return float(((a - b) ** 2).sum())

    return max(others, key=apart, default=None)


def may_be_named(name: str, tallies: Sequence[Tally], failed: Tally) -> bool:
    """Whether the law of a mistake fits wherever it is known, and explains the failure better than the target's."""
    # a law next to the target's fits whatever the target's nearly fits
    counts = failed.evidence.counts
    target = np.asarray(failed.question.law)
    ratio = log_ratio(counts, failed.question.known_laws[name], target)
    if ratio < log_e_threshold(FITS) and not counts[target == 0].any():
        return False
    seen = [tally for tally in tallies if tally.evidence.n and name in tally.question.known_laws]
    return all(fit_of(name, tally) >= FITS for tally in seen)


def fit_of(name: str, tally: Tally) -> float:
    """Compute how well the law of a mistake fits what was seen on a probe: a p-value."""
    return goodness_of_fit(tally.evidence.counts, tally.question.known_laws[name])


def follows_target(tally: Tally) -> bool:
    """Whether what was seen on a probe fits the target's law after all: something else is wrong."""
    return goodness_of_fit(tally.evidence.counts, tally.question.law) >= FITS


def furthest_cells(tally: Tally, n: int = 4) -> list[tuple[str, float]]:
    """List the texts that are furthest from the target's law, in standard deviations."""
    # 0/0 in cells that neither side ever reaches
    with np.errstate(invalid="ignore"):
        z = standardised_cells(tally.evidence.counts, tally.question.law)
    worst = [i for i in np.argsort(-abs(z)).tolist() if abs(z[i]) > 3][:n]
    outside = [(f"{list(text)} (impossible)", float("inf")) for text, _ in tally.outside.most_common(2)]
    cells = tally.question.cells
    return [*outside, *((str(list(cells[i])), float(z[i])) for i in worst if i < len(cells))][:n]


WORDS = {
    "acceptance": "on acceptance: the ratio is not min(1, p/q), or q is not what the draft was drawn from",
    "replacement": "on replacement: the residual, the row it comes from, or the random number it is drawn with",
    "bonus": "on the bonus token: its row of p, or what was done to that row",
}


def where_wrong(branches: Sequence[Branch]) -> list[str]:
    """Say in words in which branches a sampler goes wrong, and from which round on."""
    wrong = {each.name for each in branches if each.is_wrong}
    known = [name for name in WORDS if name in wrong]
    said = [f"wrong {'only ' if len(known) == 1 else ''}{WORDS[name]}" for name in known]
    # wrong only from the second round on: what is carried over
    rounds = {name for name in wrong if name.endswith("in round 1")}
    later = {name for name in wrong if name.endswith("later")}
    if later and not rounds:
        said.append("right in the first round, wrong from round 2 on: the cache, or an index that is not moved along")
    # whole texts are told by position
    tokens = [each for each in branches if each.name.startswith("token")]
    first = next((each.name for each in tokens if each.is_wrong), None)
    if first is not None:
        said.append("wrong from token 1 on" if first == "token 1" else f"right up to {first}, where it goes wrong")
    return said
