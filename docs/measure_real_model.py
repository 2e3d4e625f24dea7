"""SmolLM2 as the commands run it, against one target pass a token: the tables of docs/howto/real-model.md.

    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --ready      seconds to ready, and memory
    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --T 0 1      8 prompts a kind, 128 tokens

Drafts come from the text itself, else from the head where it is sure; K is what paid in the last rounds. The prompts
are those on which the head was not trained. Each is answered both ways, in turns, as a chat: with a stop token, and
the reading of the prompt counted. A number is a median over prompts, with their quartiles, of ratios within a prompt;
seconds of the processor stand beside those of the clock, for a machine may do other work.
"""

import argparse
import platform
import resource
import time
from datetime import date

import numpy as np
from pages import row, table

from specsample import temperature
from specsample.adaptive import generate_adaptive
from specsample.bench.machine import processor_name
from specsample.commands.sampling import REAL_K, load_models
from specsample.training.prompts import HELD_OUT
from specsample.transformer.chat import chat_tokens


def clocks():
    """Return the seconds of the clock and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def answer(prompt, models, choose_K, T, max_new_tokens):
    """Answer a prompt; return the trace and both kinds of seconds."""
    began = clocks()
    end = {models[0].tokenizer.end}
    settings = {"max_new_tokens": max_new_tokens, "transform": temperature(T), "stop": end}
    rng = np.random.default_rng(0)
    _, trace = generate_adaptive(prompt, *models, choose_K=choose_K, rng=rng, **settings)
    return trace, clocks() - began


def quartiles(ratios):
    """Write a median and its quartiles."""
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def measure(models, kind, T, given):
    """Answer the prompts of a kind both ways in turns; print a row, return the ratios of each prompt."""
    ratios = []
    ms = []
    drafted = []
    passes = 0
    tokens = 0
    is_same = True
    for text in HELD_OUT[kind][: given.prompts]:
        prompt = chat_tokens(models[0].tokenizer, [{"role": "user", "content": text}])
        # every other repeat begins with the other way, so that neither is always the first
        seconds = {name: [] for name in ("one by one", "drafted")}
        ways = {"one by one": lambda rounds: 0, "drafted": REAL_K}
        for repeat in range(given.repeats):
            order = list(ways)[:: -1 if repeat % 2 else 1]
            traces = {name: answer(prompt, models, ways[name], T, given.tokens) for name in order}
            for name, (trace, took) in traces.items():
                seconds[name].append(took / len(trace.tokens))
        # the median of the repeats, for a token
        plain = np.median(seconds["one by one"], axis=0)
        fast = np.median(seconds["drafted"], axis=0)
        ratios.append(plain / fast)
        ms.append(1000 * plain)
        trace = traces["drafted"][0]
        is_same &= T > 0 or trace.tokens == traces["one by one"][0].tokens
        drafted += [played.K > 0 for played in trace.rounds]
        passes += trace.target_passes
        tokens += len(trace.tokens)
    clock, processor = np.transpose(ratios)
    shown = [quartiles(processor), quartiles(clock), f"{tokens / passes:.2f}", f"{np.mean(drafted):.0%}"]
    print(row(kind, f"{T:g}", *shown, f"{np.median(ms, axis=0)[1]:.0f}", "yes" if is_same else "NO"), flush=True)
    return ratios


def main():
    """Print what was asked for, with the machine and the day."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready", action="store_true")
    parser.add_argument("--T", type=float, nargs="*", default=[])
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args()
    print(f"{date.today()}, {processor_name()}, Python {platform.python_version()}, NumPy {np.__version__}\n")
    began = clocks()
    models = load_models(argparse.Namespace(model="smollm2"))[:2]
    for model in models:
        model.start()
    clock, processor = clocks() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"ready in {clock:.2f} s ({processor:.2f} s of the processor), {peak:.0f} MiB at most")
    if not given.T:
        return
    head = ["text", "T", "speed-up, processor", "speed-up, clock", "tokens a pass", "rounds that draft"]
    print("\n" + table([*head, "ms a token, one by one", "same text"], []), flush=True)
    for T in given.T:
        found = [ratios for kind in HELD_OUT for ratios in measure(models, kind, T, given)]
        clock, processor = np.transpose(found)
        print(row("all", f"{T:g}", quartiles(processor), quartiles(clock), "", "", "", ""), flush=True)


if __name__ == "__main__":
    main()
