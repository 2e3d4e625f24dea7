"""Write docs/drafts.md: every draft source on held-out text, with the shipped target.

    python docs/make_drafts.py                    measure every source, about a minute and a half
    python docs/make_drafts.py --invariance 200   only say, for 200 seeds, whether coupled drafts change the text
    python docs/make_drafts.py --declining 9      only measure sources that decline, 9 times each

Times are measured on the machine at hand, in one process, interleaved; the page says on which. The second and third
command replace a section of the page each and nothing else, the first one everything but those.
"""

import argparse
import platform
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
from pages import table

from specsample import FunctionModel, TableModel, autoregressive, generate, load_pair, temperature
from specsample.bench import pass_costs, timed
from specsample.bench.machine import processor_name
from specsample.drafts.declining import Confident, OrElse
from specsample.drafts.early_exit import early_exit_pair
from specsample.drafts.head_lm import head_pair, load_head
from specsample.drafts.ngram import train_ngram
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.drafts.unigram import train_unigram
from specsample.theory import speedup
from specsample.training import data
from specsample.verifiers import coupled

PAGE = Path(__file__).with_name("drafts.md")
KS = (1, 2, 3, 5, 8)
PROMPTS = 2  # texts of each kind
PROMPT = 60  # their characters
PROMPT_TO_QUOTE = 200  # characters, where drafts come from the prompt
SURE = 0.4  # the probability of a run, from which on a head goes on with it
NEW = 200  # new characters
REPEATS = 3  # timings
COUPLINGS = {"common uniforms": coupled.COMMON_UNIFORM, "Gumbel": coupled.GUMBEL}
INVARIANCE_NEW = 40  # new characters a seed


def sources(target, draft):
    """List every source: name -> (target, draft); a source that watches the target brings its own view of it."""
    encode = target.tokenizer.encode
    documents = [encode(text) for kind in data.KINDS for text in data.split(data.load_documents(kind))[0] if text]
    V, L = target.vocab_size, target.config.n_layers
    ngram, seconds = timed(lambda: train_ngram(documents, 5, V))
    found = {
        "unigram": (target, train_unigram(documents, V)),
        "prompt lookup": (target, PromptLookup(V)),
        f"early exit, {L // 4 or 1} of {L} layers": early_exit_pair(target, L // 4 or 1),
        "5-gram": (target, ngram),
        "prompt lookup (8 or more), else 5-gram": (
            target,
            OrElse(PromptLookup(V, shortest=8, longest=16), ngram),
        ),
        "head on the target": head_pair(target, load_head()),
        "separate Transformer": (target, draft),
    }
    return found, seconds


def prompts(kind, encoded=PROMPT):
    """Cut prompts from held-out text, evenly spread."""
    stream = data.load_streams()[1][kind]
    starts = np.linspace(0, len(stream) - encoded, PROMPTS).astype(int)
    return [stream[start : start + encoded].astype(int).tolist() for start in starts]


def continue_all(texts, target, draft, K):
    """Continue every prompt; return the traces, or with K = None nothing: the baseline."""
    size = {"max_new_tokens": NEW}
    rngs = [np.random.default_rng(seed) for seed in range(len(texts))]
    if K is None:
        return [autoregressive(text, target, rng=rng, **size) for text, rng in zip(texts, rngs)]
    return [generate(text, target, draft, K=K, rng=rng, **size)[1] for text, rng in zip(texts, rngs)]


def measure(kind, found, target):
    """Time every source with every K, interleaved with the baseline; results are name -> K -> (traces, seconds)."""
    texts = prompts(kind)
    results = {name: {} for name in found}
    baseline = []
    for _ in range(REPEATS):
        for name, (seen, draft) in found.items():
            baseline.append(timed(partial(continue_all, texts, target, draft, None))[1])
            for K in KS:
                traces, seconds = timed(partial(continue_all, texts, seen, draft, K))
                results[name].setdefault(K, (traces, []))[1].append(seconds)
    return texts, results, median(baseline)


def rate(traces):
    """Accepted / tested over several traces."""
    return sum(trace.accepted for trace in traces) / sum(trace.tested for trace in traces)


def per_pass(traces):
    """Emitted tokens / target passes over several traces."""
    return sum(len(trace.tokens) for trace in traces) / sum(trace.target_passes for trace in traces)


def rows(kind, found, target):
    """Compute the table of one kind of text: one row a source; and what two of them need for a comparison."""
    texts, results, baseline = measure(kind, found, target)
    lines = []
    costs = {}
    for name, (seen, draft) in found.items():
        # measured on the clock
        ratios = {K: baseline / median(seconds) for K, (_, seconds) in results[name].items()}
        best = max(ratios, key=ratios.get)
        traces = results[name][5][0]

        # predicted from what bare passes cost
        costs[name] = pass_costs(seen, draft, texts[0], K=best)
        predicted = speedup(rate(results[name][best][0]), best, costs[name].cost_ratio, costs[name].verify_ratio)
        cells = [name, f"{rate(traces):.3f}", f"{costs[name].cost_ratio:.3f}", f"{per_pass(traces):.2f}"]
        lines.append([*cells, best, f"{ratios[best]:.2f}", f"{predicted:.2f}", f"{ratios[5]:.2f}"])
    return lines, equal_cost(results, costs)


def equal_cost(results, costs):
    """Compare head and separate draft where both spend about the same time on drafts in a round."""
    head, draft = "head on the target", "separate Transformer"
    ratio = costs[draft].cost_ratio / costs[head].cost_ratio

    # K of the head and of the draft, as near as they come to K c alike
    a, b = min(((a, b) for a in KS for b in KS if b > 1), key=lambda pair: abs(np.log(pair[0] / (pair[1] * ratio))))
    lines = []
    for name, K in ((head, a), (draft, b)):
        traces = results[name][K][0]
        lines.append([name, K, f"{K * costs[name].cost_ratio:.2f}", f"{rate(traces):.3f}", f"{per_pass(traces):.2f}"])
    return lines


def invariance(found, target, n_seeds):
    """Count, for each coupling and source, the seeds whose text is the autoregressive one, byte for byte."""
    lines = []
    prompt = target.tokenizer.encode("The value of ")
    names = [name for name in found if "unigram" not in name and "lookup" not in name]
    for label, coupling in COUPLINGS.items():
        same = dict.fromkeys(names, 0)
        kept = {name: [] for name in names}
        for seed in range(n_seeds):
            run = partial(coupled.generate, prompt, max_new_tokens=INVARIANCE_NEW, coupling=coupling)
            # the same noise without a draft, then with each
            plain = run(target, target, K=0, rng=np.random.default_rng(seed))[0]
            for name in names:
                text, trace = run(*found[name], K=4, rng=np.random.default_rng(seed))
                same[name] += target.tokenizer.decode(text) == target.tokenizer.decode(plain)
                kept[name].append(trace)
        lines += [[label, name, f"{same[name]} of {n_seeds}", f"{rate(kept[name]):.3f}"] for name in names]
    return lines


HEADER = ["source", "α", "c", "tokens a target pass, K = 5", "best K", "speed-up at best K", "predicted", "at K = 5"]

TEXT = """\
# Draft sources

Anything with `start`, `extend` and `rollback` can draft (`specsample/drafts/`), and the text follows the target
whatever drafts. What differs is speed: how often a draft is accepted, and what it costs.

{n} prompts of {prompt} held-out characters of each kind, {new} new characters each, T = 1, the shipped target. α
is accepted / tested and comes, like tokens a target pass, from runs with K = 5. c is the time of one draft pass over
that of a one-row target pass. *Speed-up* is the measured time of autoregressive sampling over that of speculative
sampling, medians of {repeats} interleaved runs in one process, at the K of {ks} that was fastest (the
largest of five measured values, so a little optimistic); *predicted* is theorem 3.8 at that K from the measured α, c
and ρ of bare, repeated passes. It is too high: in the loop, with picks, checks and records between the passes, a
round takes longer than its bare passes.

Made by `python docs/make_drafts.py` on {date}: {machine}.

## Code

{code}

## Prose

{prose}

The 5-gram is trained on the corpus in {seconds:.1f} s. Early exit, head and lookup need no model of their own beside
the target; the head has {size:,} parameters (`python -m specsample.training.train_head`). Nobody trained the
target to be left early: its layers prepare for those above them, and the first of them alone predict little.

## A head against a separate draft at equal cost

K chosen so that both spend about the same time on drafts in a round (K·c target passes):

{equal}
"""

DECLINING = """
## Sources that decline

A source may make fewer drafts than K, none included: where its context answers `extend` with no row it declines, and
the round goes on with the drafts so far. It decides before the token is drawn, from the text and those drafts, so
that the law of the text stays ([the paper, line by line](explanation/algorithm.md#draft)).

- **Prompt lookup** drafts where the last three to eight characters stood before, as far as the text agrees with
  itself: it declines where the two latest places went on with different characters.
- **`Confident(model, threshold)`** declines where the largest probabilities of a run's rows, multiplied, fall below
  a threshold: a draft counts only if all before it are kept.
- **`OrElse(first, second)`** asks a second source where the first declines; elsewhere that one costs nothing.
- **`BestRecentK`** chooses K = 0 where no K pays, **`WhilePaying`** where the last rounds took longer than their
  tokens one by one would have; both try one draft again now and then (`adaptive.py`).

{n} prompts of {prompt} held-out characters of each kind, {new} new characters, K = 5. At T = 0 this target repeats
itself over and over, at T = 1 hardly. *Speed-up* is CPU time of autoregressive sampling over that of speculative
sampling, median of {repeats} interleaved runs in one process.

Made by `python docs/make_drafts.py --declining {repeats}` on {date}: {machine}.

{table}
"""

INVARIANCE = """
## One text, whatever drafts

`verifiers.coupled` gives every position of the text its own noise, which draft and target share. The text is then
that of autoregressive sampling with the same noise, byte for byte: {seeds} seeds of {new} characters, K = 4, made by
`python docs/make_drafts.py --invariance {seeds}` on {date}. The last column is how often the two picks agreed.

{table}
"""


def declining(target, repeats):
    """Time sources that decline beside the baseline and sources that do not, by CPU time: one row each."""
    V = target.vocab_size
    watched, head = head_pair(target, load_head())
    lookup = PromptLookup(V)
    uniform = TableModel(np.full(V, 1 / V))
    found = {
        "always declines": (target, FunctionModel(lambda tokens: None, V)),
        "prompt lookup, 1/V where it would decline": (target, OrElse(lookup, uniform)),
        "prompt lookup": (target, lookup),
        "head": (watched, head),
        f"head while its run is kept with {SURE}": (watched, Confident(head, SURE)),
        "prompt lookup (8 or more), else head": (watched, OrElse(PromptLookup(V, shortest=8, longest=16), head)),
    }
    lines = []
    for kind, T in ((kind, T) for T in (0, 1) for kind in ("code", "prose")):
        texts = prompts(kind, PROMPT_TO_QUOTE)
        size = {"max_new_tokens": NEW, "transform": temperature(T)}
        seconds = {name: [] for name in ("baseline", *found)}
        traces = {}
        # interleaved, prompt by prompt: what disturbs one disturbs all
        for _ in range(repeats):
            for name in seconds:
                start = process_time()
                for seed, text in enumerate(texts):
                    rng = np.random.default_rng(seed)
                    if name == "baseline":
                        autoregressive(text, target, rng=rng, **size)
                    else:
                        traces[name, seed] = generate(text, *found[name], K=5, rng=rng, **size)[1]
                seconds[name].append(process_time() - start)
        for name in found:
            runs = [traces[name, seed] for seed in range(len(texts))]
            drafts = sum(run.drafted for run in runs) / sum(run.target_passes for run in runs)
            alpha = f"{rate(runs):.3f}" if drafts else "–"
            ratio = median(base / mine for base, mine in zip(seconds["baseline"], seconds[name], strict=True))
            lines.append([f"{kind}, T = {T}", name, f"{drafts:.2f}", alpha, f"{per_pass(runs):.2f}", f"{ratio:.2f}"])
    return lines


def declining_section(given, target):
    """Compose the section on sources that decline."""
    header = ["text", "source", "drafts a round", "α", "tokens a target pass", "speed-up"]
    return DECLINING.format(
        n=PROMPTS, prompt=PROMPT_TO_QUOTE, new=NEW, repeats=given.declining, date=given.date, machine=given.machine,
        table=table(header, declining(target, given.declining)),
    )  # fmt: skip


def sources_page(given, target, found, seconds):
    """Measure every source and compose the page without its last section."""
    code = rows("code", found, target)
    prose = rows("prose", found, target)
    equal = [[kind, *cells] for kind, found in (("code", code), ("prose", prose)) for cells in found[1]]
    return TEXT.format(
        n=PROMPTS, prompt=PROMPT, new=NEW, repeats=REPEATS, ks=", ".join(map(str, KS)),
        date=given.date, machine=given.machine, seconds=seconds,
        code=table(HEADER, code[0]), prose=table(HEADER, prose[0]),
        size=sum(value.size for value in load_head().values()),
        equal=table(["text", "source", "K", "K·c", "α", "tokens a target pass"], equal),
    )  # fmt: skip


def invariance_section(given, target, found):
    """Compose the last section."""
    lines = invariance(found, target, given.invariance)
    header = ["coupling", "source", "identical texts", "accepted / tested"]
    return INVARIANCE.format(seeds=given.invariance, new=INVARIANCE_NEW, date=given.date, table=table(header, lines))


def main():
    """Write the part of the page that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--invariance", type=int, help="seeds")
    parser.add_argument("--declining", type=int, help="repeats")
    parser.add_argument("--date", default=str(date.today()))
    here = f"{processor_name()}, Python {platform.python_version()}, NumPy {np.__version__}"
    parser.add_argument("--machine", default=here, help="what the page calls this machine (default: what it says)")
    given = parser.parse_args()
    target, draft = load_pair()
    # the page's three parts, of which one is made anew
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    rest, mark, after = text.partition("\n## One text")
    same = mark + after
    before, mark, after = rest.partition("\n## Sources that decline")
    declines = mark + after
    if given.declining:
        declines = declining_section(given, target)
    else:
        found, seconds = sources(target, draft)
        if given.invariance:
            same = invariance_section(given, target, found)
        else:
            before = sources_page(given, target, found, seconds)
    PAGE.write_text(before + declines + same, encoding="utf-8")


if __name__ == "__main__":
    main()
