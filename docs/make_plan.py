"""Write docs/plan.md and docs/plan-map.svg: what the roofline predicts, and how far that is from what was measured.

    python docs/make_plan.py                   from the figures in docs/plan-measurements.json
    python docs/make_plan.py --measure MACHINE  measure those first, about a minute on an idle machine

A test says that running it again without measuring changes nothing.
"""

import argparse
import io
import json
import os
from datetime import date
from pathlib import Path

import numpy as np
from pages import row, wrapped
from rich.console import Console

from specsample.bench import timed
from specsample.bench.shapes import RANDOM, random_model
from specsample.commands.plan import MAP_CONTEXTS, predictions, remarks
from specsample.figures.heat_map import draw
from specsample.figures.style import write_svg
from specsample.papers import printed_figures
from specsample.theory import Device, Shape, Work, best_K, implied_alpha, pass_seconds, speedup
from specsample.theory.deployment import Deployment
from specsample.theory.machines import device, shape
from specsample.transformer.config import Config
from specsample.transformer.lm import load_pair

PAGE = Path(__file__).with_name("plan.md")
MAP = Path(__file__).with_name("plan-map.svg")
FIGURES = Path(__file__).with_name("plan-measurements.json")
CONTEXT, ROWS = 128, 6
CACHE = 32 * 2**20  # bytes of the L3 cache of the machine in the measurements
TINY = Config(97, 16, 8, 2, n_kv_heads=1, hidden=16, max_length=192)  # nothing to read or compute: what is left
NAMES = {  # of models with random weights: what the page calls them
    "six-layers": "6 layers, width 256, V 96",
    "gpt2-124m": "the shape of GPT-2 124M",
    "llama-135m": "a Llama of 135M",
}


# --- measuring ---------------------------------------------------------------------------------------------------


def fastest_of(function, repeats):
    """Call a function several times and return the fewest seconds, which other work on the machine disturbs least."""
    return min(timed(function)[1] for _ in range(repeats))


def read_rate(megabytes):
    """Measure bytes/s of a product of one row with a matrix of this size."""
    rng = np.random.default_rng(0)
    W = rng.random((megabytes * 2**20 // 4 // 1024, 1024), dtype=np.float32)
    x = np.ones((1, len(W)), np.float32)
    x @ W
    return W.nbytes / fastest_of(lambda: x @ W, 25)


def arithmetic_rate():
    """Measure operations/s of a square product, float32."""
    A = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    return 2 * 1024**3 / fastest_of(lambda: A @ A, 25)


def passes(model, repeats):
    """Measure a one-row and a six-row pass at a context of 128, interleaved, in seconds."""
    context = model.start()
    context.extend([1] * CONTEXT)
    seconds = np.empty((repeats, 2))
    for i in range(repeats):
        for j, rows in enumerate((1, ROWS)):
            seconds[i, j] = fastest_of(lambda: context.extend([1] * rows), 1)  # noqa: B023
            context.rollback(CONTEXT)
    return seconds.min(axis=0).tolist()


def shape_of(config):
    """Write a configuration as what a pass reads and computes, in numbers: the head is tied, so all is read."""
    kv = config.n_kv_heads * config.head_dim
    layer = 2 * config.width**2 + 2 * config.width * kv + 3 * config.width * config.hidden
    return [config.n_layers * layer + config.vocab_size * config.width, config.n_layers, config.width, kv]


def measure(machine):
    """Measure this machine and write the figures down."""
    target, draft = load_pair()
    models = {"the shipped draft": draft, "the shipped target": target}
    tiny = random_model(TINY)

    # what the roofline takes of the machine: bytes/s, operations/s, and what a layer costs beyond both
    found = {"machine": machine, "date": str(date.today()), "numpy": np.__version__, "load": os.getloadavg()[0]}
    found |= {"memory": read_rate(512), "cache": read_rate(8), "arithmetic": arithmetic_rate()}
    found["layer"] = [seconds / TINY.n_layers for seconds in passes(tiny, 200)]

    # the passes that it is to predict
    rows = {name: [shape_of(model.config), passes(model, 200)] for name, model in models.items()}
    for key, name in NAMES.items():
        rows[name] = [shape_of(RANDOM[key]), passes(random_model(RANDOM[key]), 25)]
    FIGURES.write_text(json.dumps(found | {"passes": rows}, indent=1) + "\n", encoding="utf-8")


# --- predicting --------------------------------------------------------------------------------------------------


def chen_rows(layer_seconds):
    """Predict Chinchilla's and its draft's pass on 16 TPU v4, with a number of seconds a layer."""
    chen = printed_figures()["chen"]
    machine = device("tpuv4", count=16, layer_seconds=layer_seconds)
    measured = {
        "chinchilla-70b": chen["table1"][0]["ms_per_token"],
        "chinchilla-draft-4b": chen["draft_ms_per_token"],
    }
    return {name: (ms, 1e3 * pass_seconds(shape(name), 1, machine, Work(1, 1024))) for name, ms in measured.items()}


def chen_layer():
    """Find the seconds a layer at which the target's pass is predicted as measured."""
    ms, predicted = chen_rows(0.0)["chinchilla-70b"]
    return (ms - predicted) / 1e3 / shape("chinchilla-70b").n_layers


def chen_table():
    """Compare both passes with and without the layer term."""
    plain = chen_rows(0.0)
    fitted = chen_rows(chen_layer())
    for name, (ms, predicted) in plain.items():
        again = fitted[name][1]
        yield row(name, ms, f"{predicted:.2f}", f"{ms / predicted:.2f}", f"{again:.2f}", f"{ms / again:.2f}")


def chen_speeds():
    """Compare the speed-ups at the alpha that explains the measured ones."""
    chen = printed_figures()["chen"]
    plain = chen_rows(0.0)
    fitted = chen_rows(chen_layer())

    # c three times: as measured, from the roofline, and with seconds a layer
    cost = {"measured": [ms for ms, _ in plain.values()]}
    cost |= {"roofline": [t for _, t in plain.values()], "with layers": [t for _, t in fitted.values()]}
    c = {name: draft / target for name, (target, draft) in cost.items()}

    # every second line is a speculative run; its α is the one that explains the printed speed-up
    for line in chen["table1"][1::2]:
        alpha = implied_alpha(line["speedup"], chen["K"], c["measured"])
        ours = [speedup(alpha, chen["K"], c[name]) for name in ("roofline", "with layers")]
        best = [best_K(alpha, ratio) for ratio in c.values()]
        ratios = [f"{speed:.2f} ({line['speedup'] / speed:.2f})" for speed in ours]
        yield row(line["benchmark"], f"{alpha:.2f}", line["speedup"], *ratios, ", ".join(map(str, best)))


def leviathan_layer():
    """Find the seconds a layer at which the small draft's c is as printed."""
    c = 0.02
    machine = device("tpuv4")
    small = shape("t5-small")
    large = shape("t5-xxl")
    work = Work(1, CONTEXT)
    t_small = pass_seconds(small, 1, machine, work)
    t_large = pass_seconds(large, 1, machine, work)

    # (t_small + n_small s) / (t_large + n_large s) = c, solved for s
    return (c * t_large - t_small) / (small.n_layers - c * large.n_layers)


def leviathan_cost(draft, layer_seconds):
    """Predict c of a T5 draft against T5 XXL on one TPU v4."""
    machine = device("tpuv4", layer_seconds=layer_seconds)
    seconds = [pass_seconds(shape(f"t5-{name}"), 1, machine, Work(1, CONTEXT)) for name in (draft, "xxl")]
    return seconds[0] / seconds[1]


def leviathan_costs():
    """Compare c of the three drafts."""
    for draft, printed in (("small", 0.02), ("base", 0.04), ("large", 0.11)):
        plain = leviathan_cost(draft, 0.0)
        fitted = leviathan_cost(draft, leviathan_layer())
        yield row(
            draft, printed, f"{plain:.3f}", f"{printed / plain:.2f}", f"{fitted:.3f}", f"{printed / fitted:.2f}"
        )


def leviathan_speed(line):
    """Predict the speed-up of a line of table 4 at its alpha and K."""
    return speedup(line["alpha"], line["K"], leviathan_cost(line["draft"].split()[0], leviathan_layer()))


def leviathan_speeds():
    """Compare the speed-ups of table 4, expected and measured, with those at the predicted c."""
    for line in printed_figures()["leviathan"]["tables2_4"]:
        ours = leviathan_speed(line)
        case = f"{line['task']}, {line['draft']}, T = {line['T']}"
        ratio = f"{line['empirical'] / ours:.2f}"
        yield row(case, line["K"], line["alpha"], f"{ours:.2f}", line["expected"], line["empirical"], ratio)


def here(found, figures, rows, *, with_layers):
    """Predict a pass on the measured machine, in seconds: float32, from the cache where the weights fit into it."""
    model = Shape(*figures)
    rate = found["cache"] if 4 * model.parameters < CACHE else found["memory"]
    layer = found["layer"][rows > 1] if with_layers else 0.0
    return pass_seconds(model, rows, Device(rate, found["arithmetic"], 24e9, layer), Work(1, CONTEXT, 4, 4))


def here_table(found):
    """Compare every pass on the measured machine."""
    for name, (figures, seconds) in found["passes"].items():
        for rows, measured in zip((1, ROWS), seconds, strict=True):
            cells = []
            for with_layers in (False, True):
                predicted = here(found, figures, rows, with_layers=with_layers)
                cells += [f"{1e3 * predicted:.2f}", f"{measured / predicted:.2f}"]
            yield row(name, rows, f"{1e3 * measured:.2f}", *cells)


def here_ratios(found):
    """Compare c and rho of the shipped pair, and the speed-up that follows at alpha = 0.8 and K = 5."""
    target, (one, six) = found["passes"]["the shipped target"]
    draft, (small, _) = found["passes"]["the shipped draft"]
    c = small / one
    rho = six / one
    yield row("measured", f"{c:.2f}", f"{rho:.2f}", f"{speedup(0.8, ROWS - 1, c, rho):.2f}")
    for with_layers, name in ((False, "roofline"), (True, "with layers")):
        at = [here(found, *pass_, with_layers=with_layers) for pass_ in ((target, 1), (target, ROWS), (draft, 1))]
        c = at[2] / at[0]
        rho = at[1] / at[0]
        yield row(name, f"{c:.2f}", f"{rho:.2f}", f"{speedup(0.8, ROWS - 1, c, rho):.2f}")


# --- the page ----------------------------------------------------------------------------------------------------


DEPLOYMENT = Deployment(shape("70B"), shape("4B"), device("h100", count=8), 0.8, None, 2.0, 2.0)
TITLE = "70B with 4B on 8 x NVIDIA H100 SXM 80 GB, α = 0.8"
BATCHES = [2**i for i in range(9)]


def printed_table():
    """Draw the table of the command as text."""
    out = io.StringIO()
    Console(file=out, width=80).print(*predictions(DEPLOYMENT, BATCHES, [2048]))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines() if line.strip())


def drawn_map():
    """Draw the map of the command."""
    return draw(DEPLOYMENT, BATCHES, MAP_CONTEXTS, title=TITLE)


TEXT = """\
# Past this machine, on paper

`specsample plan` predicts what speculative sampling brings on machines and models that cannot be run here, from
`theory.roofline`: a pass reads every weight once and multiplies every row by every weight, and the slower of
the two decides. Made by `python docs/make_plan.py`; a test recomputes every number on this page from the
measurements in `docs/plan-measurements.json` and the figures that the papers print. `--plot` needs matplotlib.

```sh
specsample plan --target 70B --draft 4B --device h100 --batch 1..256 --context 2048 --plot docs/plan-map.svg
```

```text
{table}
```

![Speed-up over batch and context](plan-map.svg)

Three regions. At small batches every pass waits for the weights, K+1 rows are free (ρ = 1) and the speed-up is
theorem 3.8 with c near the ratio of the sizes. As the batch grows at a short context, a pass waits for
arithmetic, of which K+1 rows need K+1 times as much, and drafting stops paying: {ends}. At a long context the
cache of all sequences is what a pass reads, K+1 rows share one reading of it, and speculation pays at any
batch; then c is the ratio of the caches, which is larger than that of the weights, and a draft with few layers
or a narrow cache pays most.

## How far off is it?

Every ratio is measured / predicted. A data sheet's figures cannot be exceeded, so that the predicted times are
lower bounds. The column *with layers* adds one number, the seconds a layer that neither reading nor computing
explains; where it was fitted to a line, that line is no check.

### Chinchilla 70B and its 4B draft (Chen et al., 16 TPU v4, bfloat16)

| model | ms a pass | roofline | ratio | with layers | ratio |
|---|---|---|---|---|---|
{chen}

The layer term, {chen_us:.0f} µs, is fitted to the target. Reading one sixteenth of a layer takes
{chen_read:.0f} µs, and 16 chips must exchange the results of every layer: that is about as long. For the draft
the same term explains part of what is missing; the rest does not grow with layers (sampling, embedding, the
host), and nothing here predicts it. Time a layer is a reason to build a draft of few wide layers, as Chen et
al. did. A context of 1024 is assumed.

| benchmark | α that explains it | speed-up | roofline | with layers | best K: measured c, roofline, with layers |
|---|---|---|---|---|---|
{chen_speeds}

The paper's table does not print α; it is what theorem 3.8 needs for the printed speed-up at K = 4, ρ = 1 and
the measured c = 1.8 / 14.1, so that these lines check c and not α. The roofline's c is less than half of the
measured one and promises {chen_promise:.0f} % too much, with layers {chen_layers:.0f} %. Chen et al. find K = 3
best for XSum with nucleus sampling; theorem 3.8 puts K = 3 and 4 within {chen_flat:.1f} % of each other there.

### T5 XXL 11B and its drafts (Leviathan et al., one TPU v4)

| draft | c | roofline | ratio | with layers | ratio |
|---|---|---|---|---|---|
{leviathan}

One number, {leviathan_us:.0f} µs a layer, fitted to the small draft, explains the other two within the rounding
of the print. The weights of decoder and head are counted in bfloat16, at a context of {context}.

| case | K | α | predicted | expected in the paper | measured | ratio |
|---|---|---|---|---|---|---|
{leviathan_speeds}

The predictions agree with the paper's own expectation to {leviathan_near:.2f}. Both miss the measured speed-ups
by up to {leviathan_miss:.0f} %, in both directions. Acceptances that come in runs make a round shorter than
equation 1 says (`theory.chains`), which fits the slower ones; that others are faster must have a cause outside
these equations, such as costs of a baseline step that a round pays once.

### This machine

Measured by `python docs/make_plan.py --measure` on {date} ({machine}; NumPy {numpy}, load {load:.1f}):
{memory:.1f} GB/s from memory and {cache:.0f} GB/s from the cache (a one-row product with 512 and with 8 MiB of
float32), {arithmetic:.0f} · 10⁹ operations/s in a square product, and {layer:.0f} µs a layer of a model of
width 16, in which there is nothing to read or to compute. Context {context}, float32, the fastest of
200 (25 for the two large) interleaved passes, because other work ran beside them.

| model | rows | ms a pass | roofline | ratio | with layers | ratio |
|---|---|---|---|---|---|---|
{here}

| shipped pair | c | ρ | speed-up at α = 0.8, K = 5 |
|---|---|---|---|
{here_ratios}

Where it is off, and why:

- *Large models.* This is the roofline's own ground, and it is within a factor of {large:.2f} for one row and for six:
  the weights come from memory, stored in blocks that the BLAS reads without packing them first. Without that, six
  rows cost several times one.
- *The shipped target and width 256.* Their {target_MB:.0f} and 19 MB fit into a cache of 32 MiB on paper, but other
  work uses it too. From memory alone reading takes {spilled_target:.1f} and {spilled:.1f} ms, and the measured times
  of one row lie between that and the prediction. ρ and the speed-up divide by the time of one row and are off with
  it.
- *The shipped draft.* Little to read or compute; dozens of calls from Python for a layer, and more for a pass, which
  the layer term does not know.

## What it leaves out

Reading and computing overlap perfectly; few rows reach the full arithmetic rate; devices that share a pass
exchange results for free (but for `--layer-us`); sampling costs nothing. α must come from elsewhere.
"""


def page():
    """Compose the page."""
    found = json.loads(FIGURES.read_text(encoding="utf-8"))
    chen = printed_figures()["chen"]
    plain = chen_rows(0.0)
    c = chen["draft_ms_per_token"] / chen["table1"][0]["ms_per_token"]
    alpha = implied_alpha(chen["table1"][1]["speedup"], chen["K"], c)
    promises = [
        speedup(alpha, 4, rows["chinchilla-draft-4b"][1] / rows["chinchilla-70b"][1]) / speedup(alpha, 4, c)
        for rows in (plain, chen_rows(chen_layer()))
    ]
    tables = printed_figures()["leviathan"]["tables2_4"]
    ours = [leviathan_speed(line) for line in tables]
    target = found["passes"]["the shipped target"][0][0]
    named = (found["passes"][name] for name in ("the shape of GPT-2 124M", "a Llama of 135M"))
    large = [(figures, *case) for figures, seconds in named for case in zip((1, ROWS), seconds, strict=True)]
    text = TEXT.format(
        table=printed_table(),
        ends=remarks(DEPLOYMENT, [256], 256)[0],
        chen="\n".join(chen_table()),
        chen_us=1e6 * chen_layer(),
        chen_read=1e3 * plain["chinchilla-70b"][1] / shape("chinchilla-70b").n_layers,
        chen_speeds="\n".join(chen_speeds()),
        chen_promise=100 * (promises[0] - 1),
        chen_layers=100 * (promises[1] - 1),
        chen_flat=100 * abs(speedup(alpha, 4, c) / speedup(alpha, 3, c) - 1),
        leviathan="\n".join(leviathan_costs()),
        leviathan_us=1e6 * leviathan_layer(),
        leviathan_speeds="\n".join(leviathan_speeds()),
        leviathan_near=max(abs(speed - line["expected"]) for speed, line in zip(ours, tables, strict=True)),
        leviathan_miss=100
        * max(abs(line["empirical"] / speed - 1) for speed, line in zip(ours, tables, strict=True)),
        context=CONTEXT,
        memory=found["memory"] / 1e9,
        cache=found["cache"] / 1e9,
        arithmetic=found["arithmetic"] / 1e9,
        layer=1e6 * found["layer"][0],
        large=max(seconds / here(found, figures, rows, with_layers=False) for figures, rows, seconds in large),
        target_MB=4 * target / 1e6,
        spilled_target=1e3 * 4 * target / found["memory"],
        spilled=1e3 * 4 * found["passes"]["6 layers, width 256, V 96"][0][0] / found["memory"],
        here="\n".join(here_table(found)),
        here_ratios="\n".join(here_ratios(found)),
        **{name: found[name] for name in ("machine", "date", "numpy", "load")},
    )
    return wrapped(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", metavar="MACHINE", help="measure first, and call this machine so")
    machine = parser.parse_args().measure
    if machine:
        measure(machine)
    PAGE.write_text(page(), encoding="utf-8")
    write_svg(drawn_map(), MAP)
