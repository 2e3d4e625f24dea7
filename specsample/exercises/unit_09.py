"""The exercises of notebook 09, strategies and draft sources."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from specsample.conformance.laws.open_round import ratio
from specsample.exercises.exercise import Case, Exercise, Mistake, call_for_token, one_question
from specsample.exercises.laws import at_least, distance
from specsample.exercises.on_sources import SOURCES
from specsample.exercises.tables import row


def _texts(seed: int) -> list[Case]:
    """List texts in which the last n tokens came up before, once, twice or never."""
    rng = np.random.default_rng(seed)
    texts = [([1, 2, 1], 1), ([1, 2, 3], 1), ([1, 2, 1, 3, 1], 1), ([1, 1, 1], 1), ([1, 2, 3, 1, 2], 2)]
    texts += [([3, 1, 2, 1], 2), *[(rng.integers(3, size=12).tolist(), n) for n in (1, 2, 2, 3)]]
    return [Case(f"tokens = {tokens}, n = {n}", (tokens, n)) for tokens, n in texts]


def _lookup(tokens: Sequence[int], n: int, which: int = -1) -> int:
    """Find the token that followed the last n tokens when they came up before, the most recent time; -1 if never."""
    # an end before the text's own: a token must stand after it
    ends = [end for end in range(n, len(tokens)) if list(tokens[end - n : end]) == list(tokens[-n:])]
    return tokens[ends[which]] if ends else -1


def _one_hot(seed: int) -> list[Case]:
    """List rows of p with the one token that a draft without probabilities proposes."""
    rows = [row(1, 1), row(1, 3), row(1, 0), row(1, 2, 5)]
    rng = np.random.default_rng(seed)
    rows += [row(*(rng.integers(0, 5, 4) + 1).tolist()) for _ in range(3)]
    return [Case(f"p = ({', '.join(map(str, p))}), draft {x}", (p, x)) for p in rows for x in range(len(p))]


EXERCISES = (
    # a draft source without a model
    Exercise(
        id="09.1",
        kind="implement",
        title="prompt lookup: what came after these tokens the last time?",
        key=_lookup,
        cases=_texts,
        ask=call_for_token,
        mistakes=(
            Mistake(
                "the first time is taken and not the most recent one",
                "Text nearby is the better guide.",
                lambda tokens, n: _lookup(tokens, n, 0),
            ),
            Mistake(
                "the search finds the end of the text itself, after which nothing stands",
                "Every text ends with its last n tokens. Where must the search stop?",
                lambda tokens, n: -1,
            ),
            # right for n = 1
            Mistake(
                "only the very last token is compared",
                "All n tokens must agree.",
                lambda tokens, n: _lookup(tokens, 1),
            ),
            Mistake(
                "the first of the tokens that agree is given, and not what followed them",
                "What came after them?",
                lambda tokens, n: tokens[-n] if _lookup(tokens, n) >= 0 else -1,
            ),
            Mistake(
                "the last token of the text is given, and not what followed it the last time",
                "What came after them?",
                lambda tokens, n: tokens[-1] if _lookup(tokens, n) >= 0 else -1,
            ),
            Mistake(
                "the place is given, and not the token that stands there",
                "Which token stands where you stopped?",
                lambda tokens, n: max(
                    [end for end in range(n, len(tokens)) if tokens[end - n : end] == tokens[-n:]], default=-1
                ),
            ),
            Mistake(
                "the last of the tokens that agree is given, and the search finds the end of the text itself",
                "Every text ends with its last n tokens. What came after them before?",
                lambda tokens, n: tokens[-1],
            ),
        ),
    ),
    # what q is of such a draft: 1 at its token
    Exercise(
        id="09.2",
        kind="predict",
        title="how often a draft that came without probabilities is kept",
        key=lambda p, x: ratio(p[x], Fraction(1)),  # min(1, p(x)/q(x)) with q one-hot at x
        cases=_one_hot,
        mistakes=(
            Mistake(
                "the draft is kept if it is the target's likeliest token",
                "That would make the text too predictable. What is q, if this draft could have been nothing else?",
                lambda p, x: int(np.argmax(p) == x),
            ),
            # keeps min(1, V p(x)) of the drafts: too many
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
            Mistake(
                "the draft is always kept, even one that the target never says",
                "What if the lookup always proposes a token that the target hardly ever says?",
                lambda p, x: 1,
            ),
            Mistake(
                "the draft is kept if the target thinks it at least as likely as not",
                "A target that says it one time in three should keep it one time in three.",
                lambda p, x: int(2 * p[x] >= 1),
            ),
            Mistake(
                "p of the draft is set against the likeliest token's",
                "By what was the draft proposed? Not by p.",
                lambda p, x: p[x] / max(p),
            ),
            Mistake(
                "the chance that two draws from p agree is given",
                "The draft was no draw.",
                lambda p, x: (p * p).sum(),
            ),
            Mistake("p is squared", "The draft is there already; it only has to pass.", lambda p, x: p[x] ** 2),
        ),
        passes=(1, 0),
    ),
    # the catalogue's M05: q must be what the draft was drawn from
    Exercise(
        id="09.3",
        kind="break it",
        title="p and q on which a greedy draft that is judged with q (M05) is off by at least 1/3",
        # q is all but undecided, and its favourite is drafted always
        key=([Fraction(1, 2), Fraction(1, 2)], [Fraction(51, 100), Fraction(49, 100)]),
        cases=one_question,
        ask=distance("M05"),
        mistakes=(
            # there the argmax is a sample
            Mistake(
                "q is one-hot already",
                "A greedy draft from a one-hot q is an honest sample. Where do argmax and sampling differ most?",
                ([Fraction(1, 2), Fraction(1, 2)], [1, 0]),
                lambda answer: max(answer[1]) == 1,
            ),
            Mistake(
                "p has too much or too little on the favourite of q, or q has too much on it",
                "Let q be nearly undecided. How often is its favourite drafted, and how often should it be?",
                ([Fraction(9, 10), Fraction(1, 10)], [Fraction(9, 10), Fraction(1, 10)]),
                lambda answer: len(answer) == 2,
            ),
        ),
        **at_least(Fraction(1, 3)),
    ),
    *SOURCES,
)
