"""An exercise of notebook 12 on what a source that declines brings."""

from fractions import Fraction
from typing import Any

import numpy as np

from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.theory import expected_tokens


def _rounds(seed: int) -> list[Case]:
    """List α, K, the share of rounds that draft, c and ρ."""
    part = [Fraction(int(n), 8) for n in np.random.default_rng(seed).integers(1, 8, 2)]
    machines = [(Fraction(1, 32), Fraction(5, 4)), (Fraction(1, 32), Fraction(9, 4)), (Fraction(1, 4), Fraction(1))]
    some = (Fraction(3, 4), Fraction(1, 2), *part)
    asked = [(alpha, K, Fraction(share)) for alpha in some for K in (1, 4) for share in (1, 0)]
    asked += [(Fraction(3, 4), K, share) for K in (1, 4) for share in (Fraction(1, 2), *part)]
    said = "α = {}, K = {}, share = {}, c = {}, ρ = {}"
    return [Case(said.format(*one, *machine), (*one, *machine)) for one in asked for machine in machines]


def _gain(tokens: Any, share: Any, time: Any) -> Any:
    """Divide the tokens of an average round by its time: of one that drafts, or of a plain pass."""
    return (share * tokens + 1 - share) / (share * time + 1 - share)


# theorem 3.8 for a source that declines, with a measured ρ
GAIN = Exercise(
    id="12.4",
    kind="implement",
    title="the speed-up of a source that drafts in some rounds",
    key=lambda alpha, K, share, c, rho: _gain(expected_tokens(alpha, K), share, K * c + rho),
    cases=_rounds,
    mistakes=(
        Mistake(
            "the speed-ups of both kinds of round are averaged",
            "A speed-up is tokens by time: add tokens up, add times up, and divide then.",
            lambda alpha, K, share, c, rho: share * expected_tokens(alpha, K) / (K * c + rho) + 1 - share,
        ),
        Mistake(
            "rows are taken to be free (ρ = 1)",
            "A pass over K + 1 rows takes ρ times one over a single row.",
            lambda alpha, K, share, c, rho: _gain(expected_tokens(alpha, K), share, K * c + 1),
        ),
        Mistake(
            "drafts are taken to be free (c = 0)",
            "Each draft costs c of a target pass.",
            lambda alpha, K, share, c, rho: _gain(expected_tokens(alpha, K), share, rho),
        ),
        Mistake(
            "every round is taken to draft",
            "In which rounds is only one token written, in one plain pass?",
            lambda alpha, K, share, c, rho: _gain(expected_tokens(alpha, K), 1, K * c + rho),
        ),
        Mistake(
            "a round without drafts costs as much as one with them",
            "Where nothing is drafted the target reads one row.",
            lambda alpha, K, share, c, rho: (share * expected_tokens(alpha, K) + 1 - share) / (K * c + rho),
        ),
        Mistake(
            "the token after the drafts is forgotten",
            "Every round ends with a correction or a bonus.",
            lambda alpha, K, share, c, rho: _gain(expected_tokens(alpha, K) - 1, share, K * c + rho),
        ),
        Mistake(
            "α K drafts are taken to be kept",
            "After a refused draft no other is tested: 1 + α + ... + α^K.",
            lambda alpha, K, share, c, rho: _gain(1 + alpha * K, share, K * c + rho),
        ),
        Mistake(
            "time by tokens is given, and not tokens by time",
            "A speed-up above 1 is a gain.",
            lambda alpha, K, share, c, rho: 1 / _gain(expected_tokens(alpha, K), share, K * c + rho),
        ),
    ),
)
