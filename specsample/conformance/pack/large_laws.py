"""The laws of rules on probes too large for `law_of`.

Two shorter ways to the same law. With an order, `renewal_law` enumerates the rounds after the last tokens that the
tables look at, and not after each text. `binned_law` multiplies matrices, for rules that treat every draft alike,
and sums over tokens in bins on the way: V = 32 has 33 million texts of five tokens.
"""

from collections.abc import Collection, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.evidence.cells import Text
from specsample.conformance.laws.exact import Law
from specsample.conformance.laws.open_round import (
    Seen,
    accept_draft,
    correction,
    is_renewal,
    judge,
    law_of,
    ratio,
    renewal_law,
    speculate,
)
from specsample.conformance.laws.probes import Probe
from specsample.conformance.laws.rule import Rule
from specsample.conformance.pack.packed import see
from specsample.distributions import Array

# rules whose acceptance, replacement and bonus depend on nothing but p and q where the draft stands
PER_TOKEN = tuple(f"M{i:02}" for i in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 17, 22, 28, 29, 45, 50))
ROUND_WITHOUT_DRAFTS = -1  # in place of the number of drafts left


class Transitions(NamedTuple):
    """What a rule emits after token c, as (V, V) matrices whose row c is over the next token x."""

    kept: Array  # P(x is drafted and accepted)
    replaced: Array  # P(a draft is refused and x emitted in its place)
    bonus: Array  # P(x) where all drafts of a round were accepted
    alone: Array  # P(x) in a round without drafts


def law_on(rule: Rule, probe: Probe, *, order: int, bins: Sequence[Sequence[int]] | None) -> Law | None:
    """Compute the law of a rule on a probe, by the shortest way; None where there is no short way.

    The tables look at `order` tokens of context, 0 where they are no plain tables; with (V, V) bins, the law is one
    of sequences of bins.
    """
    if bins is not None:
        return binned_law(rule.generate, probe, bins) if rule.id in PER_TOKEN else None
    # M34 looks at the whole text, but its rounds can be told what that is
    if rule.id == "M34" and len(probe.setting.prompt) == 1:
        return old_index_law(probe)
    if is_renewal(rule.generate) and order and len(probe.setting.prompt) >= order:
        return renewal_law(rule.generate, probe, order=order)
    return law_of(rule.generate, probe)


def old_index_law(probe: Probe) -> Law:
    """Compute the law of rule M34 round by round, on a probe with a prompt of one token."""

    def accept(seen: Seen, n: int) -> Any:
        # the text so far is the prompt of each round here; after its first token it is what M34 calls new
        token = [*seen.prompt[1:], *seen.new, *seen.x][n]
        return ratio(seen.p[n, token], seen.q[n, token])

    return renewal_law(partial(speculate, judging=partial(judge, accept=accept)), probe)


def binned_law(sampler: Any, probe: Probe, bins: Sequence[Sequence[int]]) -> Law:
    """Compute the law of the bins of a text, for a rule of `PER_TOKEN` or the standard one.

    Mass is carried from token to token in the states (drafts left in the round, last token), a row of it for each
    sequence of bins so far. bins[c][x] is the bin of token x after token c. The tables are of order 1, and there are
    neither a strategy nor stop tokens.
    """
    setting = probe.setting
    p = setting.target_model.table.astype(float)  # type: ignore[attr-defined]
    q = setting.draft_model.table.astype(float)  # type: ignore[attr-defined]
    n_bins = 1 + int(np.max(bins))
    V = len(p)
    # each matrix once a bin, zero at the tokens of other bins: (n_bins, V, V)
    in_bin = np.asarray(bins) == np.arange(n_bins)[:, None, None]
    kept, replaced, bonus, alone = (in_bin * matrix for matrix in transitions(sampler, p, q))

    def drafts_in(room: int) -> int:
        return min(setting.K, room - 1) or ROUND_WITHOUT_DRAFTS

    # number of drafts left -> (sequences of bins, V); at first all mass is on the last token of the prompt
    mass = {drafts_in(setting.max_new_tokens): np.eye(V)[[setting.prompt[-1]]]}
    for room in range(setting.max_new_tokens - 1, -1, -1):  # tokens to come after this one
        moved: dict[int, Any] = {}
        for k, rows in mass.items():
            if k == ROUND_WITHOUT_DRAFTS:
                ways = [(alone, drafts_in(room))]
            elif k == 0:  # all drafts of the round were accepted
                ways = [(bonus, drafts_in(room))]
            else:
                ways = [(kept, k - 1), (replaced, drafts_in(room))]
            for matrix, left in ways:
                # the bin of x becomes the last digit of the sequence
                sums = np.einsum("sc,bcx->sbx", rows, matrix).reshape(-1, V)
                moved[left] = moved.get(left, 0) + sums
        mass = moved
    total = sum(rows.sum(axis=1) for rows in mass.values())
    return {tuple(digits): float(total[i]) for i, digits in enumerate(np.ndindex((n_bins,) * setting.max_new_tokens))}


def transitions(sampler: Any, p: Array, q: Array) -> Transitions:
    """Write a rule of `PER_TOKEN` as matrices: its pieces are asked about every context c and token x."""
    judging = getattr(sampler.keywords.get("judging"), "keywords", {})
    drafting = getattr(sampler.keywords.get("drafting"), "keywords", {})
    accept = judging.get("accept", accept_draft)
    correct = judging.get("correct", correction)
    bonus = judging.get("bonus", lambda seen: seen.p[-1])
    V = len(p)
    kept = np.zeros((V, V))
    replaced = np.zeros((V, V))
    for c in range(V):
        # the law of the draft, which some rules do not report: P(x) is not always q[c, x]
        picked = drafting.get("picked_from", lambda row: row)(q[c])
        for x in np.flatnonzero(picked).tolist():
            told = drafting.get("reported", lambda row, _: row)(q[c], x)
            seen = Seen([], [], [x], told[None], np.stack([p[c], p[c]]), ())
            a = float(accept(seen, 0))
            kept[c, x] = picked[x] * a
            replaced[c] += picked[x] * (1 - a) * (correct(seen, 0) if a < 1 else 0)
    # the last row of p, with a draft before it and without one
    after = [bonus(Seen([], [], [0], q, row[None], ())) for row in p]
    alone = [bonus(Seen([], [], [], q, row[None], ())) for row in p]
    return Transitions(kept, replaced, np.array(after, float), np.array(alone, float))


def merged(law: Law, prompt: Text, positions: Text | None) -> Law:
    """Sum a law of texts over the tokens that are not looked at."""
    sums: Law = {}
    for text, mass in law.items():
        cell = see(text, prompt, positions, None)
        sums[cell] = sums.get(cell, 0) + mass
    return sums


def over_cells(law: Law, cells: Collection[Text]) -> list[float]:
    """List the masses of the C - 1 cells that the target can reach, and last that of everything else."""
    inside = [float(law.get(cell, 0)) for cell in cells]
    known = set(cells)
    outside = sum((mass for cell, mass in law.items() if cell not in known), Fraction(0))
    return [*inside, float(outside)]
