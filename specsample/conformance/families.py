"""Families of formulas for what a wrong piece of a round does.

Which drafts are kept, what replaces one, which bonus follows: each formula says it by the rows of p and q, with one
free number. None of the right rule is among them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from specsample.acceptance import residual
from specsample.conformance.adapters import Tabled
from specsample.conformance.adapters.tabled import TabledModel
from specsample.conformance.adapters.text_numbers import child, parent
from specsample.distributions import Array


@dataclass(frozen=True)
class Rows:
    """The rows of p and q after some texts, those around them, and what is made of them."""

    setting: Tabled
    nodes: Array  # (m,)
    place: Array  # (m,), drafts of the round before
    left: Array  # (m,), and after

    @cached_property
    def p(self) -> Any:
        """The target's rows, (m, V)."""
        return self.setting.p.rows(self.nodes)

    @cached_property
    def q(self) -> Any:
        """The draft model's rows, (m, V)."""
        return self.setting.q.rows(self.nodes)

    @cached_property
    def r(self) -> Any:
        """norm(max(0, p - q)), (m, V)."""
        return residual(self.p, self.q)

    @cached_property
    def before(self) -> Array:
        """The texts at the previous place of the round, (m,); at the first place the same."""
        return np.where(self.place > 0, parent(self.nodes, self.setting.vocab_size), self.nodes)

    @cached_property
    def first(self) -> Array:
        """The texts at the first place of the round, (m,)."""
        nodes = self.nodes
        for i in range(int(self.place.max(initial=0))):
            nodes = np.where(self.place > i, parent(nodes, self.setting.vocab_size), nodes)
        return nodes

    @cached_property
    def after(self) -> Array:
        """The texts at the next place, by the token that leads there, (m, V); the same where the table ends."""
        V = self.setting.vocab_size
        nodes = child(self.nodes[:, None], np.arange(V), V)
        is_known = self.setting.p.order >= 0 or (nodes < self.setting.p.n_nodes).all()
        return nodes if is_known else np.repeat(self.nodes[:, None], V, axis=1)

    def of_next(self, model: TabledModel) -> Any:
        """Probability of each token in the row of the next place to which itself leads, (m, V)."""
        return np.diagonal(model.rows(self.after), axis1=1, axis2=2)


class Family(NamedTuple):
    """Formulas that differ in one number."""

    said: str  # with a place for the number, if there is one
    weights: Callable[[Rows, float], Any]  # (m, V): mass of the drafts that are kept, or weights of a token
    numbers: Any = (1.0,)  # sequence of float


FACTORS = np.geomspace(0.2, 5, 97)
SHARES = np.linspace(0.01, 0.99, 99)


def power(rows: Any, exponent: float) -> Any:
    """Rows to a power, normalised: the temperature 1/exponent."""
    raised = np.where(rows > 0, rows, 1) ** exponent * (rows > 0)
    return raised / raised.sum(axis=-1, keepdims=True)


def likeliest(rows: Any, n: float) -> Any:
    """Rows without all but their n likeliest tokens."""
    return rows * (rows >= np.sort(rows, axis=-1)[..., -min(int(n), rows.shape[-1])][..., None])


def kept_of(drafts: Any, p: Any, q: Any) -> Any:
    """Mass of the drafts that a test with p and q keeps, (m, V); 0/0 keeps."""
    return drafts * np.minimum(1, np.divide(p, q, out=np.ones_like(p), where=q > 0))


# fmt: off
FAMILIES: dict[str, Sequence[Family]] = {
    "acceptance": (
        Family("a draft is kept with min(1, c p/q), c = {:.3g}: a factor", lambda at, c: np.minimum(at.q, c * at.p),
               FACTORS),
        Family("a draft is kept with c min(1, p/q), c = {:.3g}: a factor", lambda at, c: c * np.minimum(at.p, at.q),
               SHARES),
        Family("a draft is kept with min(1, (p/q)^c), c = {:.3g}: a power",
               lambda at, c: at.q * np.minimum(1, at.p / np.where(at.q > 0, at.q, 1)) ** c, FACTORS),
        Family("a draft is kept with probability {:.3g}, a constant", lambda at, c: c * at.q, SHARES),
        Family("a draft is tested with (1 - c) p + c q in place of p, c = {:.3g}: a mixture",
               lambda at, c: np.minimum(at.q, (1 - c) * at.p + c * at.q), SHARES),
        Family("a draft is kept if p is at least {:.3g}, a threshold, and tested if not",
               lambda at, c: np.where(at.p >= c, at.q, np.minimum(at.p, at.q)), SHARES),
        Family("a draft is tested with p^c in place of p, c = {:.3g}: another temperature of p",
               lambda at, c: np.minimum(at.q, power(at.p, c)), FACTORS),
        Family("a draft is tested with q^c in place of q, c = {:.3g}: another temperature of q",
               lambda at, c: kept_of(at.q, at.p, power(at.q, c)), FACTORS),
        Family("drafts are drawn from q^c and not from q, c = {:.3g}: another temperature",
               lambda at, c: kept_of(power(at.q, c), at.p, at.q), FACTORS),
        Family("drafts are drawn from q mixed with any token, a share of {:.3g}",
               lambda at, c: kept_of((1 - c) * at.q + c / at.q.shape[1], at.p, at.q), SHARES),
        Family("drafts are drawn from the {:.0f} likeliest tokens of q alone",
               lambda at, c: kept_of(power(likeliest(at.q, c), 1), at.p, at.q), (1, 2, 3, 4)),
        Family("a draft is tested with the row of p of the next place",
               lambda at, _: np.minimum(at.q, at.of_next(at.setting.p))),
        Family("a draft is tested with the row of q of the next place, the last one with its own",
               lambda at, _: kept_of(at.q, at.p, np.where(at.left[:, None] > 1, at.of_next(at.setting.q), at.q))),
        Family("a draft is tested with the row of p of the previous place",
               lambda at, _: np.minimum(at.q, at.setting.p.rows(at.before))),
        Family("a draft is tested with the row of q of the previous place",
               lambda at, _: kept_of(at.q, at.p, at.setting.q.rows(at.before))),
        Family("a draft is tested with the first row of q",
               lambda at, _: kept_of(at.q, at.p, at.setting.q.rows(at.first))),
        Family("the first draft of a round is kept without a test",
               lambda at, _: np.where(at.place[:, None] == 0, at.q, np.minimum(at.p, at.q))),
        Family("the last draft of a round is kept without a test",
               lambda at, _: np.where(at.left[:, None] == 1, at.q, np.minimum(at.p, at.q))),
    ),
    "replacement": (
        Family("a replacement is drawn from p", lambda at, _: at.p),
        Family("a replacement is drawn from q", lambda at, _: at.q),
        Family("a replacement is drawn from the residual to the power {:.3g}", lambda at, c: power(at.r, c),
               [0.0, *FACTORS]),
        Family("a replacement is drawn from max(0, p - q) with {:.2g} added",
               lambda at, c: np.maximum(at.p - at.q, 0) + c, np.geomspace(1e-3, 1, 97)),
        Family("a replacement is drawn from max(0, p - c q), {:.3g} times q",
               lambda at, c: np.maximum(at.p - c * at.q, 0), FACTORS),
        Family("a replacement is drawn from p where p > q", lambda at, _: at.p * (at.p > at.q)),
        Family("a replacement is drawn from the {:.0f} likeliest tokens of the residual",
               lambda at, c: likeliest(at.r, c), (1, 2, 3, 4)),
        Family("a replacement is drawn from the residual of p^c and q, c = {:.3g}: another temperature of p",
               lambda at, c: np.maximum(power(at.p, c) - at.q, 0), FACTORS),
        Family("a replacement is drawn from the residual of p and q^c, c = {:.3g}: another temperature of q",
               lambda at, c: np.maximum(at.p - power(at.q, c), 0), FACTORS),
        Family("a replacement is drawn from the row of p of the next place",
               lambda at, _: np.einsum("mx,mxv->mv", np.maximum(at.q - at.p, 0), at.setting.p.rows(at.after))),
        Family("a replacement is drawn from the residual of p and the row of q of the previous place",
               lambda at, _: residual(at.p, at.setting.q.rows(at.before))),
        Family("a replacement is drawn from the residual of p and the first row of q",
               lambda at, _: residual(at.p, at.setting.q.rows(at.first))),
        Family("a replacement is drawn from the residual of q and the row of p of the previous place",
               lambda at, _: residual(at.setting.p.rows(at.before), at.q)),
    ),
    "bonus": (
        Family("the bonus is drawn from q after the last draft", lambda at, _: at.q),
        Family("the bonus is drawn from p to the power {:.3g}: another temperature", lambda at, c: power(at.p, c),
               FACTORS),
        Family("the bonus is drawn from the {:.0f} likeliest tokens of p",
               lambda at, c: likeliest(at.p, c), (1, 2, 3, 4)),
        Family("the bonus is drawn from p mixed with any token, a share of {:.3g}",
               lambda at, c: (1 - c) * at.p + c / at.p.shape[1], SHARES),
        Family("the bonus is drawn from max(0, p - c q), {:.3g} times q",
               lambda at, c: np.maximum(at.p - c * at.q, 0), SHARES),
        Family("the bonus is drawn from the last row of q", lambda at, _: at.setting.q.rows(at.before)),
        Family("the bonus is drawn from the first row of p", lambda at, _: at.setting.p.rows(at.first)),
        Family("the bonus is drawn from its row of p and the one before it, a share of {:.3g}",
               lambda at, c: (1 - c) * at.p + c * at.setting.p.rows(at.before), SHARES),
    ),
}
# fmt: on
