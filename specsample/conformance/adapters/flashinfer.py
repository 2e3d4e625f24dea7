"""Is FlashInfer's `chain_speculative_sampling` lossless? Written against its documented shapes.

q (N, K, V), drafts (N, K), p (N, K+1, V) and a generator; the first of its three results is (N, K+1), padded with -1.
Needs flashinfer and a CUDA device. Before this file: `vllm`; after it: `branches`.
"""

from functools import partial
from typing import Any

from specsample.conformance.adapters.adapter import Adapter
from specsample.conformance.adapters.torch_callables import from_torch, required
from specsample.distributions import Array


def chain_speculative_sampling(*, device: str = "cuda") -> Adapter:
    """Show the kit `flashinfer.sampling.chain_speculative_sampling` of the installed FlashInfer.

    Parameters
    ----------
    device : str, a CUDA device

    Returns
    -------
    Adapter

    Raises
    ------
    RuntimeError
        If flashinfer is not installed or there is no CUDA device.
    """
    sampling = required("flashinfer.sampling", "Install flashinfer-python; it needs Linux and an NVIDIA GPU.")
    version = getattr(required("flashinfer"), "__version__", "")
    name = f"flashinfer {version} chain_speculative_sampling"
    return from_torch(partial(call, sampling.chain_speculative_sampling), device=device, name=name)


def call(fn: Any, *given: Array) -> Any:
    """Put (N, K), (N, K, V), (N, K+1, V) tensors into the order that FlashInfer wants."""
    torch, (draft_tokens, draft_probs, target_probs, generator) = required("torch"), given
    return fn(draft_probs, draft_tokens.to(torch.int32), target_probs, generator=generator)[0]
