"""Known mistakes about the test of a draft and its residual."""

import numpy as np

from specsample.conformance.laws.wrong_rules import normalised
from specsample.distributions import Array
from specsample.exercises.exercise import Mistake


def excess(p: Array, q: Array) -> Array:
    """max(0, p - q)."""
    return np.maximum(p - q, 0 * p)


# the test of a draft, from p(x) and q(x)
ACCEPT = (
    Mistake(
        "max stands for min",
        "A probability is at most 1. What does max(1, ...) do with p < q?",
        lambda a, b: max(1, a / b),
    ),
    Mistake(
        "the letters are swapped, q / p, and p = 0 divides by zero",
        "If the draft likes a token more than the target does, should it be kept more often or less?",
        lambda a, b: min(1, b / a),
    ),
    Mistake(
        "a draft is kept for sure or not at all: p >= q",
        "A token that the draft likes a little too much should still be kept sometimes. How often?",
        lambda a, b: int(a >= b),
    ),
    Mistake(
        "a draft is kept for sure or not at all: p > q",
        "A token that the draft likes a little too much should still be kept sometimes. How often?",
        lambda a, b: int(a > b),
    ),
    Mistake("a difference is taken: p - q", "How many of the drafts of x may stay? A share.", lambda a, b: a - b),
    Mistake(
        "the excess max(0, p - q) is taken",
        "That is what is missing of the token. How many of its drafts may stay?",
        lambda a, b: max(0, a - b),
    ),
    Mistake(
        "min(p, q) is taken, the mass that drafting and keeping come to together",
        "x has been drafted already. What is the chance that it stays, given that?",
        lambda a, b: min(a, b),
    ),
    Mistake(
        "the distance |p - q| is taken", "How many of the drafts of x may stay? A share.", lambda a, b: abs(a - b)
    ),
    Mistake("p and q are multiplied", "That is how often two draws are both x.", lambda a, b: a * b),
    Mistake(
        "p is set against the sum p + q",
        "If p = q every draft may stay. What does yours come to there?",
        lambda a, b: a / (a + b),
    ),
    Mistake(
        "the distance |p - q| is taken for what refuses",
        "A token with p > q is never refused.",
        lambda a, b: 1 - abs(a - b),
    ),
)
# what replaces a refused draft
RESIDUAL = (
    Mistake("q is taken", "The drafts came from q. What is missing?", lambda p, q: q),
    Mistake(
        "what has been kept is taken: min(p, q), normalised",
        "Those tokens have got it already. What is missing?",
        lambda p, q: normalised(np.minimum(p, q)),
    ),
    Mistake(
        "min(p, q) is taken, what has been kept",
        "Those tokens have got it already. What is missing?",
        np.minimum,
    ),
    Mistake(
        "p is kept whole wherever p > q",
        "Of such a token a part has come out already, by being kept.",
        lambda p, q: normalised(np.where(p > q, p, 0 * p)) if (p > q).any() else p,
    ),
    Mistake(
        "all goes to the token of which most is missing",
        "Others may be missing too, if less.",
        lambda p, q: np.eye(len(p), dtype=int)[np.argmax(p - q)],
    ),
    Mistake(
        "tokens with p > q are taken to be missing equally",
        "How much of each is missing?",
        lambda p, q: normalised((p > q) * (0 * p + 1)) if (p > q).any() else p,
    ),
    Mistake(
        "p = q gives a row of zeros",
        "Any distribution will do there, but zeros are none.",
        lambda p, q: normalised(excess(p, q)) if (p != q).any() else 0 * p,
    ),
    Mistake(
        "p and q are swapped, max(0, q - p), and not normalised",
        "Which tokens are still missing after the drafts have been kept? And what do your numbers sum to?",
        lambda p, q: excess(q, p),
    ),
    Mistake(
        "the differences keep no sign: abs(p - q), not normalised",
        "Which sign has p - q where too much came?",
        lambda p, q: abs(p - q),
    ),
    Mistake("the larger of p and q is taken", "What is missing is a difference.", np.maximum),
)
