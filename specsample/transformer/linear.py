"""Memory layouts of a weight matrix, and which is fastest here.

Which layout makes six rows cost little more than one? x @ W with one row only reads W. With six rows BLAS first
copies W into panels of its own ("packing"), which costs as much as several readings, so that a plain six-row product
takes 2 to 4 times a one-row product. BLAS skips the packing for small matrices on processors with AVX-512. So W is
cut into blocks of columns, small enough for that, and the product becomes one product a block. Which layout wins
depends on the shape, the processor and the BLAS: it is measured, once a process and shape, and not believed.
"""

import os
import time
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

LAYOUTS = ("plain", "transposed", "blocks32", "blocks64", "blocks32+pad2", "blocks64+pad2", "plain+pad8")
OVERRIDE = "SPECSAMPLE_LAYOUT"  # environment variable: one of LAYOUTS for all matrices, instead of measuring
ROWS = (1, 4, 6)  # what is measured: a draft or autoregressive pass, and target passes over K + 1 rows of K = 3 and 5
SAMPLE = 2**20  # numbers that are measured: the first columns of a large matrix, or copies of a small one, since in a
# model the other matrices have pushed it out of the fastest cache
REPEATS = 5


class Packed(NamedTuple):
    """A weight matrix in one of the LAYOUTS."""

    weight: np.ndarray  # (d_in, d_out), or (n_blocks, d_in, block) whose last block is filled up with zeros
    d_out: int
    multiple: int  # rows are filled up to a multiple of this; a single one only to 2


def pack(weight: np.ndarray, layout: str | None = None) -> Packed:
    """Copy a weight matrix into the layout that is fastest here.

    Parameters
    ----------
    weight : (d_in, d_out) array
    layout : one of LAYOUTS, or None to measure; the environment variable SPECSAMPLE_LAYOUT decides before that

    Raises
    ------
    ValueError
        If there is no such layout.

    Examples
    --------
    >>> pack(np.ones((4, 40)), "blocks32").weight.shape
    (2, 4, 32)
    """
    layout = layout or os.environ.get(OVERRIDE) or fastest_layout(*weight.shape, weight.dtype.str)
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}; got {layout!r}. Is {OVERRIDE} misspelt?")
    kind, _, padding = layout.partition("+")
    if kind == "transposed":
        packed = np.array(weight.T, order="C").T
    elif kind == "plain":
        packed = np.array(weight, order="C")
    else:
        packed = _column_blocks(weight, int(kind.removeprefix("blocks")))
    return Packed(packed, weight.shape[1], int(padding.removeprefix("pad") or 1))


def product(x: np.ndarray, packed: Packed) -> Any:
    """Compute x @ W.

    Parameters
    ----------
    x : (n, d_in) array
    packed : Packed, W

    Returns
    -------
    (n, d_out) array; a view of a wider one where d_out is no multiple of the block
    """
    weight = packed.weight
    n = len(x)
    # one row only reads W, in any layout
    if n == 1 and packed.multiple != 2:
        return (x @ weight).reshape(1, -1)[:, : packed.d_out]
    # some kernels are faster with a row of zeros more
    if missing := -n % packed.multiple:
        given = x
        x = np.zeros((n + missing, x.shape[1]), x.dtype)
        x[:n] = given
    if weight.ndim == 2:
        return (x @ weight)[:n]
    # block by block, straight to its place
    y = np.empty((len(x), len(weight), weight.shape[2]), x.dtype)
    np.matmul(x, weight, out=y.transpose(1, 0, 2))
    return y.reshape(len(x), -1)[:n, : packed.d_out]


@lru_cache(maxsize=256)
def fastest_layout(d_in: int, d_out: int, dtype: str) -> str:
    """Measure which layout takes the least time for one, four and six rows together.

    Parameters
    ----------
    d_in, d_out : int
    dtype : str, float type

    Returns
    -------
    str, one of LAYOUTS; the same for the whole process
    """
    # a sample of the matrix is enough, and copies of a small one push each other out of the fastest cache
    rng = np.random.default_rng(0)
    columns = max(64, min(d_out, SAMPLE // d_in))
    weights = [rng.standard_normal((d_in, columns)).astype(dtype) for _ in range(max(1, SAMPLE // (d_in * columns)))]
    inputs = [rng.standard_normal((n, d_in)).astype(dtype) for n in ROWS]
    candidates = [[pack(weight, layout) for weight in weights] for layout in LAYOUTS]
    # interleaved, so that a busy moment of the machine hits all alike
    seconds = np.array([[[_seconds(x, packed) for x in inputs] for packed in candidates] for _ in range(REPEATS)])
    # the first turn only warms up
    total = seconds[1:].min(axis=0).sum(axis=1)
    return LAYOUTS[int(total.argmin())]


def _seconds(x: np.ndarray, candidates: list[Packed]) -> float:
    """Time the product with each of some matrices."""
    start = time.perf_counter()
    for packed in candidates:
        product(x, packed)
    return time.perf_counter() - start


def _column_blocks(weight: np.ndarray, block: int) -> np.ndarray:
    """Cut (d_in, d_out) into contiguous (n_blocks, d_in, block), the last one filled up with zeros."""
    d_in, d_out = weight.shape
    n_whole = d_out // block
    blocks = np.zeros((-(-d_out // block), d_in, block), weight.dtype)
    # straight to their places: no second copy of a large matrix
    whole = weight[:, : n_whole * block].reshape(d_in, n_whole, block)
    blocks[:n_whole] = whole.transpose(1, 0, 2)
    if n_whole < len(blocks):
        blocks[n_whole, :, : d_out % block] = weight[:, n_whole * block :]
    return blocks
