"""One memory of keys and values for B texts of different lengths.

A row's length says what of it is valid. Where rows differ, some see columns that others have not filled: there the
scores are replaced and the values set to zero before anything is multiplied by them.
"""

from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace, device

from specsample.backend import owner, to_device
from specsample.transformer.attention import rotary_tables, softmax_in_place
from specsample.transformer.config import Config
from specsample.transformer.layers import Array, array_like

CAN_SCATTER = ("numpy", "torch", "cupy")  # write with arrays of indices, which the array-API standard lacks


class Places(NamedTuple):
    """Where the n new positions of B rows stand; arrays of the model's library unless said otherwise."""

    positions: Array  # (B, n), in the text
    columns: Array  # (B, n), in the memory: the spare column for padding
    starts: list[int]  # (B,), the first new column of each row
    counts: list[int]  # (B,), how many are read
    seen: tuple[int, int]  # every row sees the columns before the first number, none those from the second on
    is_visible: Array | None  # (B, 1, n, columns seen by some), or None where every row sees them all
    is_beyond: Array | None  # (B, 1, columns seen by some), what lies after a row's new positions


class RaggedCache:
    """Keys and values of L layers for B rows of max_length positions, and a spare column for padding.

    Keys are stored transposed, so that both products of the attention read along contiguous rows. The memory starts
    as zeros, because what happens to lie there might not be numbers.

    Parameters
    ----------
    config : Config
    B : int, rows
    like : array of the model's library, float type and device
    """

    def __init__(self, config: Config, B: int, *, like: Array) -> None:
        self.xp = array_namespace(like)
        where = {"dtype": like.dtype, "device": device(like)}
        width = config.max_length + 1
        shape = (B, config.n_kv_heads)
        self.config = config
        self.can_scatter = owner(like) in CAN_SCATTER
        self.keys = [self.xp.zeros((*shape, config.head_dim, width), **where) for _ in range(config.n_layers)]
        self.values = [self.xp.zeros((*shape, width, config.head_dim), **where) for _ in range(config.n_layers)]
        self.rows = self.xp.reshape(self.xp.arange(B, device=device(like)), (B, 1))
        tables = rotary_tables(
            config.head_dim, config.max_length, config.rope_theta, str(like.dtype).rpartition(".")[2]
        )
        self.rotation = tuple(array_like(table, like, self.xp) for table in tables)

    def places(self, lengths: Array, counts: Array, n: int) -> Places:
        """Say where counts[b] of n new positions go after lengths[b] old ones, and who sees whom.

        Parameters
        ----------
        lengths, counts : (B,) NumPy int arrays
        n : int
        """
        spare = self.config.max_length
        ends = lengths + counts
        like = self.rows
        positions = lengths[:, None] + np.arange(n)  # (B, n)
        columns = np.where(np.arange(n) < counts[:, None], positions, spare)
        # columns that every row sees need no mask, and those that none sees no product
        last = int(max(ends.max(), 1))
        first = min(int(lengths.min()), last - 1)
        seen = np.arange(first, last)
        is_visible = None
        is_beyond = None
        if n > 1 or ends.min() < last:
            latest = np.minimum(positions, ends[:, None] - 1)[..., None]  # what a new position may see
            is_visible = to_device((seen <= latest)[:, None], like=like)
            is_beyond = to_device((seen >= ends[:, None])[:, None], like=like)
        return Places(
            positions=to_device(np.minimum(positions, spare - 1), like=like),
            columns=to_device(columns, like=like),
            starts=lengths.tolist(),
            counts=counts.tolist(),
            seen=(first, last),
            is_visible=is_visible,
            is_beyond=is_beyond,
        )

    def write(self, layer: int, k: Array, v: Array, *, places: Places) -> None:
        """Put keys and values of the new positions where they belong.

        Parameters
        ----------
        layer : int
        k, v : (B, n, Hkv, Dh) arrays
        places : Places
        """
        keys = self.keys[layer]
        values = self.values[layer]
        # one assignment with arrays of indices, or a loop over rows where the library has none
        if self.can_scatter:
            keys[self.rows, :, :, places.columns] = k
            values[self.rows, :, places.columns] = v
            return
        for b, (start, count) in enumerate(zip(places.starts, places.counts, strict=True)):
            keys[b, :, :, start : start + count] = self.xp.permute_dims(k[b, :count, ...], (1, 2, 0))
            values[b, :, start : start + count, :] = self.xp.permute_dims(v[b, :count, ...], (1, 0, 2))

    def attend(self, layer: int, q: Array, *, places: Places) -> Array:
        """Let n new rows of each text attend to what that text has read.

        A score of a column that a row does not see is replaced. That makes the column's weight zero, but 0 × NaN is
        NaN: its values are set to zero as well.

        Parameters
        ----------
        layer : int
        q : (B, Hkv, G·n, Dh) array times 1/√Dh, the G query heads of a group below each other
        places : Places

        Returns
        -------
        (B, Hkv, G·n, Dh) array
        """
        xp, (first, last) = self.xp, places.seen
        keys = self.keys[layer][:, :, :, :last]
        values = self.values[layer][:, :, :last, :]
        scores = q @ keys  # (B, Hkv, G·n, last)
        # only where rows differ is anything hidden
        if places.is_visible is not None:
            B, n = places.positions.shape
            some = xp.reshape(scores[..., first:], (*scores.shape[:2], -1, n, last - first))
            hidden = xp.full((), xp.finfo(q.dtype).min, dtype=q.dtype, device=device(q))
            shown = xp.where(places.is_visible[:, :, None, ...], some, hidden)
            scores[..., first:] = xp.reshape(shown, (*scores.shape[:3], last - first))
            beyond = xp.broadcast_to(places.is_beyond, (B, values.shape[1], last - first))
            values[:, :, first:, :][beyond] = 0.0
        return softmax_in_place(scores, xp) @ values
