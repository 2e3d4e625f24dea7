"""Rounds that become texts: the loop around a sampler.

The kit appends what a round emits, stops at stop tokens, and shortens K near the end as `speculative.generate` does;
a last single token, for which nothing can be drafted, the kit draws from p.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from specsample.conformance.adapters.adapter import Played, Sample, Seeds
from specsample.conformance.adapters.tabled import Tabled
from specsample.conformance.adapters.text_numbers import child
from specsample.conformance.evidence.cells import PADDING
from specsample.distributions import Array

NOT_A_DRAFT = "a token before a round's last one that is not its draft"
PADDED_WITH_0 = " (such rows all end in 0, and none in -1: is 0 used as padding? Pad with -1)"


class Turn(NamedTuple):
    """One round of m streams that is to be played; all have room for as many tokens."""

    setting: Tabled
    streams: Array  # (m,), which they are
    nodes: Array  # (m,), the texts so far
    number: Array  # (m,), of the round in its stream
    k: int  # drafts, at least 1
    position: int  # new tokens so far
    keys: Array  # (n,), a seed of its own for every stream
    harness: np.random.Generator
    sampler: np.random.Generator
    violations: Counter[str]  # to which is added what was seen

    def played(self, drafts: Array | None, emitted: Array) -> Played:
        """Note what came of it."""
        return Played(self.streams, self.nodes, self.number, drafts, emitted)


Emit = Callable[[Turn], list[Played]]  # the streams of a turn, in one part or several


@dataclass(frozen=True)
class Play:
    """The loop over rounds of a whole sample."""

    emit: Emit

    def __call__(self, setting: Tabled, n: int, seeds: Seeds) -> Sample:
        """Draw n streams, round by round: those with the most room first, so that every room comes up once."""
        L = setting.max_new_tokens
        harness, sampler = seeds.generators()
        keys = seeds.of_streams(n)
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
                emitted = setting.p.pick(node[streams], harness.random(len(streams)))[:, None]
                parts = [Played(streams, node[streams], number[streams], None, emitted)]
            else:
                rest = (k, L - left, keys, harness, sampler, sample.violations)
                parts = self.emit(Turn(setting, streams, node[streams], number[streams], *rest))
                sample.rounds += parts
            number[streams] += 1
            # append what was emitted, up to a stop token or the end of the room
            for played in parts:
                for j in range(played.emitted.shape[1]):
                    is_on = (played.emitted[:, j] != PADDING) & (room[played.streams] > 0)
                    at = played.streams[is_on]
                    x = played.emitted[is_on, j]
                    sample.tokens[at, L - room[at]] = x
                    node[at] = child(node[at], x, setting.vocab_size)
                    room[at] = np.where(np.isin(x, list(setting.stop)), 0, room[at] - 1)
        has_drafts = bool(sample.rounds) and sample.rounds[0].drafts is not None
        return _with_violations(sample) if has_drafts else sample


def draw_drafts(setting: Tabled, nodes: Array, u: Array) -> tuple[Array, Array]:
    """Draw drafts from q after every text: one of the (k, m) uniform numbers picks each.

    Returns
    -------
    ((m, k) drafts, (m, k+1) nodes: the text, and what it becomes draft by draft)
    """
    # one draft after the other, for all texts at once
    path = nodes[:, None]
    drafts = np.zeros(u.T.shape, np.int64)
    for i in range(len(u)):
        drafts[:, i] = setting.q.pick(path[:, -1], u[i])
        path = np.concatenate([path, child(path[:, -1:], drafts[:, i : i + 1], setting.vocab_size)], axis=1)
    return drafts, path


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
