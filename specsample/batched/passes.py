"""The passes of both models over texts of different lengths.

Rows are padded on the right and come with counts; what a model answers for padding is never used. `draft` is K passes
of the draft model, `score` the one pass of the target; `fetch` is how the host learns what came of them.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace

from specsample.backend import to_device, to_numpy
from specsample.batched.picking import pick
from specsample.batched.verdicts import rows_at
from specsample.distributions import Array
from specsample.strategies import Transform


class BatchedContext(Protocol):
    """A model's reading of B texts, each of its own length.

    That of a draft source may have `declines`, (B,) NumPy bools: where its last answer is none (see `speculative`).
    """

    @property
    def lengths(self) -> Array:
        """Tokens read of each text, a (B,) NumPy int array that `extend` and `rollback` replace, not change."""

    def extend(self, tokens: Array, counts: Array) -> Array:
        """Read the first counts[b] of tokens[b]; (B, n) and (B,) ints -> (B, n, V), padding arbitrary."""

    def rollback(self, lengths: Array) -> None:
        """Forget all but the first lengths[b] tokens of each text; (B,) NumPy ints."""


class BatchedModel(Protocol):
    """What `generate` needs of a model: V, and B empty texts that advance together."""

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""

    def start(self, B: int) -> BatchedContext:
        """Begin B empty texts."""


def draft(
    drafter: BatchedContext, texts: Sequence[Sequence[int]], *, n_drafts: Array, u: Array, transform: Transform | None
) -> tuple[Array, tuple[Array, Array, Array] | None]:
    """Sample up to n_drafts[b] tokens of each row from the draft model, one pass each (Algorithm 1, lines 1 to 5).

    Parameters
    ----------
    drafter : BatchedContext of the draft model; it first reads what it lacks of the texts
    texts : B sequences of int, everything so far
    n_drafts : (B,) NumPy int array, at most K, at least one of them K >= 1
    u : (B, K) NumPy array of uniform numbers
    transform : decoding strategy or None

    Returns
    -------
    (B,) NumPy int array, the drafts of each row, fewer where the source declined; None if that is all, else
    tokens (B, K); probs (B, K, V); is_sound (B, K), whether the model's row was a distribution
    """
    # what each row has not read; a row without drafts reads nothing and catches up in a later round
    counts = np.where(n_drafts > 0, _lengths(texts) - drafter.lengths, 0)
    tokens: Array = pad([text[len(text) - n :] for text, n in zip(texts, counts.tolist(), strict=True)])
    columns = []
    for k in range(u.shape[1]):
        # a row that has all its drafts stops reading: its count is 0 from here on
        counts = np.where(k < n_drafts, counts, 0)
        read = drafter.extend(tokens, counts)
        # a row for which the source declines keeps the drafts that it has; where nobody wants more, the drafts end
        n_drafts = np.where(getattr(drafter, "declines", False), np.minimum(n_drafts, k), n_drafts)
        if k >= n_drafts.max():
            break
        last = read[:, 0, :] if read.shape[1] == 1 else rows_at(read, to_device(np.maximum(counts, 1) - 1, like=read))
        # lines 3 and 4: x_i ~ q_i, after each row's last token
        q, is_sound = _transformed(last, transform)  # (B, V), (B,)
        x = pick(q, to_device(u[:, k], like=q))
        columns.append((x, q, is_sound))
        # the next pass reads the draft alone
        tokens = x[:, None]
        counts = np.ones_like(counts)
    if not columns:
        return n_drafts, None
    xp = array_namespace(columns[0][1])
    tokens, probs, is_sound = (xp.stack(list(column), axis=1) for column in zip(*columns, strict=True))
    return n_drafts, (tokens, probs, is_sound)


def score(
    target: BatchedContext, texts: Sequence[Sequence[int]], drafted: Array | None, *, n_drafts: Array, transform: Any
) -> tuple[Array, Array]:
    """Read the rest of each text and its drafts in one pass of the target model (Algorithm 1, line 7).

    Parameters: as for `batched.passes.draft`.

    Parameters
    ----------
    target : BatchedContext of the target model
    drafted : (B, K) int array, or None for K = 0
    n_drafts : (B,) NumPy int array, drafts of each row; -1 for a row that reads nothing

    Returns
    -------
    probs (B, K+1, V), where row i of a text stands at its draft i; is_sound (B, K+1), whether it is a distribution
    """
    # the texts are the host's, the drafts the device's: each row's unread tokens come first
    unread = np.where(n_drafts >= 0, _lengths(texts) - target.lengths, 0)  # (B,), 1 after the first round
    tokens: Array = pad([text[len(text) - n :] for text, n in zip(texts, unread.tolist(), strict=True)])
    K = 0 if drafted is None else drafted.shape[1]
    n_host = tokens.shape[1]
    if drafted is not None:
        xp = array_namespace(drafted)
        tokens = xp.concat([to_device(tokens, like=drafted), drafted], axis=1)
        # prompts differ in length: close the gap that padding left between a short one and its drafts
        if n_host > 1:
            column = np.arange(n_host + K) + np.zeros_like(unread)[:, None]
            column = np.where(column < unread[:, None], column, column + n_host - unread[:, None])
            column = to_device(np.minimum(column, n_host + K - 1), like=drafted)
            tokens = xp.take_along_axis(tokens, column, axis=1)
    # one pass reads both; padding lies to the right of what counts
    p = target.extend(tokens, np.where(n_drafts >= 0, unread + n_drafts, 0))
    # K+1 rows of each text, from that of its last token on: row i is where draft i stands
    if n_host > 1:
        p = rows_at(p, to_device(np.maximum(unread, 1)[:, None] - 1 + np.arange(K + 1), like=p))
    return _transformed(p, transform)


def fetch(columns: dict[str, Array], like: Array) -> dict[str, Any]:
    """Bring small arrays to the host in one transfer.

    Parameters
    ----------
    columns : dict from name to (B, n) array, whose numbers the type of `like` holds
    like : array, gives the type

    Returns
    -------
    dict from name to (B, n) NumPy array
    """
    xp = array_namespace(*columns.values())
    # side by side in one array, for a wait costs more than the bytes
    packed = to_numpy(xp.concat([xp.astype(column, like.dtype) for column in columns.values()], axis=1))
    ends = np.cumsum([column.shape[1] for column in columns.values()])
    return dict(zip(columns, np.split(packed, ends[:-1], axis=1), strict=True))


def pad(rows: Sequence[Sequence[Any]], fill: Any = 0) -> Any:
    """Make a rectangle of rows of different lengths.

    Parameters
    ----------
    rows : B sequences
    fill : what stands after the shorter ones

    Returns
    -------
    (B, n) NumPy array, n >= 1
    """
    width = max(1, *(len(row) for row in rows))
    return np.array([[*row, *[fill] * (width - len(row))] for row in rows])


def _lengths(texts: Sequence[Sequence[int]]) -> Any:
    """Count each text's tokens."""
    return np.array([len(text) for text in texts])


def _transformed(probs: Array, transform: Transform | None) -> tuple[Array, Array]:
    """Apply the decoding strategy, and say of each row whether it was and is a distribution."""
    xp = array_namespace(probs)
    # both sides of the strategy, as `language_model.Transformed` does; the host hears of it with the verdicts
    is_sound = _is_distribution(probs)
    if transform is None:
        return probs, is_sound
    probs = transform(probs)
    return probs, xp.logical_and(is_sound, _is_distribution(probs))


def _is_distribution(probs: Array) -> Array:
    """Apply the measure of `check_probs` to each row, without asking the device for the answer."""
    xp = array_namespace(probs)
    is_one = xp.abs(xp.sum(probs, axis=-1) - 1) <= (0 if probs.dtype == object else 1e-3)  # false for NaN
    return xp.logical_and(is_one, xp.min(probs, axis=-1) >= 0)
