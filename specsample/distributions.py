"""Probabilities from logits, and the one way in which chance enters.

How does a uniform number pick a token? Models hand out probabilities and samplers compare uniform numbers with them:
nothing else is random.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace

Array = Any  # an array of any array-API library; NumPy arrays of fractions.Fraction too
Pick = Callable[[Array, Any], int]  # how a token is chosen: (V,) distribution, uniform number(s) to token id
Transform = Callable[[Array], Array]  # a decoding strategy: (..., V) distributions to (..., V) distributions


class Uniforms(Protocol):
    """Where uniform numbers come from: a numpy.random.Generator, a recorded tape, or numbers that fork."""

    def random(self, n: int, /) -> Any:
        """Give n numbers in [0, 1), of which nothing is asked but comparisons."""


def softmax(logits: Array) -> Array:
    """Turn logits into probabilities.

    p(x) = exp(l(x)) / sum_y exp(l(y)), computed after subtracting the largest logit.

    Parameters
    ----------
    logits : (..., V) float array

    Returns
    -------
    (..., V) array of the same dtype (float32 for half precision, see `widen`), rows sum to 1

    Examples
    --------
    >>> softmax(np.log(np.array([1.0, 3.0])))
    array([0.25, 0.75])
    """
    logits = widen(logits)
    xp = array_namespace(logits)
    weights = xp.exp(logits - xp.max(logits, axis=-1, keepdims=True))
    return weights / xp.sum(weights, axis=-1, keepdims=True)


def widen(values: Array) -> Array:
    """Turn floats narrower than 32 bits into float32, which holds each of them exactly.

    In half precision a sum over 65,504 equal tokens overflows, and a running sum stalls long before that.

    Parameters
    ----------
    values : (...) array

    Returns
    -------
    (...) array, float32 where it was float16, bfloat16 or float8, else `values` itself

    Examples
    --------
    >>> widen(np.zeros(2, np.float16)).dtype, widen(np.zeros(2)).dtype
    (dtype('float32'), dtype('float64'))
    """
    # every row comes through here, and nearly all are wide: sizes compare faster than names
    if getattr(values.dtype, "itemsize", 0) > 2:
        return values
    name = str(values.dtype)
    xp = array_namespace(values)
    return xp.astype(values, xp.float32) if "float16" in name or "float8" in name else values


def pick(probs: Array, u: Any) -> int:
    """Pick the token at which the cumulative distribution first exceeds u (inverse CDF).

    The uniform number is only compared, never used in arithmetic, and a token of probability zero is never
    returned, whatever rounding does to the cumulative sum.

    Parameters
    ----------
    probs : (V,) array, sums to 1
    u : number in [0, 1)

    Returns
    -------
    int, token id in [0, V)

    Raises
    ------
    ValueError
        If no token is possible, or u is 1 or more.

    Examples
    --------
    >>> [pick(np.array([0.5, 0.0, 0.5]), u) for u in (0.0, 0.49, 0.5, 0.99)]
    [0, 0, 2, 2]
    """
    # P(token = x) = P(F(x-1) <= u < F(x)) = p(x), and the first F(x) > u has p(x) > 0
    is_past = u < probs.cumsum(dtype=object if probs.dtype == object else np.float64)  # float32 loses 1e-4 at V = 1e5
    token = int(is_past.argmax())
    if is_past[token]:
        return token
    # no F(x) exceeds u: bad input, or a sum that rounding left below 1
    possible = np.flatnonzero(probs)
    if not u < 1:
        raise ValueError(f"u must lie in [0, 1); got {u}. Is it a percentage?")
    if not possible.size:
        raise ValueError("probs must sum to 1; every token has probability 0. Was everything masked?")
    return int(possible[-1])  # u lies beyond a sum rounded below 1


def uniforms(rng: Uniforms, n: int) -> Any:
    """Ask for n uniform numbers, and see that they are.

    Parameters
    ----------
    rng : numpy.random.Generator, or anything whose `random(n)` gives n uniform numbers
    n : int >= 0

    Returns
    -------
    (n,) sequence of numbers in [0, 1), as rng gave it

    Raises
    ------
    TypeError
        If rng is a seed, or a `random.Random`, which has another `random`.
    ValueError
        If other than n numbers come, or one lies outside [0, 1). Numbers that fork (`conformance.laws.lazy`) do not.

    Examples
    --------
    >>> uniforms(np.random.default_rng(0), 2).round(2)
    array([0.64, 0.27])
    """
    if not hasattr(rng, "random") or isinstance(rng, Random):
        raise TypeError(
            f"rng must have a method random(n), as a NumPy Generator has; got {rng!r}. "
            "Is it a seed? Write numpy.random.default_rng(seed)."
        )
    u = rng.random(n)
    if isinstance(u, np.ndarray) and u.dtype.kind != "O":
        is_sound = u.size == 0 or (float(u.min()) >= 0 and float(u.max()) < 1)
    else:  # an array of objects may fork: comparing it is the sampler's business alone
        is_sound = isinstance(u, np.ndarray) or all(0 <= x < 1 for x in u)
    if len(u) != n or not is_sound:
        hint = "Is a recorded tape used up?" if len(u) < n else "A NumPy Generator gives them."
        raise ValueError(f"rng.random({n}) must give {n} numbers in [0, 1); got {u}. {hint}")
    return u


def check_probs(probs: Array, name: str) -> Array:
    """Return probs if every row is a distribution, else say what is wrong with it.

    Parameters
    ----------
    probs : (..., V) array
    name : str, how the message calls it

    Returns
    -------
    probs, unchanged

    Raises
    ------
    ValueError
        If an entry is NaN or negative, or a row's sum is further than 1e-3 from 1 (fractions: not 1).

    Examples
    --------
    >>> check_probs(np.array([0.5, 0.5]), "p")
    array([0.5, 0.5])
    """
    if not probs.size:
        return probs
    if probs.dtype.kind == "O":  # fractions, summed as Python numbers: NumPy takes longer over objects
        if all(sum(row) == 1 and min(row) >= 0 for row in _rows(probs)):
            return probs
    else:
        sums = probs.sum(axis=-1).ravel().tolist()  # as Python floats: every pass of a model comes through here
        if max(sums) <= 1 + 1e-3 and min(sums) >= 1 - 1e-3 and float(probs.min()) >= 0:  # false for a NaN
            return probs
        if np.isnan(probs).any():
            raise ValueError(
                f"{name} must hold probabilities; got NaN. Did a logit overflow, or was the cache stale?"
            )
    # something is wrong: find the number that says what
    least = _shown(probs.min())
    if probs.min() < 0:
        raise ValueError(f"{name} must be >= 0; got {least}. Are these logits? Apply softmax first.")
    off = _shown(np.max(abs(probs.sum(axis=-1) - 1)))
    raise ValueError(f"rows of {name} must sum to 1; one is off by {off}. Was a mask applied without normalising?")


def _shown(x: Any) -> str:
    """Write a number for a message: fractions in full, floats with three digits."""
    return f"{x:.3g}" if isinstance(x, np.generic) else str(x)


def _rows(probs: Array) -> list[list[Any]]:
    """List the rows of a (..., V) array."""
    rows: list[list[Any]] = probs.reshape(-1, probs.shape[-1]).tolist()
    return rows
