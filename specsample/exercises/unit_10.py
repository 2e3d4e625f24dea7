"""The exercises of notebook 10, beyond."""

from fractions import Fraction
from typing import Any

import numpy as np

from specsample.distributions import Array, pick
from specsample.exercises.exercise import Case, Exercise, Mistake, one_question
from specsample.exercises.laws import (
    UNREAD,
    agreement,
    at_least,
    at_zero,
    distance,
    is_disjoint,
    is_equal,
)
from specsample.exercises.on_judging import JUDGING
from specsample.exercises.on_siblings import SIBLINGS
from specsample.exercises.on_trees import TREES
from specsample.exercises.showing import show
from specsample.exercises.tables import pairs
from specsample.theory.rejection import independent_coupling, maximal_coupling, quantile_coupling
from specsample.verifiers.block import run_weights


def _runs(seed: int) -> list[Case]:
    """List the drafts' probabilities under p and q."""
    rng = np.random.default_rng(seed)
    # a bad draft before a good one, and after it: the order is what the weights are about
    cases = [([1, 3], [2, 2]), ([3, 1], [1, 3]), ([1], [2])]
    cases += [tuple(rng.integers(1, 9, (2, K)).tolist()) for K in (2, 3, 4, 5)]
    rows = [(_over(p, 9), _over(q, 9)) for p, q in cases]
    return [Case(f"p(x) = {show(p)}, q(x) = {show(q)}", (p, q)) for p, q in rows]


def _over(weights: list[int], total: int) -> Array:
    """Make fractions."""
    return np.array([Fraction(weight, total) for weight in weights], object)


def _one_after(p_x: Array, q_x: Array) -> Array:
    """Multiply the token rule's own probabilities: w_i = Π min(1, p/q)."""
    return np.cumprod([Fraction(1), *np.minimum(p_x / q_x, 1)])


def _cut_last(p_x: Array, q_x: Array) -> Array:
    """Cut the whole product at 1, and not at each draft: w_i = min(1, Π p/q)."""
    return np.minimum(np.cumprod([Fraction(1), *(p_x / q_x)]), 1)


def _copied(p: Array, q: Array, tape: Any) -> tuple[int, int]:
    """Draw one token and say it twice."""
    x = pick(p, tape.random(1)[0])
    return x, x


EXERCISES = (
    # w_i = min(1, w_(i-1) p/q): between the two mistakes below
    Exercise(
        id="10.1",
        kind="implement",
        title="the weights of block verification",
        key=run_weights,
        cases=_runs,
        mistakes=(
            # never more than the right weights
            Mistake(
                "each ratio is cut at 1 before they are multiplied: the token rule",
                "Block verification lets a good draft make up for a bad one before it.",
                _one_after,
            ),
            # never less than the right weights
            Mistake(
                "the product is cut at 1 only at the end",
                "A run that is certain at draft i has no credit left over for draft i + 1.",
                _cut_last,
            ),
            Mistake(
                "the ratios are not multiplied",
                "A run of two drafts needs both.",
                lambda p, q: np.array([1, *np.minimum(p / q, 1)]),
            ),
            Mistake(
                "nothing is cut at 1",
                "A weight is at most 1.",
                lambda p, q: np.cumprod([Fraction(1), *(p / q)]),
            ),
            Mistake(
                "only the last weight is given",
                "Every run has a weight: of no draft, of one, of two.",
                lambda p, q: run_weights(p, q)[-1],
            ),
            Mistake("w_0 = 1 is missing", "The empty run has a weight too.", lambda p, q: run_weights(p, q)[1:]),
        ),
    ),
    # the catalogue's M28: a rule that is meant to change the law, and by how much
    Exercise(
        id="10.2",
        kind="break it",
        title="p and q on which lenient acceptance, min(1, 1.25 p/q) (M28), is off by at least 1/6",
        # q always drafts token 0, and 1.25 times 4/5 keeps it always: off by 1/5
        key=([Fraction(4, 5), Fraction(1, 5)], [1, 0]),
        cases=one_question,
        ask=distance("M28"),
        mistakes=(
            Mistake(
                "p = q",
                "If p = q no draft is refused by either rule.",
                ([Fraction(1, 2)] * 2, [Fraction(1, 2)] * 2),
                is_equal,
            ),
            Mistake(
                "p and q share no token",
                "1.25 times 0 is 0: such drafts are refused by either rule.",
                ([1, 0], [0, 1]),
                is_disjoint,
            ),
            Mistake(
                "too few drafts fall where leniency changes anything",
                "No token comes up with more than 1.25 p. On which tokens can that much be reached, "
                "and how much p may they have?",
                ([Fraction(1, 2), Fraction(1, 2)], [Fraction(1, 4), Fraction(3, 4)]),
                lambda answer: len(answer) == 2,
            ),
        ),
        **at_least(Fraction(1, 6)),
    ),
    # a draft for which target and drafter need not talk to each other
    Exercise(
        id="10.3",
        kind="implement",
        title="the coupling by common random numbers: x from p, y from q, neither knowing of the other",
        key=lambda p, q, tape: quantile_coupling(q, p, tape.random(1)),  # there x is the draft's: from the second
        cases=lambda seed: [*pairs(seed), *at_zero()],
        ask=agreement,
        mistakes=(
            Mistake(
                "x and y have random numbers of their own",
                "Both laws are right; they agree too rarely. What may two strangers share?",
                lambda p, q, tape: independent_coupling(q, p, tape.random(2)),
            ),
            # agrees always, but y's law is p
            Mistake("y is a copy of x", "Then y does not follow q.", _copied),
            Mistake(
                "y looks at x: a maximal coupling, which strangers cannot make",
                "x and y are equal too often: y is to be made from q and u alone.",
                lambda p, q, tape: maximal_coupling(q, p, tape.random(3)),
            ),
            UNREAD,
        ),
        passes=(1, 1),
    ),
    *TREES,
    *SIBLINGS,
    *JUDGING,
)
