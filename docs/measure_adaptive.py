"""Adaptive K beside every fixed K, by what a round costs and not by a clock that drifts.

    OPENBLAS_NUM_THREADS=1 python docs/measure_adaptive.py docs/speed/pair.json

c and ρ of every K come from a run of `specsample bench --json`; the rounds from 24 prompts of each kind, 256 tokens
each. Speed is tokens / Σ (K c + ρ), as in theorem 3.8, so that only the choice of K makes a difference. Prints the
table of docs/speed.md, with standard errors over prompts.
"""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
from pages import row, table

from specsample import generate, load_pair
from specsample.adaptive import BestRecentK, generate_adaptive
from specsample.bench.decode import prompts_of

PROMPTS = 24
NEW = 256


def costs(record):
    """Return (c, {K: ρ}) of a decoding in the bench's JSON; c at the largest K."""
    fixed = [run for run in record["runs"] if isinstance(run["K"], int)]
    return fixed[-1]["c"], {run["K"]: run["rho"] for run in fixed}


def run_all(prompts, models, sampler, **choice):
    """Continue every prompt, each with a seed of its own, and return the traces."""
    rngs = [np.random.default_rng(i) for i in range(len(prompts))]
    runs = zip(prompts, rngs, strict=True)
    return [sampler(prompt, *models, max_new_tokens=NEW, rng=rng, **choice)[1] for prompt, rng in runs]


def speeds(traces, c, rho):
    """Return each trace's tokens in units of an autoregressive step: its speed-up where rounds cost K c + ρ."""
    return [len(trace.tokens) / sum(one.K * c + rho[one.K] for one in trace.rounds) for trace in traces]


def main(paths):
    """Print a row for every K."""
    target, draft = load_pair()
    print(table(["text", "K", "speed-up by cost", "drafts a round"], []))
    for record in (one for path in paths for one in json.loads(Path(path).read_text(encoding="utf-8"))["decoding"]):
        c, rho = costs(record)
        run = partial(run_all, prompts_of(record["kind"], n=PROMPTS), (target, draft))

        # every fixed K that the bench has a ρ of, then the K that is chosen round by round
        rows = {K: run(generate, K=K) for K in rho}
        rows["adaptive"] = run(generate_adaptive, choose_K=BestRecentK(c, rho.get, max_K=max(rho)))
        for K, traces in rows.items():
            found = speeds(traces, c, rho)
            drafts = [one.K for trace in traces for one in trace.rounds]
            error = np.std(found, ddof=1) / len(found) ** 0.5
            print(row(record["kind"], K, f"{np.mean(found):.2f} ± {error:.2f}", f"{np.mean(drafts):.1f}"), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
