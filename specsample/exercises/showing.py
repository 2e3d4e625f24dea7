"""Results compared, and results written.

Fractions are compared with ==; where a float comes in, to nine digits.
"""

from fractions import Fraction
from numbers import Number
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
        if not isinstance(got, list | tuple | np.ndarray) or len(got) != len(wanted):
            return False
        return all(same(a, b) for a, b in zip(got, wanted, strict=True))
    # numbers of any type; texts and None must be of one type
    if _is_number(wanted) and _is_number(got):
        return (_is_exact(got, wanted) and got == wanted) or abs(float(got) - float(wanted)) <= NEAR
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
        inside = ", ".join(show(item) for item in np.asarray(value, object).tolist()) if len(value) else ""
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    return str(value) if isinstance(value, Fraction | np.generic) else repr(value)


def _is_number(value: Any) -> bool:
    """Say whether a value is a number and not an array of one."""
    return isinstance(value, Number | np.generic) and not isinstance(value, str)


def _is_exact(a: Any, b: Any) -> bool:
    """Say whether two numbers are to be compared digit by digit."""
    return not any(isinstance(x, float | np.floating) for x in (a, b))
