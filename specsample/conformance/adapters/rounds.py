"""Rounds that become texts: the loop around `verify` and `step`.

`verify` judges drafts that the kit has drawn from q; `step` drafts by itself. In both cases the kit appends what was
emitted, stops at stop tokens, and shortens K near the end as `speculative.generate` does; a last single token, for
which nothing can be drafted, the kit draws from p.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import (
    Adapter,
    Played,
    Sample,
    Seeds,
    batches,
    checked_row,
    checked_rows,
    name_of,
)
from specsample.conformance.adapters.tabled import Tabled
from specsample.conformance.adapters.text_numbers import child, text_of
from specsample.conformance.adapters.watched import Watched
from specsample.conformance.evidence.cells import PADDING
from specsample.distributions import Array

NOT_A_DRAFT = "a token before a round's last one that is not its draft"
PADDED_WITH_0 = " (such rows all end in 0, and none in -1: is 0 used as padding? Pad with -1)"
Emit = Callable[..., tuple[Array | None, Array]]  # (setting, nodes, K, rngs) -> drafts or None, emitted


def from_verify(
    fn: Callable[..., Any], *, batched: bool = True, logits: bool = False, batch: int = 4096, name: str = ""
) -> Adapter:
    """Show the kit a function that verifies drafts.

    `fn(draft_tokens, draft_probs, target_probs, rng)` gets (N, K), (N, K, V) and (N, K+1, V) arrays and returns
    (N, K+1) token ids: the accepted drafts, one token more, and -1 as padding.

    Parameters
    ----------
    fn : function as above
    batched : bool; False if it takes one sequence: (K,), (K, V), (K+1, V) -> 1 to K+1 token ids
    logits : bool; True if it wants logarithms of probabilities (-inf where one is 0)
    batch : int, N at most
    name : str, for the report; the function's name if empty

    Returns
    -------
    Adapter

    Examples
    --------
    >>> from specsample.conformance import check
    >>> always = from_verify(lambda x, q, p, rng: np.hstack([x, p[:, -1:].argmax(axis=2)]), name="keep all drafts")
    >>> check(always).verdict
    'FAIL'
    """
    watched = Watched(fn)
    verifier = Verifier(watched, is_batched=batched, wants_logits=logits, batch=batch)
    play = Play(verifier.emit)
    return Adapter("verify", name or name_of(fn), play, call=verifier, is_batched=batched, last=watched.last)


def from_step(fn: Callable[..., Any], *, batched: bool = True, batch: int = 4096, name: str = "") -> Adapter:
    """Show the kit a function that runs one round, drafting by itself.

    `fn(prefixes, draft_model, target_model, K, rng)` gets (N, T) token ids and returns (N, K+1) of them, padded with
    -1. A model maps (N, T) token ids to (N, T, V) distributions, row i of which follows token i.

    Parameters
    ----------
    fn : function as above
    batched : bool; False if it takes one prefix, a list of int; the models are `LanguageModel` as well
    batch : int, N at most
    name : str, for the report; the function's name if empty

    Returns
    -------
    Adapter

    Examples
    --------
    >>> from specsample.conformance import check
    >>> def likeliest(texts, draft_model, target_model, K, rng):
    ...     token = target_model(texts)[:, -1:].argmax(axis=2)  # (N, 1), and K columns of padding
    ...     return np.pad(token, ((0, 0), (0, K)), constant_values=-1)
    >>> check(from_step(likeliest)).verdict
    'FAIL'
    """
    watched = Watched(fn)
    stepper = Stepper(watched, is_batched=batched, batch=batch)
    return Adapter("step", name or name_of(fn), Play(stepper.emit), is_batched=batched, last=watched.last)


@dataclass(frozen=True)
class Play:
    """The loop over rounds of a whole sample."""

    emit: Emit

    def __call__(self, setting: Tabled, n: int, seeds: Seeds) -> Sample:
        """Draw n streams, round by round: those with the most room first, so that every room comes up once."""
        L = setting.max_new_tokens
        rngs = seeds.generators()
        sample = Sample(np.full((n, L), PADDING))
        room = np.full(n, L)
        node = np.zeros(n, np.int64)
        number = np.zeros(n, np.int64)
        for left in range(L, 0, -1):
            streams = np.flatnonzero(room == left)
            k = min(setting.K, left - 1)
            if not len(streams):
                continue
            # a last token without drafts is the kit's own, from p; every other round is the sampler's
            if k == 0:
                emitted = setting.p.pick(node[streams], rngs[0].random(len(streams)))[:, None]
            else:
                drafts, emitted = self.emit(setting, node[streams], k, rngs)
                sample.rounds.append(Played(streams, node[streams], number[streams], drafts, emitted))
            number[streams] += 1
            # append what was emitted, up to a stop token or the end of the room
            for j in range(k + 1):
                is_on = (emitted[:, j] != PADDING) & (room[streams] > 0)
                at = streams[is_on]
                x = emitted[is_on, j]
                sample.tokens[at, L - room[at]] = x
                node[at] = child(node[at], x, setting.vocab_size)
                room[at] = np.where(np.isin(x, list(setting.stop)), 0, room[at] - 1)
        has_drafts = bool(sample.rounds) and sample.rounds[0].drafts is not None
        return _with_violations(sample) if has_drafts else sample


@dataclass(frozen=True)
class Verifier:
    """A user's `verify`: called on copies, so that drafts and rows stay ours, and held to its contract."""

    fn: Watched
    is_batched: bool
    wants_logits: bool
    batch: int  # sequences a call, at most

    def __call__(self, drafts: Array, q: Array, p: Array, rng: Any) -> Any:
        """Verify (N, K) drafts, batch by batch; (N, K+1) tokens come back, padded with -1."""
        cuts = batches(len(drafts), self.batch, q[0].size + p[0].size)
        return np.concatenate([self.part(drafts[i], q[i], p[i], rng) for i in cuts])

    def part(self, drafts: Array, q: Array, p: Array, rng: Any) -> Any:
        """Verify a batch, or one sequence after the other."""
        N, K, V = q.shape
        # copies: what the function does to its arguments stays its own
        q = logs(q) if self.wants_logits else q.copy()
        p = logs(p) if self.wants_logits else p.copy()
        if self.is_batched:
            return checked_rows(self.fn(drafts.copy(), q, p, rng), (N, K + 1), V)
        return np.array([checked_row(self.fn(drafts[i].copy(), q[i], p[i], rng), K, V) for i in range(N)])

    def emit(self, setting: Tabled, nodes: Array, k: int, rngs: Any) -> tuple[Array | None, Array]:
        """Draft from q and let the user's function verify."""
        # drafts from the harness' numbers, the verdict from the sampler's
        harness, sampler = rngs
        u = harness.random((k, len(nodes)))
        parts: list[Any] = []
        # batch by batch, for rows of a large vocabulary fill the memory
        for i in batches(len(nodes), self.batch, (2 * k + 1) * setting.vocab_size):
            drafts, q, p = draw_drafts(setting, nodes[i], u[:, i])
            parts.append((drafts, self.part(drafts, q, p, sampler)))
        return np.concatenate([each for each, _ in parts]), np.concatenate([each for _, each in parts])


@dataclass(frozen=True)
class Stepper:
    """A user's `step`: a round of its own after every text."""

    fn: Watched
    is_batched: bool
    batch: int  # texts a call, at most

    def emit(self, setting: Tabled, nodes: Array, k: int, rngs: Any) -> tuple[Array | None, Array]:
        """Let the user's function run a round after every text; all have one length."""
        _, sampler = rngs
        V = setting.vocab_size
        models = setting.q, setting.p
        prefixes = np.array([[*setting.prompt, *text_of(node, V)] for node in nodes.tolist()])
        # one text at a time, or in batches
        if not self.is_batched:
            rows = [checked_row(self.fn(prefix, *models, k, sampler), k, V) for prefix in prefixes.tolist()]
            return None, np.array(rows)
        blocks = [prefixes[i] for i in batches(len(nodes), self.batch, (2 * k + 1) * V)]
        parts = [checked_rows(self.fn(block, *models, k, sampler), (len(block), k + 1), V) for block in blocks]
        return None, np.concatenate(parts)


def draw_drafts(setting: Tabled, nodes: Array, u: Array) -> tuple[Array, Array, Array]:
    """Draw drafts from q after every text, and look up the rows of p and q: (k, m) -> (m, k), (m, k, V), (m, k+1, V).

    One of the (k, m) uniform numbers picks each of them.
    """
    V = setting.vocab_size
    # one draft after the other, for all texts at once
    path = nodes[:, None]
    drafts = np.zeros(u.T.shape, np.int64)
    for i in range(len(u)):
        drafts[:, i] = setting.q.pick(path[:, -1], u[i])
        path = np.concatenate([path, child(path[:, -1:], drafts[:, i : i + 1], V)], axis=1)
    return drafts, setting.q.rows(path[:, :-1]), setting.p.rows(path)


def logs(probs: Array) -> Any:
    """Take logarithms; -inf where a probability is 0."""
    with np.errstate(divide="ignore"):
        return np.log(probs)


def _with_violations(sample: Sample) -> Sample:
    """Count the rounds that emit, in front of their last token, something other than the drafts."""
    counts = []
    is_padded_with_0 = not any((played.emitted == PADDING).any() for played in sample.rounds)
    for played in sample.rounds:
        # a token after it: this one was an accepted draft
        is_kept = played.emitted[:, 1:] != PADDING
        is_other = (played.emitted[:, :-1] != played.drafts) & is_kept
        counts.append(int(is_other.any(axis=1).sum()))
        is_padded_with_0 = is_padded_with_0 and not played.emitted[is_other.any(axis=1), -1].any()
    sample.violations[NOT_A_DRAFT + PADDED_WITH_0 if is_padded_with_0 else NOT_A_DRAFT] += sum(counts)
    # without those that never happened
    sample.violations = +sample.violations
    return sample
