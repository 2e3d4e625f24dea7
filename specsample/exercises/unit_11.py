"""The exercises of notebook 11, the same on a GPU."""

from typing import Any

import numpy as np

from specsample import batched
from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake, one_question, take
from specsample.exercises.on_batches import BATCHES, counted
from specsample.exercises.on_heads import LONG_ROWS
from specsample.exercises.showing import show


def _flags(seed: int) -> list[Case]:
    """List (B, K) tables of passed tests."""
    rng = np.random.default_rng(seed)
    tables = [np.array([[False]]), np.array([[True]]), np.array([[True, True], [False, True]])]
    tables += [rng.random(shape) < 0.7 for shape in ((2, 3), (4, 3), (5, 5), (8, 5))]
    return [Case(f"is_kept = {show(table)}", (table,)) for table in tables]


def _n_accepted(is_kept: Array) -> Array:
    """Count the leading run of each row with the library; every row has K drafts."""
    return counted(is_kept, np.full(len(is_kept), is_kept.shape[1]))


def _picks(seed: int) -> list[Case]:
    """List (B, V) rows with B uniform numbers, among them 0 and values beyond a sum that was rounded below 1."""
    rng = np.random.default_rng(seed)
    rows = [
        np.array([[0.5, 0.5]]),
        np.array([[0.0, 1.0], [1.0, 0.0]]),
        np.array([[0.25, 0.0, 0.75], [0.0, 0.5, 0.5]]),
    ]
    rows += [rng.multinomial(16, rng.dirichlet(np.ones(5)), 4) / 16 for _ in range(4)]
    cases = [(p, rng.choice([0.0, 0.25, 0.5, 0.9], len(p))) for p in rows]
    cases += [(np.array([[0.0, 1.0]]), np.array([0.0]))]
    return [Case(f"p = {show(p)}, u = {show(u)}", (p, u)) for p, u in cases]


def _first(compare: Any) -> Any:
    """Take the first token for which a comparison of u with the running sums is true."""
    return lambda p, u: np.argmax(compare(u[:, None], np.cumsum(p, axis=1)), axis=1)


EXERCISES = (
    # sequences end at different drafts: the count is an argmax over flags
    Exercise(
        id="11.1",
        kind="implement",
        title="the leading run of every row, without a loop",
        key=_n_accepted,
        cases=_flags,
        mistakes=(
            Mistake(
                "all kept drafts are counted, also those after a rejection",
                "True, False, True is a run of one.",
                lambda is_kept: is_kept.sum(axis=1),
            ),
            # argmax of a row of False alone is 0; a rejection after the last draft gives every row an end
            Mistake(
                "a row without a rejection counts 0",
                "argmax of a row without any True is 0 as well. How could every row be given an end?",
                lambda is_kept: np.argmax(~is_kept, axis=1),
            ),
            Mistake(
                "only rows that are kept whole are counted",
                "True, False is a run of one.",
                lambda is_kept: is_kept.all(axis=1) * is_kept.shape[1],
            ),
            Mistake(
                "the place of the first kept draft is given",
                "Which draft ends a run?",
                lambda is_kept: np.argmax(is_kept, axis=1),
            ),
            Mistake(
                "the running product is given, and not what it sums to",
                "One number for each row.",
                lambda is_kept: np.cumprod(is_kept, axis=1),
            ),
            Mistake(
                "the rejected drafts are counted",
                "Which are counted: the kept ones?",
                lambda is_kept: (~is_kept).sum(axis=1),
            ),
            Mistake(
                "the runs go down the columns",
                "A row is a sequence; its drafts stand along axis 1.",
                lambda is_kept: np.cumprod(is_kept, axis=0).sum(axis=0),
            ),
        ),
    ),
    # inverse CDF for B rows at once, with the same strict comparison as `pick`
    Exercise(
        id="11.2",
        kind="implement",
        title="one token for every row, without a loop",
        key=batched.pick,
        cases=_picks,
        mistakes=(
            # picks a token of probability 0 at u = 0
            Mistake(
                "the comparison is <= and not <",
                "Try u = 0 where the first token has probability 0.",
                _first(lambda u, total: u <= total),
            ),
            # right for B = 1
            Mistake(
                "all rows are compared with the first uniform number",
                "Which axis of u belongs to which axis of p?",
                lambda p, u: np.argmax(u[0] < np.cumsum(p, axis=1), axis=1),
            ),
            Mistake(
                "the running sum goes over the whole array and not along each row",
                "Say which axis is added up.",
                lambda p, u: np.argmax(u[:, None] < np.cumsum(p).reshape(p.shape), axis=1),
            ),
            Mistake(
                "the likeliest token of each row is taken, whatever u is",
                "Another u should give another token.",
                lambda p, u: np.argmax(p, axis=1),
            ),
            Mistake(
                "u is compared with single probabilities, not with their running sum",
                "How often would the last of four equally likely tokens be picked?",
                lambda p, u: np.argmax(u[:, None] < p, axis=1),
            ),
            Mistake(
                "the comparison is turned round: u > the running sum",
                "At which token does the running sum pass u?",
                _first(lambda u, total: u > total),
            ),
            Mistake(
                "the running sum goes down the columns",
                "A row is a distribution: along which axis is it added up?",
                lambda p, u: np.argmax(u[:, None] < np.cumsum(p, axis=0), axis=1),
            ),
            Mistake(
                "the place in the whole array is given, and not that in each row",
                "Which axis is searched?",
                lambda p, u: np.argmax(u[:, None] < np.cumsum(p, axis=1)),
            ),
        ),
    ),
    # why one round needs so little of the memory's bandwidth
    Exercise(
        id="11.3",
        kind="predict",
        title="how many of the 2K+1 rows of p and q the kernel reads whole",
        key=2,  # row n of p and row n of q, for the residual; of the other rows it reads single numbers
        cases=one_question,
        ask=take,
        mistakes=(
            Mistake("all 2K+1 rows are read, for K = 5", "A test needs one number of a row, not the row.", 11),
            Mistake("K + 1 rows are read, for K = 5", "How many residuals are drawn from in one round?", 6),
            Mistake("all 2K+1 rows are read", "A test needs one number of a row, not the row.", 3),
            Mistake("a row is read for each draft, for K = 5", "A test needs one number of a row, not the row.", 5),
            Mistake(
                "two rows are read for each draft, for K = 5", "A test needs one number of a row, not the row.", 10
            ),
            Mistake("no row is read whole", "What is a correction drawn from?", 0),
            Mistake("one row is read", "What is a correction drawn from, and what is that made of?", 1),
        ),
    ),
    *BATCHES,
    *LONG_ROWS,
)
