"""A table of next-token distributions for B texts at once.

`TableModel` for texts of different lengths, in any array library: enough to try `generate` on a device.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from specsample.backend import library, to_device
from specsample.distributions import Array
from specsample.request import check_rollback


class BatchedTableModel:
    """A table in which B texts look up what follows them.

    Parameters
    ----------
    table : (V, ..., V, V) array of any library, rows sum to 1, as `language_model.TableModel` reads it

    Examples
    --------
    >>> context = BatchedTableModel(np.array([[0.5, 0.5], [1.0, 0.0]])).start(2)
    >>> context.extend(np.array([[0, 1], [1, 0]]), np.array([2, 1])).tolist()[0]
    [[0.5, 0.5], [1.0, 0.0]]
    >>> context.lengths
    array([2, 1])
    """

    def __init__(self, table: Array) -> None:
        self.table = table

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return int(self.table.shape[-1])

    def to(self, backend: str, device: Any = None) -> "BatchedTableModel":
        """Copy the table to an array library, "numpy", "torch" or "cupy", and to a device of it."""
        return BatchedTableModel(to_device(self.table, like=library(backend).empty(0, device=device)))

    def start(self, B: int) -> "BatchedTableContext":
        """Begin B empty texts."""
        return BatchedTableContext(self, B)


class BatchedTableContext:
    """The tokens that a `BatchedTableModel` has read of each of B texts."""

    def __init__(self, model: BatchedTableModel, B: int) -> None:
        xp = array_namespace(model.table)
        self.model = model
        self.order = model.table.ndim - 1
        self.lengths: Any = np.zeros(B, np.int64)
        # a short text is read as if zeros stood before it, so they do: text b starts in column `order`
        self.history = xp.zeros((B, self.order), dtype=xp.int64, device=device(model.table))

    def extend(self, tokens: Array, counts: Array) -> Array:
        """Read the first counts[b] of tokens[b]; row i of text b follows its token i."""
        table = self.model.table
        V = self.model.vocab_size
        xp = array_namespace(table)
        tokens = to_device(tokens, like=table)
        # the tokens join the history, the padding too: it lies after the text's end
        start = to_device(self.order + self.lengths, like=table)[:, None]  # (B, 1), where the new tokens go
        self._write(xp.astype(tokens, xp.int64), start)
        # the last `order` tokens up to each position are, as one number in base V, the row of a flat table
        position = start + xp.arange(tokens.shape[1], device=device(table))  # (B, n)
        state = xp.zeros_like(position)
        for back in range(self.order - 1, -1, -1):
            state = state * V + xp.take_along_axis(self.history, position - back, axis=1)
        rows = xp.take(xp.reshape(table, (-1, V)), xp.reshape(state, (-1,)), axis=0)
        self.lengths = self.lengths + counts
        return xp.reshape(rows, (*tokens.shape, V))

    def rollback(self, lengths: Sequence[int] | Array) -> None:
        """Forget all but the first lengths[b] tokens of each text."""
        for length, current in zip(np.asarray(lengths).tolist(), self.lengths.tolist(), strict=True):
            check_rollback(length, current)
        self.lengths = np.array(lengths)

    def _write(self, tokens: Array, start: Array) -> None:
        """Put tokens[b] at start[b]; what lies after a text's end is overwritten by its next tokens."""
        xp = array_namespace(tokens)
        n = tokens.shape[1]
        # the history grows when the longest text outgrows it
        room = int(self.lengths.max()) + self.order + n - self.history.shape[1]
        if room > 0:
            spare = xp.zeros((tokens.shape[0], room), dtype=xp.int64, device=device(tokens))
            self.history = xp.concat([self.history, spare], axis=1)
        # each column takes the new token that belongs there, or keeps what it has
        column = xp.arange(self.history.shape[1], device=device(tokens)) - start  # (B, width)
        moved = xp.take_along_axis(tokens, xp.clip(column, 0, n - 1), axis=1)
        is_new = xp.logical_and(column >= 0, column < n)
        self.history = xp.where(is_new, moved, self.history)
