"""Uniform numbers that fork when they are compared.

How can a number be compared before it has a value? A `LazyUniform` stands in for a uniform number known only to lie
in [lo, hi). Compared with a threshold inside that interval it takes one side and narrows the interval, so a number
that is used twice keeps what was learnt. A `LazyTape` hands them out and follows one path through the forks; `exact`
walks all paths.

A uniform number equals a threshold with probability 0, so `u < a` and `u <= a` are one event here. What happens at
u = a is tested with scripted numbers instead.
"""

from fractions import Fraction
from math import prod
from numbers import Integral, Real
from typing import Any, NamedTuple, NoReturn

import numpy as np

MAX_FORKS = 1000  # on one path; such a path has no probability worth the name


class Comparison(NamedTuple):
    """One comparison of a uniform number with thresholds, and how it turned out on this path."""

    thresholds: list[Any]
    edges: list[Any]  # lo, the thresholds inside the interval, hi
    cell: int  # the uniform lies between edges[cell] and edges[cell + 1]
    answers: list[bool]  # u < threshold


Path = list[Comparison]


class LazyUniform:
    """A uniform number of which only lo <= u < hi is known; it can be compared and nothing else."""

    __slots__ = ("hi", "lo", "tape")
    __array_ufunc__ = None  # `array > u` comes here as `u < array`

    lo: Any
    hi: Any

    def __init__(self, tape: "LazyTape") -> None:
        self.tape, self.lo, self.hi = tape, 0, 1

    def __repr__(self) -> str:
        return f"LazyUniform[{self.lo}, {self.hi})"

    def __lt__(self, other: Any) -> Any:
        return other is not self and self._is_below(other, nan=0)

    # u = other has probability 0, except for u itself
    def __le__(self, other: Any) -> Any:
        return other is self or self < other

    def __ge__(self, other: Any) -> Any:
        return other is self or _negate(self._is_below(other, nan=1))

    def __gt__(self, other: Any) -> Any:
        return other is not self and self >= other

    def _is_below(self, other: Any, nan: int) -> Any:
        """Decide u < other, elementwise; where the interval leaves it open, fork."""
        # all elements are one comparison: they cut the interval into cells, and u lies in one of these
        values = np.asarray(other)
        known = self.tape.compare(self, [self._threshold(value, nan) for value in values.ravel().tolist()])
        # what was learnt stays known when the number is used again
        self.lo = known.edges[known.cell]
        self.hi = known.edges[known.cell + 1]
        return np.array(known.answers, bool).reshape(values.shape) if values.ndim else known.answers[0]

    def _threshold(self, value: Any, nan: int) -> Any:
        """Return a number as an exact fraction; nan where it is NaN, so that both comparisons are false."""
        if isinstance(value, (Fraction, int)):
            return value
        if isinstance(value, Integral):  # NumPy's integers
            return int(value)
        if not isinstance(value, Real):
            raise TypeError(f"a lazy uniform can be compared with numbers only: u < threshold; got {value!r}.")
        # from here on the law is one of floats, although every float is a fraction
        self.tape.is_exact = False
        return nan if value != value else Fraction(min(max(float(value), 0.0), 1.0))  # no fraction is infinite

    def _refuse(self, *_: Any) -> NoReturn:
        """Say what to do instead of arithmetic, conversion, equality and hashing."""
        raise TypeError(
            "a lazy uniform has no value yet. Only compare it: u < threshold; write the arithmetic on the "
            "threshold's side (u < p / q for u * q < p), and pick tokens with `u < cumulative_sums`."
        )

    # whatever would need a value
    __float__ = __int__ = __index__ = __complex__ = __bool__ = __hash__ = __eq__ = __ne__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = __pow__ = __rpow__ = _refuse
    __neg__ = __pos__ = __abs__ = __round__ = __floor__ = __ceil__ = __trunc__ = __format__ = _refuse


class LazyTape:
    """What hands out lazy uniforms in place of a NumPy Generator, and follows one path through their forks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_exact = True  # no uniform was compared with a float
        self.uniforms: list[LazyUniform] = []
        self.length = 0  # comparisons so far
        self.n_forks = 0  # those among them that were open

    def random(self, size: int | tuple[int, ...] | None = None) -> Any:
        """Draw (size,) fresh lazy uniforms, an object array, or a single one; as `numpy.random.Generator.random`."""
        drawn: Any = np.empty(() if size is None else size, object)
        for index in np.ndindex(drawn.shape):
            drawn[index] = LazyUniform(self)
            self.uniforms.append(drawn[index])
        return drawn if drawn.ndim else drawn.item()

    def compare(self, u: LazyUniform, thresholds: list[Any]) -> Comparison:
        """Put a uniform into one of the cells between exact thresholds: into the known one on a repeated stretch.

        A function that compares otherwise than when it was run before, or does not end, is refused with a ValueError.
        """
        # the path ends here: lengthen it, into the lowest cell
        if self.length == len(self.path):
            inside = sorted({a for a in thresholds if u.lo < a < u.hi})
            self.path.append(_take(thresholds, [u.lo, *inside, u.hi], 0))
        # on a repeated stretch the answer is known, if the function does the same again
        known = self.path[self.length]
        if known.thresholds != thresholds:
            raise _not_repeatable(f"it compared with {thresholds} where it had compared with {known.thresholds}")
        self.length += 1
        self.n_forks += len(known.edges) > 2
        if self.n_forks > MAX_FORKS:
            raise ValueError(
                f"function must end; one path came to {MAX_FORKS} forks. Does it redraw until u is small?"
            )
        return known

    def probability(self) -> Fraction:
        """Multiply the widths of all intervals: Π (hi - lo), the probability of this path."""
        widths = (u.hi - u.lo for u in self.uniforms if (u.lo, u.hi) != (0, 1))
        return prod(widths, start=Fraction(1))

    def next_path(self) -> Path:
        """Turn off into the next cell at the last comparison that has one; an empty path if none has."""
        if self.length < len(self.path):
            raise _not_repeatable(f"it made {self.length} comparisons where it had made at least {len(self.path)}")
        # depth first: comparisons whose last cell was taken are done with
        path = list(self.path)
        while path and path[-1].cell == len(path[-1].edges) - 2:
            path.pop()
        if not path:
            return []
        last = path[-1]
        return [*path[:-1], _take(last.thresholds, last.edges, last.cell + 1)]


def _take(thresholds: list[Any], edges: list[Any], cell: int) -> Comparison:
    """Answer a comparison for one cell, inside which no threshold lies."""
    return Comparison(thresholds, edges, cell, [edges[cell] < a for a in thresholds])


def _not_repeatable(what: str) -> ValueError:
    """Describe a function whose second run differs from its first."""
    return ValueError(
        f"function must depend on nothing but the tape; run again, {what}. "
        "Does it draw from another generator or keep state between runs?"
    )


def _negate(is_below: Any) -> Any:
    """Turn a bool, or an array of them, round."""
    return not is_below if isinstance(is_below, bool) else ~is_below
