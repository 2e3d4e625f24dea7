"""The exercises of notebook 01, next-token distributions."""

from typing import Any

import numpy as np

from specsample.distributions import Array, pick, softmax
from specsample.exercises.exercise import Case, Exercise, Mistake, call_for_token, one_question, take
from specsample.exercises.showing import show
from specsample.exercises.wrong_picks import NUCLEUS, PICK
from specsample.strategies import min_p, temperature, top_p

QUARTERS = np.array([0.25, 0.75])


def _picks(seed: int) -> list[Case]:
    """List rows with uniform numbers at, below and above every threshold."""
    rows = [[0.5, 0.5], [0.0, 1.0], [1.0, 0.0], [0.25, 0.0, 0.75], [0.0, 0.5, 0.25, 0.25]]
    rng = np.random.default_rng(seed)
    rows += [(rng.multinomial(16, rng.dirichlet(np.ones(4))) / 16).tolist() for _ in range(6)]
    # u at every running sum, where the next token begins: < and <= differ there
    cases: list[Case] = []
    for p in rows:
        total = np.cumsum(p)
        numbers = [0.0, *total[total < 1].tolist(), 0.999, 0.4]
        cases += [Case(f"p = {show(p)}, u = {show(u)}", (np.array(p), u)) for u in sorted(numbers)]
    return cases


def _nuclei(seed: int) -> list[Case]:
    """List rows of different probabilities with masses that fall inside a token."""
    rows = [[0.75, 0.25], [0.5, 0.375, 0.125], [0.125, 0.25, 0.625]]
    rng = np.random.default_rng(seed)
    # no two probabilities are equal: which of equal tokens a nucleus keeps is a convention
    rows += [(rng.permutation([0.375, 0.25, 0.1875, 0.125, 0.0625])).tolist() for _ in range(3)]
    cases = [(np.array(p), mass) for p in rows for mass in (0.7, 0.9, 1.0, 0.05)]
    # masses that are reached exactly: > and >= differ there
    exact = [([0.5, 0.25, 0.25], 0.5), ([0.5, 0.375, 0.125], 0.875), ([0.125, 0.25, 0.625], 0.625)]
    cases += [(np.array(p), mass) for p, mass in exact]
    return [Case(f"p = {show(p)}, mass = {show(mass)}", (p, mass)) for p, mass in cases]


def _kept(choose: Any) -> Any:
    """Keep tokens by rank, where `choose` sees the sorted cumulative sum and the mass."""

    def keep(p: Array, mass: float) -> Array:
        # heaviest first; equal ones keep their order
        order = np.argsort(-p, kind="stable")
        kept = np.zeros_like(p)
        kept[order] = np.where(choose(np.cumsum(p[order]), p[order], mass), p[order], 0)
        return kept / (kept.sum() or 1)

    return keep


EXERCISES = (
    # inverse CDF: this is where a random number becomes a token
    Exercise(
        id="01.1",
        kind="implement",
        title="pick a token with one uniform number",
        key=pick,
        cases=_picks,
        ask=call_for_token,
        mistakes=(
            # at u = 0 it returns the first token, even one of probability 0
            Mistake(
                "the comparison is <= and not <",
                "Try u = 0 on a distribution whose first token has probability 0.",
                lambda p, u: int(np.argmax(u <= np.cumsum(p))),
            ),
            # greedy decoding, which is not sampling
            Mistake(
                "the most likely token is taken whatever u is",
                "Your function should give another token for another u.",
                lambda p, u: int(np.argmax(p)),
            ),
            Mistake(
                "u is compared with single probabilities, not with their running sum",
                "How often would the last of four equally likely tokens be picked?",
                lambda p, u: int(np.argmax(u < p)),
            ),
            *PICK,
        ),
    ),
    # a strategy is a map from rows to rows, so that p and q can both be sent through it
    Exercise(
        id="01.2",
        kind="implement",
        title="nucleus (top-p) sampling as a map of distributions",
        key=lambda p, mass: top_p(mass)(p),
        cases=_nuclei,
        mistakes=(
            # the nucleus is the smallest set of at least the mass
            Mistake(
                "the token that crosses the mass is dropped",
                "The set that is kept must hold at least the mass.",
                _kept(lambda total, p, mass: total <= mass),
            ),
            Mistake(
                "what is kept is not normalised",
                "A strategy maps distributions to distributions. What do your rows sum to?",
                lambda p, mass: np.where(top_p(mass)(p) > 0, p, 0),
            ),
            Mistake(
                "the mass is taken as a threshold on each probability (that is min-p)",
                "The mass is that of a set of tokens.",
                lambda p, mass: min_p(mass)(p),
            ),
            *NUCLEUS,
        ),
    ),
    # squares, normalised; by hand
    Exercise(
        id="01.3",
        kind="predict",
        title="(1/4, 3/4) at temperature 1/2",
        key=temperature(0.5)(QUARTERS),
        cases=one_question,
        ask=take,
        mistakes=(
            # (1/16, 9/16) / (10/16) is right; this is (1/2, 0.87), normalised
            Mistake(
                "the exponent is T and not 1/T",
                "Low temperature makes text more predictable. Did your likely token become likelier?",
                temperature(2.0)(QUARTERS),
            ),
            Mistake("the powers are not normalised", "What do your two numbers sum to?", QUARTERS**2),
            Mistake(
                "probabilities are divided by T, which changes nothing once normalised",
                "Logits are divided by T; what is that for probabilities?",
                QUARTERS,
            ),
            Mistake(
                "probabilities are taken for logits: softmax of p/T",
                "Of which numbers is a softmax taken?",
                softmax(QUARTERS / 0.5),
            ),
            Mistake("the likeliest token gets everything: that is T = 0", "T is 1/2.", [0, 1]),
        ),
    ),
)
