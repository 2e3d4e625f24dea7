"""What must a model offer to be sampled from, and what is the smallest model that does?

`LanguageModel` is the one Protocol of this package: the Transformer, an n-gram and a table of fractions all meet it.
Before this file: `strategies`; after it: `autoregressive`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from specsample.distributions import Array, check_probs
from specsample.strategies import Transform


class Context(Protocol):
    """One model's reading of the text so far: `extend` reads on, `rollback` forgets."""

    @property
    def length(self) -> int:
        """Number of tokens read."""

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""


class LanguageModel(Protocol):
    """What a sampler needs of a model: a vocabulary size and an empty context to start from."""

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""

    def start(self) -> Context:
        """Begin an empty context."""


class TableModel:
    """Look the next-token distribution up in a table: a model small enough to enumerate.

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
        self.table = check_probs(np.asarray(table), "table")
        if set(self.table.shape) != {self.vocab_size}:
            raise ValueError(
                f"table must have axes of equal length, (V, ..., V, V); got {self.table.shape}. "
                "Does every context have a row?"
            )

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return int(self.table.shape[-1])

    def start(self) -> "TableContext":
        """Begin an empty context."""
        return TableContext(self)


class TableContext:
    """The tokens a `TableModel` has read."""

    def __init__(self, model: TableModel) -> None:
        self.model, self.tokens = model, list[int]()

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.tokens)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""
        return np.stack([self._read(token) for token in tokens])

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        del self.tokens[length:]

    def _read(self, token: int) -> Array:
        """Read one token and look up what follows."""
        if not 0 <= token < self.model.vocab_size:
            raise ValueError(
                f"tokens must lie in 0 .. {self.model.vocab_size - 1}; got {token}. Another tokenizer's?"
            )
        self.tokens.append(int(token))
        order = self.model.table.ndim - 1
        padded = [0] * order + self.tokens
        return self.model.table[tuple(padded[len(padded) - order :])]


@dataclass(frozen=True)
class Transformed:
    """See a model through a decoding strategy: what `extend` returns is what is really sampled from.

    Parameters
    ----------
    model : LanguageModel
    transform : map from distributions to distributions, or None for the model as it is
    name : str, how messages call the model
    """

    model: LanguageModel
    transform: Transform | None = None
    name: str = "the model's distribution"

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
        return self.see(self.context.extend(tokens))

    def see(self, probs: Array) -> Array:
        """Check and transform the model's own distributions."""
        probs = check_probs(probs, self.view.name)
        if self.view.transform is None:
            return probs
        return check_probs(self.view.transform(probs), f"{self.view.name} after the transform")

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        self.context.rollback(length)


def check_rollback(length: int, current: int) -> None:
    """Refuse a rollback to a length that the context does not have.

    Parameters
    ----------
    length : int, tokens to keep
    current : int, tokens read so far

    Raises
    ------
    ValueError
        If length is negative or larger than current.
    """
    if not 0 <= length <= current:
        raise ValueError(f"rollback length must lie in 0 .. {current}, the tokens read; got {length}.")


def check_request(
    prompt_tokens: Sequence[int], models: dict[str, LanguageModel], max_new_tokens: int, *, K: int = 0
) -> None:
    """Refuse a sampling request that cannot be served, before any work is done.

    Parameters
    ----------
    prompt_tokens : sequence of int, token ids
    models : dict from a name to a LanguageModel
    max_new_tokens : int >= 0, tokens
    K : int >= 0, drafts a round

    Raises
    ------
    ValueError
        If the prompt is empty or holds ids outside the vocabulary, vocabularies differ, a number is negative, or the
        text would outgrow a model's `max_length` (models without one read any length).
    """
    sizes = {name: model.vocab_size for name, model in models.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"models must share one vocabulary; got vocab_size {sizes}. Do they share a tokenizer?")
    if len(prompt_tokens) == 0:
        raise ValueError("prompt_tokens must hold at least one token; got none. Models predict what follows a token.")
    V = next(iter(sizes.values()))
    if bad := [token for token in prompt_tokens if not 0 <= token < V]:
        raise ValueError(f"prompt_tokens must lie in 0 .. {V - 1}; got {bad[0]}. Is it another model's tokenizer?")
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens must be at least 0; got {max_new_tokens}.")
    if K < 0:
        raise ValueError(f"K must be at least 0 drafts; got {K}. K = 0 is autoregressive sampling.")
    for name, model in models.items():
        limit = getattr(model, "max_length", None)
        if limit is not None and len(prompt_tokens) + max_new_tokens > limit:
            raise ValueError(
                f"prompt and new tokens must fit {name}'s limit of {limit} tokens; got {len(prompt_tokens)} + "
                f"{max_new_tokens}. Shorten the prompt or ask for at most {max(0, limit - len(prompt_tokens))}."
            )
