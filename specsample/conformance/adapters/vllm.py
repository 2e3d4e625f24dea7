"""vLLM's rejection sampler.

Written against the documented shapes of `vllm.v1.sample`.

The drafts of all sequences lie in one row: token ids (N K,), q (N K, V), p (N K, V) without the bonus row; the bonus
tokens (N, 1) are drawn by the caller, here from the last row of p. The answer is (N, K+1), padded with -1. Needs vllm
and a CUDA device.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from specsample.conformance.adapters.adapter import Adapter
from specsample.conformance.adapters.torch_callables import from_torch, required


def rejection_sample(*, device: str = "cuda") -> Adapter:
    """Show the kit `vllm.v1.sample.rejection_sampler.rejection_sample` of the installed vllm.

    Parameters
    ----------
    device : str, a CUDA device

    Raises
    ------
    RuntimeError
        If vllm is not installed or there is no CUDA device.
    """
    version = required("vllm", "It needs Linux and an NVIDIA GPU.").__version__
    fn = required("vllm.v1.sample.rejection_sampler").rejection_sample
    return from_torch(FlatCall(fn), device=device, name=f"vllm {version} rejection_sample")


@dataclass(frozen=True)
class FlatCall:
    """`rejection_sample`, called with (N, K), (N, K, V), (N, K+1, V) tensors."""

    fn: Any

    def __call__(self, draft_tokens: Any, draft_probs: Any, target_probs: Any, generator: Any) -> Any:
        """Call it; (N, K+1) tokens come back, padded with -1."""
        torch = required("torch")
        N, K = draft_tokens.shape
        # the caller draws the bonus
        bonus = torch.multinomial(target_probs[:, -1], 1, generator=generator)
        ends = torch.arange(1, N + 1, dtype=torch.int32, device=draft_tokens.device) * K
        # of vllm's metadata only what the function reads
        metadata = SimpleNamespace(
            all_greedy=False,
            all_random=True,
            temperature=torch.ones(N, device=draft_tokens.device),
            generators={},
            top_k=None,
            top_p=None,
        )
        # all sequences in one row, with the ends of each
        flat = (draft_tokens.to(torch.int32).reshape(-1), [K] * N, K, ends)
        rows = (draft_probs.flatten(0, 1).contiguous(), target_probs[:, :-1].flatten(0, 1).contiguous())
        return self.fn(*flat, *rows, bonus.to(torch.int32), metadata)
