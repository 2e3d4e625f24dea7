"""Drafts from the text itself: what came after these words before.

No model at all. The last few tokens are looked up in the text; the token after their latest earlier occurrence is the
draft, with certainty. So q is one-hot, and the rule judges it exactly: the draft x is kept with probability p(x)/1,
and the residual norm(max(0, p - q)) is p without x. Good where text quotes itself (code, summaries, edits). Where
nothing matches, another model drafts: give it one, or the uniform distribution does.
"""

from collections.abc import Sequence

import numpy as np

from specsample.distributions import Array
from specsample.language_model import Context, LanguageModel, TableModel
from specsample.request import check_rollback


class PromptLookup:
    """A model that is certain of the token that followed the latest occurrence of the last few tokens.

    Parameters
    ----------
    vocab_size : int, V
    longest, shortest : int, 1 <= shortest <= longest, tokens that must match: the longest possible match counts
    backoff : LanguageModel that predicts where nothing matches; None for the uniform distribution

    Raises
    ------
    ValueError
        If the lengths are out of order or `backoff` has another vocabulary.

    Examples
    --------
    >>> PromptLookup(3, longest=2, shortest=1).start().extend([0, 2, 0])[-1]
    array([0., 0., 1.])
    """

    def __init__(
        self, vocab_size: int, *, longest: int = 8, shortest: int = 3, backoff: LanguageModel | None = None
    ) -> None:
        if not 1 <= shortest <= longest:
            raise ValueError(f"lengths must satisfy 1 <= shortest <= longest; got {shortest} and {longest}.")
        uniform = TableModel(np.full(vocab_size, 1 / vocab_size))
        self.vocab_size = vocab_size
        self.longest = longest
        self.shortest = shortest
        self.backoff = uniform if backoff is None else backoff
        if self.backoff.vocab_size != vocab_size:
            raise ValueError(
                f"backoff must have vocab_size {vocab_size}; got {self.backoff.vocab_size}. Another tokenizer's?"
            )

    def start(self) -> "LookupContext":
        """Begin an empty context."""
        return LookupContext(self, self.backoff.start())


class LookupContext:
    """The text so far, as a string with one character a token: searching strings is what computers are good at."""

    def __init__(self, model: PromptLookup, backoff: Context) -> None:
        self.model = model
        self.backoff = backoff
        self.text = ""

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.text)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""
        # the backoff reads on whether it is needed or not: a context that skips tokens could not answer later
        rows = np.array(self.backoff.extend(tokens))
        # a backoff may answer for the last tokens only: the text is read whole all the same
        n_unanswered = len(tokens) - len(rows)
        for i, token in enumerate(tokens):
            self.text += chr(token)
            # where the ending has occurred before, its row becomes one-hot
            found = self._following()
            if found is not None and i >= n_unanswered:
                rows[i - n_unanswered] = 0
                rows[i - n_unanswered, found] = 1
        return rows

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        self.text = self.text[:length]
        self.backoff.rollback(length)

    def _following(self) -> int | None:
        """Find the token after the latest earlier occurrence of the longest possible ending of the text."""
        last = len(self.text) - 1
        # the longest match first, for it says most
        for n in range(min(self.model.longest, last), self.model.shortest - 1, -1):
            at = self.text.rfind(self.text[-n:], 0, last)  # it may overlap the ending, but not be it
            if at >= 0:
                return ord(self.text[at + n])
        return None
