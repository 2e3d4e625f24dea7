"""The roofline: how long a pass takes on a machine that is not here.

It takes bytes, operations and two numbers of the device. A pass reads every weight once, whatever its rows, and the
cache of every sequence; it multiplies every row by every weight. Reading and computing overlap, so the slower of the
two decides (the roofline)::

    seconds = max(bytes / bandwidth, operations / rate) + layers · seconds a layer.

The last term is what neither explains: starting kernels, and exchanging results between devices. It is 0 unless
measured, and then the times are lower bounds and their ratios are what to look at. One row reads as much as K+1 rows:
that is all the room speculative sampling has, and a batch uses it up, for B rows are B times the arithmetic. Weights
only: which tokens are drafted well (alpha) must come from elsewhere. `specsample plan` prints these numbers.
"""

from collections.abc import Callable
from typing import NamedTuple

from specsample.theory.speed import best_K, speedup


class Shape(NamedTuple):
    """What a pass of a model reads and computes."""

    parameters: float  # weights that every pass reads
    n_layers: int
    width: int  # query heads times head size
    kv_width: int  # key-value heads times head size


class Device(NamedTuple):
    """What a device, or several that share the work evenly, can do."""

    bandwidth: float  # bytes/s
    rate: float  # operations/s; a multiply-add is two
    memory: float  # bytes
    layer_seconds: float = 0.0  # a layer of a pass, whatever its size


class Work(NamedTuple):
    """What is asked in every pass."""

    batch: int = 1  # sequences
    context: int = 0  # tokens that each has in its cache
    weight_bytes: float = 2.0  # of one weight
    cache_bytes: float = 2.0  # of one cached number


class Outlook(NamedTuple):
    """What speculative sampling brings: times in seconds, K and its speed-up over one-row passes."""

    target_seconds: float  # a one-row pass of the target
    cost_ratio: float  # c
    K: int
    verify_ratio: float  # rho at this K
    speedup: float


def pass_bytes(shape: Shape, rows: int, work: Work) -> float:
    """Count the bytes that a pass reads and writes: all weights, and keys and values of all sequences.

    P w + B (S + rows) 2 L D_kv k, with w and k the bytes of a weight and of a cached number.

    Parameters
    ----------
    shape : Shape
    rows : int >= 1, new tokens of each sequence
    work : Work

    Returns
    -------
    float, bytes

    Examples
    --------
    >>> pass_bytes(Shape(1000, 2, 8, 4), 1, Work(batch=3, context=9))
    2960.0
    """
    cached = 2 * shape.n_layers * shape.kv_width * work.cache_bytes  # bytes of one position of one sequence
    return shape.parameters * work.weight_bytes + work.batch * (work.context + rows) * cached


def pass_operations(shape: Shape, rows: int, work: Work) -> float:
    """Count the arithmetic of a pass: two operations a weight and row, and attention over the context.

    B rows (2 P + 4 L D (S + (rows + 1) / 2)): each new token looks at the context, itself and those before it.

    Parameters: as for `theory.roofline.pass_bytes`.

    Returns
    -------
    float, operations

    Examples
    --------
    >>> pass_operations(Shape(1000, 2, 8, 4), 1, Work(batch=3, context=9))
    7920.0
    """
    seen = work.context + (rows + 1) / 2  # positions that a new token looks at, on average
    return work.batch * rows * (2 * shape.parameters + 4 * shape.n_layers * shape.width * seen)


def pass_seconds(shape: Shape, rows: int, device: Device, work: Work) -> float:
    """Predict how long a pass takes.

    max(bytes / bandwidth, operations / rate) + L t, with t the seconds of a layer that neither explains.

    Parameters
    ----------
    shape : Shape
    rows : int >= 1, new tokens of each sequence
    device : Device
    work : Work

    Returns
    -------
    float, seconds

    Examples
    --------
    >>> h100 = Device(3.35e12, 989.4e12, 80e9)
    >>> round(1000 * pass_seconds(Shape(7.5e9, 32, 4096, 1024), 1, h100, Work()), 2)  # milliseconds, 8B
    4.48
    """
    read = pass_bytes(shape, rows, work) / device.bandwidth
    computed = pass_operations(shape, rows, work) / device.rate
    return max(read, computed) + shape.n_layers * device.layer_seconds


def is_memory_bound(shape: Shape, rows: int, device: Device, work: Work) -> bool:
    """Decide whether reading takes longer than computing.

    bytes / bandwidth >= operations / rate.

    Parameters: as for `theory.roofline.pass_seconds`.

    Returns
    -------
    bool

    Examples
    --------
    >>> h100, shape = Device(3.35e12, 989.4e12, 80e9), Shape(7.5e9, 32, 4096, 1024)
    >>> is_memory_bound(shape, 6, h100, Work()), is_memory_bound(shape, 6, h100, Work(batch=100))
    (True, False)
    """
    return pass_bytes(shape, rows, work) / device.bandwidth >= pass_operations(shape, rows, work) / device.rate


def needed_bytes(shapes: list[Shape], work: Work, *, rows: int = 1) -> float:
    """Count the memory that models and caches take.

    The sum of `pass_bytes`: a pass reads all there is.

    Parameters
    ----------
    shapes : list of Shape
    work : Work
    rows : int, new tokens of each sequence

    Examples
    --------
    >>> needed_bytes([Shape(1000, 2, 8, 4)] * 2, Work())
    4064.0
    """
    return sum(pass_bytes(shape, rows, work) for shape in shapes)


def outlook(
    alpha: float, target: Shape, draft: Shape, device: Device, *, work: Work, K: int | None = None, max_K: int = 16
) -> Outlook:
    """Predict the speed-up, at the best K or at a given one.

    Theorem 3.8 of Leviathan et al. with c and rho from `pass_seconds`; B sequences with runs of their own.

    Parameters
    ----------
    alpha : float in [0, 1], acceptance rate
    target, draft : Shape
    device : Device, which runs both
    work : Work
    K : int >= 0, drafts a round, or None for the best of 0 ... max_K
    max_K : int >= 0

    Returns
    -------
    Outlook; at the best K the speed-up is at least 1, which K = 0 gives

    Examples
    --------
    >>> h100 = Device(3.35e12, 989.4e12, 80e9)
    >>> found = outlook(0.8, Shape(7.5e9, 32, 4096, 1024), Shape(1.24e9, 16, 2048, 512), h100, work=Work())
    >>> found.K, round(found.cost_ratio, 3), round(found.speedup, 2)
    (4, 0.165, 2.02)
    """
    # the unit of time is a one-row pass of the target; the draft makes K passes of one row
    one = pass_seconds(target, 1, device, work)
    c = pass_seconds(draft, 1, device, work) / one

    def rho(k: int) -> float:
        return pass_seconds(target, k + 1, device, work) / one

    k = best_K(alpha, c, rho, max_K=max_K) if K is None else K
    return Outlook(one, c, k, rho(k), float(speedup(alpha, k, c, rho(k))))


def break_even(pays: Callable[[int], bool], low: int, high: int) -> int | None:
    """Find the last number, from `low` on, at which the answer is still that at `low`.

    By bisection, so `pays` must change at most once in between.

    Parameters
    ----------
    pays : function from int to bool
    low, high : int

    Returns
    -------
    int, or None where the answers at both ends are the same

    Examples
    --------
    >>> break_even(lambda batch: batch <= 37, 1, 1024), break_even(lambda batch: True, 1, 1024)
    (37, None)
    """
    first = pays(low)
    if pays(high) == first:
        return None
    while high - low > 1:
        # the answer at `low` is the first one, that at `high` is not
        middle = (low + high) // 2
        if pays(middle) == first:
            low = middle
        else:
            high = middle
    return low
