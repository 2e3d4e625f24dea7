"""What a sampler asks of a model, and the smallest models that give it.

`LanguageModel` is the one Protocol of this package: the Transformer, an n-gram and a table of fractions all meet it.
Whatever is a function from a text to the next distribution becomes a model as `FunctionModel`. A draft source that
answers `extend` with no row at all declines: nothing is drafted after what it has read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from specsample.distributions import Array, Transform, check_probs, widen
from specsample.request import check_rollback, check_tokens


class Context(Protocol):
    """One model's reading of the text so far: `extend` reads on, `rollback` forgets."""

    @property
    def length(self) -> int:
        """Number of tokens read."""

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i].

        A draft source may leave out rows from the front, for only the last is drafted from, and all to decline.
        """

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""


class LanguageModel(Protocol):
    """What a sampler needs of a model: a vocabulary size and an empty context to start from."""

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""

    def start(self) -> Context:
        """Begin an empty context."""


class TextContext:
    """A context that keeps the text itself, and asks a function for what follows it.

    Parameters
    ----------
    next_probs : function from the tokens so far, a list of int of its own, to (V,) probabilities, or None to decline
    vocab_size : int, V
    """

    def __init__(self, next_probs: Callable[[list[int]], Array | None], vocab_size: int) -> None:
        self.next_probs = next_probs
        self.vocab_size = vocab_size
        self.tokens: list[int] = []

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.tokens)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer follows tokens[i], without those before one that is declined."""
        check_tokens("tokens", tokens, self.vocab_size)
        rows: list[Array] = []
        for token in tokens:
            self.tokens.append(int(token))
            # a copy goes in, and what comes out is copied below: neither side can change what the other holds
            row = self.next_probs(self.tokens.copy())
            # an answer ends with the row after the last token: what stands before a gap in it is left out
            if row is None:
                rows.clear()
            else:
                rows.append(row)
        return np.stack(rows) if rows else np.empty((0, self.vocab_size))

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        del self.tokens[length:]


@dataclass(frozen=True)
class FunctionModel:
    """A model that is a function from a text to the next distribution.

    Parameters
    ----------
    next_probs : function from the tokens so far, a list of at least one int, to (V,) probabilities
        A draft source may answer None, to decline (`speculative`).
    vocab_size : int, V

    Examples
    --------
    >>> rows = {0: [0.5, 0.5], 1: [1.0, 0.0]}
    >>> FunctionModel(lambda tokens: rows[tokens[-1]], vocab_size=2).start().extend([0, 1])
    array([[0.5, 0.5],
           [1. , 0. ]])
    """

    next_probs: Callable[[list[int]], Array | None]
    vocab_size: int

    def start(self) -> TextContext:
        """Begin an empty context."""
        return TextContext(self.next_probs, self.vocab_size)


class TableModel:
    """A table of next-token distributions: a model small enough to enumerate.

    Parameters
    ----------
    table : (V, ..., V, V) array, rows sum to 1
        `table[a, b]` is the distribution after the tokens a, b: the model's order is the number of leading axes. A
        shorter text is read as if token 0 stood before it. Floats, or an object array of `fractions.Fraction`.

    Raises
    ------
    ValueError
        If the axes differ in length or a row is no distribution.

    Examples
    --------
    >>> context = TableModel(np.array([[0.5, 0.5], [1.0, 0.0]])).start()
    >>> context.extend([0, 1])
    array([[0.5, 0.5],
           [1. , 0. ]])
    """

    def __init__(self, table: Array) -> None:
        rows = np.asarray(table)
        # whole numbers, as in [[0, 1], [1, 0]], are floats; fractions stay what they are
        self.table = check_probs(rows.astype(float) if rows.dtype.kind in "iu" else rows, "table")
        if set(self.table.shape) - {self.vocab_size} or not self.table.size:
            raise ValueError(
                f"table must have axes of equal length, (V, ..., V, V); got {self.table.shape}. "
                "Does every context have a row?"
            )

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return int(self.table.shape[-1])

    def start(self) -> TextContext:
        """Begin an empty context."""
        return TextContext(self.next_probs, self.vocab_size)

    def next_probs(self, tokens: Sequence[int]) -> Array:
        """Look up what follows a text: (V,) probabilities."""
        # an axis for each token that is looked back at; before the text stand zeros
        order = self.table.ndim - 1
        padded = [*([0] * order), *tokens]
        return self.table[tuple(padded[len(padded) - order :])]


@dataclass(frozen=True)
class Transformed:
    """A model seen through a decoding strategy: what `extend` returns is what is really sampled from.

    Parameters
    ----------
    model : LanguageModel
    transform : map from distributions to distributions, or None for the model as it is
    name : str, how messages call the model
    may_decline : bool, whether an answer without rows is one: a draft source's, which drafts nothing there

    Raises
    ------
    TypeError
        If transform is no function.
    """

    model: LanguageModel
    transform: Transform | None = None
    name: str = "the model's distribution"
    may_decline: bool = False

    def __post_init__(self) -> None:
        if self.transform is not None and not callable(self.transform):
            raise TypeError(
                f"transform must map distributions to distributions; got {self.transform!r}. "
                "Make one: decoding_strategy(temperature=0.7)."
            )

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.model.vocab_size

    def start(self) -> "TransformedContext":
        """Begin an empty context."""
        return TransformedContext(self, self.model.start())


@dataclass(frozen=True)
class TransformedContext:
    """A model's context whose distributions are checked and transformed."""

    view: Transformed
    context: Context

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.context.length

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the transformed distribution of the token after tokens[i]."""
        return self.see(self.context.extend(tokens), len(tokens))

    def see(self, probs: Array, n: int) -> Array:
        """Check and transform the model's own n distributions."""
        shape: Sequence[int] = getattr(probs, "shape", ())
        V = self.view.vocab_size
        # a source that declines: there is no row to check
        if self.view.may_decline and shape == (0, V):
            return probs
        # everything that a sampler sees of a model comes through here; who needs the last row only may get no more
        if len(shape) != 2 or shape[1] != V or not 1 <= shape[0] <= n:
            raise ValueError(
                f"{self.view.name} must be an (n, V) = ({n}, {V}) array, a row for each token read; "
                f"got {shape or type(probs).__name__}. Is it transposed, or another tokenizer's?"
            )
        # a copy, for a model may write its next pass into the same memory while these rows are still needed
        probs = check_probs(widen(probs.copy()), self.view.name)
        if self.view.transform is None:
            return probs
        # a strategy is the user's as well
        return check_probs(self.view.transform(probs), f"{self.view.name} after the transform")

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        # asked here and not at the start, for a model that never rolls back is a fine target of `autoregressive`
        if not hasattr(self.context, "rollback"):
            raise TypeError(
                f"the context of {self.view.name} must have rollback(length); got {type(self.context).__name__} "
                "without. Rejected drafts must be forgotten: see LanguageModel."
            )
        self.context.rollback(length)
