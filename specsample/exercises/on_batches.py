"""Exercises of notebook 11 on batches: padding, and places."""

from collections.abc import Sequence
from heapq import heapreplace
from typing import Any

import numpy as np

from specsample import batched
from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.exercises.showing import show

# --- rows with fewer drafts ----------------------------------------------------------------------------------------


def padded(seed: int) -> list[Case]:
    """List (B, K) tables of passed tests with the drafts of each row."""
    rng = np.random.default_rng(seed)
    cases: list[Any] = [
        ([[True, True]], [1]),
        ([[False, True]], [2]),
        ([[True, True]], [0]),
        ([[True, True], [True, False]], [2, 1]),
    ]
    cases += [
        (rng.random(shape) < 0.8, rng.integers(0, shape[1] + 1, shape[0])) for shape in ((2, 3), (3, 4), (6, 5))
    ]
    pairs = [(np.array(table), np.array(n)) for table, n in cases]
    return [Case(f"is_kept = {show(table)}, n_drafts = {show(n)}", (table, n)) for table, n in pairs]


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

BATCHES = (
    # a batch whose rows have drafts of different numbers
    Exercise(
        id="11.4",
        kind="implement",
        title="the leading run of rows that have fewer drafts than the batch has columns",
        key=lambda is_kept, n_drafts: counted(is_kept, n_drafts),
        cases=padded,
        mistakes=COUNTS,
    ),
    # sequences end at different times: who takes their place?
    Exercise(
        id="11.5",
        kind="predict",
        title="the target passes of a batch in which a free place is taken at once",
        key=lambda rounds, places: passes(rounds, places),
        cases=queues,
        mistakes=PASSES,
    ),
)
