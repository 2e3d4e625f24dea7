"""The numbers that the papers print, beside what their equations give.

`specsample papers` prints them. A figure follows if it rounds to what is printed; or if inputs that would be printed
the same give it (alpha and c stand in the papers with two digits); or it differs.
"""

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from specsample.conformance.laws.accepted import expected_accepted, ideal_accepted
from specsample.conformance.laws.probes import PROBES
from specsample.conformance.laws.right_samplers import RIGHT
from specsample.theory import best_K, implied_alpha, operations, speedup

FOLLOWS, ROUNDING, DIFFERS, DATA = "follows", "if inputs are unrounded", "differs", "data"


class Figure(NamedTuple):
    """A printed number, what the equations give, and the least and most they give for inputs that round alike."""

    table: str
    case: str
    printed: float | Fraction
    digits: int  # after the point, as printed
    recomputed: float | Fraction | None = None  # None: measured, no equation gives it
    least: float | Fraction | None = None
    most: float | Fraction | None = None

    @property
    def verdict(self) -> str:
        """Whether the number follows from the equations."""
        if self.recomputed is None:
            return DATA
        if round(float(self.recomputed), self.digits) == round(float(self.printed), self.digits):
            return FOLLOWS
        if self.least is None or self.most is None:
            return DIFFERS
        # what would be printed the same: half a unit of the last digit
        half = 0.5 * 10.0**-self.digits
        return ROUNDING if self.least - half <= self.printed <= self.most + half else DIFFERS


@cache
def printed_figures() -> dict[str, Any]:
    """Read the papers' figures as printed."""
    figures: dict[str, Any] = json.loads(files("specsample").joinpath("papers.json").read_text(encoding="utf-8"))
    return figures


def figures() -> list[Figure]:
    """Recompute every figure.

    Returns
    -------
    list of Figure, in the order of the papers' tables
    """
    return [*_table_1(), *_tables_2_to_4(), *_table_3(), *_table_5(), *_lenience(), *_chen(), *_sun()]


def _leviathan() -> dict[str, Any]:
    """The figures of Leviathan et al."""
    figures: dict[str, Any] = printed_figures()["leviathan"]
    return figures


def _speed(alpha: float, c: float, K: int | None, e_c: float) -> tuple[float, float, float]:
    """Theorem 3.8 at the printed alpha and c, and its least and most where they are rounded; K = None is the best."""

    # alpha has two digits everywhere; c has as many as e_c says
    def at(a: float, cost: float) -> float:
        return float(speedup(a, best_K(a, cost) if K is None else K, cost))

    return at(alpha, c), at(alpha - 0.005, c + e_c), at(alpha + 0.005, c - e_c)


def _table_1() -> Iterator[Figure]:
    """Operations and speed at given alpha and K; the inputs are exact."""
    for row in _leviathan()["table1"]["rows"]:
        case = f"α = {row['alpha']}, K = {row['K']}"
        quantities: dict[str, Callable[..., float]] = {"operations": operations, "speed": speedup}
        for quantity, compute in quantities.items():
            recomputed = compute(row["alpha"], row["K"], 0)
            yield Figure("Leviathan et al., table 1", f"{case}: {quantity}", row[quantity], 2, recomputed)


def _tables_2_to_4() -> Iterator[Figure]:
    """Speed-ups of T5-XXL: expected from alpha, K and c, and measured."""
    for row in _leviathan()["tables2_4"]:
        case = f"{row['task']} {row['draft']}, T={row['T']}, K={row['K']}, α={row['alpha']}, c={row['c']}"
        name = "Leviathan et al., tables 2 and 4: speed-up, expected and measured"
        yield Figure(name, case, row["expected"], 1, *_speed(row["alpha"], row["c"], row["K"], 0.005))
        yield Figure(name, "  measured", row["empirical"], 1)


def _table_3() -> Iterator[Figure]:
    """Acceptance rates of pairs of models."""
    for row in _leviathan()["table3_alpha"]:
        for T in (0, 1):
            case = f"{row['target']}, {row['draft']}, {row['task']}, T={T}"
            yield Figure("Leviathan et al., table 3: α", case, row[f"alpha_T{T}"], 2)


def _table_5() -> Iterator[Figure]:
    """Acceptance rates with lenience."""
    table = _leviathan()["table5_alpha_T1"]
    for draft in ("unigram", "bigram", "small", "base"):
        for lenience, alpha in zip(table["l"], table[draft], strict=True):
            yield Figure("Leviathan et al., table 5: α at T = 1", f"EnDe, {draft}, l = {lenience}", alpha, 2)


def _lenience() -> Iterator[Figure]:
    """Speed-ups with lenience at the best K of each."""
    figures = _leviathan()["lenience_speed_T1"]
    alphas = _leviathan()["table5_alpha_T1"][figures["draft"]]
    for lenience, alpha, printed in zip(figures["l"], alphas, figures["printed"], strict=True):
        case = f"l={lenience}, α={alpha}, c={figures['c']}, best K={best_K(alpha, figures['c'])}"
        speeds = _speed(alpha, figures["c"], None, 0.0005)
        yield Figure("Leviathan et al., appendix A.5: speed-up at T = 1", case, printed, 1, *speeds)


def _chen() -> Iterator[Figure]:
    """Times of Chinchilla, their ratios, and the acceptance rate that would explain them."""
    chen = printed_figures()["chen"]
    alone = chen["table1"][0]["ms_per_token"]
    c = chen["draft_ms_per_token"] / alone
    for row in chen["table1"]:
        ms = row["ms_per_token"]
        name = "Chen et al., table 1: ms a token, speed-up"
        yield Figure(name, f"{row['benchmark']}, {row['method']}", ms, 2 if row["method"] == "SpS" else 1)
        # a speed-up is a ratio of two printed times, each rounded
        if row["method"] == "SpS":
            rate = implied_alpha(row["speedup"], chen["K"], c)
            case = f"  {alone} / {ms}; theorem 3.8 gives it at α={rate:.2f}, c={c:.2f}, K={chen['K']}"
            speeds = (
                alone / ms,
                (alone - 0.05) / (ms + 0.005),
                (alone + 0.05) / (ms - 0.005),
            )
            yield Figure(name, case, row["speedup"], 2, *speeds)


def _sun() -> Iterator[Figure]:
    """Drafts kept of two, on the example of the block verification paper."""
    printed = printed_figures()["sun"]["toy"]["expected_accepted"]
    probe = PROBES["paper"]
    ours = {name: expected_accepted(RIGHT[id].generate, probe) for name, id in (("token", "C0"), ("block", "C3"))}
    ours["ideal"] = ideal_accepted(probe)
    for rule, value in printed.items():
        yield Figure("Sun et al., the example: drafts kept of 2", rule, Fraction(value), 4, ours[rule])
