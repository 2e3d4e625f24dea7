"""The loop of an engine whose requests have seeds: noise of a position.

What a request draws must not depend on who else is in the batch, so engines make their noise from the request's seed
and the position of the token. Where drafting and verifying make the same noise, a replacement remembers who lost the
draft (M21); nothing shows it but whole texts, drafted by the engine itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import Adapter, Played, batches, checked_rows, name_of
from specsample.conformance.adapters.libraries import Library, LibraryCall, library_of
from specsample.conformance.adapters.play import Play, Turn
from specsample.conformance.adapters.text_numbers import child
from specsample.conformance.adapters.watched import Watched
from specsample.distributions import Array


def from_seeded(
    draft: Callable[..., Any],
    verify: Callable[..., Any],
    *,
    logits: bool = False,
    library: str = "numpy",
    device: str = "",
    dtype: str = "",
    batch: int = 4096,
    name: str = "",
) -> Adapter:
    """Show the kit an engine's `draft` and `verify`, whose requests have a seed each.

    `draft(draft_probs, seeds, positions)` gets (N, V) rows of q, (N,) seeds and the (N,) positions of the tokens to
    come, and returns (N,) token ids. `verify(draft_tokens, draft_probs, target_probs, seeds, positions)` gets (N, K),
    (N, K, V) and (N, K+1, V) arrays, and the positions of the first drafts; it returns (N, K+1) token ids, padded
    with -1. A stream keeps its seed, and its positions count on, from round to round.

    Parameters
    ----------
    draft, verify : functions as above
    logits, library, device, dtype, batch : as for `from_verify`
    name : str, for the report; the names of both functions if empty

    Returns
    -------
    Adapter

    Examples
    --------
    >>> from specsample.conformance import check
    >>> likeliest = lambda q, seeds, positions: q.argmax(axis=1)
    >>> keep_all = lambda x, q, p, seeds, positions: np.hstack([x, p[:, -1:].argmax(axis=2)])
    >>> check(from_seeded(likeliest, keep_all), probes=["P1"]).verdict
    'FAIL'
    """
    chosen = library_of(library, device, dtype)
    first = Watched(LibraryCall(draft, chosen))
    # one clock for both
    second = Watched(LibraryCall(verify, chosen), last=first.last)
    loop = SeededLoop(first, second, wants_logits=logits, batch=batch, lib=chosen)
    both = name or f"{name_of(draft)} and {name_of(verify)}"
    return Adapter("generate", both, Play(loop.emit), is_batched=True, last=first.last)


@dataclass(frozen=True)
class SeededLoop:
    """An engine's two functions, which share a request's seed and count its positions."""

    draft: Watched
    verify: Watched
    wants_logits: bool
    batch: int  # requests a call, at most
    lib: Library

    def emit(self, turn: Turn) -> list[Played]:
        """Draft k tokens, one after the other, and verify them."""
        parts: list[Any] = []
        for i in batches(len(turn.nodes), self.batch, (2 * turn.k + 1) * turn.setting.vocab_size):
            seeds = self.lib.array(turn.keys[turn.streams[i]])
            parts.append(self.round(turn, turn.nodes[i], seeds))
        return [turn.played(*map(np.concatenate, zip(*parts, strict=True)))]

    def round(self, turn: Turn, nodes: Array, seeds: Any) -> tuple[Array, Array]:
        """Play one round of N requests: (N, k) drafts and (N, k+1) emitted tokens."""
        N = len(nodes)
        V = turn.setting.vocab_size
        look = self.lib.rows
        path = nodes[:, None]
        # every draft from its own row, at its own position
        for j in range(turn.k):
            q = look(turn.setting.q, path[:, -1], logits=self.wants_logits)
            drawn = self.draft(q, seeds, self.lib.array(np.full(N, turn.position + j)))
            x = checked_rows(drawn[:, None], (N, 1), V)
            path = np.concatenate([path, child(path[:, -1:], x, V)], axis=1)
        drafts = (path[:, 1:] - 1) % V
        # both models' rows, after the texts that the drafts make
        rows = [
            look(model, at, logits=self.wants_logits)
            for model, at in ((turn.setting.q, path[:, :-1]), (turn.setting.p, path))
        ]
        position = self.lib.array(np.full(N, turn.position))
        given = self.verify(self.lib.array(drafts), *rows, seeds, position)
        return drafts, checked_rows(given, (N, turn.k + 1), V)
