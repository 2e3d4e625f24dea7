"""Contexts that outlive one text, so that only what is new is read.

How does a chat begin its second answer without reading the first one again? `generate` begins a context and reads
what that lacks of the text. So a model may hand out the context that it handed out last, once that has been rolled
back to what the old text and the new one share.
"""

from collections.abc import Sequence
from typing import Any

from specsample.distributions import Array
from specsample.language_model import Context, LanguageModel


class KeptModel:
    """A model that hands out one context again and again; `go_on` takes it to the next text.

    Parameters
    ----------
    model : LanguageModel
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self.tokenizer: Any = getattr(model, "tokenizer", None)
        self.max_length: int | None = getattr(model, "max_length", None)
        self.context: KeptContext | None = None

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.model.vocab_size

    def start(self) -> "KeptContext":
        """Hand out the context with all that it has read, or begin one."""
        if self.context is None:
            self.context = KeptContext(self.model.start())
        return self.context


class KeptContext:
    """A context that remembers which tokens it has read."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.tokens: list[int] = []

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.context.length

    @property
    def is_sound(self) -> bool:
        """Whether what is remembered is what was read: not so if a pass was interrupted."""
        return len(self.tokens) == self.length

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; the rows that the context gives."""
        rows = self.context.extend(tokens)
        self.tokens += map(int, tokens)
        return rows

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        self.context.rollback(length)
        del self.tokens[length:]


def go_on(tokens: Sequence[int], target: KeptModel, drafter: KeptModel) -> None:
    """Make two kept contexts ready for a text: keep what they have read of it, forget the rest.

    The target then reads all but the last token, so that a head, which watches it, has something to look at.

    Parameters
    ----------
    tokens : sequence of int, at least one, with which `generate` will begin
    target, drafter : KeptModel
    """
    # both begin anew where one was interrupted: a draft context may watch the target's
    if not all(model.context is None or model.context.is_sound for model in (target, drafter)):
        target.context = None
        drafter.context = None
    for model in (target, drafter):
        context = model.start()
        differs = (i for i, (old, new) in enumerate(zip(context.tokens, tokens)) if old != new)
        context.rollback(next(differs, min(context.length, len(tokens) - 1)))
    # the last token is left for the first pass of the round
    context = target.start()
    if unread := tokens[context.length : -1]:
        context.extend(unread)
