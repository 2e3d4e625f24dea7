"""vLLM's rejection samplers, both of them, and the draft's sampling; their Triton text by Triton's own interpreter.

One program of a kernel takes milliseconds this way, so that small questions are asked.
"""

import inspect

import torch
import triton.language as tl
from cases import Case, Texts, judge_all
from triton.language.extra import libdevice
from vllm.v1.worker.gpu.sample.gumbel import gumbel_sample
from vllm.v1.worker.gpu.spec_decode.rejection_sampler_utils import rejection_sample

from specsample.conformance import from_engine, from_torch
from specsample.conformance.adapters import vllm

libdevice.log1p = lambda x: tl.log(1.0 + x)  # of CUDA's own library, which the interpreter does not have
ON_P1 = {"probes": ["P1"], "eps": 0.3}


# --- the second model runner's sampler ---------------------------------------------------------------------------


def flat_call(drafts, q_logits, p_logits, seeds, positions, **options):
    """Call it with one row of logits for each token: (N, K), (N, K, V), (N, K+1, V), (N,), (N,) -> (N, K+1)."""
    N, K = drafts.shape
    ones = torch.ones(N)
    steps = torch.arange(K + 1)
    requests = torch.arange(N)
    # one column in front, for the token that is there already
    column = torch.cat([torch.zeros(N, 1, dtype=torch.int64), drafts], dim=1).flatten()
    rows = (column, torch.arange(0, N * (K + 1) + 1, K + 1), (positions[:, None] + steps).flatten())
    numbers = (requests, requests.repeat_interleave(K + 1), steps.repeat(N))
    flat = p_logits.flatten(0, 1).float().contiguous()
    sampled, counts = rejection_sample(
        flat, q_logits.float().contiguous(), *rows, *numbers, ones, seeds, num_speculative_steps=K, **options
    )
    return torch.where(steps < counts[:, None], sampled, -1)


def verifier(**options):
    """Make a function for `from_torch`."""

    def verify(drafts, q, p, generator):
        seeds = torch.randint(2**31, (len(drafts),), generator=generator)
        return flat_call(drafts, q.log(), p.log(), seeds, torch.zeros(len(drafts), dtype=torch.int64), **options)

    return verify


def second(option, **options):
    """Make the case of the verifier alone."""
    make = lambda: from_torch(verifier(**options), name=f"vllm V2 {option}")  # noqa: E731
    return Case("V2 rejection_sample, interpreted", option, make, ON_P1)


# --- drafts and verdicts of one text -----------------------------------------------------------------------------

# where replacements matter most: token 0 is drafted and refused, and what replaces it remembers who lost to it
P, Q = (0.01, 0.5, 0.49), (0.7, 0.299, 0.001)
HAS_SALT = "is_drafting" in inspect.signature(gumbel_sample).parameters


def texts(is_drafting=True):
    """Make whole texts of drafts by `gumbel_sample` and verdicts by `rejection_sample`, with one seed a text."""
    salt = {"is_drafting": is_drafting} if HAS_SALT else {}

    def draft(logits, seeds, positions):
        rows = (torch.tensor(logits, dtype=torch.float32), torch.arange(len(logits)), torch.ones(len(logits)))
        return gumbel_sample(*rows, torch.tensor(seeds), torch.tensor(positions), apply_temperature=True, **salt)

    def verify(drafts, q_logits, p_logits, seeds, positions):
        return flat_call(*map(torch.tensor, (drafts, q_logits, p_logits, seeds, positions)))

    return Texts(draft, verify, V=len(P), rows=(P, Q))


def both(option, **explained):
    """Make the case of drafts and verdicts together; the first token alone is asked for."""
    made = texts(is_drafting="off" not in option)
    settings = {"next_probs": made.next_probs, "prompt": (0,), "max_new_tokens": 1, "batched": True}
    make = lambda: from_engine(made, **settings, name=f"vllm V2 {option}")  # noqa: E731
    return Case("V2 gumbel_sample and rejection_sample, interpreted", option, make, {"eps": 0.08}, explained)


SHARED = (
    "the draft and the token that replaces it come from the same Gumbel noise (`tl.randint(seed, pos)` in both), so "
    "that what replaces a refused draft depends on it: M21"
)
CONTROL = "no option of the engine: the salt of the draft's noise is left out, as in 0.27.1"
CASES = [
    both("probabilistic drafts, one seed a text", FAIL=SHARED),
    *([both("the same, is_drafting off", FAIL=CONTROL)] if HAS_SALT else []),
    second("standard"),
    second("block", use_block_verification=True),
    Case("V1 rejection_sample, interpreted", "q given", lambda: vllm.rejection_sample(device="cpu"), ON_P1),
]

if __name__ == "__main__":
    judge_all(CASES, "vllm", "torch", "triton")
