"""What the models say after every text, looked up in tables.

A `Tabled` is a `Setting` that remembers the rows of p and q. Texts are numbered as `text_numbers` has it, so that the
rows of thousands of streams are one lookup.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from specsample.conformance.adapters.text_numbers import child, n_nodes, text_of
from specsample.conformance.laws.probes import Spread
from specsample.conformance.laws.setting import Setting
from specsample.distributions import Array
from specsample.language_model import TableModel, TextContext, Transformed

MAX_ENTRIES = 8_000_000  # of the table of rows: 64 MB
WIDE = 256  # tokens; longer rows are looked up one by one


@dataclass(frozen=True)
class Tabled(Setting):
    """A setting, with the rows of its models as far as they have been asked for."""

    name: str = "own setting"

    @classmethod
    def of(cls, setting: Setting, name: str) -> "Tabled":
        """Begin the tables of a setting."""
        return cls(**{each.name: getattr(setting, each.name) for each in fields(setting)}, name=name)

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return int(self.target_model.vocab_size)

    @property
    def is_tabled(self) -> bool:
        """Whether the rows of all texts fit in a table; those of an engine with a real vocabulary do not."""
        return isinstance(self.target_model, TableModel | Spread) or fits(self)

    @cached_property
    def p(self) -> "TabledModel":
        """The target's distributions."""
        return TabledModel(self, Transformed(self.target_model, self.transform, "target_probs"))

    @cached_property
    def q(self) -> "TabledModel":
        """The draft model's distributions."""
        return TabledModel(self, Transformed(self.draft_model, self.transform, "draft_probs"))

    @cached_property
    def expected_kept(self) -> dict[tuple[int, int], float]:
        """A memory of E[accepted drafts] by text and number of drafts, empty at first."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        # to workers goes what was asked, not what was looked up
        return {each.name: getattr(self, each.name) for each in fields(self)}


class TabledModel:
    """A model that remembers what it said: a `LanguageModel`, and a function of whole batches.

    `model(tokens)` maps (N, T) token ids to (N, T, V) distributions, row i of which follows token i; `model.start()`
    reads one text with `extend` and `rollback`.

    The model is asked once for every text; the setting gives the prompt and the length of the texts.
    """

    def __init__(self, setting: Setting, model: Transformed) -> None:
        self.prompt = setting.prompt
        self.max_new_tokens = setting.max_new_tokens
        self.model = model
        self.vocab_size = int(model.vocab_size)
        V, depth = self.vocab_size, setting.max_new_tokens
        self.n_nodes = n_nodes(V, depth)
        self.memory: dict[int, Any] = {}  # rows of single texts
        self.held: dict[Any, Any] = {}  # `flat` in other libraries, see `libraries.Library.rows`
        # of a table the last tokens are enough; any other model is asked for every text, once
        table, self.row_of = _last_token_table(model)
        self.order = -1 if table is None else table.ndim - 1
        if table is None and not fits(setting):
            raise ValueError(
                f"a probe must have at most {MAX_ENTRIES} rows times tokens; V = {V} and {depth} tokens make "
                f"{self.n_nodes * V}. Ask for fewer tokens."
            )
        self.flat = np.zeros((self.n_nodes, V)) if table is None else table.reshape(-1, V)
        self.is_known = np.full(len(self.flat), table is not None)

    def index(self, nodes: Array) -> Any:
        """Find the rows of `flat` that follow some texts: (...) nodes -> (...) numbers."""
        if self.order >= 0:
            number = np.zeros(np.shape(nodes), np.int64)
            for x in _last_tokens(nodes, self.prompt, self.vocab_size, self.order):
                number = number * (1 + self.row_of.max()) + self.row_of[x]
            return number
        # only what nobody has asked for yet
        if not self.is_known[nodes].all():
            for node in np.unique(nodes[~self.is_known[nodes]]).tolist():
                self.flat[node] = self.read([*self.prompt, *text_of(node, self.vocab_size)])
                self.is_known[node] = 1
        return nodes

    def rows(self, nodes: Array) -> Any:
        """Look the distributions after some texts up: (...) nodes -> (..., V)."""
        return self.flat[self.index(nodes)]

    def of(self, nodes: Array, tokens: Array) -> Any:
        """Look the probability of a token after each text up: (...) nodes, (...) tokens -> (...)."""
        return self.flat[self.index(nodes), tokens]

    def pick(self, nodes: Array, u: Array) -> Any:
        """Pick the next token of each text by inverse CDF: (m,) nodes and uniform numbers -> (m,) token ids."""
        index = self.index(nodes)
        if self.vocab_size <= WIDE:
            return pick_rows(self.flat[index], u)
        # long rows are too many numbers to copy: all texts that share a row are looked up in it
        tokens = np.zeros(len(u), np.int64)
        for row in np.unique(index).tolist():
            is_here = index == row
            last = np.flatnonzero(self.flat[row])[-1]
            tokens[is_here] = np.minimum(np.searchsorted(self.flat[row].cumsum(), u[is_here], side="right"), last)
        return tokens

    def read(self, tokens: Sequence[int]) -> Any:
        """Ask the model for the distribution after a whole text."""
        return self.model.start().extend(list(tokens))[-1].astype(float)

    def row(self, tokens: Sequence[int]) -> Any:
        """Look the distribution after one text up, wherever it lies."""
        node = 0
        n = len(self.prompt)
        for x in tokens[n:]:
            node = child(node, x, self.vocab_size)
        # another prompt, or a text that is too long for the table
        if len(tokens) < n or tuple(tokens[:n]) != self.prompt or node >= self.n_nodes:
            return self.read(tokens)
        if node not in self.memory:
            self.memory[node] = self.rows(np.array([node]))[0]
        # a copy, for a sampler may write into what it is given
        return self.memory[node].copy()

    def start(self) -> TextContext:
        """Begin an empty context."""
        return TextContext(self.row, self.vocab_size)

    def __call__(self, tokens: Array) -> Any:
        """Read N texts of one length: (N, T) ids -> (N, T, V)."""
        tokens = np.asarray(tokens)
        if tokens.ndim != 2 or not np.issubdtype(tokens.dtype, np.integer):
            raise ValueError(f"tokens must be (N, T) integers; got {tokens.dtype} {tokens.shape}.")
        check_tokens(tokens, self.vocab_size)
        n = len(self.prompt)
        T = tokens.shape[1]
        # the number of every prefix of every text
        nodes = np.zeros((len(tokens), max(T - n + 1, 0)), np.int64)
        for i in range(1, nodes.shape[1]):
            nodes[:, i] = child(nodes[:, i - 1], tokens[:, n + i - 1], self.vocab_size)
        # texts that leave the table are read one by one
        if n > T or (tokens[:, :n] != self.prompt).any() or (nodes >= self.n_nodes).any():
            return np.array([[self.row(text[: i + 1]) for i in range(T)] for text in tokens.tolist()])
        # the prompt's own rows are the same for all
        before = [self.row(self.prompt[: i + 1]) for i in range(n - 1)]
        head = np.array(before).reshape(1, n - 1, self.vocab_size)
        return np.concatenate([np.repeat(head, len(tokens), axis=0), self.rows(nodes)], axis=1)


def pick_rows(probs: Array, u: Array) -> Any:
    """Pick one token of each row by inverse CDF: (N, V) and (N,) -> (N,)."""
    # the first token whose cumulative sum exceeds u; a sum that rounding leaves below 1 gives the last possible one
    past = (u[:, None] < np.cumsum(probs, axis=1)) & (probs > 0)
    last = probs.shape[1] - 1 - np.argmax(probs[:, ::-1] > 0, axis=1)
    return np.where(past.any(axis=1), past.argmax(axis=1), last)


def fits(setting: Setting) -> bool:
    """Whether a table of the rows after every text stays small."""
    V = int(setting.target_model.vocab_size)
    return n_nodes(V, setting.max_new_tokens) * V <= MAX_ENTRIES


def _last_token_table(model: Transformed) -> tuple[Any, Any]:
    """Apply the strategy to all rows of a table, where a text is known by its last tokens.

    Returns
    -------
    ((..., V) rows by the last tokens, or None for any other model; (V,) which of them stands for a token)
    """
    table: Any = None
    row_of: Any = np.arange(model.vocab_size)
    if isinstance(model.model, TableModel):
        table = model.model.table
    elif isinstance(model.model, Spread):
        table = model.model.rows
        row_of = model.model.row_of
    if table is not None:
        table = (table if model.transform is None else model.transform(table)).astype(float)
    return table, row_of


def _last_tokens(nodes: Array, prompt: Sequence[int], V: int, order: int) -> tuple[Any, ...]:
    """Find the last tokens of the texts of some nodes; before the prompt stand zeros."""
    # from the last token backwards: of the text as long as it lasts, then of the prompt, then zeros
    before = [0] * order + list(prompt)
    left = np.asarray(nodes)
    columns: list[Any] = []
    read = np.zeros(left.shape, np.int64)  # tokens of the prompt read so far, from its end
    padded = np.array(before[::-1])
    for _ in range(order):
        is_new = left > 0
        columns.append(np.where(is_new, (left - 1) % V, padded[read]))
        left = np.where(is_new, (left - 1) // V, 0)
        read = read + ~is_new
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
