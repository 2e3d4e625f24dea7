"""Values that cross from a submission's process to the grader's.

They are written as JSON and never pickled: whoever reads them runs nothing that a submission wrote. What has no such
form, an object of a class of the student's own, arrives as its text.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from numbers import Real
from typing import Any

import numpy as np

MOST = 100_000  # entries of an array or an iterator; answers to exercises have some hundred


class Unknown:
    """What cannot be sent; its text stands for it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def to_json(value: Any) -> Any:
    """Write a value as what JSON has.

    Examples
    --------
    >>> to_json(np.array([Fraction(1, 2)]))
    {'array': [{'fraction': [1, 2]}], 'shape': [1], 'dtype': 'object'}
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray) and value.size <= MOST and value.dtype.kind in "biufOc":
        return {
            "array": [to_json(x) for x in value.ravel().tolist()],
            "shape": list(value.shape),
            "dtype": str(value.dtype),
        }
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return {"scalar": to_json(value.item()), "dtype": str(value.dtype)}
    if isinstance(value, list | tuple | set | frozenset):
        kind = next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))
        return {kind.__name__: [to_json(x) for x in value]}
    if isinstance(value, dict):
        return {"dict": [[to_json(key), to_json(x)] for key, x in value.items()]}
    return _rarer(value)


def _rarer(value: Any) -> Any:
    """Write what few answers are made of."""
    if isinstance(value, Fraction):
        return {"fraction": [value.numerator, value.denominator]}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, Iterator | type({}.values()) | type({}.keys()) | type({}.items())):
        return {"iterator": [to_json(x) for x in islice(value, MOST)]}
    return {"function" if callable(value) else "unknown": repr(value)[:200]}


def from_json(written: Any) -> Any:
    """Read a value that `to_json` wrote.

    Raises
    ------
    ValueError
        If it is none of its forms.
    """
    if not isinstance(written, dict):
        if isinstance(written, list):
            raise ValueError(f"a value must be written as `to_json` writes it; got {written!r:.80}.")
        return written
    forms: Mapping[str, Callable[[Any], Any]] = {
        "array": lambda x: _array([from_json(y) for y in x], written["shape"], written["dtype"]),
        "scalar": lambda x: np.dtype(written["dtype"]).type(from_json(x)),
        "list": lambda x: [from_json(y) for y in x],
        "tuple": lambda x: tuple(from_json(y) for y in x),
        "set": lambda x: {from_json(y) for y in x},
        "frozenset": lambda x: frozenset(from_json(y) for y in x),
        "dict": lambda x: {from_json(key): from_json(y) for key, y in x},
        "fraction": lambda x: Fraction(*x),
        "complex": lambda x: complex(*x),
        "iterator": lambda x: iter([from_json(y) for y in x]),
        "function": _function,
        "unknown": lambda x: Unknown(str(x)),
    }
    for form, read in forms.items():
        if form in written:
            try:
                return read(written[form])
            except (TypeError, KeyError, ArithmeticError) as error:
                raise ValueError(f"a value must be written as `to_json` writes it; got {written!r:.80}.") from error
    raise ValueError(f"a value must be written as `to_json` writes it; got {written!r:.80}.")


def _array(entries: list[Any], shape: list[int], dtype: str) -> Any:
    """Make an array; one of objects holds what there is, sequences too."""
    flat = np.empty(len(entries), np.dtype(dtype))
    for i, entry in enumerate(entries):
        flat[i] = entry
    return flat.reshape(shape)


def _function(text: Any) -> Callable[..., Any]:
    """Stand for a function that stays where it is."""

    def elsewhere(*_: Any, **__: Any) -> Any:
        raise TypeError(f"{text} cannot be called here.")

    return elsewhere
