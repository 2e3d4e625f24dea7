"""Sources that stop drafting, and sources that step in.

When is it better not to draft? A row of the target costs time even if its draft is refused, so a source that expects
a refusal declines: it answers with no row, and the round goes on with the drafts so far. It must decide from the
text, drafts included, before the next token is drawn. Whoever looks at the token first, and drops it if it is
improbable, makes those that stay too frequent (M48 in `docs/wrong-samplers.md`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from specsample.distributions import Array
from specsample.language_model import Context, LanguageModel
from specsample.request import check_count, check_rollback


@dataclass(frozen=True)
class Confident:
    """A source that declines where it is unlikely that the whole run of drafts is kept.

    A draft counts only if all before it are kept, so the largest probabilities of a run are multiplied. A run begins
    where a round does, after the rollback.

    Parameters
    ----------
    model : LanguageModel
    threshold : number in [0, 1], for the product; ValueError outside
    free : int >= 0, drafts of each run that are made however unlikely they are, for the first rows may cost little

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import FunctionModel
    >>> model = FunctionModel(lambda tokens: np.array([0.5, 0.5]) if tokens[-1] else np.array([0.9, 0.1]), 2)
    >>> context = Confident(model, 0.8).start()
    >>> context.extend([0]), context.extend([1])
    (array([[0.9, 0.1]]), array([], shape=(0, 2), dtype=float64))
    """

    model: LanguageModel
    threshold: Any
    free: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must lie in [0, 1]; got {self.threshold}. 0 drafts always.")
        check_count("free", self.free)

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.model.vocab_size

    @property
    def max_length(self) -> int | None:
        """Tokens that the model reads, prompt included; None for any number."""
        return longest(self.model)

    def start(self) -> "ConfidentContext":
        """Begin an empty context."""
        return ConfidentContext(self, self.model.start())


class ConfidentContext:
    """A context that follows how likely its run is kept, and has no answer where that is too little."""

    def __init__(self, source: Confident, context: Context) -> None:
        self.source = source
        self.context = context
        self.made = 0
        self.chance: Any = 1

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.context.length

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; the model's row after the last of them, or none where the run has become too unlikely."""
        row = self.context.extend(tokens)[-1:]
        if not len(row):
            return row
        # the row as the model gives it: after a strategy such as greedy every row looks sure
        chance = self.chance * row.max()
        if self.made >= self.source.free and chance < self.source.threshold:
            return row[:0]
        self.made += 1
        self.chance = chance
        return row

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens; the next draft begins a run."""
        self.context.rollback(length)
        self.made = 0
        self.chance = 1


@dataclass(frozen=True)
class OrElse:
    """A source that asks a second model where the first declines: "lookup, else head".

    The second model reads only when it is asked, so that where the first drafts it costs nothing.

    Parameters
    ----------
    first, second : LanguageModel of one vocabulary; ValueError otherwise

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import FunctionModel
    >>> sure = FunctionModel(lambda tokens: np.array([1.0, 0.0]) if tokens[-1] else None, 2)
    >>> context = OrElse(sure, FunctionModel(lambda tokens: np.array([0.5, 0.5]), 2)).start()
    >>> context.extend([1]), context.extend([0])
    (array([[1., 0.]]), array([[0.5, 0.5]]))
    """

    first: LanguageModel
    second: LanguageModel

    def __post_init__(self) -> None:
        if self.first.vocab_size != self.second.vocab_size:
            raise ValueError(
                f"first and second must share one vocabulary; got vocab_size {self.first.vocab_size} and "
                f"{self.second.vocab_size}. Another tokenizer's?"
            )

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.first.vocab_size

    @property
    def max_length(self) -> int | None:
        """Tokens that both models read, prompt included; None for any number."""
        limits = [limit for limit in (longest(self.first), longest(self.second)) if limit is not None]
        return min(limits, default=None)

    def start(self) -> "OrElseContext":
        """Begin an empty context."""
        return OrElseContext(self.first.start(), self.second.start())


class OrElseContext:
    """The text so far, for a second context that lags behind the first until it is asked."""

    def __init__(self, first: Context, second: Context) -> None:
        self.first = first
        self.second = second
        self.tokens: list[int] = []

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.tokens)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; the first context's row after the last of them, or where it declines the second's."""
        self.tokens += tokens
        row = self.first.extend(tokens)[-1:]
        if len(row):
            return row
        # what the second has missed while it was not asked is read now: no text is lost
        return self.second.extend(self.tokens[self.second.length :])[-1:]

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        del self.tokens[length:]
        self.first.rollback(length)
        self.second.rollback(min(length, self.second.length))


def longest(model: LanguageModel) -> int | None:
    """Return how many tokens a model reads, prompt included, or None where it sets no limit."""
    limit: int | None = getattr(model, "max_length", None)
    return limit
