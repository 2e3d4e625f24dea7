"""FlashInfer's `chain_speculative_sampling`.

Written against its documented shapes.

q (N, K, V), drafts (N, K), p (N, K+1, V) and a generator; the first of its three results is (N, K+1), padded with -1.
Needs flashinfer and a CUDA device.
"""

from dataclasses import dataclass
from typing import Any

from specsample.conformance.adapters.adapter import Adapter
from specsample.conformance.adapters.libraries import required
from specsample.conformance.adapters.rounds import from_torch


def chain_speculative_sampling(*, device: str = "cuda") -> Adapter:
    """Show the kit `flashinfer.sampling.chain_speculative_sampling` of the installed FlashInfer.

    Parameters
    ----------
    device : str, a CUDA device

    Raises
    ------
    RuntimeError
        If flashinfer is not installed or there is no CUDA device.
    """
    sampling = required("flashinfer.sampling", "Install flashinfer-python; it needs Linux and an NVIDIA GPU.")
    version = getattr(required("flashinfer"), "__version__", "")
    name = f"flashinfer {version} chain_speculative_sampling"
    return from_torch(ChainCall(sampling.chain_speculative_sampling), device=device, name=name)


@dataclass(frozen=True)
class ChainCall:
    """`chain_speculative_sampling`, called with (N, K), (N, K, V), (N, K+1, V) tensors."""

    fn: Any

    def __call__(self, draft_tokens: Any, draft_probs: Any, target_probs: Any, generator: Any) -> Any:
        """Call it; (N, K+1) tokens come back, padded with -1."""
        torch = required("torch")
        return self.fn(draft_probs, draft_tokens.to(torch.int32), target_probs, generator=generator)[0]
