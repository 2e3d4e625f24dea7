"""What is asked in notebook 09, strategies and draft sources?"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake, call, one_question
from specsample.exercises.tables import row
from specsample.exercises.unit_03 import ratio
from specsample.exercises.unit_05 import at_least, distance


def _texts(seed: int) -> list[Case]:
    """List texts in which the last n tokens came up before, once, twice or never."""
    rng = np.random.default_rng(seed)
    texts = [([1, 2, 1], 1), ([1, 2, 3], 1), ([1, 2, 1, 3, 1], 1), ([1, 1, 1], 1), ([1, 2, 3, 1, 2], 2)]
    texts += [([3, 1, 2, 1], 2), *[(rng.integers(3, size=12).tolist(), n) for n in (1, 2, 2, 3)]]
    return [Case(f"tokens = {tokens}, n = {n}", (tokens, n)) for tokens, n in texts]


def lookup(tokens: Sequence[int], n: int) -> int:
    """Find the token that followed the last n tokens when they came up before, the most recent time; -1 if never.

    Parameters
    ----------
    tokens : sequence of int
    n : int >= 1
    """
    ends = [end for end in range(n, len(tokens)) if list(tokens[end - n : end]) == list(tokens[-n:])]
    return tokens[ends[-1]] if ends else -1


def _first(tokens: Sequence[int], n: int) -> int:
    """Take the first time instead of the last."""
    ends = [end for end in range(n, len(tokens)) if list(tokens[end - n : end]) == list(tokens[-n:])]
    return tokens[ends[0]] if ends else -1


def _itself(tokens: Sequence[int], n: int) -> int:
    """Find the end of the text itself."""
    return -1


def _one_hot(seed: int) -> list[Case]:
    """List rows of p with the one token that a draft without probabilities proposes."""
    rows = [row(1, 1), row(1, 3), row(1, 0), row(1, 2, 5)]
    rng = np.random.default_rng(seed)
    rows += [row(*(rng.integers(0, 5, 4) + 1).tolist()) for _ in range(3)]
    return [Case(f"p = ({', '.join(map(str, p))}), draft {x}", (p, x)) for p in rows for x in range(len(p))]


def _kept(p: Array, x: int) -> Any:
    """The draft's distribution is one-hot at x: min(1, p/1)."""
    return ratio(p[x], Fraction(1))


EXERCISES = (
    Exercise(
        "09.1",
        "implement",
        "prompt lookup: what came after these tokens the last time?",
        lookup,
        _texts,
        call,
        (
            Mistake(
                "the first time is taken and not the most recent one",
                "Text nearby is the better guide.",
                _first,
            ),
            Mistake(
                "the search finds the end of the text itself, behind which nothing stands",
                "Every text ends with its last n tokens. Where must the search stop?",
                _itself,
            ),
            Mistake(
                "only the very last token is compared",
                "All n tokens must agree.",
                lambda tokens, n: lookup(tokens, 1),
            ),
        ),
    ),
    Exercise(
        "09.2",
        "predict",
        "how often a draft that came without probabilities is kept",
        _kept,
        _one_hot,
        call,
        (
            Mistake(
                "the draft is kept if it is the target's likeliest token",
                "That would make the text too predictable. What is q, if this draft could have been nothing else?",
                lambda p, x: int(np.argmax(p) == x),
            ),
            Mistake(
                "q is taken to be uniform",
                "Was every token equally likely to be proposed?",
                lambda p, x: ratio(p[x], Fraction(1, len(p))),
            ),
            Mistake(
                "the draft is always kept",
                "What if the lookup always proposes a token that the target hardly ever says?",
                lambda p, x: 1 if p[x] else 0,
            ),
        ),
        passes=(1, 0),
    ),
    Exercise(
        "09.3",
        "break it",
        "p and q on which a greedy draft that is judged with q (M05) is off by at least 1/3",
        ([Fraction(1, 2), Fraction(1, 2)], [Fraction(51, 100), Fraction(49, 100)]),
        one_question,
        distance("M05"),
        (
            Mistake(
                "q is one-hot already",
                "A greedy draft from a one-hot q is an honest sample. Where do argmax and sampling differ most?",
                ([Fraction(1, 2), Fraction(1, 2)], [1, 0]),
                lambda answer: max(answer[1]) == 1,
            ),
            Mistake(
                "the favourite of q is rarely anything but the sample, or the target refuses it",
                "Let q be nearly undecided. How often is its favourite drafted, and how often should it be?",
                ([Fraction(9, 10), Fraction(1, 10)], [Fraction(9, 10), Fraction(1, 10)]),
                lambda answer: len(answer) == 2,
            ),
        ),
        **at_least(Fraction(1, 3)),
    ),
)
