"""What is the smallest model of B texts at once? A table again.

`TableModel` for texts of different lengths, in any array library: enough to try `generate` on a device. Before this
file: `loop`; after it: `cuda`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from specsample.backend import library, to_device
from specsample.distributions import Array
from specsample.request import check_rollback


class BatchedTableModel:
    """Look the next-token distributions of B texts up in a table.

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
    """The tokens that a `BatchedTableModel` has read of each text.

    Parameters
    ----------
    model : BatchedTableModel
    B : int, texts
    """

    def __init__(self, model: BatchedTableModel, B: int) -> None:
        xp, self.model, self.order = array_namespace(model.table), model, model.table.ndim - 1
        self.lengths: Any = np.zeros(B, np.int64)
        self.history = xp.zeros((B, self.order), dtype=xp.int64, device=device(model.table))  # zeros before each text

    def extend(self, tokens: Array, counts: Array) -> Array:
        """Read the first counts[b] of tokens[b]; row i of text b follows its token i."""
        table, V = self.model.table, self.model.vocab_size
        xp, tokens = array_namespace(table), to_device(tokens, like=table)
        start = to_device(self.order + self.lengths, like=table)[:, None]  # (B, 1), where the new tokens go
        self._write(xp.astype(tokens, xp.int64), start)
        position = start + xp.arange(tokens.shape[1], device=device(table))  # (B, n)
        state = xp.zeros_like(position)
        for back in range(self.order - 1, -1, -1):  # the last `order` tokens, as one number in base V
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
        """Put tokens[b] at start[b]; what lies behind a text's length is overwritten by its next tokens."""
        xp, n = array_namespace(tokens), tokens.shape[1]
        room = int(self.lengths.max()) + self.order + n - self.history.shape[1]
        if room > 0:
            spare = xp.zeros((tokens.shape[0], room), dtype=xp.int64, device=device(tokens))
            self.history = xp.concat([self.history, spare], axis=1)
        column = xp.arange(self.history.shape[1], device=device(tokens)) - start  # (B, width)
        moved = xp.take_along_axis(tokens, xp.clip(column, 0, n - 1), axis=1)
        is_new = xp.logical_and(column >= 0, column < n)
        self.history = xp.where(is_new, moved, self.history)
