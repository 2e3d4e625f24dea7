"""Is vLLM's rejection sampler lossless? Written against the documented shapes of `vllm.v1.sample`.

The drafts of all sequences lie in one row: token ids (N K,), q (N K, V), p (N K, V) without the bonus row; the bonus
tokens (N, 1) are drawn by the caller, here from the last row of p. The answer is (N, K+1), padded with -1. Needs vllm
and a CUDA device. Before this file: `huggingface`; after it: `flashinfer`.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any

from specsample.conformance.adapters.adapter import Adapter
from specsample.conformance.adapters.torch_callables import from_torch, required
from specsample.distributions import Array


def rejection_sample(*, device: str = "cuda") -> Adapter:
    """Show the kit `vllm.v1.sample.rejection_sampler.rejection_sample` of the installed vllm.

    Parameters
    ----------
    device : str, a CUDA device

    Returns
    -------
    Adapter

    Raises
    ------
    RuntimeError
        If vllm is not installed or there is no CUDA device.
    """
    version = required("vllm", "It needs Linux and an NVIDIA GPU.").__version__
    fn = required("vllm.v1.sample.rejection_sampler").rejection_sample
    return from_torch(partial(call, fn), device=device, name=f"vllm {version} rejection_sample")


def call(fn: Any, *given: Array) -> Any:
    """Flatten (N, K), (N, K, V), (N, K+1, V) tensors into the arguments of `rejection_sample`."""
    torch, (draft_tokens, draft_probs, target_probs, generator) = required("torch"), given
    N, K = draft_tokens.shape
    bonus = torch.multinomial(target_probs[:, -1], 1, generator=generator)
    ends = torch.arange(1, N + 1, dtype=torch.int32, device=draft_tokens.device) * K
    metadata = SimpleNamespace(
        all_greedy=False,
        all_random=True,
        temperature=torch.ones(N, device=draft_tokens.device),
        generators={},
        top_k=None,
        top_p=None,
    )
    flat = (draft_tokens.to(torch.int32).reshape(-1), [K] * N, K, ends)
    rows = (draft_probs.flatten(0, 1).contiguous(), target_probs[:, :-1].flatten(0, 1).contiguous())
    return fn(*flat, *rows, bonus.to(torch.int32), metadata)
