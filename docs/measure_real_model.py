"""SmolLM2 with prompt lookup against one target pass a token: the tables of docs/howto/real-model.md.

    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --ready      seconds to ready, and memory
    OPENBLAS_NUM_THREADS=1 python docs/measure_real_model.py --T 0 1      8 prompts a kind, 128 tokens

Each prompt is answered both ways, one after the other, as a chat: with a stop token, and the reading of the prompt
counted. A number is a median over prompts, with their quartiles, of ratios within a prompt; seconds of the processor
stand beside those of the clock, for a machine may do other work.
"""

import argparse
import platform
import resource
import time
from datetime import date

import numpy as np
from pages import row, table

from specsample import load, temperature
from specsample.adaptive import generate_adaptive
from specsample.bench.machine import processor_name
from specsample.commands.sampling import REAL_K
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.transformer.chat import chat_tokens

NOTICE = (
    "The library opens at nine in the morning. Visitors must leave there bags at the desk. Books can be borrowed for "
    "three weeks, and they can be renewed once. Children under twelve needs to come with an adult."
)
FUNCTION = (
    "def average(numbers):\n    total = 0\n    for number in numbers:\n        total = total + number\n"
    "    return total / len(numbers)"
)
KINDS = {
    "Q&A": [
        "What is the capital of France, and what is it known for?",
        "Why is the sky blue?",
        "How do vaccines work?",
        "What should I pack for a week in the mountains?",
        "Who wrote Hamlet, and what is it about?",
        "How can I sleep better at night?",
        "What is the difference between weather and climate?",
        "Why do leaves change their colour in autumn?",
    ],
    "editing": [
        f"Correct the spelling mistakes in this text: {NOTICE}",
        f"Repeat this text word for word: {NOTICE}",
        f"Replace the word library by museum in this text: {NOTICE}",
        f"Write this text again with each sentence on its own line: {NOTICE}",
        f"Rename the variable total to result in this function:\n{FUNCTION}",
        f"Add a docstring to this function and change nothing else:\n{FUNCTION}",
        f"Copy this function and rename it to mean:\n{FUNCTION}",
        f"Add type hints to this function:\n{FUNCTION}",
    ],
    "code": [
        "Write a Python function that returns the sum of a list.",
        "Write a Python function that tests whether a word is a palindrome.",
        "Write a Python class for a bank account with deposit and withdraw.",
        "Write a Python function that computes Fibonacci numbers.",
        "Write a Python function that counts the words of a file.",
        "Write a Python class for a stack with push and pop.",
        "Write a Python function that sorts a list by bubble sort.",
        "Write a Python function that merges two dictionaries.",
    ],
}


def clocks():
    """Return the seconds of the clock and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def answer(prompt, model, choose_K, T, max_new_tokens):
    """Answer a prompt; return the trace and both kinds of seconds."""
    began = clocks()
    end = {model.tokenizer.end}
    settings = {"max_new_tokens": max_new_tokens, "transform": temperature(T), "stop": end}
    draft = PromptLookup(model.vocab_size)
    rng = np.random.default_rng(0)
    _, trace = generate_adaptive(prompt, model, draft, choose_K=choose_K, rng=rng, **settings)
    return trace, clocks() - began


def quartiles(ratios):
    """Write a median and its quartiles."""
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def measure(model, kind, T, given):
    """Answer the prompts of a kind both ways in turns; print a row, return the ratios of each prompt."""
    ratios = []
    ms = []
    drafted = []
    passes = 0
    tokens = 0
    is_same = True
    for text in KINDS[kind][: given.prompts]:
        prompt = chat_tokens(model.tokenizer, [{"role": "user", "content": text}])
        # every other repeat begins with the other way, so that neither is always the first
        seconds = {name: [] for name in ("one by one", "lookup")}
        ways = {"one by one": lambda rounds: 0, "lookup": REAL_K}
        for repeat in range(given.repeats):
            order = list(ways)[:: -1 if repeat % 2 else 1]
            traces = {name: answer(prompt, model, ways[name], T, given.tokens) for name in order}
            for name, (trace, took) in traces.items():
                seconds[name].append(took / len(trace.tokens))
        # the median of the repeats, for a token
        plain = np.median(seconds["one by one"], axis=0)
        fast = np.median(seconds["lookup"], axis=0)
        ratios.append(plain / fast)
        ms.append(1000 * plain)
        trace = traces["lookup"][0]
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
    model = load("smollm2")
    model.start()
    clock, processor = clocks() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"ready in {clock:.2f} s ({processor:.2f} s of the processor), {peak:.0f} MiB at most")
    if not given.T:
        return
    head = ["text", "T", "speed-up, processor", "speed-up, clock", "tokens a pass", "rounds that draft"]
    print("\n" + table([*head, "ms a token, one by one", "same text"], []), flush=True)
    for T in given.T:
        found = [ratios for kind in KINDS for ratios in measure(model, kind, T, given)]
        clock, processor = np.transpose(found)
        print(row("all", f"{T:g}", quartiles(processor), quartiles(clock), "", "", "", ""), flush=True)


if __name__ == "__main__":
    main()
