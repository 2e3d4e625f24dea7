"""Any model of one text, for B texts at once.

A context for each text, read one after the other on the host: slow for a Transformer, which has a pass of its own for
B texts, and all that a draft source without matrices needs, such as an n-gram or prompt lookup.
"""

from typing import Any

import numpy as np

from specsample.backend import to_device, to_numpy
from specsample.distributions import Array
from specsample.language_model import LanguageModel


class SideBySide:
    """Read B texts with a context of a model for each.

    Parameters
    ----------
    model : LanguageModel; a draft source may decline, for each text by itself
    like : array, whose library and device the rows come in, or None for NumPy

    Examples
    --------
    >>> from specsample import FunctionModel
    >>> context = SideBySide(FunctionModel(lambda tokens: np.array([0.5, 0.5]) if tokens[-1] else None, 2)).start(2)
    >>> context.extend(np.array([[0, 1], [1, 0]]), np.array([2, 2]))[0, 1]
    array([0.5, 0.5])
    >>> context.declines
    array([False,  True])
    """

    def __init__(self, model: LanguageModel, *, like: Array | None = None) -> None:
        self.model = model
        self.like = like

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.model.vocab_size

    @property
    def max_length(self) -> int | None:
        """Tokens that the model reads, prompt included; None for any number."""
        limit: int | None = getattr(self.model, "max_length", None)
        return limit

    def start(self, B: int) -> "SideBySideContext":
        """Begin B empty texts."""
        return SideBySideContext(self, B)


class SideBySideContext:
    """B contexts of one text each."""

    def __init__(self, model: SideBySide, B: int) -> None:
        self.model = model
        self.contexts = [model.model.start() for _ in range(B)]
        self.declines: Any = np.zeros(B, bool)

    @property
    def lengths(self) -> Array:
        """Tokens read of each text, (B,)."""
        return np.array([context.length for context in self.contexts])

    def extend(self, tokens: Array, counts: Array) -> Array:
        """Read the first counts[b] of tokens[b]; row i of text b follows its token i."""
        texts = to_numpy(tokens)
        n_read = np.asarray(counts).tolist()
        rows = [
            context.extend(text[:n].tolist()) if n else np.empty((0, self.model.vocab_size))
            for context, text, n in zip(self.contexts, texts, n_read, strict=True)
        ]
        # an answer may be for the last tokens only, and one without rows declines
        self.declines = np.array([n > 0 and not len(row) for n, row in zip(n_read, rows, strict=True)])
        # where nothing is answered stands a distribution that nobody looks at: all mass on token 0
        dtype = np.result_type(np.float32, *(row.dtype for row in rows if len(row)))
        probs = np.zeros((*texts.shape, self.model.vocab_size), dtype)
        probs[..., 0] = 1
        for b, (n, row) in enumerate(zip(n_read, rows, strict=True)):
            probs[b, n - len(row) : n] = row
        return probs if self.model.like is None else to_device(probs, like=self.model.like)

    def rollback(self, lengths: Array) -> None:
        """Forget all but the first lengths[b] tokens of each text."""
        for context, length in zip(self.contexts, np.asarray(lengths).tolist(), strict=True):
            context.rollback(length)
