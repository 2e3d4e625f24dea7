"""The thirteen probes: tables and settings, by hand or designed.

Everything else in `probes.json` is computed from them. P8 and P10 have three parts each.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from specsample.conformance.evidence.cells import Text
from specsample.conformance.laws.probes import Penalised, Positional, Probe, Sharpened
from specsample.conformance.laws.setting import Setting
from specsample.conformance.pack.design import fractions
from specsample.language_model import TableModel
from specsample.strategies import Transform, decoding_strategy

Weights = Any  # nested lists of int


@dataclass(frozen=True)
class Plan:
    """A probe before its laws are known, in values that JSON has: what `probes.json` holds and no law gives."""

    name: str
    purpose: str
    target: Weights
    draft: Weights
    K: int
    max_new_tokens: int
    stop: Text = ()
    strategy: dict[str, Any] = field(default_factory=dict)  # arguments of `decoding_strategy`, fractions as "1/2"
    penalty: str | None = None  # how likely a token of the text becomes again, such as "1/4"
    positions: Text | None = None  # as in `PackedProbe`, and so are bins
    bins: Weights = None
    by_position: bool = False  # whether target holds a table for each number of tokens read
    ids: Text | None = None  # which tokens of the vocabulary the tables are about, None for all of them
    vocab_size: int | None = None  # V, where there are ids
    least_eps: float = 0.0  # a PASS excludes no smaller total variation here
    weight: int = 2  # relative to the other probes
    prompt: Text = (0,)

    @property
    def probe(self) -> Probe:
        """The question with models of fractions, whose laws are exact; without the tokens that cannot come."""
        q = TableModel(fractions(self.draft))
        tables = [TableModel(fractions(each)) for each in (self.target if self.by_position else [self.target])]
        p = Positional(tuple(tables)) if self.by_position else tables[0]
        target = p if self.penalty is None else Penalised(p, Fraction(self.penalty))
        transform = exact_strategy(self.strategy)
        setting = Setting(target, q, self.prompt, self.K, self.max_new_tokens, self.stop, transform)
        return Probe(self.name, self.purpose, setting)


def exact_strategy(strategy: dict[str, Any]) -> Transform | None:
    """Make a decoding strategy that stays exact on fractions: temperature 1/2 squares the probabilities."""
    if not strategy:
        return None
    # p^(1/T) stays a fraction where 1/T is whole; 1/2 is the only temperature of the plans
    others = {name: value for name, value in strategy.items() if name != "temperature"}
    exact: dict[str, Any] = {
        name: Fraction(value) if isinstance(value, str) else value for name, value in others.items()
    }
    rest = decoding_strategy(**exact)
    return Sharpened(rest) if "temperature" in strategy else rest


def rows(text: str, V: int, order: int) -> Weights:
    """Read V^order rows of V weights each."""
    return np.array(text.split(), int).reshape((V,) * (order + 1)).tolist()


# P1: `design(P1, **SEARCH)` of `design`; P3 and P9 are written by hand.
SEARCH = {"restarts": 150, "steps": 450, "seed": 0}
P1 = (
    rows(
        """2 4 1 13  11 1 7 1  12 1 5 2  7 1 11 1   17 1 1 1  12 1 4 3  13 1 4 2  10 1 8 1
           1 4 5 10  10 2 4 4  10 3 1 6  1 4 14 1   11 7 1 1  14 1 4 1  9 4 6 1   3 6 7 4""",
        V=4,
        order=2,
    ),
    rows("1 15 3 1  1 3 2 14  5 10 1 4  1 1 8 10", V=4, order=1),
)
P3 = (
    rows("2 4 4 10  7 1 4 8  2 12 3 3  6 8 4 2", V=4, order=1),
    rows("6 7 1 6  1 3 13 3  10 1 3 6  1 4 7 8", V=4, order=1),
)
P9 = (
    rows("6 2 1 1 7 1 1 2 6  2 6 2  5 1 3 1 1 7  7 1 1 2 3 4 1 6 2", V=3, order=2),
    rows("1 3 2  2 1 3  3 1 1", V=3, order=1),
)
TEXT = rows("2 1 3  1 4 1  3 2 1", V=3, order=1), rows("1 3 2  2 1 3  1 1 4", V=3, order=1)
FIVE = (
    rows("9 6 4 3 1  2 8 5 4 3  3 2 9 6 4  6 4 3 2 8  1 5 4 9 3", V=5, order=1),
    rows("3 4 9 2 6  6 3 2 9 4  8 3 4 1 6  2 9 4 6 3  5 1 8 3 6", V=5, order=1),
)


def wide(seed: int) -> Weights:
    """Make a table of order 1 for 32 tokens: whole weights, 1 to 9, a few of them 30 times as large."""
    u = np.random.default_rng(seed).random((32, 32))
    return np.where(u < 0.1, (3000 * u).astype(int) + 1, (10 * u).astype(int)).tolist()


# 32^5 texts are no cells: a text is seen as five bits, one for each token
P = wide(8)
Q = wide(9)
P_RANK = np.argsort(np.argsort(P, axis=1, kind="stable"), axis=1)
BINS = {
    # p/q < 1 without a division: both rows times the other's sum
    "ratio": (np.array(P) * np.sum(Q, axis=1, keepdims=True) < np.array(Q) * np.sum(P, axis=1, keepdims=True)),
    "mass": P_RANK < 29,
    "ids": np.arange(32) + np.zeros((32, 1)) >= 16,
}
WIDE = [
    Plan(f"P8-{name}", purpose, P, Q, K=4, max_new_tokens=5, bins=BINS[name].astype(int).tolist())
    for name, purpose in (
        ("ratio", "V = 32, K = 4: is a token likelier under q than under p?"),
        ("mass", "V = 32, K = 4: is a token one of the three likeliest under p?"),
        ("ids", "V = 32, K = 4: is a token's id in the upper half?"),
    )
]
FILTERS = {"temperature": "1/2", "top_k": 4, "top_p": "9/10", "min_p": "1/10"}
SPARSE = (
    rows("3 0 2 0  0 1 0 2  2 0 1 1  0 3 1 0", V=4, order=1),
    rows("1 3 1 0  2 0 2 0  0 0 1 3  1 1 2 2", V=4, order=1),
)
NEAR = rows("2 1 1  3 4 3  5 2 3", V=3, order=1), rows("2 1 1  4 3 3  5 3 2", V=3, order=1)
STALE = rows("2 3 5  3 6 2  5 2 3", V=3, order=1), rows("4 2 1  5 1 2  2 5 1", V=3, order=1)
PLACES = (
    [rows(each, V=3, order=1) for each in ("6 2 1  1 5 2  2 1 5", "1 2 5  4 1 3  5 3 1", "2 5 2  2 2 5  1 6 2")],
    TEXT[1],
)
# both sides of the ends of blocks, with a residual on both sides: what a kernel leaves out is never rare
BLOCKS = (
    rows("2 6 2 3 7  6 2 5 2 5  3 4 2 7 4  5 2 3 3 7  2 5 5 5 3", V=5, order=1),
    rows("7 1 5 5 2  2 6 1 8 3  5 1 7 2 5  1 5 6 6 2  6 2 2 3 7", V=5, order=1),
)
ENDS: dict[str, Any] = {"ids": (0, 1023, 1024, 8191, 8192), "vocab_size": 8193, "positions": (0, 2), "least_eps": 0.2}
ONE_HOT = rows("0 1 0  0 0 1  1 0 0", V=3, order=1)

TABLE = (
    Plan("P1", "the slowest wrong sampler is rejected as soon as possible", *P1, K=2, max_new_tokens=3, weight=4),
    Plan("P2", "small enough to follow by hand", *TEXT, K=1, max_new_tokens=2),
    Plan("P3", "the last three of five tokens, behind the first round", *P3, 3, 5, positions=(2, 3, 4)),
    Plan("P4", "tokens that p or q cannot emit, and rows that share none", *SPARSE, K=2, max_new_tokens=3),
    Plan("P5", "p = q behind one token, and nearly so behind the others", *NEAR, K=2, max_new_tokens=3),
    Plan("P6", "a greedy draft, one-hot q", TEXT[0], ONE_HOT, K=3, max_new_tokens=4),
    Plan("P7", "token 2 ends the text, or the limit does", *TEXT, K=2, max_new_tokens=4, stop=(2,)),
    *WIDE,
    Plan("P9", "p depends on two tokens: a stale cache entry tells on itself", *P9, K=2, max_new_tokens=4),
    Plan("P10-temperature", "temperature 1/2", *TEXT, K=2, max_new_tokens=3, strategy={"temperature": "1/2"}),
    Plan("P10-filters", "temperature, top-k, top-p and min-p", *FIVE, K=2, max_new_tokens=3, strategy=FILTERS),
    Plan("P10-penalty", "tokens in the text, drafts included, are a quarter as likely", *TEXT, 2, 3, penalty="1/4"),
    Plan("P11", "K = 1: drafted rounds after fully accepted ones", *STALE, K=1, max_new_tokens=5, weight=1),
    Plan("P12", "p knows its position: a text read twice, or shifted", *PLACES, 2, 4, by_position=True, weight=1),
    Plan("P13", "V = 8,193: tokens on both sides of a kernel's blocks", *BLOCKS, 2, 3, weight=1, **ENDS),
)
PLANS = {plan.name: plan for plan in TABLE}
