"""Which law does each rule have on a probe that is too large for `law_of`?

Two shorter ways to the same law. With an order, `renewal_law` enumerates the rounds behind the last tokens that the
tables look at, and not behind each text. `binned_law` multiplies matrices, for rules that treat every draft alike,
and sums over tokens in bins on the way: V = 32 has 33 million texts of five tokens.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

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
from specsample.conformance.pack.packed import see
from specsample.distributions import Array

# rules whose acceptance, replacement and bonus depend on nothing but p and q where the draft stands
PER_TOKEN = ("M01", "M02", "M03", "M04", "M05", "M06", "M08", "M09", "M10", "M11", "M12", "M17", "M22", "M28", "M29")


def old_index_law(probe: Probe) -> Law:
    """Compute the law of rule M34, whose rounds look at the text, round by round: `renewal_law` keeps whole texts.

    Parameters
    ----------
    probe : Probe, with a prompt of one token

    Returns
    -------
    dict from tuple of tokens to probability
    """

    def accept(seen: Seen, n: int) -> Any:
        token = [*seen.prompt[1:], *seen.new, *seen.x][n]
        return ratio(seen.p[n, token], seen.q[n, token])

    return renewal_law(partial(speculate, judging=partial(judge, accept=accept)), probe)


def binned_law(sampler: Any, probe: Probe, bins: Sequence[Sequence[int]]) -> Law:
    """Compute the law of the bins of a text, for a rule of `PER_TOKEN` or the standard one, on tables of order 1.

    Mass is carried from token to token in the states (drafts left in the round, last token), a row of it for each
    sequence of bins so far.

    Parameters
    ----------
    sampler : functools.partial of `speculate`
    probe : Probe on a `TableModel` of order 1, without strategy and stop tokens
    bins : (V, V) sequences of int, bins[c][x] is the bin of token x behind token c

    Returns
    -------
    dict from tuple of bins to float
    """
    setting = probe.setting
    p, q = (model.table.astype(float) for model in (setting.target_model, setting.draft_model))  # type: ignore[attr-defined]
    parts = _transitions(sampler, p, q)  # kept, replaced, bonus, last: (V, V) each, behind token c
    n_bins, V = 1 + int(np.max(bins)), len(p)
    in_bin = np.asarray(bins) == np.arange(n_bins)[:, None, None]  # (n_bins, V, V)
    kept, replaced, bonus, last = (in_bin * part for part in parts)
    first = np.eye(V)[[setting.prompt[-1]]]
    mass = {min(setting.K, setting.max_new_tokens - 1) or -1: first}  # drafts left -> (sequences, V)
    for room in range(setting.max_new_tokens - 1, -1, -1):  # tokens to come behind this one
        moved: dict[int, Any] = {}
        fresh = min(setting.K, room - 1)
        for k, rows in mass.items():
            ways = [(last, fresh)] if k == -1 else [(bonus, fresh)] if k == 0 else [(kept, k - 1), (replaced, fresh)]
            for part, left in ways:
                left = -1 if part is not kept and left <= 0 else left  # a round without drafts
                sums = np.einsum("sc,bcx->sbx", rows, part).reshape(-1, V)
                moved[left] = moved.get(left, 0) + sums
        mass = moved
    total = sum(rows.sum(axis=1) for rows in mass.values())
    return {tuple(digits): float(total[i]) for i, digits in enumerate(np.ndindex((n_bins,) * setting.max_new_tokens))}


def _transitions(sampler: Any, p: Array, q: Array) -> tuple[Array, Array, Array, Array]:
    """Write a rule as matrices behind token c: a draft kept, a draft replaced, a bonus, a token without drafts."""
    judging = getattr(sampler.keywords.get("judging"), "keywords", {})
    drafting = getattr(sampler.keywords.get("drafting"), "keywords", {})
    accept, correct = judging.get("accept", accept_draft), judging.get("correct", correction)
    bonus, V = judging.get("bonus", lambda seen: seen.p[-1]), len(p)
    kept, replaced = np.zeros((V, V)), np.zeros((V, V))
    for c in range(V):
        picked = drafting.get("picked_from", lambda row: row)(q[c])
        for x in np.flatnonzero(picked).tolist():
            seen = Seen([], [], [x], q[c : c + 1], np.stack([p[c], p[c]]), ())
            a = float(accept(seen, 0))
            kept[c, x] = picked[x] * a
            replaced[c] += picked[x] * (1 - a) * (correct(seen, 0) if a < 1 else 0)
    after, alone = ([bonus(Seen([], [], x, q, row[None], ())) for row in p] for x in ([0], []))
    return kept, replaced, np.array(after, float), np.array(alone, float)


def law_on(rule: Any, probe: Probe, *, order: int, bins: Sequence[Sequence[int]] | None) -> Law | None:
    """Compute the law of a rule on a probe, by the shortest way.

    Parameters
    ----------
    rule : Rule
    probe : Probe
    order : int, tokens of context that its tables look at; 0 where they are no plain tables
    bins : (V, V) sequences of int or None

    Returns
    -------
    dict from tuple of tokens (or of bins) to probability; None where there is no short way
    """
    if bins is not None:
        return binned_law(rule.generate, probe, bins) if rule.id in PER_TOKEN else None
    if rule.id == "M34" and len(probe.setting.prompt) == 1:
        return old_index_law(probe)
    if is_renewal(rule.generate) and order and len(probe.setting.prompt) >= order:
        return renewal_law(rule.generate, probe, order=order)
    return law_of(rule.generate, probe)


def merged(law: Law, prompt: Text, positions: Text | None) -> Law:
    """Sum a law of texts over the tokens that are not looked at.

    Parameters
    ----------
    law : dict from tuple of tokens to probability
    prompt : tuple of int
    positions : tuple of int or None, the tokens that are looked at; None for all

    Returns
    -------
    dict from tuple of tokens to probability
    """
    sums = Law()
    for text, mass in law.items():
        cell = see(text, prompt, positions, None)
        sums[cell] = sums.get(cell, 0) + mass
    return sums
