"""Write docs/strategies.md: what each decoding strategy, on either side, does to acceptance, and that it stays exact.

    python docs/make_strategies.py            from the counts in docs/strategies.json
    python docs/make_strategies.py --measure  count those first, some minutes
    python docs/make_strategies.py --time     time a row of each strategy again first, one minute; needs 2 GB

A test says that running it again without measuring changes nothing, and repeats a part of the counting.
"""

import argparse
import json
import os
from datetime import date
from fractions import Fraction as F
from functools import cache
from pathlib import Path
from time import process_time

import numpy as np
from pages import row, wrapped

from specsample import TableModel, decoding_strategy, generate, load_pair, overlap, verify
from specsample.bench.machine import describe_machine
from specsample.conformance import exact_law, target_law, total_variation
from specsample.distributions import pick, softmax
from specsample.theory import contexts, expected_tokens, rates_by_position, survival
from specsample.transformer.allocator import keep_freed_memory

PAGE = Path(__file__).with_name("strategies.md")
COUNTS = Path(__file__).with_name("strategies.json")
K = 5
TOKENS = 150  # a text
SEEDS = 4  # a prompt
LONG = 8  # the K at which run lengths are counted
LARGE = (49_152, 151_936)  # tokens: SmolLM2's vocabulary, and Qwen2.5's
OTHERS = ("pass", "sorts of the row", "`", "K = 4")  # what is timed beside the strategies
SPREADS = {3: "steep", 1: "flat"}  # standard deviation of the logits
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
    found = json.loads(COUNTS.read_text(encoding="utf-8"))
    found |= {"date": str(date.today()), "K": K, "tokens": TOKENS, "runs": {}}
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


# --- at large vocabularies ---------------------------------------------------------------------------------------


def pass_of_135m(V, rng):
    """Make the matmuls of one row through SmolLM2-135M's shape, with V tokens: what a pass cannot cost less than."""
    D, F_, KV = 576, 1536, 192
    layer = [(D, D), (D, KV), (D, KV), (D, D), (D, F_), (D, F_), (F_, D)]
    matrices = [rng.standard_normal(shape, np.float32) for shape in [*layer * 30, (D, V)]]
    inputs = {n: rng.standard_normal((1, n), np.float32) for n in (D, F_)}
    return lambda: [inputs[len(matrix)] @ matrix for matrix in matrices]


def sorted_whole(p):
    """Sort a row, and then the order: how these strategies were written before they spared the tail."""
    return np.argsort(np.argsort(-p, kind="stable"), kind="stable")


def calls(V, spread, rng):
    """Name what is timed at V tokens, on rows of softmax(logits) whose standard deviation is `spread`."""
    logits = (rng.standard_normal((9, V)) * spread).astype(np.float32)
    rows = softmax(logits)
    x = [int(row.argmax()) for row in rows[:4]]
    timed = {"greedy": decoding_strategy(temperature=0), "T = 0.7": decoding_strategy(temperature=0.7)}
    timed |= {"top-k 50": decoding_strategy(top_k=50), "top-p 0.9": decoding_strategy(top_p=0.9)}
    timed |= {"min-p 0.05": decoding_strategy(min_p=0.05), "typical 0.9": decoding_strategy(typical_p=0.9)}
    timed |= {"two stable sorts of the row": sorted_whole, "`pick`": lambda p: pick(p, 0.5)}
    found = {name: lambda call=call: call(rows[0]) for name, call in timed.items()}
    found["`softmax`"] = lambda: softmax(logits[0])
    found["`verify`, K = 4"] = lambda: verify(x, rows[:4], rows[4:], u_accept=[0.0] * 3 + [1.0], u_emit=0.5)
    return found


def time_rows():
    """Time a row of each strategy and a pass, in turns in one process; CPU time, medians of 15."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        raise SystemExit("one thread: OPENBLAS_NUM_THREADS=1 python docs/make_strategies.py --time")
    keep_freed_memory()
    machine = describe_machine()
    kind = f"{machine['cores']} cores, {'with' if machine['avx512'] else 'without'} AVX-512"
    found = {"date": str(date.today()), "machine": f"{machine['processor']} ({kind})", "numpy": machine["numpy"]}
    found["cells"] = {}
    for V in LARGE:
        rng = np.random.default_rng(0)
        timed = {(spread, name): call for spread in SPREADS for name, call in calls(V, spread, rng).items()}
        timed["pass", ""] = pass_of_135m(V, rng)
        times = {key: [] for key in timed}
        for _ in range(16):
            for key, call in timed.items():
                start = process_time()
                call()
                times[key].append(process_time() - start)
        # the first turn warms the memory up
        medians = {key: float(np.median(seconds[1:])) * 1e3 for key, seconds in times.items()}
        found["cells"][str(V)] = {f"{a} {b}".strip(): round(ms, 4) for (a, b), ms in medians.items()}
    counts = json.loads(COUNTS.read_text(encoding="utf-8")) | {"times": found}
    COUNTS.write_text(json.dumps(counts) + "\n", encoding="utf-8")


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


def time_cells(counts):
    """Write the table of times: milliseconds, and which share of a pass in the same run."""
    cells = counts["times"]["cells"]
    names = [key.removeprefix("3 ") for key in cells[str(LARGE[0])] if key.startswith("3 ")]
    for name in names:
        both = [(cells[str(V)][f"{spread} {name}"], cells[str(V)]["pass"]) for V in LARGE for spread in SPREADS]
        yield row(name, *(f"{ms:.2f} ({ms / whole:.3f})" for ms, whole in both))


def worst_share(counts):
    """Find the largest share of a pass that a row of any strategy costs."""
    for V, cells in counts["times"]["cells"].items():
        shares = [ms / cells["pass"] for key, ms in cells.items() if not key.endswith(OTHERS)]
        yield f"{max(shares):.2f} at V = {int(V):,}"


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

## What a row costs at large vocabularies

CPU milliseconds a row of float32, and in brackets the share of what the matmuls of one row through a model of 135M
parameters (SmolLM2's shape) cost in the same run, {pass_ms}; by `OPENBLAS_NUM_THREADS=1 python
docs/make_strategies.py --time` on {times[date]}, in turns, medians of 15, freed memory kept as in `specsample bench`,
on {times[machine]} with NumPy {times[numpy]}. The rows are softmax of normal logits of standard deviation 3 (steep;
top-p 0.9 keeps about one token in 20) and 1 (flat; it keeps more than half of them, so that no tail is left to cut).

| | {large[0]:,}: steep | flat | {large[1]:,}: steep | flat |
|---|---|---|---|---|
{times_table}

The strategies cost at most {worst}. Greedy is an argmax; top-k finds its k-th token by partition; top-p and typical
sort only as much of the row as holds the mass. The rows are those that sorting them whole gives, bit for bit and ties
included: `tests/test_strategies.py` draws them with ties, zeros and one token alone, as fractions, float64 and
float32.

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
        pass_ms=" and ".join(f"{counts['times']['cells'][str(V)]['pass']:.0f} ms at V = {V:,}" for V in LARGE),
        times=counts["times"],
        large=LARGE,
        times_table="\n".join(time_cells(counts)),
        worst=" and ".join(worst_share(counts)),
        **{name: counts[name] for name in ("K", "tokens", "date")},
        **lessons(counts),
    )
    return wrapped(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="count first")
    parser.add_argument("--time", action="store_true", help="time a row of each strategy first")
    wanted = parser.parse_args()
    if wanted.measure:
        measure()
    if wanted.time:
        time_rows()
    PAGE.write_text(page(), encoding="utf-8")
