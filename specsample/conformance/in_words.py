"""A diagnosis in words, line by line."""

from math import isfinite

from specsample.conformance.diagnosis import Guess
from specsample.conformance.laws.wrong_samplers import WRONG

CATALOGUE = "docs/wrong-samplers.md"


def described(id: str) -> str:
    """Write the name of a mistake of the catalogue, and where more is said about it."""
    return f"{WRONG[id].mechanism} ({CATALOGUE}#{id.lower()})" if id in WRONG else "Not in the catalogue."


def diagnosis_lines(diagnosis: Guess | None) -> list[str]:
    """Say in lines what is probably wrong."""
    if diagnosis is None:
        return []
    # odds are given with a name alone; what is merely nearest is no answer
    if diagnosis.id in WRONG:
        seen = f" Seen in {diagnosis.source}." if diagnosis.source else ""
        lines = [f"Diagnosis: {diagnosis.id}. {described(diagnosis.id)}{seen}"]
        odds = {name: share for name, share in diagnosis.posterior.items() if share >= 1e-3}
        lines.append(f"  odds over the catalogue: {odds.pop(diagnosis.id):.3f}")
        lines += [f"  or, with odds {share:.3f}: {name}. {described(name)}" for name, share in odds.items()]
    else:
        lines = [f"Diagnosis: {diagnosis.id}. {diagnosis.mechanism}"]
        nearest = diagnosis.nearest
        lines += [f"  it fits what was seen: {formula}" for formula in diagnosis.formulas]
        lines += [f"  nearest: {nearest} (does not fit). {described(nearest)}"] if nearest else []
    lines += [f"  {sentence}" for sentence in diagnosis.where]
    if diagnosis.id not in WRONG and diagnosis.cells:
        far = "; ".join(f"{text} {z:+.1f}" if isfinite(z) else text for text, z in diagnosis.cells)
        lines.append(f"  furthest texts, in standard deviations: {far}")
    return lines
