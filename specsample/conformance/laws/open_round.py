"""One round in pieces, each piece replaceable.

Where can a round go wrong? `speculate` is `speculative.generate` with its seams open: how to draft, how to judge the
drafts, when to stop. `judge` is `speculative.verify` with its seams open. Every piece defaults to the right one; with
the defaults both give the shipped functions' tokens on every tape (a test compares them) if no source declines.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from specsample.acceptance import accept_probability, residual
from specsample.conformance.laws.exact import Law, exact_law
from specsample.conformance.laws.probes import Probe
from specsample.distributions import Array, Uniforms, pick
from specsample.language_model import Context, LanguageModel, Transformed
from specsample.request import check_request
from specsample.speculative import Draft, draft
from specsample.strategies import Transform


class Seen(NamedTuple):
    """What can be known when the drafts are judged."""

    prompt: list[int]
    new: list[int]  # emitted in earlier rounds
    x: list[int]  # (K,)
    q: Array  # (K, V)
    p: Array  # (K+1, V)
    stop: Collection[int]


class Ruling(NamedTuple):
    """How many drafts were kept, and what is emitted: for a right rule those and one more token."""

    n_accepted: int
    emitted: list[int]


def draft_all(drafter: Context, tokens: Sequence[int], K: int, rng: Uniforms) -> Draft:
    """Draft as the shipped code does."""
    return draft(drafter, tokens, K, rng.random(K))


def draft_by(
    drafter: Context,
    tokens: Sequence[int],
    K: int,
    rng: Uniforms,
    *,
    picked_from: Transform = lambda q: q,
    reported: Callable[[Array, int], Array] = lambda q, x: q,
    keeps: Callable[[Array, int], bool] = lambda q, x: True,
    goes_on: Callable[[Array, int], bool] = lambda q, x: True,
) -> Draft:
    """Pick from one distribution and report another; stop drafting early, without the last draft or with it."""
    # K numbers are drawn even if fewer drafts are made: what follows on the tape stays in its place
    u = rng.random(K)
    unread = list(tokens[drafter.length :])
    x: list[int] = []
    rows: list[Array] = []
    for k in range(K):
        q = drafter.extend(unread)[-1]  # (V,)
        drafted = pick(picked_from(q), u[k])
        if not keeps(q, drafted):
            break
        # what is reported is what the acceptance test will take for q
        rows.append(reported(q, drafted))
        x.append(drafted)
        unread = [drafted]
        if not goes_on(q, drafted):
            break
    return Draft(x, np.stack(rows) if rows else np.empty((0, 0)))


def accept_draft(seen: Seen, n: int) -> Any:
    """min(1, p/q) of draft n."""
    return ratio(seen.p[n, seen.x[n]], seen.q[n, seen.x[n]])


def ratio(p_x: Any, q_x: Any) -> Any:
    """min(1, p/q) of two numbers."""
    return accept_probability(np.array([p_x]), np.array([q_x]))[0]


def correction(seen: Seen, n: int) -> Array:
    """norm(max(0, p - q)) where draft n was rejected."""
    return residual(seen.p[n], seen.q[n])


def judge(
    seen: Seen,
    rng: Uniforms,
    *,
    accept: Callable[[Seen, int], Any] = accept_draft,
    passes: Callable[[Any, Any], bool] = lambda u, a: u < a,
    correct: Callable[[Seen, int], Array] = correction,
    bonus: Callable[[Seen], Array] = lambda seen: seen.p[-1],
    u_test: Callable[[Any, int], Any] = lambda u, n: u[n],
    u_emit: Callable[[Any, int], Any] = lambda u, n: u[-1],
) -> Ruling:
    """Keep drafts up to the first refusal, then emit one token more."""
    K = len(seen.x)
    u = rng.random(K + 1)
    # Algorithm 1, lines 9 and 10: the first refusal ends the round
    n = 0
    while n < K and passes(u_test(u, n), accept(seen, n)):
        n += 1
    # lines 11 to 17: its replacement, or the bonus after K acceptances
    probs = correct(seen, n) if n < K else bonus(seen)
    return Ruling(n, [*seen.x[:n], pick(probs, u_emit(u, n))])


def until_stop(emitted: list[int], x: list[int], stop: Collection[int]) -> tuple[list[int], bool]:
    """Cut after the first stop token; a stop token ends the run."""
    ends = [i + 1 for i, token in enumerate(emitted) if token in stop]
    return (emitted[: ends[0]], True) if ends else (emitted, False)


def speculate(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    max_new_tokens: int,
    rng: Uniforms,
    transform: Transform | None = None,
    draft_transform: Transform | None = None,
    stop: Collection[int] = (),
    drafting: Callable[..., Draft] = draft_all,
    judging: Callable[..., Ruling] = judge,
    stopping: Callable[..., tuple[list[int], bool]] = until_stop,
) -> tuple[list[int], list[int]]:
    """Generate text, with a piece of the algorithm replaced; tokens and the accepted drafts of each round come back.

    Parameters: as for `speculative.generate`.

    Parameters
    ----------
    drafting : (drafter, tokens, K, rng) -> Draft
    judging : (Seen, rng) -> Ruling
    stopping : (emitted, drafts, stop) -> (what is left of emitted, whether the run ends)
    """
    check_request(prompt_tokens, (target_model, draft_model), max_new_tokens, K=K)
    target = Transformed(target_model, transform, "target_probs").start()
    drafter = Transformed(draft_model, draft_transform or transform, "draft_probs", may_decline=True).start()
    prompt = list(prompt_tokens)
    new: list[int] = []
    accepted: list[int] = []
    is_stopped = False
    while len(new) < max_new_tokens and not is_stopped:
        tokens = prompt + new
        # draft; a round emits at most one token more than it drafts
        x, q = drafting(drafter, tokens, min(K, max_new_tokens - len(new) - 1), rng)
        # the target reads all drafts in one pass: (K+1, V)
        p = target.extend([*tokens[target.length :], *x])[-(len(x) + 1) :]
        n, emitted = judging(Seen(prompt, new, x, q, p, stop), rng)
        # neither model keeps a refused draft; the last emitted token is always still to be read
        kept = len(tokens) + min(n, len(emitted) - 1)
        target.rollback(kept)
        drafter.rollback(min(drafter.length, kept))
        emitted, is_stopped = stopping(emitted, x, stop)
        new = new + emitted  # a new list: `Seen` holds the old one
        accepted.append(n)
    return new, accepted


def law_of(sampler: Callable[..., Any], probe: Probe) -> Law:
    """Compute the exact law of a sampler's text on a probe, by the shorter way where there is one."""
    return renewal_law(sampler, probe) if is_renewal(sampler) else probe.law(sampler)


def is_renewal(sampler: Callable[..., Any]) -> TypeGuard[partial[Any]]:
    """Say whether a sampler is a partial of `speculate`, whose rounds know nothing but the text."""
    return isinstance(sampler, partial) and sampler.func is speculate


def one_round(sampler: partial[Any], ends: list[bool]) -> Callable[..., Any]:
    """Stop a partial of `speculate` after its first round, and note whether it had ended there by itself."""
    # the sampler's own way of stopping has its say first
    stopping = sampler.keywords.get("stopping", until_stop)

    def stop_here(emitted: list[int], x: list[int], stop: Collection[int]) -> tuple[list[int], bool]:
        emitted, is_stopped = stopping(emitted, x, stop)
        ends.append(is_stopped)
        return emitted, True

    return partial(sampler, stopping=stop_here)


def renewal_law(sampler: partial[Any], probe: Probe, *, order: int | None = None) -> Law:
    """Compute the law of a sampler's text from the law of one round after every text.

    P(run) = Σ over its first round of P(round | prompt) · P(rest | prompt, round). The same law as `Probe.law`, from
    fewer paths: rounds are enumerated one at a time, and once for each text after which they start. With an `order`,
    texts share their rounds where that many last tokens are the same; the prompt must have as many. The sampler's
    judging must not look at `Seen.new` apart from `Seen.prompt`.
    """

    def known(text: tuple[int, ...]) -> tuple[int, ...]:
        return text if order is None else text[-order:]

    def play(text: tuple[int, ...], room: int, tape: Any) -> tuple[tuple[int, ...], bool]:
        # what is left of the run is a run of its own, whose prompt is the text so far
        ends: list[bool] = []
        rest_of_run = replace(probe.setting, prompt=text, max_new_tokens=room)
        tokens = tuple(rest_of_run.run(one_round(sampler, ends), tape)[0])
        return tokens, ends[0] or len(tokens) >= room

    @cache
    def rest(text: tuple[int, ...], room: int) -> Law:
        law: Law = {}
        for (emitted, is_over), mass in exact_law(lambda tape: play(text, room, tape)).items():
            # the law of the rest is the same however the text so far came about
            tails = {(): 1} if is_over else rest(known(text + emitted), room - len(emitted))
            for tail, tail_mass in tails.items():
                law[emitted + tail] = law.get(emitted + tail, 0) + mass * tail_mass
        return law

    return rest(known(probe.setting.prompt), probe.setting.max_new_tokens)
