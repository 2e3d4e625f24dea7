"""Quantised blocks of weights, turned into float32.

How do four bits become a weight? Weights lie in blocks of 32 or 256 that share a scale d and a minimum m; a weight is
d·q + m with q of a few bits. Two 4-bit numbers share a byte: the low halves of a block's bytes come first, then the
high ones. Layouts as ggml writes them; little-endian.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from specsample.transformer.layers import Array

Blocks = np.ndarray  # (n, n_bytes) uint8, one block a row


class Kind(NamedTuple):
    """A way of storing weights."""

    name: str
    block: int  # weights in a block
    n_bytes: int  # bytes of a block
    unpack: Callable[[Blocks], Array]  # (n, n_bytes) uint8 -> (n, block) float


def _q8_0(raw: Blocks) -> Array:
    """Read d, and 32 signed bytes."""
    return raw[:, 2:].view(np.int8) * _half(raw, 0)


def _q4_0(raw: Blocks) -> Array:
    """Read d, and 32 numbers of 4 bits that stand 8 too high."""
    return (_nibbles(raw[:, 2:]).view(np.int8) - np.int8(8)) * _half(raw, 0)


def _q4_1(raw: Blocks) -> Array:
    """Read d, the minimum, and 32 numbers of 4 bits."""
    weights = _nibbles(raw[:, 4:]) * _half(raw, 0)
    weights += _half(raw, 2)
    return weights


def _q4_k(raw: Blocks) -> Array:
    """Read d and the d of the minima, 8 scales and 8 minima of 6 bits, and 8 × 32 numbers of 4 bits."""
    # 12 bytes: scales 0-3, minima 0-3, both 4-7; the upper two bits of the first eight belong to the last
    first = raw[:, 4:8]
    second = raw[:, 8:12]
    third = raw[:, 12:16]
    scales = np.concatenate([first & 63, third & 15 | first >> 6 << 4], axis=1)
    minima = np.concatenate([second & 63, third >> 4 | second >> 6 << 4], axis=1)
    # each 32 bytes hold two sub-blocks: low halves, high halves
    numbers = _nibbles(raw[:, 16:].reshape(-1, 32)).reshape(-1, 8, 32)
    weights = numbers * (_half(raw, 0) * scales)[:, :, None] - (_half(raw, 2) * minima)[:, :, None]
    return weights.reshape(-1, 256)


def _q6_k(raw: Blocks) -> Array:
    """Read 256 numbers of 6 bits, in two bytes' parts, that stand 32 too high; 16 signed scales; d."""
    # of each 128 weights 64 bytes hold the lower four bits, 32 bytes the upper two of weights 0, 32, 64, 96 ...
    low = _nibbles(raw[:, :128].reshape(-1, 64)).reshape(-1, 2, 4, 32)
    high = raw[:, 128:192].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8).reshape(4, 1) & 3
    numbers = (low | high << 4).view(np.int8) - np.int8(32)
    scales = raw[:, 192:208].view(np.int8) * _half(raw, 208)  # (n, 16), one for each 16 weights
    return (numbers.reshape(-1, 16, 16) * scales[:, :, None]).reshape(-1, 256)


def _half(raw: Blocks, at: int) -> Array:
    """Read the float16 at a byte of each block, as an (n, 1) float32."""
    return np.ascontiguousarray(raw[:, at : at + 2]).view("<f2").astype(np.float32)


def _nibbles(raw: Blocks) -> Array:
    """Read (n, k) bytes as (n, 2k) numbers of 4 bits: all low halves, then all high ones."""
    return np.concatenate([raw & 15, raw >> 4], axis=1)


KINDS = {  # by ggml's number
    0: Kind("F32", 1, 4, lambda raw: raw.view("<f4")),
    1: Kind("F16", 1, 2, lambda raw: raw.view("<f2")),
    2: Kind("Q4_0", 32, 18, _q4_0),
    3: Kind("Q4_1", 32, 20, _q4_1),
    8: Kind("Q8_0", 32, 34, _q8_0),
    12: Kind("Q4_K", 256, 144, _q4_k),
    14: Kind("Q6_K", 256, 210, _q6_k),
}


def dequantise(raw: bytes | memoryview, kind: Kind) -> Array:
    """Turn the bytes of whole blocks into weights.

    Parameters
    ----------
    raw : bytes, whole blocks
    kind : Kind, one of KINDS

    Returns
    -------
    (n,) float32 array; of F32 a read-only view of the bytes

    Examples
    --------
    >>> block = np.array([1, 2], "<f2").tobytes() + bytes([0x21] * 16)  # d = 1, m = 2; low halves 1, high ones 2
    >>> dequantise(block, KINDS[3])[15:17]
    array([3., 4.], dtype=float32)
    """
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, kind.n_bytes)
    return kind.unpack(blocks).reshape(-1).astype(np.float32, copy=False)
