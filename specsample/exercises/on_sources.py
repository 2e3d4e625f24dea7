"""Exercises of notebook 09 on sources that decline and that copy."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from specsample.acceptance import residual
from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.exercises.tables import pairs

HALF = Fraction(1, 2)


def taken_back(seed: int) -> list[Case]:
    """List pairs of rows with a threshold: at, above and below what q gives."""
    cases = [Case(f"{case.label}, t = {t}", (*case.arguments, t)) for case in pairs(seed) for t in (HALF, HALF / 2)]
    return sorted(cases, key=lambda case: len(case.arguments[0]))


def law_after_taking_back(
    p: Array, q: Array, t: Any, *, stay: Any = np.greater_equal, drafted: Any = None, after: Any = None
) -> Array:
    """Add up how a token can come out where a drawn x is taken back if q(x) < t; pieces may be wrong ones."""
    # what is drafted, and what of it is taken back: the target draws there as if nothing had been drafted
    stays = stay(q, t).astype(bool)
    x = np.where(stays, q, 0 * q) if drafted is None else drafted(q, stays)
    back = (q - x).sum() if drafted is None else 0
    kept = x * np.minimum(1, p / np.where(q > 0, q, 1))
    refused = (x - kept).sum()
    law: Array = kept + refused * residual(p, q) + back * (p if after is None else after(p, q))
    return law


def _again(q: Array, stays: Array) -> Array:
    """Draw until a token stays."""
    kept = np.where(stays, q, 0 * q)
    return kept / kept.sum() if kept.sum() else 0 * q


DECLINING = (
    Mistake(
        "the law is taken to be the target's whatever the source does",
        "Let p = q = (3/4, 1/4) and t = 1/2. In how many ways does each token come out?",
        lambda p, q, t: p,
    ),
    Mistake(
        "a token that is taken back is treated as a refused one, with a correction from the residual",
        "Nobody tested it. From which row does the target draw where nothing was drafted?",
        lambda p, q, t: law_after_taking_back(p, q, t, after=residual),
    ),
    Mistake(
        "the source is taken to draw again until it likes what it drew",
        "It draws once. What stands in the round if it takes its token back?",
        lambda p, q, t: law_after_taking_back(p, q, t, drafted=_again),
    ),
    Mistake(
        "what becomes of a token that is taken back is forgotten",
        "What do your numbers sum to? The round emits a token in any case.",
        lambda p, q, t: law_after_taking_back(p, q, t, after=lambda p, q: 0 * p),
    ),
    Mistake(
        "the token is taken to be taken back at q(x) = t too",
        "Only what is less probable than t is taken back.",
        lambda p, q, t: law_after_taking_back(p, q, t, stay=np.greater),
    ),
    Mistake(
        "the law of the tokens that stay is given, without what follows a refusal",
        "A refused draft is followed by a correction: from which row?",
        lambda p, q, t: np.where(q >= t, np.minimum(p, q), 0 * p) + q[q < t].sum() * p,
    ),
    Mistake("the law is taken to be the draft's", "Drafts are tested.", lambda p, q, t: q),
)


# --- copies ------------------------------------------------------------------------------------------------------


def copied_texts(seed: int) -> list[Case]:
    """List texts that end in tokens that came up before, once, twice, overlapping, or never."""
    rng = np.random.default_rng(seed)
    texts = [([1, 2, 3, 1], 1, 2), ([1, 2, 3], 1, 2), ([1, 2, 1, 2], 2, 4), ([1, 2, 1, 3, 1], 1, 3)]
    texts += [([1, 1], 1, 3), ([4, 1, 2, 5, 6, 7, 1, 2], 2, 3), ([3, 1, 2, 1], 2, 2), ([1, 2, 3, 1, 2], 2, 1)]
    texts += [(rng.integers(3, size=10).tolist(), n, 4) for n in (1, 2, 2, 3)]
    return [Case(f"tokens = {tokens}, n = {n}, K = {K}", (tokens, n, K)) for tokens, n, K in texts]


def copy(tokens: Sequence[int], n: int, K: int, *, which: int = -1, shift: int = 0) -> list[int]:
    """Copy K tokens after the last occurrence of the ending, on into the copy itself."""
    ends = [end for end in range(n, len(tokens)) if list(tokens[end - n : end]) == list(tokens[-n:])]
    if not ends:
        return []
    text = list(tokens)
    for i in range(K):
        text.append(text[ends[which] + shift + i])
    return text[len(tokens) :]


COPIES = (
    Mistake(
        "the copy stops where the text ends",
        "After 1, 2, 1, 2 what would you write on? The copy may go on in what it has copied.",
        lambda tokens, n, K: copy(tokens, n, K)[: max(len(tokens) - _place(tokens, n), 0)],
    ),
    Mistake(
        "the first time is taken and not the most recent one",
        "Text nearby is the better guide.",
        lambda tokens, n, K: copy(tokens, n, K, which=0),
    ),
    Mistake(
        "the tokens that agree are copied too",
        "They stand there already. Where does the new text begin?",
        lambda tokens, n, K: copy(tokens, n, K, shift=-n),
    ),
    Mistake(
        "one token is repeated K times",
        "What came after it, the last time?",
        lambda tokens, n, K: copy(tokens, n, 1) * K,
    ),
    Mistake("only one token is copied", "K drafts fit into a round.", lambda tokens, n, K: copy(tokens, n, 1)),
    Mistake(
        "only the very last token is compared", "All n tokens must agree.", lambda tokens, n, K: copy(tokens, 1, K)
    ),
    Mistake(
        "the last K tokens of the text are copied",
        "What came after these n tokens when they stood somewhere before?",
        lambda tokens, n, K: list(tokens[-K:]) if copy(tokens, n, K) else [],
    ),
)


def _place(tokens: Sequence[int], n: int) -> int:
    """Find where the token stands that followed the ending; the text's length if there is none."""
    ends = [end for end in range(n, len(tokens)) if list(tokens[end - n : end]) == list(tokens[-n:])]
    return ends[-1] if ends else len(tokens)


SOURCES = (
    # the catalogue's M48, as a law
    Exercise(
        id="09.4",
        kind="predict",
        title="the law of the first token if a source takes back what it drew",
        key=lambda p, q, t: law_after_taking_back(p, q, t),
        cases=taken_back,
        mistakes=DECLINING,
        passes=(1, 1),
    ),
    # the drafts of a round at once: the copy may run into itself
    Exercise(
        id="09.5",
        kind="implement",
        title="a round of lookup drafts",
        key=copy,
        cases=copied_texts,
        mistakes=COPIES,
    ),
)
