"""The memory of keys and values that a model keeps of a text.

Memory for every position is set aside once; the only thing that says what is valid is `length`. So undoing rejected
drafts costs nothing: `rollback` moves a number.
"""

from typing import Any

import numpy as np

from specsample.request import check_rollback
from specsample.transformer.config import Config

Array = Any  # an array of the parameters' library


def check_fits(past: int, n: int, limit: int) -> None:
    """Refuse n new positions after `past` cached ones where they exceed the model's max_length."""
    if past + n > limit:
        raise ValueError(
            f"positions must fit in max_length = {limit}; got {n} new ones after {past}. "
            "Is the prompt plus max_new_tokens too long for this model?"
        )


class Cache:
    """Keys and values of L layers, each (B, Hkv, max_length, Dh).

    Parameters
    ----------
    config : Config, gives the shapes
    batch : int, B, sequences that advance together
    dtype : dtype, float type of the model's parameters
    xp : namespace, array library of the model's parameters

    Attributes
    ----------
    length : int, positions that are valid; what lies beyond is never read
    """

    def __init__(self, config: Config, *, batch: int = 1, dtype: Any = np.float32, xp: Any = np) -> None:
        shape = (batch, config.n_kv_heads, config.max_length, config.head_dim)
        self.keys = [xp.empty(shape, dtype=dtype) for _ in range(config.n_layers)]
        self.values = [xp.empty(shape, dtype=dtype) for _ in range(config.n_layers)]
        self.max_length = config.max_length
        self.length = 0

    def append(self, layer: int, k: Array, v: Array) -> tuple[Array, Array]:
        """Write n new positions after `length` and return all that a layer may attend to.

        The cache grows only at `advance`, after the last layer has written.

        Parameters
        ----------
        layer : int, which layer's memory
        k, v : (B, Hkv, n, Dh) arrays, keys and values of the new positions

        Returns
        -------
        k, v : (B, Hkv, length + n, Dh) views
        """
        # what lies beyond `length` is never read: rejected drafts need no erasing
        end = self.length + k.shape[2]
        keys = self.keys[layer]
        values = self.values[layer]
        keys[:, :, self.length : end, :] = k
        values[:, :, self.length : end, :] = v
        return keys[:, :, :end, :], values[:, :, :end, :]

    def advance(self, n: int) -> None:
        """Make the n positions that every layer has appended valid."""
        self.length += n

    def rollback(self, length: int) -> None:
        """Forget every position from `length` on; ValueError if there are not as many."""
        check_rollback(length, self.length)
        self.length = length
