"""How was the probe pack made?  `python -m specsample.conformance.make_probes` writes `probes.json` again.

Every probe is a few rows of weights and a setting; the laws follow by exact enumeration, in fractions, and are
written with ten significant digits, so that the file comes out bit for bit (V = 32: sums of floats, whose rounding
ten digits hide).
`--design` searches the tables of P1 again and compares them with those of the plan (two
minutes on one core; the file alone takes half a minute).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from specsample.conformance.evidence.sizes import required_n_against
from specsample.conformance.laws.exact import Law
from specsample.conformance.laws.probes import Probe
from specsample.conformance.laws.rule import Rule
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.pack.design import P1, design
from specsample.conformance.pack.large_laws import binned_law, law_on, merged
from specsample.conformance.pack.plans import PLANS, SEARCH, Plan

PATH = Path(__file__).parent / "pack" / "probes.json"
DIGITS, LARGEST_N = 10, 1_000_000


def record(plan: Plan) -> dict[str, Any]:
    """Compute everything about a probe that the file holds.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    dict of JSON values
    """
    probe, names = plan.probe, ("name", "purpose", "prompt", "K", "max_new_tokens", "stop", "strategy", "penalty")
    law = target_of(plan)
    cells = sorted(law)
    p = [_rounded(law[cell], 12 if plan.bins else 17) for cell in cells] + [0.0]
    laws: dict[str, list[float]] = {}
    for rule in WRONG.values():
        found = law_of_rule(rule, plan, probe)
        if found is not None:
            inside = [float(found.get(cell, 0)) for cell in cells]
            outside = sum((mass for cell, mass in found.items() if cell not in law), Fraction(0))
            laws[rule.id] = [_rounded(mass) for mass in (*inside, float(outside))]
    blind = [name for name, m in laws.items() if np.abs(np.subtract(m, p)).sum() < 1e-9]
    seen = {name: m for name, m in laws.items() if name not in blind}
    needed = {name: required_n_against(m, p, rivals=len(seen)) for name, m in seen.items()}
    return {
        **{name: getattr(plan, name) for name in names},
        "weight": plan.weight,
        "positions": plan.positions,
        "bins": plan.bins,
        "target": plan.target,
        "draft": plan.draft,
        "required_n": {name: int(n) for name, n in needed.items() if n <= LARGEST_N},
        "blind_to": blind,
        "cells": cells,
        "law": p,
        "rule_laws": seen,
    }


def target_of(plan: Plan) -> Law:
    """Compute the target's law over cells, exactly."""
    probe = plan.probe
    if plan.bins is None:
        return merged(probe.target_law(), plan.prompt, plan.positions)
    standard = WRONG["M12"]  # of its pieces only p's own rows are used below
    alone = probe.but(K=0)  # no drafts: every token is drawn from p
    return binned_law(standard.generate, alone, plan.bins)


def law_of_rule(rule: Rule, plan: Plan, probe: Probe) -> Law | None:
    """Compute a rule's law over cells; None where it has none, or none that can be computed here."""
    if rule.id in ("M39", "M40"):  # one seed, and u = 0: not a matter of the law
        return None
    order = 0 if plan.penalty else max(np.ndim(plan.target), np.ndim(plan.draft)) - 1
    is_right = {"M30": order == 1, "M37": plan.penalty is None, "M38": not plan.strategy}
    if is_right.get(rule.id, False):
        return target_of(plan)
    law = law_on(rule, probe, order=order, bins=plan.bins)
    return law if law is None or plan.bins is not None else merged(law, plan.prompt, plan.positions)


def text_of(records: Sequence[dict[str, Any]]) -> str:
    """Write records as the text of the file, one line for each table, list or law.

    Parameters
    ----------
    records : sequence of dict of JSON values

    Returns
    -------
    str
    """

    def lines(value: Any, indent: str) -> str:
        if not isinstance(value, dict):
            return json.dumps(value, separators=(",", ":"))
        inner = [f'{indent} "{key}": {lines(each, indent + " ")}' for key, each in value.items()]
        return "{\n" + ",\n".join(inner) + f"\n{indent}}}" if inner else "{}"

    about = {
        "format": 1,
        "made_by": "python -m specsample.conformance.make_probes",
        "alpha": 1e-6,
        "power": 0.999,
    }
    head = "".join(f' "{key}": {json.dumps(value)},\n' for key, value in about.items())
    total = sum(each["weight"] for each in records)
    shares = [{**each, "weight": each["weight"] / total} for each in records]
    return "{\n" + head + ' "probes": [\n' + ",\n".join("  " + lines(each, "  ") for each in shares) + "\n ]\n}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or check the search.

    Parameters
    ----------
    arguments : sequence of str or None for those of the command line

    Returns
    -------
    int, 0 if all is well
    """
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


def _rounded(mass: Any, digits: int = DIGITS) -> float:
    """Keep some significant digits."""
    return float(f"{float(mass):.{digits}g}")


if __name__ == "__main__":
    sys.exit(main())
