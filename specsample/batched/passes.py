"""How do texts of different lengths go through a model together?

Rows are padded on the right and come with counts; what a model answers for padding is never used. `draft` is K passes
of the draft model, `score` the one pass of the target; `fetch` is how the host learns what came of them. Before this
file: `logits`; after it: `loop`.
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
    """A model's reading of B texts, each of its own length."""

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
) -> tuple[Array, Array, Array]:
    """Sample n_drafts[b] tokens of each row from the draft model, one pass each.

    Parameters
    ----------
    drafter : BatchedContext of the draft model; it first reads what it lacks of the texts
    texts : B sequences of int, everything so far
    n_drafts : (B,) NumPy int array, at most K, at least one of them K >= 1
    u : (B, K) NumPy array of uniform numbers
    transform : decoding strategy or None

    Returns
    -------
    tokens (B, K); probs (B, K, V); is_sound (B, K), whether the model's row was a distribution
    """
    counts = np.where(n_drafts > 0, _lengths(texts) - drafter.lengths, 0)
    tokens: Array = pad([text[len(text) - n :] for text, n in zip(texts, counts.tolist(), strict=True)])
    columns = []
    for k in range(u.shape[1]):
        counts = np.where(k < n_drafts, counts, 0)
        read = drafter.extend(tokens, counts)
        last = read[:, 0, :] if read.shape[1] == 1 else rows_at(read, to_device(np.maximum(counts, 1) - 1, like=read))
        q, is_sound = _transformed(last, transform)  # (B, V), (B,)
        x = pick(q, to_device(u[:, k], like=q))
        columns.append((x, q, is_sound))
        tokens, counts = x[:, None], np.ones_like(counts)
    xp = array_namespace(columns[0][1])
    tokens, probs, is_sound = (xp.stack(list(column), axis=1) for column in zip(*columns, strict=True))
    return tokens, probs, is_sound


def score(
    target: BatchedContext, texts: Sequence[Sequence[int]], drafted: Array | None, *, n_drafts: Array, transform: Any
) -> tuple[Array, Array]:
    """Read the rest of each text and its drafts in one pass of the target model.

    Parameters
    ----------
    target : BatchedContext of the target model
    texts : B sequences of int, everything so far
    drafted : (B, K) int array, or None for K = 0
    n_drafts : (B,) NumPy int array, drafts of each row; -1 for a row that reads nothing
    transform : decoding strategy or None

    Returns
    -------
    probs (B, K+1, V), where row i of a text stands at its draft i; is_sound (B, K+1), whether it is a distribution
    """
    unread = np.where(n_drafts >= 0, _lengths(texts) - target.lengths, 0)  # (B,), 1 after the first round
    tokens: Array = pad([text[len(text) - n :] for text, n in zip(texts, unread.tolist(), strict=True)])
    K, n_host = 0 if drafted is None else drafted.shape[1], tokens.shape[1]
    if drafted is not None:
        xp = array_namespace(drafted)
        tokens = xp.concat([to_device(tokens, like=drafted), drafted], axis=1)
        if n_host > 1:  # close the gap that padding left between a short text and its drafts
            column = np.arange(n_host + K) + np.zeros_like(unread)[:, None]
            column = np.where(column < unread[:, None], column, column + n_host - unread[:, None])
            column = to_device(np.minimum(column, n_host + K - 1), like=drafted)
            tokens = xp.take_along_axis(tokens, column, axis=1)
    p = target.extend(tokens, np.where(n_drafts >= 0, unread + n_drafts, 0))
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
    packed = to_numpy(xp.concat([xp.astype(column, like.dtype) for column in columns.values()], axis=1))
    ends = np.cumsum([column.shape[1] for column in columns.values()])
    return dict(zip(columns, np.split(packed, ends[:-1], axis=1), strict=True))


def pad(rows: Sequence[Sequence[Any]], fill: Any = 0) -> Any:
    """Make a rectangle of rows of different lengths.

    Parameters
    ----------
    rows : B sequences
    fill : what stands behind the shorter ones

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
    xp, is_sound = array_namespace(probs), _is_distribution(probs)
    if transform is None:
        return probs, is_sound
    probs = transform(probs)
    return probs, xp.logical_and(is_sound, _is_distribution(probs))


def _is_distribution(probs: Array) -> Array:
    """Apply the measure of `check_probs` to each row, without asking the device for the answer."""
    xp = array_namespace(probs)
    is_one = xp.abs(xp.sum(probs, axis=-1) - 1) <= (0 if probs.dtype == object else 1e-3)  # false for NaN
    return xp.logical_and(is_one, xp.min(probs, axis=-1) >= 0)
