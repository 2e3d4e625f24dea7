"""Write docs/verifiers.md: every rule on the same tables, exactly, and on the shipped pair, measured.

    python docs/make_verifiers.py                    from the figures in docs/verifiers-measurements.json
    python docs/make_verifiers.py --measure MACHINE  measure those first: counts only, some minutes

A test says that running it again without measuring changes nothing.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from fractions import Fraction
from functools import cache, partial
from math import sqrt
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from pages import row, wrapped

from specsample import speculative, strategies
from specsample.acceptance import accept_probability
from specsample.conformance.laws.accepted import expected_accepted
from specsample.conformance.laws.exact import total_variation
from specsample.conformance.laws.probes import PROBES
from specsample.training.data import held_out_windows, load_streams
from specsample.transformer.lm import load_pair
from specsample.verifiers import (
    beam,
    block,
    coupled,
    greedy,
    kseq,
    lenient,
    multi_draft,
    sampler_match,
    tree,
    typical,
)
from specsample.verifiers.token_tree import TreeRound

PAGE = Path(__file__).with_name("verifiers.md")
FIGURES = Path(__file__).with_name("verifiers-measurements.json")
PROBE = {name: PROBES[name] for name in PROBES if name in ("paper", "drift", "gaps")}
FORK = (-1, 0, 0, -1)  # 4 nodes, as many as two chains of two
HALF = Fraction(1, 2)
COUPLED = partial(coupled.generate, coupling=coupled.COMMON_UNIFORM)
LENIENT = partial(lenient.generate, lenience=HALF, correction="lenient")

RULES = {  # name: (function, K, chains or the number of nodes, source)
    "token rule": (speculative.generate, 2, 2, "Leviathan et al., 2211.17192; Chen et al., 2302.01318"),
    "token rule, K = 4": (speculative.generate, 4, 4, "Leviathan et al.; Chen et al."),
    "block": (block.generate, 2, 2, "Sun et al., 2403.10444"),
    "block, K = 4": (block.generate, 4, 4, "Sun et al., 2403.10444"),
    "sampler-match": (sampler_match.generate, 2, 2, "—"),
    "coupled, common uniform": (COUPLED, 2, 2, "Daliri et al., 2408.07978"),
    "greedy, against the greedy target": (greedy.generate, 2, 2, "Stern et al., 1811.03115"),
    "multi-draft, 2 chains": (multi_draft.generate, 2, 4, "SpecInfer, 2305.09781"),
    "multi-draft, 2 distinct chains": (partial(multi_draft.generate, distinct=True), 2, 4, "Jeon et al., 2402.14160"),
    "K-SEQ, 2 chains": (kseq.generate, 2, 4, "SpecTr, 2310.15141"),
    "tree of 4": (partial(tree.generate, parents=FORK), 2, 4, "Sequoia, 2402.12374"),
    "lenient, l = 1/2": (partial(lenient.generate, lenience=HALF), 2, 2, "Leviathan et al., appendix A.5"),
    "lenient, l = 1/2, lenient residual": (LENIENT, 2, 2, "Leviathan et al., appendix A.5"),
    "typical, ε = 0.09": (typical.generate, 2, 2, "Medusa, 2401.10774"),
}


# --- exact -------------------------------------------------------------------------------------------------------


@cache
def exact(rule, name):
    """Compute the exact number of drafts kept in a round, and the distance of the law of three tokens."""
    generate, K, _, _ = RULES[rule]
    probe = PROBE[name].but(K=K)
    target = probe.but(transform=strategies.greedy if rule.startswith("greedy") else None).target_law()
    return expected_accepted(generate, probe), total_variation(probe.law(generate), target)


def exact_rows():
    """Rank the rules: the lossless ones first, and those by the drafts that they keep on all probes together."""
    sums = {rule: [sum(values) for values in zip(*(exact(rule, name) for name in PROBE))] for rule in RULES}
    for rule in sorted(RULES, key=lambda rule: (sums[rule][1] > 0, -sums[rule][0])):
        kept, distances = zip(*(exact(rule, name) for name in PROBE))
        shown = " / ".join(f"{float(tv):.3f}" for tv in distances) if sums[rule][1] else "0"
        yield row(rule, RULES[rule][3], RULES[rule][2] + 1, *(f"{float(n):.3f}" for n in kept), shown)


def largest_ratio(correction):
    """Compute by how much a text becomes more likely with lenience 1/2, at most, on any probe: exactly."""
    rule = partial(lenient.generate, lenience=HALF, correction=correction)
    laws = [(probe.law(rule), probe.target_law()) for probe in PROBE.values()]
    return max(mass / target[text] for law, target in laws for text, mass in law.items())


# --- measured ----------------------------------------------------------------------------------------------------

N_PROMPTS = {"few": 15, "many": 60}  # of each kind
PROMPT = 32  # characters
N = 64  # new tokens


def samplers(acceptance):
    """Name what is measured: (what it is compared with, prompts, sampler)."""
    chains = {K: partial(speculative.generate, K=K) for K in (5, 10, 20)}
    trees = {K: partial(tree.generate, parents=tree.best_tree(K, acceptance)) for K in (5, 10, 20)}
    found = {f"token rule, K = {K}": (None, "many" if K == 5 else "few", chains[K]) for K in chains}
    found |= {
        "block, K = 5": ("token rule, K = 5", "many", block.generate),
        "block, K = 10": ("token rule, K = 10", "few", partial(block.generate, K=10)),
        "sampler-match, K = 5": ("token rule, K = 5", "few", sampler_match.generate),
        "coupled, common uniform, K = 5": ("token rule, K = 5", "few", COUPLED),
        "coupled, Gumbel, K = 5": ("token rule, K = 5", "few", coupled.generate),
        "lenient, l = 1/2, K = 5 (lossy)": ("token rule, K = 5", "few", partial(lenient.generate, lenience=0.5)),
        "typical, ε = 0.09, K = 5 (lossy)": ("token rule, K = 5", "few", typical.generate),
    }
    for n, K in ((2, 10), (4, 20)):
        base = f"token rule, K = {K}"
        found |= {
            f"multi-draft, {n} chains of 5": (base, "few", partial(multi_draft.generate, n_chains=n)),
            f"multi-draft, {n} distinct chains of 5": (
                base,
                "few",
                partial(multi_draft.generate, n_chains=n, distinct=True),
            ),
            f"K-SEQ, {n} chains of 5": (base, "few", partial(kseq.generate, n_chains=n)),
        }
    return found | {f"tree of {K}": (f"token rule, K = {K}", "few", trees[K]) for K in trees}


def prompts(streams, number):
    """Cut prompts of code and of prose, spread evenly over the streams."""
    length = PROMPT - 1
    return [
        row
        for kind in ("code", "prose")
        for row in held_out_windows(streams[kind], window=length, limit=length * number).tolist()
    ]


JOBS = {}  # name: (prompts, sampler); processes that are forked inherit it, for not every sampler can be pickled


@cache
def shipped():
    """Load the shipped pair and the text, once a process."""
    return load_pair(), load_streams()


def run_all(name):
    """Sample after every prompt with a generator of its own; give the passes of each, and the rows of all."""
    size, sampler = JOBS[name]
    pair, (_, held_out, _) = shipped()
    traces = [
        sampler(text, *pair, max_new_tokens=N, rng=np.random.default_rng([7, i]))[1]
        for i, text in enumerate(prompts(held_out, N_PROMPTS[size]))
    ]
    rows = sum(trace.drafted + trace.target_passes for trace in traces)
    return name, {"passes": [trace.target_passes for trace in traces], "rows": rows}


def calibrate():
    """Measure a_i of up to four siblings on training text, for the shapes of the trees."""
    bush = tuple([-1] * 4 + [0] * 4 + [1] * 2 + [4] * 4)
    rounds: list[TreeRound] = []
    pair, (train, _, _) = shipped()
    for i, text in enumerate(prompts(train, 20)):
        rng = np.random.default_rng([8, i])
        rounds += tree.generate(text, *pair, parents=bush, max_new_tokens=N, rng=rng)[1].rounds
    return tree.measured_acceptance(rounds, 4)


def guessed_beams(pair, texts):
    """Measure the steps a pass of beam search, and check its beams against those of the target alone."""
    steps: list[int] = []
    is_same: list[bool] = []
    for text in texts:
        beams, found = beam.generate(text, *pair, max_new_tokens=N // 2)
        alone = beam.search(text, pair[0], width=2, max_new_tokens=N // 2)
        steps = steps + found
        is_same = [*is_same, [b.tokens for b in beams] == [b.tokens for b in alone]]
    return {"steps": sum(steps), "passes": len(steps), "texts": len(texts), "same": sum(is_same)}


def kept_by(played):
    """Compute how many of a round's drafts the token rule and the block rule keep on average, given the drafts."""
    p, q = played.target_rows, played.draft_rows
    p_x = np.array(played.p_x, np.float64)
    q_x = np.array(played.q_x, np.float64)
    h = block.keep_probabilities(block.run_weights(p_x, q_x), q, p)
    at_least = 1 - np.cumprod((1 - h)[::-1])[::-1]  # the block is kept up to draft i or further
    return np.cumprod(accept_probability(p_x, q_x)).sum(), at_least.sum()


def same_drafts(pair, texts):
    """Average what both rules keep of the same drafts, after each prompt, over the rounds of K = 5."""
    means: list[list[float]] = []
    for i, text in enumerate(texts):
        rng = np.random.default_rng([7, i])
        rounds = speculative.generate(text, *pair, max_new_tokens=N, rng=rng, keep_rows=True)[1].rounds
        means.append(np.mean([kept_by(played) for played in rounds if played.K == 5], axis=0).round(6).tolist())
    return means


def measure(machine):
    """Run every sampler on the shipped pair and write the counts down."""
    pair, (_, held_out, _) = shipped()
    acceptance = calibrate()
    few = prompts(held_out, N_PROMPTS["few"])
    many = prompts(held_out, N_PROMPTS["many"])

    # jobs by name: those of the table, the chain on few prompts, and both rules at temperature 0
    JOBS.update({name: (size, sampler) for name, (_, size, sampler) in samplers(acceptance).items()})
    JOBS["token rule, K = 5/few"] = "few", speculative.generate
    for name, sampler in (("token rule", speculative.generate), ("greedy", greedy.generate)):
        JOBS[f"{name}, K = 5, temperature 0"] = "few", partial(sampler, transform=strategies.greedy)
    with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
        found = dict(pool.map(run_all, JOBS))

    # what has another unit than tokens a pass
    beams = guessed_beams(pair, few[::5])
    kept = same_drafts(pair, many)
    note = {"date": str(date.today()), "machine": machine, "acceptance": acceptance, "beams": beams, "kept": kept}
    FIGURES.write_text(json.dumps(note | {"samplers": found}, separators=(",", ":")) + "\n", encoding="utf-8")


def figures():
    """Read what was measured."""
    return json.loads(FIGURES.read_text(encoding="utf-8"))


def rate(found):
    """Tokens per target pass: the mean over prompts."""
    return np.mean(N / np.array(found["passes"]))


def difference(found, name, base):
    """Compare with the baseline prompt by prompt: mean and half width of the 95 % interval."""
    theirs = found[base] if len(found[base]["passes"]) == len(found[name]["passes"]) else found[base + "/few"]
    d = N / np.array(found[name]["passes"]) - N / np.array(theirs["passes"])
    return d.mean(), 1.96 * d.std(ddof=1) / sqrt(len(d))


def measured_rows(note):
    """Rank what was measured by tokens per target pass, among equal rows."""
    found = note["samplers"]
    bases = samplers(note["acceptance"])
    order = sorted(
        bases, key=lambda name: (rows_a_pass(found[name]) > 7, rows_a_pass(found[name]) > 12, -rate(found[name]))
    )
    for name in order:
        base = bases[name][0]
        each = found[name]
        versus = "—"
        if base:
            mean, half = difference(found, name, base)
            versus = f"{mean:+.3f} ({mean - half:+.3f} … {mean + half:+.3f})"
        yield row(name, f"{rows_a_pass(each):.1f}", f"{rate(each):.2f}", versus, len(each["passes"]))


def rows_a_pass(each):
    """Rows that the target gives in a pass, on average (fewer near the end of a text)."""
    return each["rows"] / sum(each["passes"])


TEXT = """\
# Verifiers

Every rule of `specsample/verifiers/` beside the token rule of the papers: what it keeps, what it costs, whether the
text is still the target's. Made by `python docs/make_verifiers.py`.

## Exactly, on the same tables

Tables of fractions, K = 2 unless said otherwise, three tokens. *Rows* are what the target gives in a pass. *Kept*
is the exact expected number of accepted drafts in the first round, on the probes `{first}` (p and q depend on the
two tokens before), `{second}` (rows with zeros, some without a token in common) and `{third}` (the pair of the
block verification paper); a round emits one token more. *Distance* is the total variation between the law of the
text that the rule's own `generate` emits and the target's law: 0 is an exact zero on all three, found by
enumerating the shipped function; for lossy rules it stands for each probe.

| rule | source | rows | kept: {first} | {second} | {third} | distance |
|---|---|---|---|---|---|---|
{exact}

A chain's rules are ordered by what they look at: a draw of the target's own, one draft, the whole block. Of the
rules that give the target five rows the tree keeps most over the three tables, thanks to `gaps`, where the draft is
poor and a second sibling is worth more than a third draft; block verification of a chain of four keeps more on the
two others. A second chain that may repeat the first is worth little. Lenience buys its drafts with the distance in
the last column, and more of it with the lenient residual. With l = 1/2 no text of three tokens may become more than 8
times as likely; the largest factor on these probes is {token_ratio:.3f} with the residual of the token rule and
{lenient_ratio:.3f} with the lenient one. Typical acceptance has no bound. Two rules are missing because they are not
made of comparisons with uniform numbers: Gumbel-coupled drafts, whose agreement is known in closed form
(`coupled.race_agreement`), and beam search, which draws nothing and is compared with the target's own beams.

## On the shipped pair

{n} new tokens after prompts of {prompt} characters of held-out code and prose, half and half, at temperature 1; each
prompt has one seed for all rules. *Tokens a pass* is the mean over prompts; the difference is the mean over prompts
of the rule's minus the baseline's, with its 95 % interval (normal; pairs of runs). The baseline is the token rule
with as many drafts in a row, so that both give the target equally many rows: for a tree of n nodes, or c chains of
five, a chain of n. Counts only, no time was measured, so that load does not matter. `python docs/make_verifiers.py
--measure` on {date}, {machine}.

| rule | rows a pass | tokens a pass | difference from the chain of as many rows | prompts |
|---|---|---|---|---|
{measured}

The first, second, third and fourth sibling were the one that is kept in {acceptance} of the cases (on training
text; drawn without replacement). The trees are those that Sequoia's dynamic programme finds for these numbers:

{trees}

Greedy verification at temperature 0: {greedy:.2f} tokens a pass, pass for pass the token rule on one-hot rows
({same_greedy}). Beam search, w = 2 and u = 4, K = 5: {beam:.2f} steps a target pass; the beams were those of the
target alone for {same} of {texts} prompts.

## What the tables say

{conclusions}
"""


def conclusions(note):
    """Say what holds, from the numbers."""
    found = note["samplers"]
    bases = samplers(note["acceptance"])
    lines: list[str] = []

    # drawn runs: said only where the interval does not hold 0
    for name in ("block, K = 5", "block, K = 10", "tree of 5", "tree of 10", "tree of 20"):
        mean, half = difference(found, name, bases[name][0])
        verdict = "fewer tokens a pass than" if mean < -half else "not told apart from"
        verdict = "more tokens a pass than" if mean > half else verdict
        lines.append(f"- {name}: {verdict} the chain of as many rows, {mean:+.3f} ± {half:.3f}.")

    # trees: expected tokens a pass at the measured acceptance of siblings
    for K in (5, 10, 20):
        best = tree.best_tree(K, note["acceptance"])
        chain = tuple(range(-1, K - 1))
        ours = tree.expected_tokens(best, note["acceptance"])
        theirs = tree.expected_tokens(chain, note["acceptance"])
        which = "is the chain itself" if best == chain else "branches"
        lines.append(
            f"- The best tree of {K} nodes {which}; expected are {ours:.3f} tokens a pass, of the chain {theirs:.3f}."
        )

    # both rules on the same drafts, without the noise of drawing
    kept = np.array(note["kept"])
    half = 1.96 * (kept[:, 1] - kept[:, 0]).std(ddof=1) / sqrt(len(kept))
    token, whole = kept.mean(axis=0)
    lines.append(
        f"- Of the same drafts (the rounds of the token rule after {len(kept)} prompts, K = 5) the token rule keeps "
        f"{token:.3f} and block verification {whole:.3f} on average, computed from p and q instead of drawn: "
        f"{whole - token:+.3f} ± {half:.3f}."
    )
    return "\n".join(lines)


def page():
    """Compose the page."""
    note = figures()
    found = note["samplers"]
    beams = note["beams"]
    at_zero = [found[f"{name}, K = 5, temperature 0"] for name in ("greedy", "token rule")]
    shapes = ((K, tree.best_tree(K, note["acceptance"])) for K in (5, 10, 20))
    first, second, third = PROBE
    text = TEXT.format(
        first=first,
        second=second,
        third=third,
        exact="\n".join(exact_rows()),
        token_ratio=float(largest_ratio("token")),
        lenient_ratio=float(largest_ratio("lenient")),
        n=N,
        prompt=PROMPT,
        date=note["date"],
        machine=note["machine"],
        measured="\n".join(measured_rows(note)),
        acceptance=", ".join(f"{a:.3f}" for a in note["acceptance"]),
        trees="\n".join(f"- {K} nodes, parents {', '.join(map(str, shape))}" for K, shape in shapes),
        greedy=rate(at_zero[0]),
        same_greedy="all counts equal" if at_zero[0] == at_zero[1] else "counts differ",
        beam=beams["steps"] / beams["passes"],
        same=beams["same"],
        texts=beams["texts"],
        conclusions=conclusions(note),
    )
    return wrapped(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", metavar="MACHINE", help="measure first, and call this machine so")
    machine = parser.parse_args().measure
    if machine:
        measure(machine)
    PAGE.write_text(page(), encoding="utf-8")
