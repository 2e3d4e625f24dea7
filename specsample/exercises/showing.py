"""Results compared, and results written.

Fractions are compared with ==; where a float comes in, to nine digits.
"""

from fractions import Fraction
from numbers import Integral, Number
from typing import Any

import numpy as np

NEAR = 1e-9  # two floats that differ by less came from the same formula in another order


def same(got: Any, wanted: Any) -> bool:
    """Compare numbers, texts, None, or sequences, arrays and dicts of them; a dict may lack what has probability 0.

    Examples
    --------
    >>> same({0: 1.0}, {0: Fraction(1), 1: 0}), same([1, 2], (1, 3))
    (True, False)
    """
    # laws, and other containers: part by part
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(same(got.get(x, 0), wanted.get(x, 0)) for x in {**got, **wanted})
    if isinstance(wanted, list | tuple | np.ndarray):
        if not isinstance(got, list | tuple | np.ndarray) or _length(got) != _length(wanted):
            return False
        return all(same(a, b) for a, b in zip(got, wanted, strict=True))
    # numbers of any type; texts and None must be of one type
    if _is_number(wanted) and _is_number(got):
        return bool(got == wanted) or _is_near(got, wanted)
    return type(got) is type(wanted) and bool(got == wanted)


def show(value: Any) -> str:
    """Write a result: fractions as fractions, floats to six digits.

    Examples
    --------
    >>> show(np.array([Fraction(1, 2), Fraction(1, 2)])), show({(0, 1): 0.25})
    ('(1/2, 1/2)', '{(0, 1): 0.25}')
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(key)}: {show(mass)}" for key, mass in sorted(value.items(), key=repr)) + "}"
    # rows in round brackets, lists in square ones; a NamedTuple writes itself with the names of its fields
    if isinstance(value, list | tuple | np.ndarray) and not hasattr(value, "_fields"):
        if isinstance(value, np.ndarray) and not value.ndim:
            return f"array({show(value.item())})"
        inside = ", ".join(show(item) for item in _items(value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    return str(value) if isinstance(value, Fraction | np.generic) else repr(value)


def flat(value: Any) -> list[Any]:
    """List the numbers in a result, in order; a dict's by its keys."""
    if isinstance(value, dict):
        return [x for key in sorted(value, key=repr) for x in flat(value[key])]
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        return [x for item in value for x in flat(item)]
    return [value] if _is_number(value) and not isinstance(value, complex) else []


class Words(str):
    """A result in words, written without quotation marks."""

    __repr__ = str.__str__


class Odd:
    """A result that is not of the kind that was asked for; it can be a key, and is equal to what is written alike."""

    def __init__(self, value: Any) -> None:
        self.text = show(value) if value is None else f"{show(value)} ({type(value).__name__})"

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Odd) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def token(value: Any) -> Any:
    """Take an integer for a token, and anything else for what it is.

    Examples
    --------
    >>> token(np.int64(1)), token(1.0)
    (1, 1 (float))
    """
    return int(value) if isinstance(value, Integral | np.bool_) else Odd(value)


def _length(value: Any) -> int:
    """Count what is inside a sequence; an array of no axis has no length."""
    return -1 if isinstance(value, np.ndarray) and not value.ndim else len(value)


def _items(value: Any) -> list[Any]:
    """List what is inside a sequence, rows of arrays as lists."""
    try:
        listed: list[Any] = np.asarray(value, object).tolist()
    except ValueError:  # arrays of different shapes
        return list(value)
    return listed


def _is_number(value: Any) -> bool:
    """Say whether a value is a number and not an array of one."""
    return isinstance(value, Number | np.generic) and not isinstance(value, str)


def _is_near(a: Any, b: Any) -> bool:
    """Say whether two numbers differ by rounding alone; complex ones, and those too large for a float, never do."""
    try:
        return abs(float(a) - float(b)) <= NEAR
    except (TypeError, OverflowError):
        return False
