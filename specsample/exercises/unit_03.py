"""The exercises of notebook 03, one draft token."""

from typing import Any

import numpy as np

from specsample.acceptance import overlap, residual
from specsample.conformance.laws.open_round import ratio
from specsample.conformance.laws.wrong_rules import normalised, softmax_of_residual
from specsample.exercises.exercise import Case, Exercise, Mistake, call, one_question, take
from specsample.exercises.laws import UNREAD, at_zero, sampled
from specsample.exercises.showing import Words, flat, same, show
from specsample.exercises.tables import numbers, pairs, row
from specsample.exercises.wrong_tests import ACCEPT, RESIDUAL
from specsample.exercises.wrong_tokens import SAMPLER, sampler

# not the pair whose overlap the legend of a figure in notebook 03 states
P = row(3, 2, 1)
Q = row(1, 2, 3)


def _row(answer: Any, case: Case) -> Any:
    """Ask for a residual; where p = q any distribution is one."""
    p, q = case.arguments
    made = call(answer, case)
    if (p == q).all() and same(sum(flat(made)), 1) and min(flat(made)) >= 0 and len(flat(made)) == len(p):
        return Words("any distribution")
    return made


def _samplers(seed: int) -> list[Case]:
    """List rows (p, q), then those with a tape of zeros, then one p with two q on the same tapes."""
    sure = (row(1, 0), row(0, 1))
    twice = Case("p = (1/2, 1/2), and the same tapes with q = (1, 0) and with q = (0, 1)", (row(1, 1), *sure))
    return [*pairs(seed), *at_zero(), twice]


EXERCISES = (
    # half of the rule: what may stay
    Exercise(
        id="03.1",
        kind="implement",
        title="the probability of keeping a draft",
        key=ratio,
        cases=numbers,
        mistakes=(
            Mistake(
                "the letters are swapped: q / p",
                "If the draft likes a token more than the target does, should it be kept more often or less?",
                lambda a, b: min(1, b / a) if a else 1,
            ),
            # harmless where u is only compared; not a probability all the same
            Mistake(
                "nothing keeps it at most 1",
                "Can a probability be larger than 1? Look at the tokens with p > q.",
                lambda a, b: a / b,
            ),
            Mistake(
                "the draft probability is forgotten",
                "x came from q already: rare drafts come rarely. What must the test make up for?",
                lambda a, b: a,
            ),
            *ACCEPT,
        ),
    ),
    Exercise(
        id="03.2",
        kind="implement",
        title="the residual distribution",
        key=residual,
        cases=pairs,
        ask=_row,
        mistakes=(
            Mistake(
                "abs(p - q) stands for max(0, p - q)",
                "Tokens of which there are too many already would come back. Which sign has p - q there?",
                lambda p, q: normalised(abs(p - q)) if (p != q).any() else p,
            ),
            # the same mistake by somebody who did not think of p = q: two answers, for their results differ
            Mistake(
                "abs(p - q) stands for max(0, p - q), and p = q divides by zero",
                "Tokens of which there are too many already would come back. And what if p = q?",
                lambda p, q: normalised(abs(p - q)),
            ),
            Mistake("p itself is taken", "Some tokens have had part of their share by being kept.", lambda p, q: p),
            Mistake(
                "p and q are swapped: max(0, q - p)",
                "Which tokens are still missing after the drafts have been kept?",
                lambda p, q: normalised(np.maximum(q - p, 0 * p)) if (p != q).any() else p,
            ),
            Mistake(
                "the excess is not normalised",
                "What do your numbers sum to? pick() needs a distribution.",
                lambda p, q: np.maximum(p - q, 0 * p),
            ),
            Mistake(
                "softmax normalises the excess",
                "Softmax gives every token something, those with nothing missing too.",
                softmax_of_residual,
            ),
            # right elsewhere: only the pairs with p = q tell
            Mistake(
                "p = q is not thought of: 0 / 0",
                "If p = q nothing is ever refused, so any distribution will do there. Dividing by 0 will not.",
                lambda p, q: normalised(np.maximum(p - q, 0 * p)),
            ),
            # p - q sums to 0, so that it cannot be normalised either
            Mistake("negative numbers are kept", "A token cannot have a negative probability.", lambda p, q: p - q),
            *RESIDUAL,
        ),
    ),
    Exercise(
        id="03.3",
        kind="implement",
        title="a sampler whose token follows p although it drafts from q",
        key=sampler(ratio, residual),
        cases=_samplers,
        ask=sampled,
        mistakes=(
            Mistake(
                "the replacement is drawn from p (catalogue: M01)",
                "After a rejection some tokens need no more mass. p gives it to them all the same.",
                sampler(ratio, lambda p, q: p),
            ),
            Mistake(
                "one uniform number both refuses the draft and draws its replacement (M20)",
                "What do you know about u once it has refused a draft? Is it still uniform on [0, 1)?",
                sampler(ratio, residual, u_emit=1),
            ),
            Mistake(
                "the ratio is upside down (M09)",
                "Which tokens does your sampler keep too many of?",
                sampler(lambda a, b: ratio(b, a), residual),
            ),
            # nothing is ever tested
            # max(0, q - p) gives back what was refused: the same law, and so one name for both
            Mistake(
                "every draft is kept (M10), or a refused one is replaced from max(0, q - p), which gives it back",
                "Then the text is the draft's.",
                sampler(lambda a, b: 1, residual),
            ),
            *SAMPLER,
            UNREAD,
        ),
        wanted=lambda wanted: show(wanted) + ", the target's p",
        passes=(1, 1),
    ),
    Exercise(
        id="03.4",
        kind="predict",
        title="how often a draft is kept, for p = (1/2, 1/3, 1/6) and q = (1/6, 1/3, 1/2)",
        key=overlap(P, Q),
        cases=one_question,
        ask=take,
        mistakes=(
            Mistake("max stands for min", "Which part of the bars do p and q share?", np.maximum(P, Q).sum()),
            Mistake("the probability of a rejection is given", "Kept, not refused.", 1 - overlap(P, Q)),
            # sampling both and comparing
            Mistake(
                "the probability that two independent draws agree is given",
                "That is another rule, which keeps less: here the draft only has to pass a test.",
                (P * Q).sum(),
            ),
            # drafts come from q: the mean is weighted by q(x)
            Mistake(
                "the average of min(1, p/q) over tokens is taken, not over drafts",
                "Tokens are not drafted equally often.",
                sum(ratio(a, b) for a, b in zip(P, Q)) / 3,
            ),
        ),
    ),
)
