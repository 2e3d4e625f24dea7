"""Measure draft sources on SmolLM2: tokens a pass and speed-up by kind of prompt and temperature.

    OPENBLAS_NUM_THREADS=1 python docs/measure_smollm2.py --prompts 3 --new 64

Sources take turns at each prompt, in one process, so that a busy moment hits all alike. Speed-ups are of processor
time and of the clock's, medians over prompts with the smallest and the largest. Prompts are those that no head has
learned from. At T = 0 every text must be the autoregressive one.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from specsample import autoregressive, generate
from specsample.commands.sampling import SURE
from specsample.drafts.declining import Confident, OrElse
from specsample.drafts.layer_head_lm import PRETRAINED, layer_head_pair, load_layer_head
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.strategies import greedy
from specsample.training.prompts import HELD_OUT
from specsample.transformer.chat import chat_tokens
from specsample.transformer.lm import load

SEED = 7


def sources_of(path):
    """Name the sources: (target, draft, K); a draft of None is autoregressive sampling."""
    model = load("smollm2", context=512)
    watched, head = layer_head_pair(model, load_layer_head(path))
    lookup = PromptLookup(model.vocab_size)
    found = {
        "autoregressive": (model, None, 0),
        "lookup": (model, lookup, 6),
        "head, K = 2": (watched, head, 2),
        "head if sure, K = 4": (watched, Confident(head, SURE), 4),
        "lookup, else head if sure": (watched, OrElse(lookup, Confident(head, SURE)), 6),
    }
    return model, found


def play(model, source, prompt, T, n_new):
    """Run one source on one prompt; (tokens, target passes, accepted, tested, processor seconds, seconds)."""
    target, draft, K = source
    how = {"max_new_tokens": n_new, "rng": np.random.default_rng(SEED), "stop": [model.tokenizer.end]}
    how["transform"] = greedy if T == 0 else None
    clock, processor = perf_counter(), process_time()
    if draft is None:
        tokens = autoregressive(prompt, target, **how)
        counts = (len(tokens), 0, 0)
    else:
        tokens, trace = generate(prompt, target, draft, K=K, **how)
        counts = (trace.target_passes, trace.accepted, trace.tested)
    return tokens, *counts, process_time() - processor, perf_counter() - clock


def row(name, kind, T, runs, base):
    """Print one line of the table."""
    tokens, passes, accepted, tested = (sum(run[i] if i else len(run[0]) for run in runs) for i in range(4))
    ratios = []
    for i in (4, 5):  # a token's time over a token's time: texts may end early
        ratio = [a[i] / len(a[0]) * len(b[0]) / b[i] for a, b in zip(base, runs, strict=True)]
        ratios.append(f"{np.median(ratio):.2f} ({min(ratio):.2f}-{max(ratio):.2f})")
    alpha = f"{accepted / tested:.2f}" if tested else "-"
    print(f"| {kind} | {T} | {name} | {alpha} | {tokens / passes:.2f} | {' | '.join(ratios)} |", flush=True)


def main():
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=3, help="of each kind")
    parser.add_argument("--new", type=int, default=64, help="tokens of each text, at most")
    parser.add_argument("--head", type=Path, default=PRETRAINED)
    given = parser.parse_args()
    model, sources = sources_of(given.head)
    # a warm-up, so that matrices are packed and layouts measured
    play(model, sources["head, K = 2"], model.tokenizer.encode("Hello there"), 0, 4)
    found = defaultdict(list)
    for i in range(given.prompts):
        for kind, prompts in HELD_OUT.items():
            prompt = prompts[i]
            tokens = chat_tokens(model.tokenizer, [{"role": "user", "content": prompt}])
            for T in (0, 1):
                for name, source in sources.items():
                    found[T, kind, name].append(play(model, source, tokens, T, given.new))
                    text, passes, *_, processor, clock = found[T, kind, name][-1]
                    print(kind, T, name, len(text), passes, f"{processor:.2f} {clock:.2f} s", file=sys.stderr)
                    same = found[T, kind, name][-1][0] == found[T, kind, "autoregressive"][-1][0]
                    assert T or same, f"{name} wrote another text than greedy decoding after {prompt!r}"
    print("| prompts | T | source | α | tokens a pass | speed-up, processor time | by the clock |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for T in (0, 1):
        for name in list(sources)[1:]:
            for kind in HELD_OUT:
                row(name, kind, T, found[T, kind, name], found[T, kind, "autoregressive"])
            runs, base = ([r for kind in HELD_OUT for r in found[T, kind, n]] for n in (name, "autoregressive"))
            row(name, "all", T, runs, base)


if __name__ == "__main__":
    main()
