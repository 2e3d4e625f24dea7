"""One token of each row by one uniform number, no loop over tokens.

`pick` does for B rows what `distributions.pick` does for one, with functions of the array-API standard only.
"""

from typing import Any

from array_api_compat import array_namespace, device, is_array_api_obj

from specsample.backend import owner
from specsample.distributions import Array

LONG = 8192  # rows longer than this are searched block by block on the host
BLOCK = 256


def pick(probs: Array, u: Array) -> Array:
    """Pick one token of each row by inverse CDF.

    The cumulative sum is taken in the wider type of probs and u, and a token of probability zero is never returned,
    in whatever order the library adds.

    Parameters
    ----------
    probs : (B, V) array, rows sum to 1
    u : (B,) array of uniform numbers

    Returns
    -------
    (B,) int array, token ids

    Examples
    --------
    >>> import numpy as np
    >>> pick(np.array([[0.5, 0.0, 0.5], [0.5, 0.0, 0.5]]), np.array([0.25, 0.5]))
    array([0, 2])
    """
    xp = shared_namespace(probs=probs, u=u)
    V = probs.shape[-1]
    # a host adds V numbers in order, one after the other; in a long row most of them lie far from u
    if V > LONG and str(device(probs)) == "cpu":
        tokens, is_sure = _pick_in_blocks(probs, u)
        if xp.all(is_sure):
            return tokens
    # inverse CDF: the first possible token whose cumulative sum lies above u
    cumulative = xp.cumulative_sum(probs, axis=-1, dtype=xp.result_type(probs.dtype, u.dtype))
    is_possible = probs > 0
    is_past = xp.logical_and(u[:, None] < cumulative, is_possible)  # (B, V)
    first = xp.argmax(xp.astype(is_past, xp.int8), axis=-1)
    # where rounding left the whole sum below 1, u may lie beyond it: then it is the last possible token
    last = V - 1 - xp.argmax(xp.astype(xp.flip(is_possible, axis=-1), xp.int8), axis=-1)
    return xp.where(xp.any(is_past, axis=-1), first, last)


def shared_namespace(**arrays: Array) -> Any:
    """Return the namespace of arrays that live in one library, on one device.

    Parameters
    ----------
    arrays : arrays by name

    Raises
    ------
    TypeError
        If one is no array.
    ValueError
        If they live in several libraries or on several devices.
    """
    places = {name: (owner(array), str(device(array))) for name, array in arrays.items() if is_array_api_obj(array)}
    odd = [name for name in arrays if name not in places]
    if odd:
        raise TypeError(f"{odd[0]} must be an array; got {type(arrays[odd[0]]).__name__}. Is asarray missing?")
    if len(set(places.values())) > 1:
        listed = ", ".join(f"{name} in {library} on {where}" for name, (library, where) in places.items())
        raise ValueError(f"arrays must share one library and device; got {listed}. Move them: backend.to_device.")
    return array_namespace(*arrays.values())


def _pick_in_blocks(probs: Array, u: Array) -> tuple[Array, Array]:
    """Find each row's token in the one block of tokens in which u falls, and say whether it is surely that of `pick`.

    The running sum is known at each block's end from the blocks' sums, and is made one by one inside one block only.
    Added in another order it differs by less than 2 V ε of the whole: a row whose u lies that close to a sum is not
    sure.
    """
    xp = array_namespace(probs)
    B, V = probs.shape
    kind = xp.result_type(probs.dtype, u.dtype)
    # the running sum at the end of each block; what V leaves over is the last, shorter one
    whole = V - V % BLOCK
    sums = xp.sum(xp.reshape(probs[:, :whole], (B, -1, BLOCK)), axis=-1, dtype=kind)
    sums = xp.concat([sums, xp.sum(probs[:, whole:], axis=-1, dtype=kind)[:, None]], axis=1)
    ends = xp.cumulative_sum(sums, axis=-1)  # (B, blocks)
    # the one block of each row in which u falls, and the sum of all before it
    block = xp.argmax(xp.astype(u[:, None] < ends, xp.int8), axis=-1)[:, None]  # (B, 1)
    before = xp.take_along_axis(ends - sums, block, axis=-1)
    # only this block is added up token by token; columns past V weigh nothing
    column = block * BLOCK + xp.arange(BLOCK, device=device(probs))  # (B, BLOCK)
    weights = xp.take_along_axis(probs, xp.clip(column, 0, V - 1), axis=-1)
    weights = xp.where(column < V, xp.astype(weights, kind), xp.zeros_like(before))
    running = before + xp.cumulative_sum(weights, axis=-1)
    is_past = xp.logical_and(u[:, None] < running, weights > 0)
    first = xp.argmax(xp.astype(is_past, xp.int8), axis=-1)[:, None]
    # the margin is what adding in another order can change
    margin = 2 * V * xp.finfo(kind).eps * ends[:, -1:]
    is_far = xp.all(xp.abs(xp.concat([before, running], axis=1) - u[:, None]) > margin, axis=-1)
    return xp.take_along_axis(column, first, axis=-1)[:, 0], xp.logical_and(is_far, xp.any(is_past, axis=-1))
