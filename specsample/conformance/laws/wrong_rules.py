"""The pieces of a round that people get wrong, each as code.

A wrong sampler replaces one piece of `open_round` by one of these, or by a lambda in `wrong_samplers`. They stand in
this order: drafting, stopping, judging, around the loop. Nothing here is for use; everything only compares uniform
numbers, so that it can be enumerated, stepped through and sampled from.
"""

from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from specsample.acceptance import residual
from specsample.conformance.laws.open_round import (
    Ruling,
    Seen,
    accept_draft,
    correction,
    draft_all,
    judge,
    ratio,
    speculate,
    until_stop,
)
from specsample.conformance.laws.probes import reweigh
from specsample.distributions import Array, Uniforms, pick
from specsample.language_model import Context, LanguageModel
from specsample.speculative import Draft, generate
from specsample.strategies import Transform


def one_hot(q: Array, x: int) -> Array:
    """All mass on x."""
    return np.where(np.arange(len(q)) == x, np.ones_like(q), np.zeros_like(q))


def draft_with_neighbours_q(drafter: Context, tokens: Sequence[int], K: int, rng: Uniforms) -> Draft:
    """Report the rows of another sequence of the batch: its text is ours, each token moved by one."""
    x, q = draft_all(drafter, tokens, K, rng)
    if not K:
        return Draft(x, q)
    # the neighbour's text goes through the same cache, which then reads ours anew
    drafter.rollback(0)
    rows = drafter.extend([(token + 1) % q.shape[1] for token in [*tokens, *x[:-1]]])
    drafter.rollback(0)
    return Draft(x, rows[-K:])


def until_drafted_stop(emitted: list[int], x: list[int], stop: Collection[int]) -> tuple[list[int], bool]:
    """End the run where a stop token was drafted, accepted or not."""
    return until_stop(emitted, x, stop)[0], bool({*emitted, *x} & {*stop})


def behind_stop(emitted: list[int], x: list[int], stop: Collection[int]) -> tuple[list[int], bool]:
    """End the run after the round of a stop token, and cut nothing."""
    return emitted, bool({*emitted} & {*stop})


def normalised(weights: Array) -> Array:
    """Divide by the sum."""
    return weights / weights.sum()


def softmax_of_residual(p: Array, q: Array) -> Array:
    """exp(max(0, p - q)), normalised; as exact fractions where p is."""
    weights = np.exp(np.maximum(p - q, np.zeros_like(p)).astype(float))
    weights = np.array([Fraction(w) for w in weights], object) if p.dtype == object else weights
    return normalised(weights)


def shared_noise(p: Array, q: Array) -> Array:
    """The law of argmax(log r + g) given that the same Gumbel noise g chose the draft, argmax(log q + g).

    Both are races of exponential clocks. The draft won at time m ~ Exp(1), so in the second race v starts at
    m q_v / r_v; the integral over m leaves r_v / (1 + A(t))^2 dt with A' = Σ r of those that run: rational pieces.
    """
    r = residual(p, q)
    runners = sorted(np.flatnonzero(r > 0).tolist(), key=lambda v: q[v] / r[v])  # in the order of their starts
    law = np.zeros_like(r)
    survival = 1  # 1 / (1 + A), the share of races that nobody has won yet
    rate = 0  # A'
    for i, v in enumerate(runners):
        # from the start of v to the start of the next one, all that have started run, each with its own rate
        rate += r[v]
        gaps = [q[w] / r[w] - q[v] / r[v] for w in runners[i + 1 : i + 2]]  # until the next one starts, if any
        after = survival / (1 + survival * rate * gaps[0]) if gaps else 0
        for w in runners[: i + 1]:
            law[w] += r[w] / rate * (survival - after)
        survival = after
    return law


def judge_on(seen: Seen, rng: Uniforms) -> Ruling:
    """Replace every rejected draft and go on testing the drafts after it."""
    K = len(seen.x)
    u = rng.random(K)
    v = rng.random(K + 1)
    passed = [bool(u[i] < accept_draft(seen, i)) for i in range(K)]
    # rows after a refused draft were computed for a text that has it, and not its replacement
    emitted = [x if passed[i] else pick(correction(seen, i), v[i]) for i, x in enumerate(seen.x)]
    n = [*passed, False].index(False)
    return Ruling(n, [*emitted, pick(seen.p[-1], v[-1])])


def judge_with_sibling(seen: Seen, rng: Uniforms) -> Ruling:
    """Try a second draft where the first was rejected; after it, draw the bonus from what the first one left over."""
    n, emitted = judge(seen, rng)
    if n == len(seen.x):
        return Ruling(n, emitted)
    # a second draft of q is judged against what the first one left over of p: that much is right
    left = correction(seen, n)
    q = seen.q[n]
    u = rng.random(3)
    sibling = pick(q, u[0])
    if u[1] < ratio(left[sibling], q[sibling]):
        # the mistake: after the sibling, p has a row of its own
        return Ruling(n, [*seen.x[:n], sibling, pick(left, u[2])])
    return Ruling(n, [*seen.x[:n], pick(residual(left, q), u[2])])


def judge_by_match(seen: Seen, rng: Uniforms) -> Ruling:
    """Let the target draw its own token at each position; keep drafts while the two agree, then emit that token."""
    u = rng.random(len(seen.x) + 1)
    for n, x in enumerate(seen.x):
        own = pick(seen.p[n], u[n])
        if own != x:
            return Ruling(n, [*seen.x[:n], own])
    return Ruling(len(seen.x), [*seen.x, pick(seen.p[-1], u[-1])])


def judge_keeping_rejected(seen: Seen, rng: Uniforms) -> Ruling:
    """Append the correction after all drafts."""
    n, emitted = judge(seen, rng)
    return Ruling(n, [*seen.x, emitted[-1]])


def judge_without_bonus(seen: Seen, rng: Uniforms) -> Ruling:
    """Emit no bonus token after K > 0 accepted drafts."""
    n, emitted = judge(seen, rng)
    return Ruling(n, seen.x if seen.x and n == len(seen.x) else emitted)


def judge_redrawing_stop(seen: Seen, rng: Uniforms) -> Ruling:
    """Replace an accepted stop token as if it had been rejected."""
    n, emitted = judge(seen, rng)
    ends = [i for i, x in enumerate(seen.x[:n]) if x in seen.stop]
    if not ends:
        return Ruling(n, emitted)
    first = ends[0]
    redrawn = pick(correction(seen, first), rng.random(1)[0])
    return Ruling(first, [*seen.x[:first], redrawn])


def judge_by(seen: Seen, rng: Uniforms, *, verify: Callable[..., tuple[int, int]]) -> Ruling:
    """Let a function with the arguments of `speculative.verify` decide."""
    K = len(seen.x)
    u = rng.random(K + 1)
    n, token = verify(seen.x, seen.q, seen.p, u_accept=u[:K], u_emit=u[K])
    return Ruling(n, [*seen.x[:n], token])


class Leaky:
    """A model whose cache is trimmed one token too few whenever a draft is rejected, and does not know it."""

    def __init__(self, model: LanguageModel) -> None:
        self.model, self.vocab_size = model, model.vocab_size

    def start(self) -> "LeakyContext":
        """Begin an empty context."""
        return LeakyContext(self.model.start())


class LeakyContext:
    """A context with `extra` stale tokens in it."""

    def __init__(self, context: Context) -> None:
        self.context, self.extra = context, 0

    @property
    def length(self) -> int:
        """Number of tokens it believes to have read."""
        return self.context.length - self.extra

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens after the stale ones."""
        return self.context.extend(tokens)

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens, and keep one more."""
        if length < self.length:
            self.extra += 1
            self.context.rollback(length + self.extra)


def without_temperature(*models: Any, transform: Transform | None = None, **setting: Any) -> Any:
    """Draft with the strategy and verify without it."""
    return generate(*models, draft_transform=transform, **setting)


def with_filters_first(*models: Any, transform: Transform | None = None, **setting: Any) -> Any:
    """Verify with the parts of the strategy in another order; drafts and bonus tokens have the right one."""
    # a strategy of one part has no order
    swapped = getattr(transform, "filters_first", transform)

    def judging(seen: Seen, rng: Uniforms) -> Ruling:
        if transform is None or swapped is None:
            return judge(seen, rng)
        rows = [*map(swapped, seen.p[:-1]), transform(seen.p[-1])]
        return judge(seen._replace(p=np.stack(rows)), rng)

    return speculate(*models, draft_transform=transform, judging=judging, **setting)


def with_old_penalty(prompt: Sequence[int], target: Any, drafter: LanguageModel, **setting: Any) -> Any:
    """Penalise in every row what stood in the text before the round: lift the penalty of the drafts in flight."""

    def judging(seen: Seen, rng: Uniforms) -> Ruling:
        # the model penalises drafts in flight; what was in the text before stays penalised
        text = {*seen.prompt, *seen.new}
        lift = Fraction(1) / getattr(target, "factor", 1)
        rows = [reweigh(row, {*seen.x[:i]} - text, lift) for i, row in enumerate(seen.p)]
        return judge(seen._replace(p=np.stack(rows)), rng)

    return speculate(prompt, target, drafter, judging=judging, **setting)


def with_old_index(*models: Any, **setting: Any) -> Any:
    """Gather p and q at the token that stands n places after the prompt: from round 2 on, an old one."""

    def accept(seen: Seen, n: int) -> Any:
        token = [*seen.new, *seen.x][n]
        return ratio(seen.p[n, token], seen.q[n, token])

    return speculate(*models, judging=partial(judge, accept=accept), **setting)


def with_same_seed(*models: Any, rng: Uniforms, **setting: Any) -> Any:
    """Start a generator of its own, from the same seed at every call."""
    return generate(*models, rng=np.random.default_rng(0), **setting)
