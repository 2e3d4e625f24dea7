"""The exercises of notebook 06, a Transformer from scratch."""

from typing import Any

import numpy as np

from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.exercises.showing import show
from specsample.exercises.tables import table
from specsample.speculative import step
from specsample.transformer.layers import rms_norm

EPS = 1e-5


def _vectors(seed: int) -> list[Case]:
    """List rows of numbers and weights."""
    rng = np.random.default_rng(seed)
    rows = [np.array([3.0, 4.0]), np.array([1.0, 1.0, 1.0, 1.0]), *rng.normal(size=(3, 5)).round(1)]
    return [Case(f"x = {show(x)}", (x, np.linspace(0.5, 1.5, len(x)))) for x in rows]


def _shapes(seed: int) -> list[Case]:
    """List numbers of new rows and of all positions."""
    shapes = [(1, 1), (2, 2), (1, 3), (2, 3), (3, 5), (4, 4), (2, 6)]
    return [Case(f"n = {n} new rows, m = {m} positions", (n, m)) for n, m in shapes]


def _mask(n: int, m: int) -> Any:
    """Say which of m positions each of the last n rows may see: (n, m)."""
    return np.arange(m) <= np.arange(m - n, m)[:, None]


def _rounds(seed: int) -> list[Case]:
    """List lengths of text, drafts and accepted drafts."""
    sizes = [(4, 1, 0), (4, 1, 1), (4, 2, 0), (4, 2, 1), (4, 2, 2), (9, 5, 3), (9, 5, 4), (9, 5, 5)]
    return [Case(f"a text of T = {T} tokens, K = {K} drafts, {n} accepted", (T, K, n)) for T, K, n in sizes]


def _lengths(T: int, K: int, n: int) -> tuple[int, int]:
    """Run a round that keeps n drafts, on tables that count 0, 1, 2, ..., and read the lengths off."""
    # after token t both say t + 1, so that every draft is kept ...
    V = T + K + 1
    up = np.eye(V, k=1, dtype=int)
    up[-1, 0] = 1
    # ... except that the draft model says 0 in the place of draft n + 1
    other = up.copy()
    if n < K:
        other[T + n - 1] = np.eye(V, dtype=int)[0]
    target = table(up.tolist()).start()
    drafter = table(other.tolist()).start()
    step(list(range(T)), target, drafter, K=K, u=[0] * (2 * K + 1))
    return target.length, drafter.length


EXERCISES = (
    # one layer, to see that a layer is a formula
    Exercise(
        id="06.1",
        kind="implement",
        title="RMSNorm",
        key=lambda x, weight: rms_norm(x, weight, EPS)[0],
        cases=_vectors,
        mistakes=(
            Mistake(
                "the mean is subtracted first (that is LayerNorm)",
                "RMSNorm scales and does not shift.",
                lambda x, weight: weight * (x - x.mean()) / np.sqrt(x.var() + EPS),
            ),
            # off by a factor of √D
            Mistake(
                "x is divided by its length: a sum of squares, not their mean",
                "What should the root mean square of the result be, whatever D is?",
                lambda x, weight: weight * x / np.sqrt((x**2).sum() + EPS),
            ),
            Mistake(
                "the weight is forgotten",
                "Each channel has a learnt scale.",
                lambda x, weight: x / np.sqrt((x**2).mean() + EPS),
            ),
            Mistake("ε is left out", "What if x is 0?", lambda x, weight: weight * x / np.sqrt((x**2).mean())),
            Mistake(
                "ε is added to the root and not below it",
                "The root is that of a sum: what is in it?",
                lambda x, weight: weight * x / (np.sqrt((x**2).mean()) + EPS),
            ),
            Mistake(
                "the root is left out",
                "x is divided by the root of its mean square.",
                lambda x, weight: weight * x / ((x**2).mean() + EPS),
            ),
            Mistake(
                "the weight is added",
                "Each channel has a scale.",
                lambda x, weight: weight + x / np.sqrt((x**2).mean() + EPS),
            ),
        ),
    ),
    # the K+1 rows of a verification: what a cache changes about a mask
    Exercise(
        id="06.2",
        kind="implement",
        title="the causal mask of n new rows after a cache",
        key=_mask,
        cases=_shapes,
        mistakes=(
            # right in the first pass, where nothing is cached: n = m
            Mistake(
                "the cached positions are not shifted: row 0 sees position 0 only",
                "How many positions stand before the first of the new rows?",
                lambda n, m: np.tri(n, m, dtype=bool),
            ),
            Mistake(
                "a row does not see itself",
                "Row i predicts the token after position i. Has it read token i?",
                lambda n, m: np.tri(n, m, m - n - 1, dtype=bool),
            ),
            Mistake(
                "everything is visible, the future too",
                "In training and in verification the next tokens stand in the same pass.",
                lambda n, m: np.ones((n, m), bool),
            ),
            Mistake(
                "a mask to add is given, 0 and -inf",
                "True where a row may see a position, and False where not.",
                lambda n, m: np.where(_mask(n, m), 0, -np.inf),
            ),
            Mistake(
                "the triangle lies the other way: a row sees itself and what comes later",
                "What is known of the text when row i is computed?",
                lambda n, m: ~np.tri(n, m, m - n - 1, dtype=bool),
            ),
        ),
    ),
    # why rolling back is part of the algorithm: the numbers come from the library's own caches
    Exercise(
        id="06.3",
        kind="predict",
        title="the lengths of both caches after a round",
        key=_lengths,
        cases=_rounds,
        mistakes=(
            # the last emitted token begins the next round's passes; nobody has read it
            Mistake(
                "the correction is counted as read",
                "Which model has read the last token that was emitted?",
                lambda T, K, n: (T + n + 1, T + min(n, K - 1) + 1),
            ),
            # it drew that token and stopped: after K kept drafts it is one token short of the target
            Mistake(
                "the draft is taken to have read its own last token",
                "The last draft is picked from the last row. Who reads it then?",
                lambda T, K, n: (T + n, T + n),
            ),
            Mistake(
                "rejected drafts stay in the caches",
                "What would the next row of the target be conditioned on?",
                lambda T, K, n: (T + K, T + K - 1),
            ),
            Mistake(
                "the length of the text is given for both",
                "Which model has read the last token that was emitted?",
                lambda T, K, n: (T + n + 1, T + n + 1),
            ),
            Mistake(
                "the text before the round is not counted",
                "What is in the caches when a round begins?",
                lambda T, K, n: (n, min(n, K - 1)),
            ),
            Mistake(
                "the draft is taken to be a token short in every round",
                "Which of its drafts has the draft model read? It matters only if the last one stays.",
                lambda T, K, n: (T + n, T + n - 1),
            ),
            Mistake(
                "nothing of the round is taken to stay", "What of the drafts was accepted?", lambda T, K, n: (T, T)
            ),
        ),
        passes=(1, 5),
    ),
)
