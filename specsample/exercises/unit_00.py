"""The exercises of notebook 00, start here."""

from typing import Any

from specsample.exercises.exercise import Exercise, Mistake, one_question, take
from specsample.exercises.tables import run, table, traces


def _range() -> tuple[int, int]:
    """Emit as few and as many tokens as a round with K = 5 can: disjoint models, and equal ones."""
    zeros = table([[1, 0], [1, 0]])  # always token 0
    ones = table([[0, 1], [0, 1]])
    fewest = run(zeros, ones, K=5, n=6).rounds[0]
    most = run(zeros, zeros, K=5, n=6).rounds[0]
    return len(fewest.emitted), len(most.emitted)


def _per(count: Any) -> Any:
    """Divide something by the number of rounds."""
    return lambda trace: count(trace) / trace.target_passes


EXERCISES = (
    # before any formula: a round never wastes the target's pass
    Exercise(
        id="00.1",
        kind="predict",
        title="fewest and most tokens of one round with K = 5",
        key=_range(),
        cases=one_question,
        ask=take,
        mistakes=(
            # K = 5 drafts give 6 rows of p; the sixth is what the bonus comes from
            Mistake(
                "the bonus is left out",
                "The target's pass has one row more than there are drafts. What is it good for if all are kept?",
                (1, 5),
            ),
            Mistake(
                "a rejection is taken to emit nothing",
                "Can a round be wasted altogether? What do the blue characters in the picture stand for?",
                (0, 6),
            ),
            Mistake(
                "a round is taken to emit K + 1 tokens always",
                "What happens to the drafts after one that is rejected?",
                (6, 6),
            ),
            Mistake(
                "K + 1 tokens and the bonus are counted",
                "The pass gives K + 1 rows, and the bonus is drawn from the last of them.",
                (1, 7),
            ),
            Mistake(
                "neither the correction nor the bonus is counted",
                "Accepted drafts are not all that a round emits.",
                (0, 5),
            ),
        ),
    ),
    # the number that the course is about, read off a record of rounds
    Exercise(
        id="00.2",
        kind="measure",
        title="tokens per target pass, from the rounds of a trace",
        # the field `emitted` says it all; the mistakes take other counters
        key=lambda trace: trace.tokens_per_target_pass,
        cases=traces,
        mistakes=(
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
            Mistake("the passes are counted", "How many tokens came of them?", lambda trace: trace.target_passes),
            Mistake(
                "the tokens are counted, and not divided by passes",
                "A ratio is asked for: tokens by passes of the large model.",
                lambda trace: len(trace.tokens),
            ),
            Mistake(
                "the drafts of a round and one are taken",
                "Some drafts were rejected or discarded. Which field lists what came out?",
                _per(lambda trace: trace.drafted + trace.target_passes),
            ),
            Mistake(
                "the share of accepted drafts is given: the acceptance rate",
                "Tokens are asked for, of all origins, by passes of the large model.",
                lambda trace: trace.accepted / trace.drafted,
            ),
            # a pass of the draft model is small; the ratio counts passes of the large one alone
            Mistake(
                "draft passes are counted as target passes",
                "How often does the large model run in a round?",
                lambda trace: len(trace.tokens) / (trace.target_passes + trace.drafted),
            ),
        ),
        passes=(1, 5),
    ),
)
