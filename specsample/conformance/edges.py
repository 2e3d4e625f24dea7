"""Rows with zeros, of which a token of p = 0 must not come.

With drawn numbers such a token is a finding: a lossless sampler never emits it. With scripted ones it is a warning:
numbers that are all 0, say, are an event of probability 0, which a right sampler need not survive.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product, takewhile
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.adapters import Adapter, Broken, NoToken
from specsample.conformance.evidence.cells import PADDING
from specsample.conformance.uniforms import ScriptedBits, word_of
from specsample.conformance.watch import guarded
from specsample.distributions import Array

ROWS = (  # p and q with zeros in one, in the other, in both; equal; one-hot; sums that rounding leaves below 1
    ([0.5, 0.0, 0.5, 0.0], [0.25, 0.5, 0.25, 0.0]),
    ([0.0, 1.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]),
    ([0.25, 0.25, 0.5, 0.0], [0.25, 0.25, 0.5, 0.0]),
    ([0.0, 0.5, 0.25, 0.25], [0.0, 0.0, 0.0, 1.0]),
    ([0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.0, 0.0]),
    ([0.53, 0.16, 0.2, 0.11, 0.0], [0.53, 0.2, 0.16, 0.11, 0.0]),  # once divided by its sum; and in float32
    ([0.0, 0.34, 0.58, 0.08, 0.0], [0.0, 0.34, 0.08, 0.58, 0.0]),  # as it is; and in float32
)
VALUES = {"0": 0, "0.7": word_of(0.7), "1 - 2^-53": word_of(1)}
SCRIPTS = {  # constant, and varying along the call: the numbers that accept, and the one that picks
    "2^-53": [word_of(2**-53)],
    "1 - 2^-24": [word_of(1 - 2**-24)],
    **{name: [word] for name, word in VALUES.items()},
    **{", ".join(each): [VALUES[name] for name in each] for each in product(VALUES, repeat=3) if len({*each}) > 1},
}
SCRIPTED = 60  # numbers a call; then come drawn ones
COPIES = 16  # of every case with drawn numbers
REACH = 16  # numbers of a call, any of which may be a rare one
RARE = {  # words of the numbers next to 0 and to 1, without 0
    "below 2^-24": (2**11, 2**40),
    "above 1 - 2^-24": (2**64 - 2**40, 2**64 - 1),
}
SCRIPT_LIMIT = 5.0  # seconds a call
SCRIPT_SECONDS = 20.0  # in all: a slow sampler plays fewer scripts


class Case(NamedTuple):
    """A pair of rows, the same at every position, and a draft twice."""

    p: list[float]
    q: list[float]
    x: int

    @property
    def given(self) -> tuple[Array, Array, Array]:
        """Drafts (1, 2), q (1, 2, V), p (1, 3, V)."""
        return np.array([[self.x, self.x]]), np.tile(self.q, (1, 2, 1)), np.tile(self.p, (1, 3, 1))

    def __str__(self) -> str:
        return f"p = {self.p}, q = {self.q}, drafts {[self.x, self.x]}"


class Edges(NamedTuple):
    """What came of rows with zeros."""

    findings: list[str]
    warnings: list[str]
    is_scripted: bool  # whether the sampler asked the scripted generator for anything


CASES = [Case(p, q, int(x)) for p, q in ROWS for x in np.flatnonzero(q)]


def at_the_edges(adapter: Adapter, seed: Any, time_limit: float) -> Edges:
    """Call a verifier on rows with zeros, with numbers that are drawn, rare and scripted.

    Parameters
    ----------
    adapter : Adapter of kind "verify" with `call`
    seed : of the drawn numbers
    time_limit : float, seconds a call

    Raises
    ------
    Broken
        If the sampler breaks its contract with drawn numbers.
    """
    if adapter.call is None:
        return Edges([], [], False)
    # drawn numbers first: what they find, nothing excuses
    found = guarded(partial(_drawn, adapter.call, np.random.default_rng(seed)), time_limit, adapter.last)
    said: list[str] = []
    asked = [0]
    # a sampler that hangs or raises on scripted numbers is given up, for the rest must judge it
    try:
        play = partial(_scripted, adapter.call, found, said, asked)
        guarded(play, min(time_limit, SCRIPT_LIMIT), adapter.last)
    except Broken as error:
        said.append(f"with scripted numbers {error}")
    return Edges(_few(found), [f"{each} {EXCUSE}" for each in _few(said)], asked[0] > 0)


EXCUSE = "Numbers of this kind are an event of probability 0: it decides no verdict."


def _drawn(call: Any, rng: np.random.Generator) -> list[str]:
    """Judge every case with drawn numbers."""
    many = [case for case in CASES for _ in range(COPIES)]
    said: list[str] = []
    # one vocabulary a batch
    for V in dict.fromkeys(len(case.p) for case in many):
        cases = [case for case in many if len(case.p) == V]
        x, q, p = (np.concatenate(each) for each in zip(*(case.given for case in cases), strict=True))
        rows = call(x, q, p, rng).tolist()
        said += [_impossible(case, row) for case, row in zip(cases, rows, strict=True)]
    return [f"with drawn numbers {each}" for each in said if each]


def _scripted(call: Any, found: list[str], said: list[str], asked: list[int]) -> None:
    """Judge every case with one rare number, then with scripted ones: findings and warnings are appended."""
    until = monotonic() + SCRIPT_SECONDS
    for name, case, script, is_rare in takewhile(lambda _: monotonic() < until, _plays()):
        bits = ScriptedBits(len(script), script)
        try:
            wrong = _impossible(case, call(*case.given, np.random.Generator(bits))[0].tolist())
            outcome = found if is_rare else said
        # an id that is none, NaN, or whatever it raises
        except Exception as error:
            wrong = f"it ends with {type(error).__name__}: {error} ({case})"
            outcome = found if is_rare and isinstance(error, NoToken) else said
        asked[0] = asked[0] + bits.asked
        if wrong:
            outcome.append(f"{name} {wrong}")


def _plays() -> Iterator[tuple[str, Case, list[int | None], bool]]:
    """Yield a name, a case, the first words of the call, and whether all of them are drawn."""
    # one number of the call comes from a range of width 2^-24, all others are drawn: rare, and yet no null event
    rng = np.random.default_rng(0)
    for (name, (low, high)), case, before in product(RARE.items(), CASES, range(REACH)):
        word = int(rng.integers(low, high, dtype=np.uint64))
        yield f"with drawn numbers, one of them {name},", case, [*[None] * before, word], True
    # and nothing but the ends
    for (name, words), case in product(SCRIPTS.items(), CASES):
        yield f"with its numbers scripted to {name}", case, [*words * (SCRIPTED // len(words))], False


def _impossible(case: Case, emitted: list[int]) -> str:
    """Name the first token of p = 0 that was emitted, or ""."""
    for token in emitted:
        if token != PADDING and case.p[token] == 0:
            return (
                f"it emits token {token}, although {case}. Compare strictly, u < p/q, never pick a token of "
                "probability 0, and let no number round to 0 or to 1."
            )
    return ""


def _few(said: list[str]) -> list[str]:
    """Keep the first of many: one is enough to mend them."""
    more = f" (And in {len(said) - 1} more cases of the kind.)" if len(said) > 1 else ""
    return [said[0] + more] if said else []
