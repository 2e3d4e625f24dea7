"""The rule as a CUDA kernel, `verify.cu`.

Read the kernel first. CuPy is imported at the first call.

Read `verify`.
"""
