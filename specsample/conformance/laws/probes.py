"""Questions to a sampler, small enough to enumerate.

On which models does a wrong sampler show itself? A probe is a pair of tables and a setting: drafts, tokens, strategy,
stop tokens. p and q differ by position and depend on the two tokens before, because samplers that read a wrong row or
a stale cache are right on tables that do not.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from specsample.conformance.laws.exact import Law, exact_law
from specsample.conformance.laws.setting import Setting
from specsample.distributions import Array, Uniforms
from specsample.language_model import Context, LanguageModel, TableModel, TextContext
from specsample.request import check_rollback
from specsample.strategies import Transform, top_p


@dataclass(frozen=True)
class Probe:
    """One question to a sampler: a setting, and what it can tell apart."""

    name: str
    purpose: str
    setting: Setting

    def but(self, **changes: Any) -> "Probe":
        """Ask the same with some fields of the setting changed: `probe.but(K=1, stop=(2,))`."""
        return replace(self, setting=replace(self.setting, **changes))

    def run(self, generate: Callable[..., Any], rng: Uniforms) -> Any:
        """Call a sampler in this setting, as `Setting.run` does."""
        return self.setting.run(generate, rng)

    def law(self, generate: Callable[..., Any]) -> Law:
        """Enumerate the law of the text that a function with the arguments of `speculative.generate` emits."""
        return exact_law(lambda tape: tuple(self.run(generate, tape)[0]))

    def target_law(self) -> Law:
        """Multiply the target's own probabilities out: the law of a lossless sampler."""
        return self.setting.target_law()


def first_token(law: Law) -> Law:
    """Sum a law of texts over everything after the first token.

    Examples
    --------
    >>> first_token({(0, 0): Fraction(1, 4), (0, 1): Fraction(1, 4), (1, 0): Fraction(1, 2)})
    {0: Fraction(1, 2), 1: Fraction(1, 2)}
    """
    marginal: Law = {}
    for text, mass in law.items():
        marginal[text[0]] = marginal.get(text[0], 0) + mass
    return marginal


def rational_model(weights: str, order: int) -> TableModel:
    """Build a table model of fractions from V^order rows of V digits; each row is divided by its sum.

    Examples
    --------
    >>> rational_model("12 30", order=1).table
    array([[Fraction(1, 3), Fraction(2, 3)],
           [Fraction(1, 1), Fraction(0, 1)]], dtype=object)
    """
    rows = [[Fraction(int(digit), sum(map(int, row))) for digit in row] for row in weights.split()]
    V = len(rows[0])
    return TableModel(np.array(rows, object).reshape((V,) * (order + 1)))


def sharpen(probs: Array) -> Array:
    """Square the (..., V) probabilities and normalise: temperature 1/2, exact on fractions."""
    return probs**2 / (probs**2).sum(axis=-1, keepdims=True)


@dataclass(frozen=True)
class Sharpened:
    """Temperature 1/2 and then a filter: a strategy that knows its parts, for to swap them is a mistake."""

    rest: Transform

    def __call__(self, probs: Array) -> Array:
        """Sharpen, then filter: (..., V) distributions."""
        return self.rest(sharpen(probs))

    def filters_first(self, probs: Array) -> Array:
        """Filter, then sharpen: the mistake."""
        return sharpen(self.rest(probs))


def reweigh(probs: Array, tokens: Collection[int], factor: Any) -> Array:
    """Multiply the probability of some tokens by a factor and normalise: (V,) to (V,)."""
    weights = np.array([p * factor if x in tokens else p for x, p in enumerate(probs)], probs.dtype)
    return weights / weights.sum()


@dataclass(frozen=True)
class Penalised:
    """A model with a repetition penalty: every token already in the text is `factor` times as likely."""

    model: LanguageModel
    factor: Any

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.model.vocab_size

    def start(self) -> "PenalisedContext":
        """Begin an empty context."""
        return PenalisedContext(self.model.start(), self.factor)


class PenalisedContext:
    """A context that knows which tokens it has read, those read in the same call included."""

    def __init__(self, context: Context, factor: Any) -> None:
        self.context = context
        self.factor = factor
        self.tokens: list[int] = []

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.context.length

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer penalises everything up to tokens[i]."""
        before = list(self.tokens)
        rows = self.context.extend(tokens)
        self.tokens += tokens
        # the penalty of drafts in flight: row i knows the tokens of this call up to its own
        return np.stack([reweigh(row, {*before, *tokens[: i + 1]}, self.factor) for i, row in enumerate(rows)])

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        self.context.rollback(length)
        del self.tokens[length:]


@dataclass(frozen=True)
class Positional:
    """A model that knows how many tokens it has read: a table for each number, and after the last the first again."""

    tables: tuple[TableModel, ...]  # of one vocabulary; tables[i] answers after i + 1 tokens

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.tables[0].vocab_size

    def start(self) -> TextContext:
        """Begin an empty context."""
        return TextContext(self.next_probs, self.vocab_size)

    def next_probs(self, tokens: Sequence[int]) -> Array:
        """Look up what follows a text: (V,) probabilities."""
        return self.tables[(len(tokens) - 1) % len(self.tables)].next_probs(tokens)


@dataclass(frozen=True)
class Spread:
    """A table on a few tokens of a large vocabulary; no other token can come.

    What follows a token that has no row is what follows the first that has one.
    """

    table: TableModel  # of order 1, over len(ids) tokens
    ids: tuple[int, ...]  # which tokens of the vocabulary these are, in rising order
    vocab_size: int  # V, the number of tokens

    @cached_property
    def rows(self) -> Array:
        """The (len(ids), V) distributions, one after each of these tokens."""
        wide = np.zeros((len(self.ids), self.vocab_size), self.table.table.dtype)
        wide[:, list(self.ids)] = self.table.table
        return wide

    @cached_property
    def row_of(self) -> Array:
        """Which row follows each token: (V,) int array."""
        found = np.zeros(self.vocab_size, np.int64)
        found[list(self.ids)] = np.arange(len(self.ids))
        return found

    def start(self) -> TextContext:
        """Begin an empty context."""
        return TextContext(self.next_probs, self.vocab_size)

    def next_probs(self, tokens: Sequence[int]) -> Array:
        """Look up what follows a text: (V,) probabilities."""
        return self.rows[self.row_of[tokens[-1]]]


# the two tables of each probe, p and q
DRIFT = (
    rational_model("323 242 215 323 224 161 143 323 116", 2),
    rational_model("611 215 152 242 233 521 215 251 413", 2),
)
SHORT = rational_model("12 31 23 51", 2), rational_model("31 13 13 23", 2)  # V = 2: long texts are few
GAPS = rational_model("120 011 301", 1), rational_model("011 100 111", 1)
NEAR = rational_model("211 121 112", 1), rational_model("211 111 112", 1)
SQUARE = rational_model("431", 0), rational_model("125", 0)
PAPER = rational_model("12", 0), rational_model("21", 0)
BLOCK = rational_model("111", 0), rational_model("013", 0)
PLACES = Positional(tuple(rational_model(each, 1) for each in ("12 31", "41 23", "13 52"))), SHORT[1]
REPEATS = Penalised(SHORT[0], Fraction(1, 4)), SHORT[1]
FILTERED = Sharpened(top_p(Fraction(3, 4)))  # type: ignore[arg-type]  # a fraction keeps laws exact

TABLE = (
    Probe("drift", "p and q depend on the two tokens before", Setting(*DRIFT)),
    Probe("flat", "p and q ignore the text", Setting(*SQUARE)),
    Probe("rounds", "K = 1: every second token starts a round", Setting(*SHORT, K=1, max_new_tokens=5)),
    Probe("gaps", "tokens that p or q cannot emit, and rows that share none", Setting(*GAPS)),
    Probe("near", "p = q, or nearly", Setting(*NEAR)),
    Probe("stop", "token 2 ends the text", Setting(*DRIFT, stop=(2,))),
    Probe("sharp", "temperature 1/2", Setting(*SHORT, transform=sharpen)),
    Probe("filters", "temperature 1/2, then top-p 3/4", Setting(*DRIFT, transform=FILTERED)),
    Probe("repeats", "tokens in the text are a quarter as likely", Setting(*REPEATS)),
    Probe("position", "p depends on the number of tokens read", Setting(*PLACES)),
    Probe("paper", "the pair of the block verification paper", Setting(*PAPER)),
    Probe("block", "a pair that tells the residuals of block verification apart", Setting(*BLOCK)),
)
PROBES = {probe.name: probe for probe in TABLE}
