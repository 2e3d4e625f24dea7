"""A user's function that is looked at while it is called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np

LOOKS = 64  # calls of a check that are looked at in detail
FIRST_CALL = 5.0  # how many times as long as others a first call may last: it may import and compile


@dataclass
class LastCall:
    """When and with what a user's function was last called: whoever waits for it reads this, for messages."""

    at: float = 0.0  # seconds on a monotonic clock
    patience: float = 1.0  # how many times the limit the call may last
    given: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)
    looks: int = 0  # calls that are still looked at in detail
    is_asked: bool = False  # whether a random generator among the arguments was asked for anything
    is_spoiling: bool = False  # whether an array among the arguments was changed

    def forget(self) -> None:
        """Look at the next calls in detail."""
        self.looks = LOOKS
        self.is_asked = False
        self.is_spoiling = False

    def begin(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        """Note a call."""
        self.at = monotonic()
        self.given = given
        self.named = named

    def __reduce__(self) -> Any:
        # to another process goes an empty one: the arguments may be large, and what was compiled stays here
        return before_the_first, ()


def before_the_first() -> LastCall:
    """Make the note of a function that has not been called yet."""
    return LastCall(patience=FIRST_CALL)


@dataclass(frozen=True)
class Watched:
    """A user's function that notes when and with what it is called."""

    fn: Callable[..., Any]
    last: LastCall = field(default_factory=before_the_first)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the function."""
        last = self.last
        last.begin(given, named)
        if not last.looks:
            return self._returned(given, named)
        # the first calls of a check: what became of the arguments?
        last.looks = last.looks - 1
        states = [_state(each) for each in given]
        arrays = [each.copy() if isinstance(each, np.ndarray) else None for each in given]
        returned = self._returned(given, named)
        last.is_asked = last.is_asked or states != [_state(each) for each in given]
        last.is_spoiling = last.is_spoiling or not all(
            before is None or np.array_equal(before, each) for before, each in zip(arrays, given, strict=True)
        )
        return returned

    def _returned(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Call the function; whoever has returned once is not waited for so long again."""
        returned = self.fn(*given, **named)
        # the clock first: who watches may look between the two, and must not take the first call for a later one
        self.last.at = monotonic()
        self.last.patience = 1.0
        return returned


def _state(value: Any) -> Any:
    """Take the state of a random generator, its children included; None of anything else."""
    if not isinstance(value, np.random.Generator):
        return None
    return value.bit_generator.state, getattr(value.bit_generator.seed_seq, "n_children_spawned", 0)
