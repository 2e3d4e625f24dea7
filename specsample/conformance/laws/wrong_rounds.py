"""Mistakes about where a round ends, and what the next one inherits.

Pieces like those of `wrong_rules`. The last two carry something from round to round, so that their law takes whole
runs to enumerate.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from specsample.acceptance import residual
from specsample.conformance.laws.open_round import Ruling, Seen, accept_draft, correction, draft_all, speculate
from specsample.distributions import Array, Uniforms, pick
from specsample.language_model import Context, LanguageModel
from specsample.speculative import Draft, generate


def judge_by_count(seen: Seen, rng: Uniforms) -> Ruling:
    """Keep as many drafts as passed, wherever they stand: the sum of the tests in place of their leading run."""
    K = len(seen.x)
    u = rng.random(K + 1)
    n = sum(bool(u[i] < accept_draft(seen, i)) for i in range(K))
    # with one refusal among K, draft n was perhaps accepted, and the refused one is among those that are kept
    probs = correction(seen, n) if n < K else seen.p[-1]
    return Ruling(n, [*seen.x[:n], pick(probs, u[-1])])


def bonus_less_q(seen: Seen) -> Array:
    """norm(max(0, p - q)) of the bonus row and the last draft's q: there is no row of zeros behind the drafts."""
    return residual(seen.p[-1], seen.q[-1]) if seen.x else seen.p[-1]


def residual_and_epsilon(seen: Seen, n: int) -> Array:
    """max(0, p - q) + 1/1000, normalised."""
    excess = np.maximum(seen.p[n] - seen.q[n], np.zeros_like(seen.p[n]))
    epsilon = Fraction(1, 1000) if excess.dtype == object else 1e-3
    weights = excess + epsilon
    return weights / weights.sum()


def draft_with_stale_q(drafter: Context, tokens: Sequence[int], K: int, rng: Uniforms) -> Draft:
    """After a fully accepted round, report for the first draft the row before its own."""
    unread = tokens[drafter.length :]
    # only then has the drafter two tokens to read: its own last draft and the bonus; the first row is kept
    if not K or not drafter.length or len(unread) != 2:
        return draft_all(drafter, tokens, K, rng)
    stale = drafter.extend(unread[:1])
    x, q = draft_all(drafter, tokens, K, rng)
    return Draft(x, np.concatenate([stale, q[1:]]))


def with_stale_q(*models: Any, **setting: Any) -> Any:
    """Judge the first draft after a fully accepted round by a q that is not its own."""
    return speculate(*models, drafting=draft_with_stale_q, **setting)


class Rereading:
    """A model whose cache is handed the whole text at every call, though it has read most of it."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self.vocab_size = model.vocab_size

    def start(self) -> "RereadingContext":
        """Begin an empty context."""
        return RereadingContext(self.model.start())


class RereadingContext:
    """A context behind whose tokens stands their whole text once more for every call."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.text: list[int] = []

    @property
    def length(self) -> int:
        """Number of tokens it believes to have read."""
        return len(self.text)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read the text so far again, then tokens."""
        self.text += tokens
        return self.context.extend(self.text)[-len(tokens) :]

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens, from the end of what was really read."""
        self.context.rollback(self.context.length - (self.length - length))
        del self.text[length:]


def with_context_read_twice(prompt: Sequence[int], target: LanguageModel, *others: Any, **setting: Any) -> Any:
    """Hand the target's cache the whole text in every round."""
    return generate(prompt, Rereading(target), *others, **setting)
