"""The fast pass of B texts, in NumPy.

What `inference.py` does for one text, with the attention of `ragged_cache.py`: folded matrices in the layout that was
measured, rotary pairs as complex numbers. `ragged.forward` says what is computed; the tests hold both to the same
rows.
"""

import numpy as np

from specsample.transformer.inference import PackedModel, fast_pass
from specsample.transformer.layers import Array
from specsample.transformer.ragged_cache import Places, RaggedCache


def forward(model: PackedModel, tokens: np.ndarray, *, cache: RaggedCache, places: Places) -> Array:
    """Return the logits of the token after each of n new positions of B texts.

    Parameters
    ----------
    model : PackedModel
    tokens : (B, n) int array, padding arbitrary
    cache : RaggedCache, read and extended; it holds keys with their pairs side by side
    places : Places, made by `cache.places`

    Returns
    -------
    (B, n, V) array, arbitrary for padding
    """
    c = model.config
    B, n = tokens.shape
    x = model.embedding[np.where(places.columns < c.max_length, tokens, 0).reshape(-1)]  # (B·n, D), a copy
    turns = model.turns[places.positions.reshape(-1)]  # (B·n, 1, Dh/2)

    # a row of a text sees what that text has read, and no other text
    def attend(i: int, qkv: np.ndarray) -> Array:
        q, k, v = _split(qkv, turns, B=B, shape=(c.n_heads, c.n_kv_heads, c.head_dim))
        cache.write(i, k, v, places=places)
        heads = cache.attend(i, q, places=places)  # (B, Hkv, G·n, Dh)
        return heads.reshape(B, -1, n, c.head_dim).transpose(0, 2, 1, 3).reshape(B * n, -1)

    logits: Array = fast_pass(model, x, attend).reshape(B, n, -1)
    return logits


def _split(qkv: np.ndarray, turns: np.ndarray, *, B: int, shape: tuple[int, int, int]) -> tuple[Array, Array, Array]:
    """Cut qkv (B·n, ·) into rotated q (B, Hkv, G·n, Dh), rotated k and v (B, n, Hkv, Dh)."""
    # rotated as complex numbers, each row by its own position
    H, n_kv, Dh = shape
    heads = qkv.reshape(len(qkv), H + 2 * n_kv, Dh)
    turned = (heads[:, : H + n_kv].view(turns.dtype) * turns).view(qkv.dtype).reshape(B, -1, H + n_kv, Dh)
    q = turned[:, :, :H].reshape(B, -1, n_kv, H // n_kv, Dh).transpose(0, 2, 3, 1, 4)
    return q.reshape(B, n_kv, -1, Dh), turned[:, :, H:], heads[:, H + n_kv :].reshape(B, -1, n_kv, Dh)
