"""Judges that take the exact law of an answer.

No answer passes or fails by luck: a sampler is asked for its law, and a pair of tables for a total variation. A loop
that need not end has a law of what comes out whenever it ends.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.laws.exact import Law, exact_law, total_variation
from specsample.conformance.laws.open_round import law_of
from specsample.conformance.laws.probes import Probe, first_token
from specsample.conformance.laws.setting import Setting
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.distributions import Array
from specsample.exercises.exercise import Case, Mistake
from specsample.exercises.showing import Odd, Words, show, token
from specsample.exercises.tables import row
from specsample.language_model import TableModel

MANY = 24  # calls of a tape on one path, after which it is taken to go on for ever; right answers make three
FEW = 3  # calls after which such a loop is cut: its law, given that it ends, is that of its first rounds
MAX_PATHS = 2000  # of one case; right answers have some thirty


class Cut(BaseException):
    """What ends a path that asks its tape too often; no Exception, for answers catch those."""


class Tape:
    """A tape that can be asked so many times."""

    def __init__(self, tape: Any, calls: int = MANY) -> None:
        self.tape, self.left = tape, calls

    def random(self, size: Any = None) -> Any:
        """Draw as the tape within does."""
        if self.left == 0:
            raise Cut
        self.left -= 1
        return self.tape.random(size)


class Zeros:
    """A tape on which every uniform number is 0."""

    def random(self, size: Any = None) -> Any:
        """Draw zeros."""
        return 0.0 if size is None else np.zeros(size)


class Unending(NamedTuple):
    """The law of a loop that need not end, given that it ends."""

    law: Law

    def __repr__(self) -> str:
        return f"a loop that need not end; whenever it ends, {show(self.law)}" if self.law else "a loop without end"


def law(answer: Any, case: Case) -> Any:
    """Enumerate the law of the token that a sampler, a function of p, q and a tape, emits."""
    p, q, *tape = case.arguments
    return _on(tape, lambda tape: token(answer(p, q, tape)))


def agreement(answer: Any, case: Case) -> Any:
    """Sum up the exact law of a pair (x, y): that of x, that of y, and how often they are equal."""
    return _summed(answer, case, lambda x, y: [f"x = {x}", f"y = {y}"] + ["x = y"] * bool(x == y))


def kept(answer: Any, case: Case) -> Any:
    """Sum up the exact law of a pair (token, was it a draft?): that of the token, and how often it was one."""
    return _summed(answer, case, lambda x, was_draft: [f"token = {x}"] + ["a draft is kept"] * bool(was_draft))


def _summed(answer: Any, case: Case, name: Callable[[Any, Any], list[str]]) -> Any:
    """Enumerate the law of a pair that a function of p, q and a tape gives, and sum it up."""
    p, q, *tape = case.arguments
    pairs = _on(tape, lambda tape: _pair(answer(p, q, tape)))
    return Unending(_events(pairs.law, name)) if isinstance(pairs, Unending) else _events(pairs, name)


def _pair(value: Any) -> Any:
    """Take two tokens for what they are, and anything else too."""
    if isinstance(value, tuple | list | np.ndarray) and np.shape(value) == (2,):
        return tuple(map(token, value))
    return Odd(value)


def _events(pairs: Law, name: Callable[[Any, Any], list[str]]) -> dict[str, Any]:
    """Sum up a law of pairs: how often each of the events happens that a pair is named by."""
    summary: dict[str, Any] = {}
    for pair, mass in pairs.items():
        for event in [repr(pair)] if isinstance(pair, Odd) else name(*pair):
            summary[event] = summary.get(event, 0) + mass
    return summary


def _on(tape: list[Any], function: Callable[[Any], Any]) -> Any:
    """Run a function of a tape on a given one, or in every way its comparisons can turn out."""
    if tape:
        try:
            return {function(Tape(tape[0])): 1}
        except Cut:
            return Unending({})
    try:
        return exact_law(lambda lazy: function(Tape(lazy)), max_paths=MAX_PATHS)
    except Cut:
        pass
    # what its first rounds emit has the law of all that it ever emits: its rounds are alike
    started = exact_law(lambda lazy: _cut(function, Tape(lazy, FEW)), max_paths=MAX_PATHS)
    started.pop(Cut, None)
    ended = sum(started.values())
    return Unending({outcome: mass / ended for outcome, mass in started.items()})


def _cut(function: Callable[[Any], Any], tape: Tape) -> Any:
    """Run a function until its tape ends."""
    try:
        return function(tape)
    except Cut:
        return Cut


# --- what a law does not show ---------------------------------------------------------------------------------------


def at_zero() -> list[Case]:
    """List pairs of sure tokens with a tape of zeros: < and <= differ there."""
    sure = (row(1, 0), row(0, 1))
    pairs = [(p, q) for p in sure for q in sure]
    return [Case(f"p = {show(p)}, q = {show(q)}, every u = 0", (p, q, Zeros())) for p, q in pairs]


def sampled(answer: Any, case: Case) -> Any:
    """Take the law of a sampler, or, of a case with two rows of drafts, whether they make a difference."""
    p, q, *more = case.arguments
    if not (more and isinstance(more[0], np.ndarray)):
        return law(answer, case)

    # the same tapes with both rows: who drafts from q must come to another token on some of them
    def emitted(q: Array) -> list[Any]:
        return [_on([np.random.default_rng(i)], lambda tape: token(answer(p, q, tape))) for i in range(32)]

    return Words("another token for another q" if emitted(q) != emitted(more[0]) else "the same token for every q")


def is_tape_unread(answer: Any) -> bool:
    """Say whether a function of p, q and a tape never asks the tape."""
    half = row(1, 1)
    tape = Tape(np.random.default_rng(0))
    answer(half, half, tape)
    return tape.left == MANY


UNREAD = Mistake(
    "no random number is taken from the tape",
    "What the tape gives is all the chance there is: draft with one of its numbers, and test with another.",
    lambda p, q, tape: 0,
    is_tape_unread,
)


# --- "break it": the answer is a pair of tables (p, q) ------------------------------------------------------------


def distance(id: str, of: Callable[[Law], Law] = first_token) -> Callable[[Any, Case], Any]:
    """Make a judge: how far a wrong sampler of the catalogue is from its target on the (p, q) of an answer."""

    def ask(answer: Any, case: Case) -> Any:
        # K = 1 and two tokens: the shortest run in which a draft, a correction and a bonus can come up
        p, q = map(TableModel, read(answer))
        probe = Probe("yours", "the student's", Setting(p, q, K=1, max_new_tokens=2))
        return total_variation(of(law_of(WRONG[id].generate, probe)), of(probe.target_law()))

    return ask


def at_least(bound: Fraction) -> dict[str, Any]:
    """Make the two fields of an exercise that asks for a distance."""
    return {
        "agrees": lambda got, wanted: got >= bound,
        "wanted": lambda wanted: f"a total variation of at least {bound}",
    }


def is_flat(answer: Any) -> bool:
    """Say whether p and q ignore the text."""
    return all(bool((rows == rows[0]).all()) for rows in read(answer))


def is_equal(answer: Any) -> bool:
    """Say whether p = q."""
    p, q = read(answer)
    return bool(np.array_equal(p, q))


def is_disjoint(answer: Any) -> bool:
    """Say whether p and q share no token."""
    p, q = read(answer)
    return bool((np.minimum(p, q) == 0).all())


def read(answer: Any) -> list[Array]:
    """Read two tables of numbers as fractions, for the comparison with a bound is exact."""
    p, q = answer
    tables = [np.array(rows, object) for rows in (p, q)]
    return [np.array([_exact(x) for x in rows.ravel()], object).reshape(rows.shape) for rows in tables]


def _exact(x: Any) -> Fraction:
    """Read a number as a fraction; 0.1 is meant for 1/10, and 1 / 3 for 1/3."""
    return Fraction(float(x)).limit_denominator(10**9) if isinstance(x, float | np.floating) else Fraction(x)
