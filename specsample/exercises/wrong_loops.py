"""Known mistakes about rounds in a row, of notebook 04."""

from collections.abc import Callable
from typing import Any

from specsample.distributions import Uniforms
from specsample.exercises.exercise import Mistake
from specsample.language_model import TableModel
from specsample.speculative import step


def _loop(
    k: Callable[[int, int], int], until: int = 0, more: Callable[[list[int], int], list[int]] | None = None
) -> Any:
    """Make a loop over rounds that drafts k(K, tokens still wanted), and ends so many tokens late."""

    def loop(target: TableModel, drafter: TableModel, *, K: int, n: int, rng: Uniforms) -> list[int]:
        contexts = (target.start(), drafter.start())
        tokens = [0]
        while len(tokens) < n + 1 + until:
            drafts = k(K, n + 1 - len(tokens))
            tokens, _ = step(tokens, *contexts, K=drafts, u=rng.random(2 * drafts + 1))
        return tokens[1:] if more is None else more(tokens, n)

    return loop


LOOP = (
    Mistake(
        "the last round drafts K tokens although fewer are wanted",
        "A round of k drafts can emit k + 1 tokens. How many may the last one draft?",
        _loop(lambda K, room: K),
    ),
    Mistake(
        "surplus tokens are cut off, and the last round's uniform numbers are others than the library's",
        "The law is right, and passes are wasted: the last round needs fewer drafts.",
        _loop(lambda K, room: K, more=lambda tokens, n: tokens[1 : 1 + n]),
    ),
    Mistake(
        "the prompt is returned with the rest",
        "Token 0 was there before. How many tokens are to come out?",
        _loop(lambda K, room: min(K, room - 1), more=lambda tokens, n: tokens),
    ),
    Mistake(
        "the prompt is counted among the n tokens: one is missing",
        "How long is the text when n tokens have come out?",
        _loop(lambda K, room: min(K, room - 1), until=-1),
    ),
    Mistake(
        "the last round drafts as many tokens as are wanted: one too many comes",
        "A round of k drafts can emit k + 1 tokens.",
        _loop(lambda K, room: min(K, room)),
    ),
    Mistake(
        "the last round drafts as many tokens as are wanted, and what is too much is cut off",
        "A round of k drafts can emit k + 1 tokens: one draft fewer will do.",
        _loop(lambda K, room: min(K, room), more=lambda tokens, n: tokens[1 : 1 + n]),
    ),
    Mistake(
        "nothing is drafted",
        "How many drafts does a round have?",
        _loop(lambda K, room: 0),
    ),
)
