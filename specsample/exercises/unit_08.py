"""The exercises of notebook 08, how fast."""

from fractions import Fraction
from typing import Any

import numpy as np

from specsample.bench import Costs, predicted_speedup
from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.exercises.on_positions import POSITIONS
from specsample.exercises.tables import traces
from specsample.theory import best_K, expected_tokens, speedup
from specsample.trace import Trace

ALPHAS = (Fraction(1, 2), Fraction(0), Fraction(1), Fraction(3, 4), Fraction(9, 10))


def _rates(seed: int) -> list[Case]:
    """List acceptance rates and drafts, as fractions: an equation that is right is right exactly."""
    drawn = [Fraction(int(k), 16) for k in np.random.default_rng(seed).integers(1, 16, 3)]
    return [Case(f"α = {alpha}, K = {K}", (alpha, K)) for K in (1, 0, 2, 5) for alpha in (*ALPHAS, *drawn)]


def _costs(seed: int) -> list[Case]:
    """List acceptance rates, drafts and costs."""
    # c, and ρ: 1 as in the papers, and larger, as it is measured
    ratios = ((Fraction(1, 4), 1), (Fraction(1, 20), 1), (Fraction(1, 4), Fraction(3, 2)), (Fraction(1, 8), 2))
    cases = [(alpha, K, *ratio) for K in (1, 2, 5) for alpha in ALPHAS for ratio in ratios]
    return [Case(f"α = {a}, K = {K}, c = {c}, ρ = {rho}", (a, K, c, rho)) for a, K, c, rho in cases]


def _grid(seed: int) -> list[Case]:
    """List α and c, where drafting pays and where it does not."""
    grid = [(0.5, 0.5), (0.5, 0.25), (0.8, 0.05), (0.9, 0.3), (0.3, 0.4), (0.75, 0.1), (0.95, 0.02), (0.2, 0.19)]
    return [Case(f"α = {alpha}, c = {c}", (alpha, c)) for alpha, c in grid]


def _timings(seed: int) -> list[Case]:
    """List traces with the seconds of the three kinds of pass."""
    seconds = [(0.001, 0.004, 0.006), (0.002, 0.004, 0.004), (0.0005, 0.01, 0.02)]
    cases = [(case, times) for case in traces(seed)[1:4] for times in seconds]
    said = "draft pass {} s, 1-row target pass {} s, K+1-row target pass {} s"
    return [Case(f"{case.label}; {said.format(*times)}", (*case.arguments, *times)) for case, times in cases]


def _predicted(trace: Trace, draft: float, one_row: float, all_rows: float) -> float:
    """Predict the speed-up from a trace and three times."""
    # theorem 3.8 with the trace's own α and K
    return predicted_speedup(trace, Costs(one_row, draft / one_row, all_rows / one_row), trace.rounds[0].K)


def _with(c: Any, rho: Any) -> Any:
    """Make a prediction from c and ρ as functions of the three times."""
    return lambda trace, draft, one, many: speedup(
        trace.acceptance_rate, trace.rounds[0].K, c(draft, one, many), rho(draft, one, many)
    )


EXERCISES = (
    # equation 1 of Leviathan et al.
    Exercise(
        id="08.1",
        kind="implement",
        title="the expected number of tokens of a round",
        key=expected_tokens,
        cases=_rates,
        mistakes=(
            Mistake(
                "the bonus is left out: one power of α is missing",
                "At α = 1 a round of K drafts emits K + 1 tokens.",
                lambda alpha, K: sum(alpha**k for k in range(K)) if K else 0,
            ),
            Mistake(
                "drafts after a rejection are counted: 1 + K α",
                "The third draft is only looked at if the first two were kept.",
                lambda alpha, K: 1 + K * alpha,
            ),
            # the limit of many drafts
            Mistake(
                "the geometric series is not cut at K, or divides by 0 at α = 1",
                "No round emits more than K + 1 tokens, not at α = 1 either.",
                lambda alpha, K: 1 / (1 - alpha),
            ),
            Mistake(
                "the closed form divides by 0 at α = 1",
                "What does the sum 1 + α + ... + α^K come to at α = 1?",
                lambda alpha, K: (1 - alpha ** (K + 1)) / (1 - alpha),
            ),
        ),
    ),
    # their theorem 3.8, with ρ where they have 1
    Exercise(
        id="08.2",
        kind="implement",
        title="the speed-up, from α, K, c and ρ",
        key=speedup,
        cases=_costs,
        mistakes=(
            Mistake(
                "drafting is taken to be free",
                "How many draft passes does a round make?",
                lambda alpha, K, c, rho: expected_tokens(alpha, K) / rho,
            ),
            Mistake(
                "K+1 rows are taken to cost as much as one (ρ = 1, the papers' assumption)",
                "What does ρ measure?",
                lambda alpha, K, c, rho: speedup(alpha, K, c),
            ),
            # the token after the last draft comes from the target's own pass
            Mistake(
                "the draft runs K+1 times",
                "Who draws the token after the last draft?",
                lambda alpha, K, c, rho: expected_tokens(alpha, K) / ((K + 1) * c + rho),
            ),
        ),
        passes=(1, 5),
    ),
    # argmax over K of theorem 3.8, and the case in which nothing pays
    Exercise(
        id="08.3",
        kind="predict",
        title="the best number of drafts, 0 where none pays",
        key=lambda alpha, c: best_K(alpha, c, max_K=20),
        cases=_grid,
        mistakes=(
            Mistake(
                "at least one draft is always made",
                "What do one draft cost and bring where it is rarely kept and nearly as slow as the target?",
                lambda alpha, c: max(1, best_K(alpha, c, max_K=20)),
            ),
            # tokens a pass grow with K without end; the speed-up does not
            Mistake(
                "the K with the most tokens a pass is taken",
                "More drafts always give more tokens a pass. What else do they cost?",
                lambda alpha, c: 20,
            ),
            Mistake(
                "K is where the next draft is kept less than half of the time",
                "Whether a draft pays depends on what it costs too.",
                lambda alpha, c: max([0, *[K for K in range(21) if alpha**K >= 0.5]]),
            ),
        ),
    ),
    # the same, from one's own measurements: what is c a ratio of?
    Exercise(
        id="08.4",
        kind="measure",
        title="the speed-up that a trace and three measured times predict",
        key=_predicted,
        cases=_timings,
        mistakes=(
            # the unit is a target pass of one row, for c and for ρ
            Mistake(
                "c is measured against the K+1-row pass",
                "What is the unit of time in theorem 3.8?",
                _with(lambda draft, one, many: draft / many, lambda draft, one, many: many / one),
            ),
            Mistake(
                "ρ is upside down",
                "More rows take more time, so ρ is at least 1.",
                _with(lambda draft, one, many: draft / one, lambda draft, one, many: one / many),
            ),
            Mistake(
                "ρ is left out",
                "Look at the third time.",
                _with(lambda draft, one, many: draft / one, lambda draft, one, many: 1),
            ),
        ),
        passes=(1, 5),
    ),
    *POSITIONS,
)
