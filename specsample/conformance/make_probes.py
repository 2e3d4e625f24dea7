"""The making of `probes.json`, bit for bit.

`python -m specsample.conformance.make_probes` writes the file again, in half a minute. Every probe is a few rows of
weights and a setting; the laws follow by exact enumeration, in fractions, and are written with ten significant digits
(V = 32: sums of floats, whose rounding ten digits hide). `--design` searches the tables of P1 again and compares them
with those of the plan, in two minutes on one core.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np

from specsample.conformance.evidence.cells import Text
from specsample.conformance.evidence.sizes import required_n_against
from specsample.conformance.laws.exact import Law
from specsample.conformance.laws.probes import Probe
from specsample.conformance.laws.rule import Rule
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.pack.design import P1, design
from specsample.conformance.pack.large_laws import binned_law, law_on, merged, over_cells
from specsample.conformance.pack.plans import PLANS, SEARCH, Plan

PATH = Path(__file__).parent / "pack" / "probes.json"
DIGITS = 10
LARGEST_N = 1_000_000
COPIED = ["name", "purpose", "prompt", "K", "max_new_tokens", "stop", "strategy", "penalty", "weight", "positions"]
COPIED += ["bins", "target", "draft"]
WIDE = ["ids", "vocab_size", "least_eps"]
OF_ALL_TOKENS = ("M03", "M36", "M45", "M50")  # their laws depend on tokens that cannot come


def record(plan: Plan) -> dict[str, Any]:
    """Compute everything about a probe that the file holds, in the order of the file."""
    # the cells are what the target can emit; a law has one mass more, of everything else
    law = target_of(plan)
    wide = {name: getattr(plan, name) for name in WIDE if plan.ids is not None}
    cells = sorted(law)
    p = [_rounded(mass, 12 if plan.bins else 17) for mass in over_cells(law, cells)]
    # the law of every rule that has one here, over the same cells
    probe = plan.probe
    laws: dict[str, list[float]] = {}
    for rule in WRONG.values():
        found = law_of_rule(rule, plan, probe)
        if found is not None:
            laws[rule.id] = [_rounded(mass) for mass in over_cells(found, cells)]
    # a rule with the target's law cannot be told from it; the others need some number of outputs
    blind = [name for name, m in laws.items() if np.abs(np.subtract(m, p)).sum() < 1e-9]
    seen = {name: m for name, m in laws.items() if name not in blind}
    needed = {name: required_n_against(m, p, rivals=len(seen)) for name, m in seen.items()}
    return {
        **{name: getattr(plan, name) for name in COPIED},
        **({"by_position": True} if plan.by_position else {}),
        **wide,
        "required_n": {name: int(n) for name, n in needed.items() if n <= LARGEST_N},
        "blind_to": blind,
        "cells": [renamed(cell, plan.ids) for cell in cells],
        "law": p,
        "rule_laws": seen,
    }


def target_of(plan: Plan) -> Law:
    """Compute the target's law over cells, exactly."""
    if plan.bins is None:
        return merged(plan.probe.target_law(), plan.prompt, plan.positions)
    # without drafts every token is drawn from p: of a rule's pieces only p's own rows are used
    alone = plan.probe.but(K=0)
    return binned_law(WRONG["M12"].generate, alone, plan.bins)


def law_of_rule(rule: Rule, plan: Plan, probe: Probe) -> Law | None:
    """Compute a rule's law over cells; None where it has none, or none that can be computed here."""
    # one seed, and u = 0, are no matter of the law; M52's is so near M21's, whose slip it is, that no text tells them
    if rule.id in ("M39", "M40", "M52"):
        return None
    if rule.id in OF_ALL_TOKENS and plan.ids is not None:
        return None
    # some mistakes are none here: where a stale token is not looked at, where there is no penalty, no temperature
    order = 0 if plan.penalty or plan.by_position else max(np.ndim(plan.target), np.ndim(plan.draft)) - 1
    is_right = {"M30": order == 1, "M37": plan.penalty is None, "M38": not plan.strategy}
    is_right["M51"] = len(plan.strategy) < 2
    # others need a drafted round after a fully accepted one, or a model that knows its position
    is_right |= {"M46": plan.max_new_tokens < plan.K + 3, "M47": not plan.by_position}
    if is_right.get(rule.id, False):
        return target_of(plan)
    law = law_on(rule, probe, order=order, bins=plan.bins)
    return law if law is None or plan.bins is not None else merged(law, plan.prompt, plan.positions)


def renamed(cell: Text, ids: Text | None) -> Text:
    """Write a cell of the small vocabulary, whose laws are computed, with the tokens of the large one."""
    return cell if ids is None else tuple(ids[x] for x in cell)


def text_of(records: Sequence[dict[str, Any]]) -> str:
    """Write records as the text of the file, one line for each table, list or law."""

    def lines(value: Any, indent: str) -> str:
        if not isinstance(value, dict):
            return json.dumps(value, separators=(",", ":"))
        inner = [f'{indent} "{key}": {lines(each, indent + " ")}' for key, each in value.items()]
        return "{\n" + ",\n".join(inner) + f"\n{indent}}}" if inner else "{}"

    maker = "python -m specsample.conformance.make_probes"
    about = {"format": 1, "made_by": maker, "alpha": 1e-6, "power": 0.999}
    head = "".join(f' "{key}": {json.dumps(value)},\n' for key, value in about.items())
    # weights become shares of one error budget
    total = fsum(each["weight"] for each in records)
    shares = [{**each, "weight": each["weight"] / total} for each in records]
    return "{\n" + head + ' "probes": [\n' + ",\n".join("  " + lines(each, "  ") for each in shares) + "\n ]\n}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or check the search: status 0 if all is well."""
    parser = argparse.ArgumentParser(prog="make_probes", description="Write the probe pack.")
    parser.add_argument(
        "--design", action="store_true", help="search the tables of P1 again; status 1 if they differ"
    )
    parser.add_argument("--out", type=Path, default=PATH, help="file to write")
    given = parser.parse_args(arguments)
    if given.design:
        tables, _ = design(P1, **SEARCH)
        return int([weights.tolist() for weights in tables] != [PLANS["P1"].target, PLANS["P1"].draft])
    given.out.write_text(text_of([record(plan) for plan in PLANS.values()]), encoding="utf-8")
    return 0


def _rounded(mass: float, digits: int = DIGITS) -> float:
    """Keep some significant digits."""
    return float(f"{mass:.{digits}g}")


if __name__ == "__main__":
    sys.exit(main())
