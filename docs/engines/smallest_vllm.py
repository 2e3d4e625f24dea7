"""The replacement of a refused draft is drawn with the draft's own noise: it is always the draft's runner-up."""

import inspect

import torch
import triton.language as tl
from triton.language.extra import libdevice
from vllm.v1.worker.gpu.sample.gumbel import gumbel_sample
from vllm.v1.worker.gpu.spec_decode.rejection_sampler_utils import rejection_sample

libdevice.log1p = lambda x: tl.log(1.0 + x)  # only because Triton's interpreter has no libdevice
N, V = 32, 8
seeds, zero, one, each = torch.arange(N), torch.zeros(N, dtype=torch.int64), torch.ones(N), torch.arange(N)
drafting = {"is_drafting": True} if "is_drafting" in inspect.signature(gumbel_sample).parameters else {}


def drafted(logits):
    return gumbel_sample(logits, each, one, seeds, zero, apply_temperature=True, **drafting)


# q is uniform; the draft is what the noise likes best, the runner-up what it likes best after it
q = torch.zeros(N, V)
draft = drafted(q)
p = q.scatter(1, draft[:, None], -float("inf"))  # the target excludes the draft and is uniform elsewhere
runner_up = drafted(p)

rows = torch.stack([zero, draft], dim=1).flatten()
ends, position, local = torch.arange(0, 2 * N + 1, 2), torch.tensor([0, 1]).repeat(N), torch.tensor([0, 1]).repeat(N)
target = torch.stack([p, q], dim=1).flatten(0, 1)
sampled, _ = rejection_sample(
    target, q[:, None], rows, ends, position, each, each.repeat_interleave(2), local, one, seeds, 1
)
found = (sampled[:, 0] == runner_up).sum()
print(f"{found} of {N} replacements are the runner-up; with noise of their own it were about {N // (V - 1)}")
