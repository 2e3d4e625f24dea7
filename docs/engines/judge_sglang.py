"""SGLang: block-wise rejection as a CPU gets it, in torch, and the chain kernel's Triton text, interpreted."""

import torch
from cases import Case, judge_all
from sglang.kernels.ops.speculative.dspark import blockwise_rejection
from sglang.kernels.ops.speculative.reject_sampling import chain_speculative_sampling_triton

from specsample.conformance import from_torch


def with_bonus(drafts, counts, tokens):
    """Put the accepted drafts and the token after them into (N, K+1) rows, padded with -1."""
    steps = torch.arange(drafts.shape[1] + 1)
    rows = torch.cat([drafts, drafts[:, :1]], dim=1)
    rows[torch.arange(len(rows)), counts.long()] = tokens
    return torch.where(steps <= counts[:, None], rows, -1)


def in_front(drafts):
    """Put a column in front of the drafts, for the token that is there already."""
    return torch.cat([torch.zeros_like(drafts[:, :1]), drafts], dim=1)


def blockwise(T=1.0, one_hot=False):
    """Make a function for `from_torch`: logits at a temperature that undoes itself."""

    def verify(drafts, q, p, generator):
        seed = int(torch.randint(2**31, (1,), generator=generator))
        temperatures = torch.full((len(drafts),), T)
        correct, bonus, _ = blockwise_rejection.BlockwiseRejection.execute(
            candidates=in_front(drafts),
            target_logits=T * p.log().flatten(0, 1),
            draft_logits=None if one_hot else T * q.log(),
            target_temperatures=temperatures,
            draft_temperatures=temperatures,
            noise=blockwise_rejection.make_rejection_noise(seed, "cpu"),
        )
        return with_bonus(drafts, correct, bonus)

    return verify


def chain(block):
    """Make a function for `from_torch` of the kernel that takes uniform numbers and fills what it is given."""

    def verify(drafts, q, p, generator):
        N, K = drafts.shape
        index = torch.arange(N * (K + 1), dtype=torch.int32).reshape(N, K + 1)
        filled = (torch.zeros(N * (K + 1), dtype=torch.int32), torch.zeros_like(index), torch.zeros(N).int())
        numbers = (torch.rand(N, K + 1, generator=generator), torch.rand(N, generator=generator))
        tree = (in_front(drafts).int(), index, index, index)
        chain_speculative_sampling_triton(*filled, *tree, *numbers, p, q, 1.0, 1.0, True, block_verification=block)
        # row i of predicts is the token after candidate i
        counts = filled[2]
        return torch.where(torch.arange(K + 1) <= counts[:, None], filled[0].reshape(N, K + 1), -1)

    return verify


def torch_case(option, fn):
    """Make the case of the path that a CPU gets."""
    make = lambda: from_torch(fn, name=f"sglang blockwise {option}")  # noqa: E731
    return Case("BlockwiseRejection.execute, torch", option, make, {"eps": 0.05})


def triton_case(option, fn):
    """Make the case of the kernel's text."""
    make = lambda: from_torch(fn, name=f"sglang chain {option}")  # noqa: E731
    return Case("chain_speculative_sampling_triton, interpreted", option, make, {"probes": ["P1"], "eps": 0.2})


CASES = [
    torch_case("q given", blockwise()),
    torch_case("temperature .5 on both sides", blockwise(T=0.5)),
    torch_case("no q: the draft is taken as certain", blockwise(one_hot=True)),
    triton_case("classic", chain(block=False)),
    triton_case("block_verification", chain(block=True)),
]

if __name__ == "__main__":
    judge_all(CASES, "sglang", "torch", "triton")
