"""Draw how the time of a token grows: writes docs/speed/growth.svg.

    python docs/make_speed.py                                          from the numbers in docs/speed/growth.json
    OPENBLAS_NUM_THREADS=1 python docs/make_speed.py --measure         measure those first, some minutes

Passes of 1 and of 6 rows against the context, the vocabulary and the number of parameters (random weights), and
against the number of texts (the shipped target, batched); a step at GPT-2's shape beside one reading of its weights.
The other figures of docs/speed.md come from `specsample bench`.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from measure_batches import SIZES, pass_seconds, prompts

from specsample.bench.clock import in_turns, spread
from specsample.bench.machine import describe_machine
from specsample.bench.parts import time_steps
from specsample.bench.shapes import RANDOM, random_model
from specsample.figures.style import SERIES, panels, write_svg
from specsample.language_model import Transformed
from specsample.transformer.allocator import keep_freed_memory
from specsample.transformer.config import Config, n_params
from specsample.transformer.lm import load_pair
from specsample.transformer.ragged import BatchedTransformer

FIGURE = Path(__file__).parent / "speed" / "growth.svg"
NUMBERS = FIGURE.with_suffix(".json")
ROWS = (1, 6)
REPEATS = 25
SIX = RANDOM["six-layers"]
LABELS = {  # of the panels beside that of the context: title, and what grows
    "vocabulary": ("vocabulary, six layers of width 256", "V"),
    "size": ("size, V = 96", "parameters"),
    "batch": ("batch, shipped target", "texts at once"),
}


# --- measuring ---------------------------------------------------------------------------------------------------


def passes(models, contexts):
    """Return {(name, context, rows): median milliseconds} of all models at all contexts, in turns."""
    jobs = {}
    readers = {}
    rng = np.random.default_rng(0)
    for name, model in models.items():
        for context in contexts:
            reader = Transformed(model).start()
            tokens = rng.integers(model.vocab_size, size=context + 8).tolist()
            reader.extend(tokens[:context])
            # one job for each number of rows; both go on from the same context, which is rolled back after each
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
    model = BatchedTransformer(target)
    found = {}
    for B in SIZES:
        texts = prompts(B, target.tokenizer.encode)
        timers = {rows: pass_seconds(model, texts, rows) for rows in ROWS}
        times = [{rows: timer() for rows, timer in timers.items()} for _ in range(REPEATS)]
        found |= {(B, 96, rows): 1e3 * spread([one[rows] for one in times]).median for rows in ROWS}
    return found


def step_at_gpt2_shape():
    """Measure an autoregressive step after the prompt, and reading all weights once, in turns; in milliseconds."""
    model = random_model(RANDOM["gpt2-124m"])
    weights = [array.reshape(-1) for array in model.params.values()]
    steps = []
    jobs = {
        "step": lambda: steps.append(time_steps([[1] * 64], model, seed=0, max_new_tokens=16)),
        "weights once": lambda: [np.dot(weight, weight) for weight in weights],
    }
    times = in_turns(jobs, 7, is_warm=True)
    return {"step": 1e3 * spread(steps).median, "weights once": 1e3 * spread(times["weights once"]).median}


def measure():
    """Measure everything and write the numbers."""
    keep_freed_memory()
    found = {"context": against_context(), "vocabulary": against_vocabulary(), "size": against_size()}
    found["batch"] = against_batch()
    record = {kind: [[*job, round(ms, 4)] for job, ms in times.items()] for kind, times in found.items()}
    record["gpt2-124m, ms"] = step_at_gpt2_shape()
    head = {"machine": describe_machine(), "columns": ["model", "context", "rows", "ms"]}
    NUMBERS.write_text(json.dumps(head | record, indent=1) + "\n", encoding="utf-8")


# --- drawing -----------------------------------------------------------------------------------------------------


def draw(record):
    """Draw four panels: milliseconds of a pass against context, vocabulary, size and batch."""
    context, *others = panels(1 + len(LABELS), (4.4, 3.2), columns=2)
    for name, color in zip(dict.fromkeys(model for model, *_ in record["context"]), SERIES):
        at = [(tokens, rows, ms) for model, tokens, rows, ms in record["context"] if model == name]
        _draw_rows(context, at, color=color, label=name)
    context.set(xlabel="tokens read before", title="context")
    for ax, (kind, (title, xlabel)) in zip(others, LABELS.items(), strict=True):
        _draw_rows(ax, [(x, rows, ms) for x, _, rows, ms in record[kind]], color=SERIES[0], label="1 row")
        grows = kind != "vocabulary"  # a hundredfold, which only a logarithmic axis shows
        ax.set(xlabel=xlabel, title=title, xscale="log", **({"yscale": "log"} if grows else {"ylim": (0, None)}))
    context.set_ylim(0, None)
    for ax in (context, *others):
        ax.set_ylabel("ms a pass; of 6 rows dotted")
        ax.legend(frameon=False)
    return context.figure


def _draw_rows(ax, points, **style):
    """Draw the passes of one row as a line and those of six as dots."""
    for n, line in zip(ROWS, (style, {"color": style["color"], "linestyle": ":"}), strict=True):
        ax.plot(*zip(*[(x, ms) for x, rows, ms in points if rows == n]), **line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="measure first")
    if parser.parse_args().measure:
        measure()
    write_svg(draw(json.loads(NUMBERS.read_text(encoding="utf-8"))), FIGURE)
