"""Known mistakes about batches and long rows, of notebook 11."""

from collections.abc import Callable, Sequence
from heapq import heapreplace
from typing import Any

import numpy as np

from specsample import batched
from specsample.distributions import Array
from specsample.exercises.exercise import Case, Mistake
from specsample.exercises.showing import show

# --- rows with fewer drafts ----------------------------------------------------------------------------------------


def padded(seed: int) -> list[Case]:
    """List (B, K) tables of passed tests with the drafts of each row."""
    rng = np.random.default_rng(seed)
    cases = [
        ([[True, True]], [1]),
        ([[False, True]], [2]),
        ([[True, True]], [0]),
        ([[True, True], [True, False]], [2, 1]),
    ]
    cases += [
        (rng.random(shape) < 0.8, rng.integers(0, shape[1] + 1, shape[0])) for shape in ((2, 3), (3, 4), (6, 5))
    ]
    pairs = [(np.array(table), np.array(n)) for table, n in cases]
    return [
        Case(f"is_kept = {show(table)}, n_drafts = {show(n)}", pair) for table, n in pairs for pair in [(table, n)]
    ]


def counted(is_kept: Array, n_drafts: Array) -> Array:
    """Count the leading run of each row's own drafts with the library, on p and q that pass exactly these tests."""
    B, K = is_kept.shape
    # q is even; p is even where a draft passes and one-hot at the other token where it does not
    q = np.full((B, K, 2), 0.5)
    p = np.concatenate([q, np.full((B, 1, 2), 0.5)], axis=1)
    p[:, :K][~is_kept] = [0.0, 1.0]  # token 0 is drafted everywhere: refused where p = 0
    tokens = np.zeros((B, K), int)
    u = np.full((B, K), 0.25)
    found: Array = batched.verify(tokens, q, p, u_accept=u, u_emit=u[:, 0], n_drafts=n_drafts).n_accepted
    return found


COUNTS = (
    Mistake(
        "the padding is counted too",
        "What stands after a row's own drafts was not drafted. How many can be kept at most?",
        lambda is_kept, n: np.cumprod(is_kept, axis=1).sum(axis=1),
    ),
    Mistake(
        "all drafts that pass are counted, also those after a refusal",
        "True, False, True is a run of one.",
        lambda is_kept, n: (is_kept & (np.arange(is_kept.shape[1]) < n[:, None])).sum(axis=1),
    ),
    Mistake(
        "the batch is cut to its shortest row",
        "May a sequence lose drafts because a neighbour has fewer?",
        lambda is_kept, n: np.cumprod(is_kept[:, : n.min()], axis=1).sum(axis=1),
    ),
    Mistake("every draft of a row is kept", "Which of them passed?", lambda is_kept, n: n),
    Mistake(
        "the first column of the padding counts as a draft",
        "Drafts are numbered from 0: which is the last one of a row with n_drafts = 2?",
        lambda is_kept, n: np.minimum(np.cumprod(is_kept, axis=1).sum(axis=1), n + 1),
    ),
    Mistake(
        "rows that end before a refusal count 0",
        "argmax of a row without any True is 0. How could every row be given an end?",
        lambda is_kept, n: np.argmax(~is_kept & (np.arange(is_kept.shape[1]) < n[:, None]), axis=1),
    ),
)


# --- who sits in the batch ---------------------------------------------------------------------------------------


def queues(seed: int) -> list[Case]:
    """List how many rounds each sequence needs, with the places in the batch."""
    cases = [([3], 1), ([3, 1], 1), ([3, 1], 2), ([4, 1, 1], 2), ([1, 1, 4], 2), ([2, 5, 3, 1, 1], 2)]
    rng = np.random.default_rng(seed)
    cases += [(rng.integers(1, 9, n).tolist(), places) for n, places in ((4, 2), (6, 3), (9, 4))]
    return [Case(f"rounds = {rounds}, places = {places}", (rounds, places)) for rounds, places in cases]


def passes(rounds: Sequence[int], places: int) -> int:
    """Count target passes where the next in line takes a place as soon as it is free."""
    free = [0] * places  # the pass before which each place is free, the earliest first
    ends = [0]
    for n in rounds:
        ends.append(free[0] + n)
        heapreplace(free, ends[-1])
    return max(ends)


PASSES = (
    Mistake(
        "a group waits until its longest sequence is done",
        "A place is free as soon as its sequence ends. Who may sit down there?",
        lambda rounds, places: sum(max(rounds[i : i + places]) for i in range(0, len(rounds), places)),
    ),
    Mistake(
        "the work is shared out evenly: the sum of all rounds over the places",
        "Can the last sequence be cut in two, to use two places at once?",
        lambda rounds, places: -(-sum(rounds) // places),
    ),
    Mistake(
        "the sequences run one after the other", "One pass serves all who sit.", lambda rounds, places: sum(rounds)
    ),
    Mistake(
        "as many passes as the longest sequence needs",
        "What if there are more sequences than places?",
        lambda rounds, places: max(rounds),
    ),
    Mistake(
        "the longest sequences are served first",
        "Who stands first in line sits down first.",
        lambda rounds, places: passes(sorted(rounds, reverse=True), places),
    ),
    Mistake(
        "every place has its own queue, dealt out in turn",
        "Must the next in line wait for a certain place?",
        lambda rounds, places: max(sum(rounds[i::places]) for i in range(places)),
    ),
)


# --- the head of a long row ----------------------------------------------------------------------------------------


def heads(seed: int) -> list[Case]:
    """List rows without ties, a mass, and the length of the head."""
    rng = np.random.default_rng(seed)
    cases = [([2, 13, 1], 0.75, 1), ([2, 13, 1], 0.75, 2), ([8, 5, 3], 0.75, 2), ([1, 2, 4, 9], 0.5, 3)]
    cases += [([3, 7, 6], 0.5, 2), ([1, 2, 4, 9], 0.9375, 3)]
    for V in (6, 8, 10):
        weights = rng.permutation(np.cumsum(rng.integers(1, 4, V)))
        cases += [(weights.tolist(), mass, n) for mass, n in ((0.5, V // 2), (0.9, 2), (0.8, V - 1))]
    rows = [(np.array(weights) / sum(weights), mass, n) for weights, mass, n in cases]
    return [Case(f"p = {show(p.round(4))}, mass = {mass}, n = {n}", (p, mass, n)) for p, mass, n in rows]


def cut(p: Array, mass: float, n: int, *, whole: Any = None) -> Any:
    """Find the nucleus within the n likeliest tokens; [] where they hold too little."""
    order = np.argsort(-p, kind="stable")[:n]
    if p[order].sum() < mass:
        return [] if whole is None else whole(p, order)
    # kept while what stands before is too little
    return _row(p, order[np.cumsum(p[order]) - p[order] < mass])


def _row(p: Array, kept: Array) -> Array:
    """Normalise what is kept, at its place."""
    row = np.zeros(len(p))
    row[kept] = p[kept] / p[kept].sum()
    return row


def _first(p: Array, mass: float, n: int, *, order: Callable[[Array], Array], share: bool = False) -> Any:
    """Add up a head in some order, or as shares of the head."""
    head = order(p)[:n]
    if p[head].sum() < mass:
        return []
    weights = p[head] / (p[head].sum() if share else 1)
    return _row(p, head[np.cumsum(weights) - weights < mass])


def _by_likelihood(p: Array) -> Array:
    """List the tokens, the likeliest first."""
    return np.argsort(-p, kind="stable")


def _crossed(p: Array, mass: float, n: int) -> Any:
    """Leave the token out that crosses the mass."""
    head = _by_likelihood(p)[:n]
    kept = head[np.cumsum(p[head]) <= mass]
    return [] if p[head].sum() < mass else _row(p, kept if len(kept) else head[:1])


HEADS = (
    Mistake(
        "the whole head is kept",
        "The head is where to look, and the nucleus what you find there. Where does it end?",
        lambda p, mass, n: [] if np.sort(p)[-n:].sum() < mass else _row(p, _by_likelihood(p)[:n]),
    ),
    Mistake(
        "the head is normalised before its sum is compared with the mass: that is top-k, then top-p",
        "The mass is a share of the whole row. Of what is yours a share?",
        lambda p, mass, n: _first(p, mass, n, order=_by_likelihood, share=True),
    ),
    Mistake(
        "the head is kept where it holds too little",
        "Without the rest of the row nobody knows what belongs to the nucleus: then say so.",
        lambda p, mass, n: cut(p, mass, n, whole=_row),
    ),
    Mistake(
        "the token that crosses the mass is left out",
        "The nucleus holds at least the mass.",
        _crossed,
    ),
    Mistake(
        "the head is added up from its least likely token on",
        "Which token of the head comes first?",
        lambda p, mass, n: _first(p, mass, n, order=lambda p: np.concatenate([_by_likelihood(p)[:n][::-1]])),
    ),
    Mistake(
        "the first n tokens of the row are taken for the head",
        "Which tokens are the likeliest?",
        lambda p, mass, n: _first(p, mass, n, order=lambda p: np.arange(len(p))),
    ),
)
