"""Drafts from the text itself: what came after these words before.

No model at all. The last few tokens are looked up in the text; the token after their latest earlier occurrence is the
draft, with certainty. So q is one-hot, and the rule judges it exactly: the draft x is kept with probability p(x)/1,
and the residual norm(max(0, p - q)) is p without x. Good where text quotes itself (code, summaries, edits).

It drafts on a match, and as far as the text agrees with itself: where nothing matches, or where the best match went
on in two ways the last two times, it declines. Nothing is drafted then, or another source steps in
(`declining.OrElse`).
"""

from collections.abc import Sequence

import numpy as np

from specsample.distributions import Array
from specsample.request import check_rollback, check_tokens


class PromptLookup:
    """A source that is certain of the token that followed the latest occurrence of the last few tokens.

    It declines where they did not occur before, or were followed by two different tokens the last two times.

    Parameters
    ----------
    vocab_size : int, V
    longest, shortest : int, 1 <= shortest <= longest, tokens that must match: the longest possible match counts

    Raises
    ------
    ValueError
        If the lengths are out of order.

    Examples
    --------
    >>> context = PromptLookup(3, longest=2, shortest=1).start()
    >>> context.extend([0, 2, 0])
    array([[0., 0., 1.]])
    >>> context.extend([1])
    array([], shape=(0, 3), dtype=float64)
    """

    def __init__(self, vocab_size: int, *, longest: int = 8, shortest: int = 3) -> None:
        if not 1 <= shortest <= longest:
            raise ValueError(f"lengths must satisfy 1 <= shortest <= longest; got {shortest} and {longest}.")
        self.vocab_size = vocab_size
        self.longest = longest
        self.shortest = shortest

    def start(self) -> "LookupContext":
        """Begin an empty context."""
        return LookupContext(self)


class LookupContext:
    """The text so far, as a string with one character a token: searching strings is what computers are good at."""

    def __init__(self, model: PromptLookup) -> None:
        self.model = model
        self.text = ""

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.text)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; the one-hot row after the last of them, or none to decline."""
        V = self.model.vocab_size
        check_tokens("tokens", tokens, V)
        self.text += "".join(map(chr, tokens))
        found = self._following()
        row = np.zeros((1, V))
        row[0, found] = 1
        return row[: found is not None]

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        self.text = self.text[:length]

    def _following(self) -> int | None:
        """Find the token after the latest earlier occurrence of the longest possible ending, if it can be trusted."""
        last = len(self.text) - 1
        # the longest match first, for it says most
        for n in range(min(self.model.longest, last), self.model.shortest - 1, -1):
            ending = self.text[-n:]
            at = self.text.rfind(ending, 0, last)  # it may overlap the ending, but not be it
            if at >= 0:
                found = self.text[at + n]
                # trusted unless the occurrence before went on otherwise
                before = self.text.rfind(ending, 0, at + n - 1)
                return ord(found) if before < 0 or self.text[before + n] == found else None
        return None
