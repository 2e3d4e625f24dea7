"""Write docs/strategies.md: what each decoding strategy, on either side, does to acceptance, and that it stays exact.

    python docs/make_strategies.py            from the counts in docs/strategies.json
    python docs/make_strategies.py --measure  count those first, some minutes

A test says that running it again without measuring changes nothing, and repeats a part of the counting.
"""

import argparse
import json
from datetime import date
from fractions import Fraction as F
from functools import cache
from pathlib import Path

import numpy as np
from pages import row, wrapped

from specsample import TableModel, decoding_strategy, generate, load_pair, overlap
from specsample.conformance import exact_law, target_law, total_variation
from specsample.theory import contexts, expected_tokens, rates_by_position, survival

PAGE = Path(__file__).with_name("strategies.md")
COUNTS = Path(__file__).with_name("strategies.json")
K = 5
TOKENS = 150  # a text
SEEDS = 4  # a prompt
LONG = 8  # the K at which run lengths are counted
PROMPTS = {
    "code": [
        'def read_lines(path):\n    """Return the lines of a file."""\n    ',
        "class Queue:\n    def __init__(self, maxsize=0):\n        ",
        "import os\nimport sys\n\ndef main(argv=None):\n    ",
        "    for name, value in sorted(options.items()):\n        if ",
    ],
    "prose": [
        "The expression list is evaluated in order, and ",
        "If the object is not a sequence, the ",
        "When a class definition is executed, ",
        "Note: the following methods are called when ",
    ],
}


def squared(probs):
    """Temperature 1/2 on fractions: p^2, normalised."""
    return probs**2 / (probs**2).sum(-1, keepdims=True)


def none(probs):
    """Sample from the model as it is."""
    return probs


def after_squaring(transform):
    """Apply temperature 1/2 on fractions, then another strategy."""
    return lambda probs: transform(squared(probs))


# name: the strategy on the shipped pair; the same, with other numbers, on fractions
STRATEGIES = {
    "none": (none, none),
    "T = 1/2": (decoding_strategy(temperature=0.5), squared),
    "greedy": (decoding_strategy(temperature=0), decoding_strategy(temperature=0)),
    "top-k": (decoding_strategy(top_k=10), decoding_strategy(top_k=2)),
    "top-p": (decoding_strategy(top_p=0.9), decoding_strategy(top_p=F(3, 4))),
    "min-p": (decoding_strategy(min_p=0.1), decoding_strategy(min_p=F(1, 2))),
    "typical": (decoding_strategy(typical_p=0.9), decoding_strategy(typical_p=F(3, 4))),
    "T = 1/2, top-p": (
        decoding_strategy(temperature=0.5, top_p=0.9),
        after_squaring(decoding_strategy(top_p=F(3, 4))),
    ),
    "top-k, min-p": (decoding_strategy(top_k=10, min_p=0.1), decoding_strategy(top_k=2, min_p=F(1, 2))),
}
PAIRS = [
    *((name, name) for name in STRATEGIES),
    *(("T = 1/2", "none"), ("none", "T = 1/2"), ("greedy", "none"), ("none", "greedy"), ("T = 1/2", "greedy")),
    *(("top-p", "none"), ("none", "top-p"), ("typical", "top-p"), ("min-p", "T = 1/2")),
]

TARGET = TableModel(np.array([[4, 2, 2], [1, 5, 2], [1, 3, 4]], dtype=object) * F(1, 8))
DRAFT = TableModel(np.array([[3, 4, 1], [2, 3, 3], [2, 1, 5]], dtype=object) * F(1, 8))


# --- on fractions ------------------------------------------------------------------------------------------------


@cache
def exact(pair):
    """Compute alpha, tokens a pass and the distance from the transformed target, for a pair of names, exactly."""
    p = STRATEGIES[pair[0]][1]
    q = STRATEGIES[pair[1]][1]

    # in closed form: the drafts kept are those of min(p, q), after every context
    kept = np.minimum(contexts(TableModel(p(TARGET.table))), contexts(TableModel(q(DRAFT.table))))
    at_least = survival(kept, 2).sum(1) / F(3)  # over the three contexts

    # by enumeration: the shipped function's law of three tokens
    setting = {"K": 2, "max_new_tokens": 3, "transform": p, "draft_transform": q}
    law = exact_law(lambda tape: tuple(generate([0], TARGET, DRAFT, rng=tape, **setting)[0]))
    distance = total_variation(law, target_law(TARGET, [0], 3, transform=p))
    return at_least[1:].sum() / at_least[:-1].sum(), at_least.sum(), distance


# --- on the shipped pair -----------------------------------------------------------------------------------------


def count(models, pair, prompt, seed):
    """Generate from one prompt: rounds, drafts tested, drafts accepted, sum of the overlaps of the tested ones."""
    p = STRATEGIES[pair[0]][0]
    q = STRATEGIES[pair[1]][0]
    target, draft = models
    setting = {"K": K, "max_new_tokens": TOKENS, "transform": p, "draft_transform": q, "keep_rows": True}
    tokens = target.tokenizer.encode(prompt)
    trace = generate(tokens, target, draft, rng=np.random.default_rng(seed), **setting)[1]
    rows = [(r.target_rows[: r.n_tested], r.draft_rows[: r.n_tested]) for r in trace.rounds if r.n_tested]
    beta = sum(float(overlap(*row).sum()) for row in rows)
    return [trace.target_passes, trace.tested, trace.accepted, round(beta, 3)]


def run_lengths(models, kind):
    """Count the rounds of K = 8 drafts by the number that is accepted, at temperature 1."""
    target, draft = models
    found = [0] * (LONG + 1)
    for text in PROMPTS[kind]:
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            tokens = target.tokenizer.encode(text)
            trace = generate(tokens, target, draft, K=LONG, max_new_tokens=TOKENS, rng=rng)[1]
            for played in trace.rounds:
                found[played.n_accepted] += played.K == LONG  # the last rounds of a text are shorter
    return found


def measure():
    """Count on every prompt with every seed, and write the counts down."""
    models = load_pair()
    found = {"date": str(date.today()), "K": K, "tokens": TOKENS, "runs": {}}
    found["run_lengths"] = {kind: run_lengths(models, kind) for kind in PROMPTS}
    for pair in PAIRS:
        runs = {
            kind: [count(models, pair, text, seed) for text in texts for seed in range(SEEDS)]
            for kind, texts in PROMPTS.items()
        }
        found["runs"][" | ".join(pair)] = runs
        COUNTS.write_text(json.dumps(found) + "\n", encoding="utf-8")


def summary(runs):
    """Compute alpha, the mean overlap, tokens a pass with half the width of its 95 % interval, and equation 1."""
    rounds, tested, accepted, beta = np.array(runs, float).T
    alpha = accepted.sum() / tested.sum()
    tokens = TOKENS / rounds
    half = 1.96 * tokens.std(ddof=1) / len(runs) ** 0.5
    return alpha, beta.sum() / tested.sum(), tokens.mean(), half, float(expected_tokens(alpha, K))


# --- the page ----------------------------------------------------------------------------------------------------


def exact_row(pair):
    """Write a pair's row of the exact table."""
    alpha, tokens, distance = exact(pair)
    return row(*pair, f"{float(alpha):.3f}", f"{float(tokens):.3f}", distance)


def measured_row(pair, counts):
    """Write a pair's row of the measured table."""
    cells = list(pair)
    for runs in counts["runs"][" | ".join(pair)].values():
        alpha, beta, tokens, half, equation_1 = summary(runs)
        cells += [f"{alpha:.3f}", f"{beta:.3f}", f"{tokens:.2f} ± {half:.2f}", f"{equation_1:.2f}"]
    return row(*cells)


def lengths(histogram):
    """Expand counts by number of accepted drafts to one entry a round."""
    return [n for n, count in enumerate(histogram) for _ in range(count)]


def run_rows(counts):
    """Write the table of run lengths: the rate at each position, and how often runs reach it."""
    columns = []
    for histogram in counts["run_lengths"].values():
        n = lengths(histogram)
        alpha = sum(n) / sum(min(i + 1, LONG) for i in n)
        reached = [sum(i >= k for i in n) / len(n) for k in range(1, LONG + 1)]
        both = enumerate(zip(rates_by_position(n, LONG), reached, strict=True), 1)
        columns.append([(f"{rate:.3f}", f"{share:.3f}", f"{alpha**k:.3f}") for k, (rate, share) in both])
    for k, cells in enumerate(zip(*columns, strict=True), 1):
        yield row(k, *(cell for column in cells for cell in column))


def run_means(counts):
    """Say for each kind how many rounds there were, alpha, and the mean against equation 1."""
    for kind, histogram in counts["run_lengths"].items():
        n = lengths(histogram)
        alpha = sum(n) / sum(min(i + 1, LONG) for i in n)
        mean = 1 + np.mean(n)
        equation_1 = expected_tokens(alpha, LONG)
        yield f"{kind}: {len(n)} rounds, α = {alpha:.3f}, {mean:.2f} tokens where equation 1 says {equation_1:.2f}"


TEXT = """\
# Decoding strategies, on either side

A decoding strategy maps distributions to distributions, so that any of them can be put on the target, on the draft,
or different ones on both. The text follows the transformed *target*; the draft's strategy only sets the speed. Made
by `python docs/make_strategies.py`.

## Exactly, on fractions

Two tables of order 1 with V = 3, K = 2. α is accepted / tested and *tokens* the mean of a round, both exact, over one
round after each of the three contexts. *Distance* is the total variation between the joint law of three tokens that
`generate` emits, over whole runs in exact fractions, and the law of the transformed target: 0 is an exact zero. Here
T = 1/2 is p² normalised, top-k keeps 2, top-p and typical 3/4, min-p 1/2. More such checks, on tables that Hypothesis
draws, are in `tests/test_proof.py`.

| target | draft | α | tokens | distance |
|---|---|---|---|---|
{exact}

## On the shipped pair

K = {K}; {n} runs of {tokens} tokens for each cell, from {prompts} prompts of each kind with seeds 0 to {last};
counted by `python docs/make_strategies.py --measure` on {date} (no times, so that a busy machine does not matter; up
to rounding at a threshold the counts are the same everywhere). α is accepted / tested, β the mean of Σ min(p, q) over
the tested drafts, which estimates the same with less noise, *tokens* the tokens a target pass with a 95 % interval
from the spread of the runs, and *Eq. 1* what Leviathan et al.'s equation 1 gives at this α. Here top-k keeps 10,
top-p and typical 0.9, min-p 0.1.

| target | draft | code: α | β | tokens | Eq. 1 | prose: α | β | tokens | Eq. 1 |
|---|---|---|---|---|---|---|---|---|---|
{measured}

## Are acceptances independent?

Equation 1 takes them so. Rounds of K = {long} drafts at T = 1 with no strategy, from the same prompts and seeds:
*rate* is accepted / tested of the draft at this position alone, *reached* the share of rounds that accept so many
drafts or more, and α^k what equation 1 takes for it. For {means}.

| draft | code: rate | reached | α^k | prose: rate | reached | α^k |
|---|---|---|---|---|---|---|
{runs}

A round starts where the last one failed, so that its first draft stands in a harder place than most: its rate is the
lowest, on code clearly (the standard error is 0.02), on prose within the noise. Runs that get far are in
easy stretches and get farther than α^k says. `theory.chains` computes both effects exactly from tables.

## What the tables teach

- Every distance is exactly 0: any strategy, on either side, different ones on both. What must never happen is that
  the draft is picked from one distribution and tested with another.
- Give the draft the target's strategy. At T = 1/2 on both sides α is {half_half} (code and prose); with the
  draft left as it is, {half_none}. Under a greedy target, {greedy_greedy} with a greedy draft and {greedy_none} with
  one that samples.
- A draft that is narrower than its target costs most: what it never says must come from corrections. Under a target
  at T = 1, α is {none_none} with the same draft, {none_half} with a draft at T = 1/2 and {none_greedy} with a greedy
  one.
- Narrowing both sides need not raise α. On the shipped pair it mostly does, for the two agree on what is likely; on
  the small tables it lowers it from 0.750 to 0.536 (min-p), because it throws away mass that both shared.
- Top-p and typical sampling nearly coincide on the shipped pair: where the target is sure of one character, both keep
  that one.
- Equation 1 is above the measured tokens in {above} of {cells} cells: it promises a little too much, because
  acceptances come in runs and because the last round of a text is cut short.
"""


def rates(runs):
    """Write alpha on code and on prose."""
    return " and ".join(f"{summary(runs[kind])[0]:.2f}" for kind in PROMPTS)


def lessons(counts):
    """Take the numbers that the lessons quote from the counts."""
    short = {"half": "T = 1/2"}
    quoted = ("half_half", "half_none", "greedy_greedy", "greedy_none", "none_none", "none_half", "none_greedy")
    pairs = {name: " | ".join(short.get(side, side) for side in name.split("_")) for name in quoted}
    found = {name: rates(counts["runs"][pair]) for name, pair in pairs.items()}
    cells = [summary(runs) for kinds in counts["runs"].values() for runs in kinds.values()]
    return found | {"above": sum(cell[4] > cell[2] for cell in cells), "cells": len(cells)}


def page():
    """Compose the page."""
    counts = json.loads(COUNTS.read_text(encoding="utf-8"))
    text = TEXT.format(
        exact="\n".join(map(exact_row, PAIRS)),
        measured="\n".join(measured_row(pair, counts) for pair in PAIRS),
        n=len(PROMPTS["code"]) * SEEDS,
        prompts=len(PROMPTS["code"]),
        last=SEEDS - 1,
        long=LONG,
        means="; for ".join(run_means(counts)),
        runs="\n".join(run_rows(counts)),
        **{name: counts[name] for name in ("K", "tokens", "date")},
        **lessons(counts),
    )
    return wrapped(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="count first")
    if parser.parse_args().measure:
        measure()
    PAGE.write_text(page(), encoding="utf-8")
