"""Measure how the time of a token grows, and draw it: writes docs/speed/growth.svg and docs/speed/growth.json.

    OPENBLAS_NUM_THREADS=1 python docs/make_speed.py

Passes of 1 and of 6 rows against the context, the vocabulary and the number of parameters (random weights), and
against the number of texts (the shipped target, batched); a step at GPT-2's shape beside one reading of its weights.
The other figures of docs/speed.md come from `specsample bench`.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from measure_batches import SIZES, pass_seconds, prompts

from specsample.bench.chart import Panel, Series, write_svg
from specsample.bench.clock import in_turns, spread
from specsample.bench.machine import describe_machine
from specsample.bench.parts import time_steps
from specsample.bench.shapes import RANDOM, random_model
from specsample.language_model import Transformed
from specsample.transformer.lm import load_pair
from specsample.transformer.memory import keep_freed_memory
from specsample.transformer.model import Config, n_params
from specsample.transformer.ragged import BatchedTransformer

HERE, ROWS, REPEATS = Path(__file__).parent / "speed", (1, 6), 25
SIX = RANDOM["six-layers"]


def passes(models, contexts):
    """Return {(name, context, rows): median milliseconds} of all models at all contexts, in turns."""
    jobs, readers = {}, {}
    rng = np.random.default_rng(0)
    for name, model in models.items():
        for context in contexts:
            reader, tokens = Transformed(model).start(), rng.integers(model.vocab_size, size=context + 8).tolist()
            reader.extend(tokens[:context])
            for rows in ROWS:
                job = (name, context, rows)
                jobs[job] = lambda reader=reader, new=tokens[-rows:]: reader.extend(new)
                readers[job] = reader
                jobs[job]()
                reader.rollback(context)
    seconds = in_turns(jobs, REPEATS, after=lambda job: readers[job].rollback(job[1]))
    return {job: 1e3 * spread(times).median for job, times in seconds.items()}


def against_context():
    """Measure the shipped pair up to its limit, and six layers up to 1,000 positions."""
    target, draft = load_pair()
    found = passes({"pair target": target, "pair draft": draft}, (16, 64, 128, 256, 384, target.max_length - 8))
    return found | passes({"six-layers": random_model(SIX)}, (16, 64, 128, 256, 512, 1000))


def against_vocabulary():
    """Measure six layers with larger and larger vocabularies."""
    return one_by_one({V: replace(SIX, vocab_size=V) for V in (96, 1000, 8000, 32000)})


def against_size():
    """Measure models of one vocabulary and more and more parameters."""
    shapes = [(64, 2), (128, 4), (256, 6), (384, 8), (512, 10), (768, 12)]
    sizes = {"n_heads": 4, "n_kv_heads": 4, "max_length": 256}
    configs = [Config(96, width=D, n_layers=L, hidden=8 * D // 3 // 16 * 16, **sizes) for D, L in shapes]
    return one_by_one({n_params(config): config for config in configs})


def one_by_one(configs):
    """Measure one model after the other: a large one would leave the processor's caches cold for the rest."""
    found = {}
    for name, config in configs.items():
        found |= passes({name: random_model(config)}, (128,))
    return found


def against_batch():
    """Measure the shipped target with more and more texts at once."""
    target = load_pair()[0]
    model, found = BatchedTransformer(target), {}
    for B in SIZES:
        texts = prompts(B, target.tokenizer.encode)
        timers = {rows: pass_seconds(model, texts, rows) for rows in ROWS}
        times = [{rows: timer() for rows, timer in timers.items()} for _ in range(REPEATS)]
        found |= {(B, 96, rows): 1e3 * spread([one[rows] for one in times]).median for rows in ROWS}
    return found


def step_at_gpt2_shape():
    """Measure an autoregressive step after the prompt, and reading all weights once, in turns; in milliseconds."""
    model = random_model(RANDOM["gpt2-124m"])
    weights, steps = [array.reshape(-1) for array in model.params.values()], []
    jobs = {
        "step": lambda: steps.append(time_steps([[1] * 64], model, seed=0, max_new_tokens=16)),
        "weights once": lambda: [np.dot(weight, weight) for weight in weights],
    }
    times = in_turns(jobs, 7, is_warm=True)
    return {"step": 1e3 * spread(steps).median, "weights once": 1e3 * spread(times["weights once"]).median}


def line(found, name, *, x_of, label, colour, rows=1):
    """Make a series of what was found for one model name, or for all where name is None."""
    jobs = [job for job in found if job[2] == rows and name in (None, job[0])]
    style = "line" if rows == 1 else "dotted"
    return Series(label, [x_of(job) for job in jobs], [found[job] for job in jobs], colour, style)


def main():
    """Measure, write the numbers and the figure."""
    keep_freed_memory()
    context, vocabulary, size, batch = against_context(), against_vocabulary(), against_size(), against_batch()
    names = ("pair target", "pair draft", "six-layers")
    curves = [
        line(context, name, x_of=lambda job: job[1], label=name if rows == 1 else "", colour=i, rows=rows)
        for i, name in enumerate(names)
        for rows in ROWS
    ]

    def both(found):
        labels = {1: "1 row", 6: "6 rows (dotted)"}
        return [line(found, None, x_of=lambda job: job[0], label=labels[n], colour=0, rows=n) for n in ROWS]

    panels = [
        Panel("context: 1 row (line), 6 rows (dotted)", "tokens read before", "ms a pass", curves),
        Panel("vocabulary, six layers of width 256", "V", "ms a pass", both(vocabulary), is_logarithmic=True),
        Panel("size, V = 96", "parameters", "ms a pass", both(size), is_logarithmic=True),
        Panel("batch, shipped target", "texts at once", "ms a pass", both(batch), is_logarithmic=True),
    ]
    HERE.mkdir(exist_ok=True)
    write_svg(HERE / "growth.svg", panels)
    numbers = {"context": context, "vocabulary": vocabulary, "size": size, "batch": batch}
    record = {kind: [[*job, round(ms, 4)] for job, ms in found.items()] for kind, found in numbers.items()}
    text = json.dumps(
        {
            "machine": describe_machine(),
            "columns": ["model", "context", "rows", "ms"],
            **record,
            "gpt2-124m, ms": step_at_gpt2_shape(),
        },
        indent=1,
    )
    (HERE / "growth.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
