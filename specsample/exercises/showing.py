"""When are two results the same, and how is one written?

Fractions are compared with ==; where a float comes in, to nine digits. Read this before `exercise`.
"""

from fractions import Fraction
from numbers import Number
from typing import Any

import numpy as np

NEAR = 1e-9  # two floats that differ by less came from the same formula in another order


def same(got: Any, wanted: Any) -> bool:
    """Compare what an answer made of a case with what the key made of it.

    Parameters
    ----------
    got, wanted : numbers, text, None, or sequences, arrays and dicts of them; a dict lacks what has probability 0

    Examples
    --------
    >>> same({0: 1.0}, {0: Fraction(1), 1: 0}), same([1, 2], (1, 3))
    (True, False)
    """
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(same(got.get(x, 0), wanted.get(x, 0)) for x in {**got, **wanted})
    if isinstance(wanted, list | tuple | np.ndarray):
        if not isinstance(got, list | tuple | np.ndarray) or len(got) != len(wanted):
            return False
        return all(same(a, b) for a, b in zip(got, wanted, strict=True))
    if _is_number(wanted) and _is_number(got):
        return (_is_exact(got, wanted) and got == wanted) or abs(float(got) - float(wanted)) <= NEAR
    return type(got) is type(wanted) and bool(got == wanted)


def show(value: Any) -> str:
    """Write a result: fractions as fractions, floats to six digits.

    Parameters
    ----------
    value : anything

    Examples
    --------
    >>> show(np.array([Fraction(1, 2), Fraction(1, 2)])), show({(0, 1): 0.25})
    ('(1/2, 1/2)', '{(0, 1): 0.25}')
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(key)}: {show(mass)}" for key, mass in sorted(value.items(), key=repr)) + "}"
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
