"""What is a sampler asked to do, and what do the models say behind every text that can come up?

A `Setting` is one task: two models, a prompt, K, a length, stop tokens. The texts behind the prompt are numbered as
`text_tree` has it, so that the rows of p and q of thousands of streams are one lookup in a table.
Before this file: `make_probes`; after it: `adapter`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from specsample.conformance.adapters.text_numbers import child, n_nodes, text_of
from specsample.distributions import Array
from specsample.language_model import LanguageModel, TableModel, Transformed
from specsample.request import check_rollback
from specsample.strategies import Transform

MAX_ENTRIES = 8_000_000  # of the table of rows: 64 MB


@dataclass(frozen=True)
class Setting:
    """Say what a sampler is asked to do.

    Parameters
    ----------
    target_model, draft_model : LanguageModel
    prompt : tuple of int
    K : int, drafts a round
    max_new_tokens : int, tokens
    stop : token ids that end a text
    transform : decoding strategy of both models or None
    name : str
    """

    target_model: LanguageModel
    draft_model: LanguageModel
    prompt: tuple[int, ...] = (0,)
    K: int = 2
    max_new_tokens: int = 3
    stop: Collection[int] = ()
    transform: Transform | None = None
    name: str = "own setting"

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return int(self.target_model.vocab_size)

    @cached_property
    def p(self) -> "TreeModel":
        """The target's distributions."""
        return TreeModel(self, Transformed(self.target_model, self.transform, "target_probs"))

    @cached_property
    def q(self) -> "TreeModel":
        """The draft model's distributions."""
        return TreeModel(self, Transformed(self.draft_model, self.transform, "draft_probs"))

    @cached_property
    def expected_kept(self) -> dict[tuple[int, int], float]:
        """A memory of E[accepted drafts] by text and number of drafts, empty at first."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}  # what was looked up stays here


class TreeModel:
    """A model that remembers what it said: a `LanguageModel`, and a function of whole batches.

    `model(tokens)` maps (N, T) token ids to (N, T, V) distributions, row i of which follows token i; `model.start()`
    reads one text with `extend` and `rollback`.

    Parameters
    ----------
    setting : Setting, gives the prompt and the length of the texts
    model : Transformed, a model with its strategy, asked once for every text
    """

    def __init__(self, setting: Setting, model: Transformed) -> None:
        self.prompt, self.model, self.vocab_size = setting.prompt, model, int(model.vocab_size)
        V, depth = self.vocab_size, setting.max_new_tokens
        self.n_nodes = n_nodes(V, depth)
        self.memory = dict[int, Any]()  # rows of single texts
        self.states = _states(model)
        if self.states is None and self.n_nodes * V > MAX_ENTRIES:
            raise ValueError(
                f"a probe must have at most {MAX_ENTRIES} rows times tokens; V = {V} and {depth} tokens make "
                f"{self.n_nodes * V}. Ask for fewer tokens."
            )
        size = 0 if self.states is not None else self.n_nodes
        self.table, self.is_known = np.zeros((size, V)), np.zeros(size, bool)

    def rows(self, nodes: Array) -> Any:
        """Look the distributions behind some texts up: (...) nodes -> (..., V)."""
        if self.states is not None:
            return self.states[_last_tokens(nodes, self.prompt, self.vocab_size, self.states.ndim - 1)]
        if not self.is_known[nodes].all():
            for node in np.unique(nodes[~self.is_known[nodes]]).tolist():
                self.table[node], self.is_known[node] = self.read([*self.prompt, *text_of(node, self.vocab_size)]), 1
        return self.table[nodes]

    def read(self, tokens: Sequence[int]) -> Any:
        """Ask the model for the distribution behind a whole text."""
        return self.model.start().extend(list(tokens))[-1].astype(float)

    def row(self, tokens: Sequence[int]) -> Any:
        """Look the distribution behind one text up, wherever it lies."""
        node, n = 0, len(self.prompt)
        for x in tokens[n:]:
            node = child(node, x, self.vocab_size)
        if len(tokens) < n or tuple(tokens[:n]) != self.prompt or node >= self.n_nodes:
            return self.read(tokens)
        if node not in self.memory:
            self.memory[node] = self.rows(np.array([node]))[0]
        return self.memory[node].copy()  # a sampler may write into what it is given

    def start(self) -> "TreeContext":
        """Begin an empty context."""
        return TreeContext(self)

    def __call__(self, tokens: Array) -> Any:
        """Read N texts of one length: (N, T) ids -> (N, T, V)."""
        tokens = np.asarray(tokens)
        if tokens.ndim != 2 or not np.issubdtype(tokens.dtype, np.integer):
            raise ValueError(f"tokens must be (N, T) integers; got {tokens.dtype} {tokens.shape}.")
        check_tokens(tokens, self.vocab_size)
        n, T = len(self.prompt), tokens.shape[1]
        nodes = np.zeros((len(tokens), max(T - n + 1, 0)), np.int64)
        for i in range(1, nodes.shape[1]):
            nodes[:, i] = child(nodes[:, i - 1], tokens[:, n + i - 1], self.vocab_size)
        if n > T or (tokens[:, :n] != self.prompt).any() or (nodes >= self.n_nodes).any():
            return np.array([[self.row(text[: i + 1]) for i in range(T)] for text in tokens.tolist()])
        before = [self.row(self.prompt[: i + 1]) for i in range(n - 1)]
        head = np.array(before).reshape(1, n - 1, self.vocab_size)
        return np.concatenate([np.repeat(head, len(tokens), axis=0), self.rows(nodes)], axis=1)


class TreeContext:
    """The tokens that a `TreeModel` has read of one text.

    Parameters
    ----------
    model : TreeModel
    """

    def __init__(self, model: TreeModel) -> None:
        self.model, self.tokens = model, list[int]()

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.tokens)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""
        check_tokens(np.asarray(tokens), self.model.vocab_size)
        rows = []
        for token in tokens:
            self.tokens.append(int(token))
            rows.append(self.model.row(self.tokens))
        return np.stack(rows)

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        del self.tokens[length:]


def _states(model: Transformed) -> Any:
    """Apply the strategy to all rows of a table, where a text is known by its last tokens; None for another model."""
    if not isinstance(model.model, TableModel):
        return None
    table = model.model.table
    return (table if model.transform is None else model.transform(table)).astype(float)


def _last_tokens(nodes: Array, prompt: Sequence[int], V: int, order: int) -> tuple[Any, ...]:
    """Find the last tokens of the texts of some nodes; in front of the prompt stand zeros."""
    before, left, columns = [0] * order + list(prompt), np.asarray(nodes), list[Any]()
    read = np.zeros(left.shape, np.int64)  # tokens of the prompt read so far, from its end
    padded = np.array(before[::-1])
    for _ in range(order):
        is_new = left > 0
        columns.append(np.where(is_new, (left - 1) % V, padded[read]))
        left, read = np.where(is_new, (left - 1) // V, 0), read + ~is_new
    return tuple(columns[::-1])


def check_tokens(tokens: Array, V: int) -> None:
    """Refuse token ids outside the vocabulary.

    Raises
    ------
    ValueError
        If an id lies outside the vocabulary.
    """
    if tokens.size and not (tokens.min() >= 0 and tokens.max() < V):
        bad = tokens[(tokens < 0) | (tokens >= V)].ravel()[0]
        raise ValueError(f"tokens must lie in 0 .. {V - 1}; got {bad}. Was padding read as text?")
