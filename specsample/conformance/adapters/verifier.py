"""A user's `verify`, asked about drafts that the kit has drawn from q.

All requests of a call are alike, or ragged: each with drafts of its own number, and some of them greedy.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import Broken, Played, batches, checked_row, checked_rows
from specsample.conformance.adapters.libraries import Library, logs
from specsample.conformance.adapters.play import Turn, draw_drafts
from specsample.conformance.adapters.watched import Watched
from specsample.conformance.evidence.cells import PADDING
from specsample.distributions import Array

GREEDY = "a greedy request (temperature 0) emits a token that is not the likeliest"
NOT_KEPT = "a greedy request (temperature 0) goes on after a token that is not its draft"
GREEDY_SHARE = 4  # one greedy request more for so many sampled ones


@dataclass(frozen=True)
class Verifier:
    """A user's `verify`, held to its contract; what it does to its arguments stays its own."""

    fn: Watched
    is_batched: bool
    wants_logits: bool
    batch: int  # sequences a call, at most
    lib: Library

    def __call__(self, drafts: Array, q: Array, p: Array, rng: Any) -> Any:
        """Verify (N, K) drafts, in arrays of NumPy, batch by batch; (N, K+1) tokens come back, padded with -1."""
        cuts = batches(len(drafts), self.batch, q[0].size + p[0].size)
        change = logs if self.wants_logits else np.copy
        return np.concatenate([self.asked(drafts[i].copy(), change(q[i]), change(p[i]), rng) for i in cuts])

    def asked(self, drafts: Any, q: Any, p: Any, rng: Any, **requests: Any) -> Any:
        """Call the function with a batch, or with one sequence after the other."""
        N, K, V = q.shape
        if self.is_batched:
            return checked_rows(self.fn(drafts, q, p, rng, **requests), (N, K + 1), V)
        return np.array([checked_row(self.fn(drafts[i], q[i], p[i], rng), K, V) for i in range(N)])

    def judged(self, turn: Turn, drafts: Array, path: Array, **requests: Array) -> Any:
        """Let the function verify drafts after texts, whose rows are looked up on its device."""
        N = len(drafts)
        # jax compiles for every shape anew: few shapes, by sequences that are asked about and not looked at
        if self.lib.name == "jax":
            size = 1 << (N - 1).bit_length()
            drafts = np.pad(drafts, ((0, size - N), (0, 0)), mode="edge")
            path = np.pad(path, ((0, size - N), (0, 0)), mode="edge")
            requests = {name: np.pad(each, (0, size - N), mode="edge") for name, each in requests.items()}
        q = self.lib.rows(turn.setting.q, path[:, :-1], logits=self.wants_logits)
        p = self.lib.rows(turn.setting.p, path, logits=self.wants_logits)
        named = {name: self.lib.array(each) for name, each in requests.items()}
        return self.asked(self.lib.array(drafts), q, p, turn.sampler, **named)[:N]

    def emit(self, turn: Turn) -> list[Played]:
        """Draft from q and let the user's function verify."""
        # drafts from the harness' numbers, the verdict from the sampler's
        u = turn.harness.random((turn.k, len(turn.nodes)))
        parts: list[Any] = []
        # batch by batch, for rows of a large vocabulary fill the memory
        for i in batches(len(turn.nodes), self.batch, (2 * turn.k + 1) * turn.setting.vocab_size):
            drafts, path = draw_drafts(turn.setting, turn.nodes[i], u[:, i])
            parts.append((drafts, self.judged(turn, drafts, path)))
        return [turn.played(*map(np.concatenate, zip(*parts, strict=True)))]


@dataclass(frozen=True)
class RaggedVerifier(Verifier):
    """A `verify` that takes requests with 0 to K drafts, sampled and greedy ones in one call.

    The sampled ones are streams, whose law is judged; a greedy one is a stream's text once more, of which every token
    is known.
    """

    def asked(self, drafts: Any, q: Any, p: Any, rng: Any, **requests: Any) -> Any:
        """Call the function; without requests of its own every one is sampled and has K drafts."""
        N, K, _ = q.shape
        if not requests:
            numbers = {"n_drafts": np.full(N, K), "temperature": np.ones(N)}
            requests = {name: self.lib.array(each) for name, each in numbers.items()}
        return super().asked(drafts, q, p, rng, **requests)

    def emit(self, turn: Turn) -> list[Played]:
        """Draft from q for every request, and let the user's function verify a mixed batch."""
        m = len(turn.nodes)
        extra = -(-m // GREEDY_SHARE)
        # greedy requests are copies of texts, and stand anywhere among the others
        order = turn.harness.permutation(m + extra)
        who = np.concatenate([np.arange(m), turn.harness.integers(m, size=extra)])[order]
        is_greedy = order >= m
        n_drafts = turn.harness.integers(turn.k + 1, size=m + extra)
        u = turn.harness.random((turn.k, m + extra))
        drafts = np.zeros((m + extra, turn.k), np.int64)
        emitted = np.zeros((m + extra, turn.k + 1), np.int64)
        for i in batches(m + extra, self.batch, (2 * turn.k + 1) * turn.setting.vocab_size):
            drawn, path = draw_drafts(turn.setting, turn.nodes[who[i]], u[:, i])
            drafts[i] = np.where(np.arange(turn.k) < n_drafts[i, None], drawn, PADDING)
            requests = {"n_drafts": n_drafts[i], "temperature": np.where(is_greedy[i], 0.0, 1.0)}
            emitted[i] = self.judged(turn, drafts[i], path, **requests)
            self._look(turn, path[is_greedy[i]], drafts[i][is_greedy[i]], emitted[i][is_greedy[i]])
        _check_lengths(emitted, n_drafts)
        # requests with as many drafts are one part
        parts: list[Played] = []
        for k in range(turn.k + 1):
            is_here = ~is_greedy & (n_drafts == k)
            at = who[is_here]
            streams = turn.streams[at], turn.nodes[at], turn.number[at]
            parts.append(Played(*streams, drafts[is_here, :k], emitted[is_here, : k + 1]))
        return parts

    def _look(self, turn: Turn, path: Array, drafts: Array, emitted: Array) -> None:
        """Count what greedy requests must not emit."""
        p = turn.setting.p
        is_token = emitted != PADDING
        # in float32 two tokens may be as likely: either will do
        best = p.rows(path).max(axis=2)
        is_best = p.of(path, np.maximum(emitted, 0)) >= best * (1 - 1e-6)
        # of two likeliest tokens only one is the draft: what comes after another is not looked at
        is_on = is_token[:, 1:] & (emitted[:, :-1] != drafts)
        turn.violations[NOT_KEPT] += int(is_on.any(axis=1).sum())
        turn.violations[GREEDY] += int((is_token & ~is_best).any(axis=1).sum())


def _check_lengths(emitted: Array, n_drafts: Array) -> None:
    """Refuse more tokens than a request's drafts and one.

    Raises
    ------
    Broken
        If a request emits more.
    """
    n = (emitted != PADDING).sum(axis=1)
    if (n > n_drafts + 1).any():
        worst = int(np.argmax(n - n_drafts))
        raise Broken(
            f"a request with n_drafts = {n_drafts[worst]} must emit at most {n_drafts[worst] + 1} tokens; got "
            f"{emitted[worst].tolist()}. Are drafts of -1 read as tokens, or the row of another request?"
        )
