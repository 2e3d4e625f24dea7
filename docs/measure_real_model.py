"""SmolLM2 measured: as the commands run it, by each draft source alone, beside Hugging Face, from turn to turn.

    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --ready           seconds to ready, and memory
    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --T 0 1           8 prompts a kind, 128 tokens
    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --T 0 1 --sources --prompts 4 --tokens 48
    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --T 0 --peer --prompts 2 --tokens 32
    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --rows            what a pass over several rows costs
    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --turns           the first token of a second answer

Drafts come from the text itself, else from the head where it is sure; K is what paid in the last rounds. With
--sources each source drafts by itself, with one K; with --peer Hugging Face's `generate` answers as well, in float32
on one thread, with the same weights (needs the extra [peers]). The prompts are those on which no head was trained.
Each is answered in every way, in turns, as a chat: with a stop token, and the reading of the prompt counted. A number
is a median over prompts, with their quartiles, of ratios within a prompt; seconds of the processor stand beside those
of the clock, for a machine may do other work. OPENBLAS_CORETYPE=Haswell gives the kernels of older processors.
"""

import argparse
import os
import platform
import resource
import time
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np
from pages import row, table

from specsample import temperature
from specsample.adaptive import generate_adaptive
from specsample.bench.machine import blas_kernel, processor_name
from specsample.commands.sampling import DEAR_K, REAL_K, SURE, are_rows_cheap, load_models
from specsample.drafts.declining import Confident, OrElse
from specsample.drafts.head_lm import FeaturedLM
from specsample.drafts.layer_head_lm import PRETRAINED, LayerHeadLM, load_layer_head
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.training.prompts import HELD_OUT
from specsample.transformer.chat import chat_tokens
from specsample.transformer.kept import KeptModel, go_on

PLAIN = "one by one"


def clocks():
    """Return the seconds of the clock and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def drafting(target, source, choose_K):
    """Make a way to answer: from a prompt, T and a number of tokens to tokens and rounds."""

    def answer(prompt, T, n):
        how = {"max_new_tokens": n, "transform": temperature(T), "stop": {target.tokenizer.end}}
        rng = np.random.default_rng(0)
        tokens, trace = generate_adaptive(prompt, target, source, choose_K=choose_K, rng=rng, **how)
        return tokens, trace.rounds

    return answer


def hugging_face(target):
    """Make a way to answer: `generate` of Hugging Face's Llama with the same weights."""
    import torch
    import transformers

    from specsample.bench.peers import to_llama

    torch.set_num_threads(1)
    llama = to_llama(getattr(target, "model", target))

    def answer(prompt, T, n):
        sampled = {"do_sample": True, "temperature": float(T), "top_k": 0} if T else {"do_sample": False}
        end = target.tokenizer.end
        how = transformers.GenerationConfig(max_new_tokens=n, eos_token_id=end, pad_token_id=end, **sampled)
        torch.manual_seed(0)
        with torch.inference_mode():
            text = llama.generate(torch.tensor([prompt]), generation_config=how)
        return text[0, len(prompt) :].tolist(), None

    return answer


def ways_of(given, target, source):
    """Name the ways to answer that were asked for, the baseline first."""
    K = REAL_K if are_rows_cheap() else DEAR_K
    ways = {PLAIN: drafting(target, source, lambda rounds: 0)}
    if not given.sources:
        ways["as the commands"] = drafting(target, source, K)
    else:
        lookup = PromptLookup(target.vocab_size)
        head = LayerHeadLM(target, load_layer_head(given.head))
        sure = Confident(head, SURE, free=1)
        ways["lookup, K = 6"] = drafting(target, lookup, lambda rounds: 6)
        ways["head, K = 2"] = drafting(target, head, lambda rounds: 2)
        ways["head if sure, K = 4"] = drafting(target, sure, lambda rounds: 4)
        ways["lookup, else head if sure, K = 6"] = drafting(target, OrElse(lookup, sure), lambda rounds: 6)
    if given.peer:
        ways["Hugging Face"] = hugging_face(target)
    return ways


def measure(ways, target, kind, T, given):
    """Answer the prompts of a kind in every way, in turns; print a row a way, return ratios by way."""
    ratios, drafted, passes, tokens, same = (defaultdict(list) for _ in range(5))
    ms = []
    for text in HELD_OUT[kind][: given.prompts]:
        prompt = chat_tokens(target.tokenizer, [{"role": "user", "content": text}])
        seconds = defaultdict(list)
        # every other repeat begins with the other way, so that none is always the first
        for repeat in range(given.repeats):
            found = {}
            for name in list(ways)[:: -1 if repeat % 2 else 1]:
                began = clocks()
                found[name] = ways[name](prompt, T, given.tokens)
                seconds[name].append((clocks() - began) / len(found[name][0]))
        # the median of the repeats, for a token
        took = {name: np.median(each, axis=0) for name, each in seconds.items()}
        ms.append(1000 * took[PLAIN][1])
        for name, (answer, rounds) in found.items():
            ratios[name].append(took[PLAIN] / took[name])
            passes[name].append(len(answer) if rounds is None else len(rounds))
            tokens[name].append(len(answer))
            drafted[name] += [played.K > 0 for played in rounds or ()]
            same[name].append(answer == found[PLAIN][0])
    for name in list(ways)[1:]:
        clock, processor = np.transpose(ratios[name])
        counts = [f"{sum(tokens[name]) / sum(passes[name]):.2f}", f"{np.mean(drafted[name] or [0]):.0%}"]
        is_same = ("yes" if all(same[name]) else "NO") if T == 0 else ""
        shown = [quartiles(processor), quartiles(clock), *counts, f"{np.median(ms):.0f}", is_same]
        print(row(kind, f"{T:g}", name, *shown), flush=True)
    return ratios


def quartiles(ratios):
    """Write a median and its quartiles."""
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def measure_rows(target, repeats=9):
    """Print what a pass over several rows costs after 100 tokens, in passes over one: medians, of the processor."""
    text = target.tokenizer.encode("The capital of France is Paris, and the capital of Spain is Madrid. " * 8)
    context = target.start()
    context.extend(text[:100])
    seconds = defaultdict(list)
    for _ in range(repeats):
        for n in range(1, 10):
            began = clocks()
            context.extend(text[100 : 100 + n])
            seconds[n].append((clocks() - began)[1])
            context.rollback(100)
    one, *more = (np.median(seconds[n]) for n in range(1, 10))
    print(table(["rows", *range(2, 10)], [["ρ", *(f"{each / one:.2f}" for each in more)]]))


def measure_turns(target, source):
    """Print the seconds to the first token of a second answer, read anew and with what was read kept."""
    for text in HELD_OUT["questions"][:3]:
        messages = [{"role": "user", "content": text}]
        first = chat_tokens(target.tokenizer, messages)
        models = (KeptModel(target), KeptModel(source))
        go_on(first, *models)
        tokens, _ = drafting(*models, REAL_K)(first, 0, 64)
        said = target.tokenizer.decode([token for token in tokens if token != target.tokenizer.end])
        messages += [{"role": "assistant", "content": said}, {"role": "user", "content": "And why is that so?"}]
        second = chat_tokens(target.tokenizer, messages)
        took = []
        for pair in (models, (KeptModel(target), KeptModel(source))):
            began = clocks()
            go_on(second, *pair)
            drafting(*pair, lambda rounds: 0)(second, 0, 1)
            took.append(clocks() - began)
        kept, anew = (f"{clock:.2f} s, {processor:.2f} s of the processor" for clock, processor in took)
        print(f"{len(second)} tokens: first token after {anew}; kept: {kept}", flush=True)


def main():
    """Print what was asked for, with the machine and the day."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("ready", "sources", "peer", "rows", "turns"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--T", type=float, nargs="*", default=[])
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--head", type=Path, default=PRETRAINED)
    given = parser.parse_args()
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, kernels of {blas_kernel()[0]}"
    print(f"{date.today()}, {processor_name()}, {versions}, load {os.getloadavg()[0]:.1f}\n")
    began = clocks()
    target, source, _ = load_models(argparse.Namespace(model="smollm2"))
    # sources by themselves include the head, which watches its target
    if given.sources and not isinstance(target, FeaturedLM):
        target = FeaturedLM(target)
    target.start()
    source.start()
    clock, processor = clocks() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"ready in {clock:.2f} s ({processor:.2f} s of the processor), {peak:.0f} MiB at most\n")
    if given.rows:
        measure_rows(target)
    if given.turns:
        measure_turns(target, source)
    if not given.T:
        return
    ways = ways_of(given, target, source)
    head = ["text", "T", "way", "speed-up, processor", "speed-up, clock", "tokens a pass", "rounds that draft"]
    print(table([*head, "ms a token, one by one", "same text"], []), flush=True)
    for T in given.T:
        found = [measure(ways, target, kind, T, given) for kind in HELD_OUT]
        for name in list(ways)[1:]:
            clock, processor = np.transpose([ratios for kind in found for ratios in kind[name]])
            print(row("all", f"{T:g}", name, quartiles(processor), quartiles(clock), "", "", "", ""), flush=True)


if __name__ == "__main__":
    main()
