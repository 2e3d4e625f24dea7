"""Known mistakes about picking a token and the nucleus, of notebook 01."""

from collections.abc import Callable
from typing import Any

import numpy as np

from specsample.distributions import Array, pick
from specsample.exercises.exercise import Mistake
from specsample.strategies import top_p

PICK = (
    Mistake(
        "the comparison is turned round: u > the running sum",
        "At which token does the running sum pass u?",
        lambda p, u: int(np.argmax(u > np.cumsum(p))),
    ),
    Mistake(
        "the tokens whose running sum exceeds u are counted",
        "The first of them is asked for. How many stand before it?",
        lambda p, u: int((u < np.cumsum(p)).sum()),
    ),
    Mistake(
        "the probability of the token is returned, and not the token",
        "A token is an index.",
        lambda p, u: p[pick(p, u)],
    ),
    Mistake(
        "all comparisons are returned, and not where they turn true",
        "Which function finds the first True?",
        lambda p, u: u < np.cumsum(p),
    ),
    Mistake(
        "all tokens are taken to be equally likely",
        "Your function should look at p.",
        lambda p, u: int(u * len(p)),
    ),
    Mistake(
        "the running sum is made from the last token on",
        "That has the right law; here u is cut up from token 0 on, as the library does.",
        lambda p, u: len(p) - 1 - pick(p[::-1], u),
    ),
)


def _by_rank(p: Array, mass: float, order: Array, choose: Callable[..., Any]) -> Array:
    """Keep tokens by their running sum in an order, and the one before it."""
    total = np.cumsum(p[order])
    kept = np.zeros_like(p)
    kept[order] = np.where(choose(total, total - p[order], mass), p[order], 0)
    return kept / (kept.sum() or 1)


def _until_above(p: Array, mass: float) -> Array:
    """Keep tokens up to the first whose running sum is above the mass; the first alone, if none is."""
    order = np.argsort(-p, kind="stable")
    kept = np.zeros_like(p)
    n = int(np.argmax(np.cumsum(p[order]) > mass)) + 1
    kept[order[:n]] = p[order[:n]]
    return kept / kept.sum()


ONE_MORE = (
    "a token more is kept where the mass is reached exactly: > for >=",
    "The smallest set of at least the mass. What if two tokens have exactly the mass?",
)
NUCLEUS = (
    Mistake(*ONE_MORE, lambda p, mass: _by_rank(p, mass, np.argsort(-p), lambda total, before, mass: before <= mass)),
    Mistake(*ONE_MORE, _until_above),
    Mistake(
        "tokens are taken in the order of their ids, and not of their probabilities",
        "Which token is to be kept first?",
        lambda p, mass: _by_rank(p, mass, np.arange(len(p)), lambda total, before, mass: before < mass),
    ),
    Mistake(
        "the least likely tokens are taken first",
        "In which direction does argsort sort?",
        lambda p, mass: _by_rank(p, mass, np.argsort(p), lambda total, before, mass: before < mass),
    ),
    Mistake(
        "the result is left in sorted order",
        "Entry x of the result is to be the probability of token x.",
        lambda p, mass: np.sort(top_p(mass)(p))[::-1],
    ),
    Mistake("nothing is cut off", "Which tokens are outside the nucleus?", lambda p, mass: p),
    Mistake(
        "only the likeliest token is kept",
        "The set that is kept must hold at least the mass.",
        lambda p, mass: np.eye(len(p))[np.argmax(p)],
    ),
)
