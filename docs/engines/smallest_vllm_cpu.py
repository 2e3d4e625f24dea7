"""What is expanded is written into a copy: the output keeps what was in it."""

import torch
from vllm.platforms import current_platform
from vllm.utils.cpu_triton_utils import _expand_kernel_impl

current_platform.import_kernels()
temperatures, ends, output = torch.tensor([0.5, 2.0]), torch.tensor([2, 3], dtype=torch.int32), torch.full((3,), 7.0)
_expand_kernel_impl(output, temperatures, ends, 0, 1)
print("the temperature of each row:", output.tolist(), "where it must be", [0.5, 0.5, 2.0])
