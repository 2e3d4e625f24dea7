"""Measure the NumPy trainer's tokens/s against torch autograd's: same model, batches, clipping and AdamW, in turns.

    OPENBLAS_NUM_THREADS=1 python tests/measure_training.py [tiny] [draft] [target]      (needs the extra [peers])

torch gets what makes it fast: fused attention, norm and optimizer, all cores; NumPy runs as `specsample train` does.
Beside them Hugging Face's Llama with the same weights. Medians and quartiles of interleaved steps; the losses of the
first steps are compared, so that all are known to do the same work. No test: pytest does not collect this file.
"""

import math
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import transformers

from specsample.bench.peers import to_llama
from specsample.training import data
from specsample.training.optim import learning_rate
from specsample.training.presets import PRESETS
from specsample.training.state import start_state
from specsample.training.train import WORKERS, n_shards, next_batch, training_step
from specsample.transformer import blocks
from specsample.transformer.allocator import keep_freed_memory
from specsample.transformer.attention import rotary_tables
from specsample.transformer.config import init_params
from specsample.transformer.lm import TransformerLM
from specsample.transformer.model import loss_and_grads

PARTS = ("_attend", "_attend_backward", "_split_heads", "_split_heads_backward", "swiglu", "swiglu_backward")
PARTS += ("rms_norm", "rms_norm_backward", "linear_backward")
STEPS = {"tiny": 200, "draft": 40, "target": 8}


def torch_loss(config, params, tokens, targets):
    """Compute our Transformer's loss from our parameters, in torch."""
    c, (batch, length) = config, tokens.shape
    tables = rotary_tables(c.head_dim, c.max_length, c.rope_theta, "float32")
    cos, sin = (torch.from_numpy(table[:length]) for table in tables)
    x = F.embedding(tokens, params["embedding"])
    for layer in range(c.n_layers):
        weight = {name: params[f"layers.{layer}.{name}"] for name in ("qkv", "out", "gate_up", "down")}
        normed = F.rms_norm(x, (c.width,), params[f"layers.{layer}.norm_attention"], c.norm_eps)
        heads = (normed @ weight["qkv"]).view(batch, length, -1, c.head_dim)
        turned, v = heads.split([c.n_heads + c.n_kv_heads, c.n_kv_heads], dim=2)
        turned = turned * cos + torch.cat(turned.chunk(2, -1)[::-1], -1) * sin
        q, k = turned.split([c.n_heads, c.n_kv_heads], dim=2)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + seen.transpose(1, 2).reshape(batch, length, -1) @ weight["out"]
        normed = F.rms_norm(x, (c.width,), params[f"layers.{layer}.norm_mlp"], c.norm_eps)
        gate, up = (normed @ weight["gate_up"]).chunk(2, -1)
        x = x + (F.silu(gate) * up) @ weight["down"]
    logits = F.rms_norm(x, (c.width,), params["norm"], c.norm_eps) @ params["embedding"].T
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def torch_trainer(preset, params, loss_of):
    """Return a function that takes one step of the torch model on (B, T+1) tokens and returns its loss in bits."""
    decayed = [[p for p in params if p.ndim == n] for n in (2, 1)]
    groups = [{"params": decayed[0], "weight_decay": 0.1}, {"params": decayed[1], "weight_decay": 0.0}]
    optimizer, taken = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8, fused=True), 0

    def take_step(tokens):
        nonlocal taken
        warmup = min(100, preset.steps // 10 + 1)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(taken, steps=preset.steps, peak=preset.lr, warmup=warmup)
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(*(torch.from_numpy(part.copy()) for part in (tokens[:, :-1], tokens[:, 1:])))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        taken += 1
        return float(loss.detach()) / math.log(2)

    return take_step


def trainers(preset, state, pool):
    """Return the three trainers by name, all with the same first parameters."""
    c = preset.config
    ours = {name: torch.tensor(array, requires_grad=True) for name, array in state.params.items()}
    llama = to_llama(TransformerLM(c, state.params))
    llama.config.use_cache = False  # nothing is generated

    def llama_loss(tokens, targets):
        return F.cross_entropy(llama(tokens).logits.flatten(0, 1), targets.flatten())

    return {
        "NumPy": lambda tokens: training_step(preset, state, tokens, pool=pool),
        "torch": torch_trainer(preset, [*ours.values()], lambda x, y: torch_loss(c, ours, x, y)),
        "Hugging Face": torch_trainer(preset, [*llama.parameters()], llama_loss),
    }


def measure(name):
    """Print one row for a preset."""
    preset, streams = PRESETS[name], data.load_streams()[0]
    with ThreadPoolExecutor(WORKERS) as pool:
        train = trainers(preset, start_state(preset, Path(os.devnull), 0), pool)
        seconds, bits = np.empty((STEPS[name], len(train))), np.empty((STEPS[name], len(train)))
        for step in range(STEPS[name]):
            tokens = next_batch(preset, streams, seed=0, step=step)
            for column, take_step in enumerate(train.values()):
                start = time.perf_counter()
                bits[step, column] = take_step(tokens)
                seconds[step, column] = time.perf_counter() - start
    assert np.ptp(bits[:4], axis=1).max() < 1e-3, f"the trainers do not do the same work: {bits[:4]}"
    rates = preset.batch * preset.window / seconds[3:]  # the first steps set memory aside
    cells = [f"{np.median(r):,.0f} ({np.quantile(r, 0.25):,.0f}–{np.quantile(r, 0.75):,.0f})" for r in rates.T]
    ratios = [np.median(rates[:, 0] / rates[:, column]) for column in (1, 2)]
    print(f"| {name} | {' | '.join(cells)} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)


def measure_parts(name, repeats=60):
    """Print where a shard's time goes: its functions one by one; the rest is the products of the forward pass."""
    preset, spent = PRESETS[name], {}
    params = init_params(preset.config, np.random.default_rng(0))
    tokens = next_batch(preset, data.load_streams()[0], seed=0, step=0)
    shard = tokens[: len(tokens) // n_shards(tokens[:, 1:].size)]

    def watched(part, function):
        def run(*given, **settings):
            start = time.perf_counter()
            result = function(*given, **settings)
            spent[part][-1] += 1e3 * (time.perf_counter() - start)
            return result

        return run

    for part in PARTS:
        spent[part] = []
        setattr(blocks, part, watched(part, getattr(blocks, part)))
    whole = []
    for _ in range(repeats):
        for times in spent.values():
            times.append(0.0)
        start = time.perf_counter()
        loss_and_grads(preset.config, params, shard[:, :-1], shard[:, 1:])
        whole.append(1e3 * (time.perf_counter() - start))
    found = ", ".join(f"{part.strip('_')} {np.median(times):.2f}" for part, times in spent.items())
    print(f"\n{name}, ms a shard of {shard[:, 1:].size} positions on one thread: {np.median(whole):.1f}; {found}")


def main(names):
    """Print the table, then the parts of each preset."""
    keep_freed_memory()
    threads = f"{os.environ.get('OPENBLAS_NUM_THREADS', 'all')} BLAS thread(s), {WORKERS} workers"
    print(
        f"NumPy {np.__version__} ({threads}), torch {torch.__version__} ({torch.get_num_threads()} threads), ", end=""
    )
    print(f"transformers {transformers.__version__}; tokens/s, median (quartiles), ratios of the same step\n")
    print(
        "| preset | NumPy | torch | Hugging Face | NumPy / torch | NumPy / Hugging Face |\n|---|---|---|---|---|---|"
    )
    for name in names:
        measure(name)
    for name in names:
        measure_parts(name)


if __name__ == "__main__":
    main(sys.argv[1:] or ["tiny", "draft"])
