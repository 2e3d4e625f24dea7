"""Judges that take the exact law of an answer.

No answer passes or fails by luck: a sampler is asked for its law, and a pair of tables for a total variation.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from specsample.conformance.laws.exact import Law, exact_law, total_variation
from specsample.conformance.laws.open_round import law_of
from specsample.conformance.laws.probes import Probe, first_token
from specsample.conformance.laws.setting import Setting
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.distributions import Array
from specsample.exercises.exercise import Case
from specsample.language_model import TableModel


def law(answer: Any, case: Case) -> Law:
    """Enumerate the law of the token that a sampler, a function of p, q and a tape, emits."""
    return exact_law(lambda tape: int(answer(*case.arguments, tape)))


def agreement(answer: Any, case: Case) -> dict[str, Any]:
    """Sum up the exact law of a pair (x, y): that of x, that of y, and how often they are equal."""
    pairs = exact_law(lambda tape: tuple(map(int, answer(*case.arguments, tape))))
    summary: dict[str, Any] = {}
    for (x, y), mass in pairs.items():
        events = [f"x = {x}", f"y = {y}"]
        if x == y:
            events.append("x = y")
        for event in events:
            summary[event] = summary.get(event, 0) + mass
    return summary


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
    return [np.array([Fraction(x) for x in rows.ravel()], object).reshape(rows.shape) for rows in tables]
