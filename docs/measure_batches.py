"""How many tokens a second do B texts get together, and from which B on does speculation stop paying?

    python docs/measure_batches.py [--backend torch] [--new 64]

prints the table of docs/backends.md. Per batch size, in one process and interleaved: autoregressive decoding (K = 0)
and speculative decoding (K drafts) of B prompts of different lengths with the shipped pair, each the best of several
repeats, less the time of the prompts and the first two tokens. Beside them: what a target pass over K+1 rows costs
against one over 1 row (ρ), a draft pass against it (c), and the speed-up that follows, tokens a target pass over
ρ + K c. A batch plays rounds until its slowest text is done: how many, beside their mean over the texts.
"""

import argparse
from typing import Any

import numpy as np
from pages import row, table

from specsample import batched
from specsample.bench import timed
from specsample.training.data import KINDS, load_documents
from specsample.transformer.lm import load_pair
from specsample.transformer.ragged import BatchedTransformer

SIZES = (1, 2, 4, 8, 16, 32, 64)
COLUMNS = ("B", "autoregressive", "speculative", "speed-up", "tokens a target pass", "ρ", "c", "predicted")


def prompts(B: int, encode: Any) -> list[list[int]]:
    """Cut B prompts of 32 to 96 characters out of code and prose, in turn."""
    rng = np.random.default_rng(0)
    texts = [max(load_documents(kind), key=len) for kind in KINDS]
    starts = rng.integers(0, 20_000, B)
    lengths = rng.integers(32, 97, B)
    return [encode(texts[b % 2][s : s + n]) for b, (s, n) in enumerate(zip(starts, lengths, strict=True))]


def pass_seconds(model: Any, texts: list[list[int]], n: int) -> Any:
    """Prepare a pass over n tokens a row after the texts, which is rolled back again; return its timer."""
    context = model.start(len(texts))
    B = len(texts)
    context.extend(batched.passes.pad(texts), np.array([len(text) for text in texts]))
    before = context.lengths
    tokens = np.full((B, n), 5)
    counts = np.full(B, n)

    def measure() -> float:
        took = timed(lambda: context.extend(tokens, counts))[1]
        context.rollback(before)
        return took

    return measure


def measure(models: tuple[Any, Any], texts: list[list[int]], *, K: int, new: int, repeats: int) -> dict[str, Any]:
    """Measure one batch size."""
    traces = {}
    times = {0: [], K: []}

    def run(k: int, new: int = new) -> None:
        rngs = [np.random.default_rng([7, b]) for b in range(len(texts))]
        traces[k] = [t for _, t in batched.generate(texts, *models, K=k, max_new_tokens=new, rngs=rngs)]

    # single passes, in turns: the target's with one row a text and with K + 1, the draft's with one
    timers = [
        pass_seconds(models[0], texts, 1),
        pass_seconds(models[0], texts, K + 1),
        pass_seconds(models[1], texts, 1),
    ]
    costs = [[timer() for timer in timers] for _ in range(10 * repeats)]

    # whole texts, in turns; what a text of two tokens takes is prompts, and is taken off
    for _ in range(repeats):
        for k in (0, K):
            times[k].append(-timed(lambda k=k: run(k, 2))[1] + timed(lambda k=k: run(k))[1])

    # speed-up from whole texts, its prediction from the passes
    one, many, draft = np.median(costs, axis=0)
    rounds = [trace.target_passes for trace in traces[K]]
    emitted = new * len(texts) / sum(rounds)
    slow = min(times[0])
    fast = min(times[K])
    return {
        "B": len(texts),
        "autoregressive": (new - 2) * len(texts) / slow,
        "speculative": (new - 2) * len(texts) / fast,
        "speed-up": slow / fast,
        "tokens a target pass": emitted,
        "ρ": many / one,
        "c": draft / one,
        "predicted": emitted / (many / one + K * draft / one),
        "pass": f"{1e3 * one:.2f} ms",
        "rounds": f"{np.mean(rounds):.1f}, {max(rounds)}",
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--K", type=int, default=5)
    parser.add_argument("--new", type=int, default=64, help="tokens a text")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    given = parser.parse_args()
    pair = load_pair()
    encode = pair[0].tokenizer.encode
    models = tuple(BatchedTransformer(model.to(given.backend)) for model in pair)
    print(table([*COLUMNS, "target pass of 1 row a text", "rounds: mean, slowest"], []))
    for B in given.sizes:
        found = measure(models, prompts(B, encode), K=given.K, new=given.new, repeats=given.repeats)
        cells = [
            f"{found[name]:,.0f}" if found[name] >= 20 or name == "B" else f"{found[name]:.2f}" for name in COLUMNS
        ]
        print(row(*cells, found["pass"], found["rounds"]), flush=True)


if __name__ == "__main__":
    main()
