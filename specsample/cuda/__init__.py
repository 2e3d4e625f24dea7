"""How does a GPU verify B sequences? Read the kernel, `verify.cu`, and then `verify`, which calls it.

CuPy is imported at the first call. Before this folder: `batched`; after it: `verifiers`.
"""
