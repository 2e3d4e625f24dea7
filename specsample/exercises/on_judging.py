"""Exercises of notebook 10: a judge's streams, and rules that escape it.

A rule is two rows: how often each draft is kept, and what a correction is drawn from. So its law is a formula, and
so is the number of streams after which a judge who knows it convicts it. No luck, and what was kept is no claim.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from specsample.acceptance import accept_probability, overlap, residual
from specsample.conformance.evidence.sizes import required_n_against
from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.exercises.showing import show

GAIN = 0.05  # by so much must a rule keep more drafts than the honest one
SHARE = 0.9  # of the streams that the model answer survives


def rates(seed: int) -> list[Case]:
    """List deviations with how many standard deviations they shall stand out by."""
    drawn = [Fraction(1, int(k)) for k in np.random.default_rng(seed).integers(3, 200, 3)]
    pairs = [(eps, z) for eps in (Fraction(1, 2), Fraction(1, 10), Fraction(1, 100), *drawn) for z in (1, 2, 8)]
    return [Case(f"eps = {eps}, z = {z}", (eps, z)) for eps, z in pairs]


STREAMS = (
    Mistake(
        "the streams grow like 1/eps, not like its square",
        "Four times as many streams: by how much does the noise shrink?",
        lambda eps, z: z / (2 * eps),
    ),
    Mistake(
        "the noise is taken to be 1/sqrt(n)",
        "How large is sqrt(p (1 - p)) for p = 1/2?",
        lambda eps, z: (z / eps) ** 2,
    ),
    Mistake(
        "z is not squared", "Solve eps = z / (2 sqrt(n)) for n: what is squared?", lambda eps, z: z / (2 * eps) ** 2
    ),
    Mistake(
        "the variance is taken for the standard deviation",
        "Noise is the root of the variance p (1 - p) / n.",
        lambda eps, z: z / (4 * eps),
    ),
    Mistake(
        "eps is not squared", "Solve eps = z / (2 sqrt(n)) for n: what is squared?", lambda eps, z: z**2 / (4 * eps)
    ),
)


# --- the game ----------------------------------------------------------------------------------------------------


def tables(seed: int) -> list[Case]:
    """List pairs of rows on which a rule has to survive; q can draw every token."""
    rng = np.random.default_rng(seed)
    rows = [(np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.1, 0.2, 0.3, 0.4]))]
    rows += [tuple(rng.dirichlet(np.full(V, 2.0), 2) * 0.9 + 0.1 / V) for V in (3, 5, 8)]
    return [Case(f"p = {show(p.round(3))}, q = {show(q.round(3))}", (p, q)) for p, q in rows]


def survive(answer: Any, case: Case) -> dict[str, float]:
    """Count what a rule keeps, and the streams after which it is convicted."""
    p, q = case.arguments
    keep, correction = (np.asarray(row, float) for row in answer(p, q))
    if keep.shape != p.shape or keep.min() < 0 or keep.max() > 1 + 1e-12:
        raise ValueError(f"keep must be {p.shape}, probabilities in [0, 1]; got {show(keep)}.")
    if correction.shape != p.shape or correction.min() < 0 or abs(correction.sum() - 1) > 1e-9:
        raise ValueError(f"correction must be {p.shape}, >= 0 and sum to 1; got {show(correction)}.")
    kept = q * keep
    law = kept + (1 - kept.sum()) * correction
    return {"kept": float(kept.sum()), "honest": float(overlap(p, q)), "streams": required_n_against(law, p)}


def is_survivor(got: dict[str, float], wanted: dict[str, float]) -> bool:
    """Say whether a rule keeps enough more, and survives nearly as long as the model answer."""
    return got["kept"] >= got["honest"] + GAIN - 1e-9 and got["streams"] >= SHARE * wanted["streams"]


def bar(wanted: dict[str, float]) -> str:
    """Say what is to be reached."""
    streams = SHARE * wanted["streams"]
    return f"at least {wanted['honest'] + GAIN:.3f} of the drafts kept, and at least {streams:,.0f} streams"


def lenient(p: Array, q: Array) -> tuple[Array, Array]:
    """Keep min(1, c p/q), for the smallest c that keeps enough: no token comes up with more than c p."""
    enough = float(overlap(p, q)) + GAIN
    low = 1.0
    high = float((q / p).max())
    for _ in range(60):
        c = (low + high) / 2
        if np.minimum(c * p, q).sum() < enough:
            low = c
        else:
            high = c
    return accept_probability(high * p, q), residual(p, q)


def _honest(p: Array, q: Array) -> tuple[Array, Array]:
    """Keep and correct as the paper does."""
    return accept_probability(p, q), residual(p, q)


def _with(keep: Callable[[Array, Array], Array], correct: Callable[[Array, Array], Array] = residual) -> Any:
    """Make a rule of two functions."""
    return lambda p, q: (keep(p, q), correct(p, q))


def _let_through(p: Array, q: Array) -> Array:
    """Let the same share of every kind of refused draft through."""
    honest = accept_probability(p, q)
    return honest + (1 - honest) * GAIN / (1 - float(overlap(p, q)))


def _keeps_too_few(answer: Any) -> bool:
    """Say whether a rule keeps less than is asked for, on some of the tables."""
    found = [survive(answer, case) for case in tables(0)]
    return any(each["kept"] < each["honest"] + GAIN - 1e-9 for each in found)


GAME = (
    Mistake(
        "the rule is the honest one: it is never convicted, and keeps no more than it",
        "Nobody keeps more than the overlap and stays right. Where do you begin to cheat?",
        _honest,
    ),
    Mistake(
        "every draft is kept (M10)",
        "Convicted within a blink. How few drafts too many would do?",
        _with(lambda p, q: np.ones(len(p))),
    ),
    Mistake(
        "the same share of every refused draft is let through",
        "A rare token that comes up twice as often gives you away; a frequent one hardly stands out. "
        "By what should each excess be limited?",
        _with(_let_through),
    ),
    Mistake(
        "the correction is drawn from p",
        "Every mistake counts. Which of them brings no draft more?",
        lambda p, q: (lenient(p, q)[0], p),
    ),
    Mistake(
        "the leniency is a fixed one, 1.25 p/q (M28)",
        "On some rows that is more than was asked for, on others less. How much leniency does each pair need?",
        _with(lambda p, q: np.minimum(1, 1.25 * p / q)),
    ),
    Mistake(
        "too few drafts are kept",
        "How many does the honest rule keep? A twentieth more of all drafts is asked for.",
        _with(lambda p, q: 0.9 * accept_probability(p, q)),
        _keeps_too_few,
    ),
    Mistake(
        "enough drafts are kept, and one token stands out",
        "Compare your law with p, token by token: where is the ratio largest?",
        _with(lambda p, q: np.where(q - p == (q - p).max(), 1, accept_probability(p, q))),
        lambda answer: not _keeps_too_few(answer),
    ),
)

JUDGING = (
    # power: how large is the noise that a deviation must stand out from?
    Exercise(
        id="10.7",
        kind="predict",
        title="how many streams a deviation of eps needs to stand out by z",
        key=lambda eps, z: (z / (2 * eps)) ** 2,
        cases=rates,
        mistakes=STREAMS,
    ),
    # the game: lenient rules are bought with evidence
    Exercise(
        id="10.8",
        kind="break it",
        title="a wrong rule that keeps a twentieth more and survives as long as possible",
        key=lenient,
        cases=tables,
        ask=survive,
        mistakes=GAME,
        agrees=is_survivor,
        wanted=bar,
    ),
)
