"""What is asked in notebook 00, start here?"""

from typing import Any

import numpy as np

from specsample.exercises.exercise import Case, Exercise, Mistake, call, one_question, take
from specsample.exercises.tables import model_pair, table
from specsample.language_model import TableModel
from specsample.speculative import generate
from specsample.trace import Trace


def _run(target: TableModel, drafter: TableModel, *, K: int, n: int, seed: int = 0) -> Trace:
    """Continue token 0."""
    return generate([0], target, drafter, K=K, max_new_tokens=n, rng=np.random.default_rng(seed))[1]


def _range() -> tuple[int, int]:
    """Emit as few and as many tokens as a round with K = 5 can: disjoint models, and equal ones."""
    never, always = table([[1, 0], [1, 0]]), table([[0, 1], [0, 1]])
    rounds = (_run(never, always, K=5, n=6).rounds[0], _run(never, never, K=5, n=6).rounds[0])
    return len(rounds[0].emitted), len(rounds[1].emitted)


def traces(seed: int) -> list[Case]:
    """List runs on small tables, short ones first.

    Parameters
    ----------
    seed : int
    """
    runs = [_run(*model_pair(seed + i, V), K=K, n=n, seed=i) for i, (V, K, n) in enumerate(SIZES)]
    return [Case(_describe(run), (run,)) for run in runs]


SIZES = ((2, 1, 2), (2, 2, 6), (3, 2, 9), (3, 3, 12), (4, 5, 30), (4, 3, 30))


def _describe(run: Trace) -> str:
    """Say what happened in a run, in one line."""
    said = [f"{round.n_accepted} of {round.K} accepted" for round in run.rounds[:6]]
    return f"a run of {len(run.rounds)} rounds ({', '.join(said)}{', ...' if len(run.rounds) > 6 else ''})"


def _per(count: Any) -> Any:
    """Divide something by the number of rounds."""
    return lambda trace: count(trace) / trace.target_passes


EXERCISES = (
    Exercise(
        "00.1",
        "predict",
        "fewest and most tokens of one round with K = 5",
        _range(),
        one_question,
        take,
        (
            Mistake(
                "the bonus is left out",
                "The target's pass has one row more than there are drafts. What is it good for if all are kept?",
                (1, 5),
            ),
            Mistake(
                "a rejection is taken to emit nothing",
                "Can a round be wasted altogether? Look at the first token after a red mark in the demo.",
                (0, 6),
            ),
            Mistake(
                "neither the correction nor the bonus is counted",
                "Accepted drafts are not all that a round emits.",
                (0, 5),
            ),
        ),
    ),
    Exercise(
        "00.2",
        "measure",
        "tokens per target pass, from the rounds of a trace",
        lambda trace: trace.tokens_per_target_pass,
        traces,
        call,
        (
            Mistake(
                "only accepted drafts are counted",
                "What else did each round emit?",
                _per(lambda trace: trace.accepted),
            ),
            Mistake(
                "every draft is counted as emitted",
                "Some drafts were rejected or discarded. Which field lists what came out?",
                _per(lambda trace: trace.drafted),
            ),
            Mistake(
                "draft passes are counted as target passes",
                "How often does the large model run in a round?",
                lambda trace: len(trace.tokens) / (trace.target_passes + trace.drafted),
            ),
        ),
        passes=(1, 5),
    ),
)
