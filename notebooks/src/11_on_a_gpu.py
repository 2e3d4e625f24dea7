# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 · The same on a GPU: batches, other arrays, one kernel
#
# **Minutes:** 50 · **Needs:** 04; no GPU
#
# **You will be able to** write verification without a loop over sequences or tokens, run it on any array library, and read the CUDA kernel that does it and leaves most of its input unread.
#
# A GPU does not like "while u < p/q". It likes whole arrays. This notebook rewrites a round for B sequences at once, and then reads the kernel that the package uses with CuPy. Everything here runs on NumPy; with CuPy and a GPU, the same cells run there.

# %%
from importlib.resources import files

import numpy as np

import specsample as ss
from specsample import backend, batched
from specsample.backend import library
from specsample.exercises import check

# %%
backend.installed()

# %% [markdown]
# ## A batch of rounds
#
# Shapes: drafts (B, K), q (B, K, V), p (B, K+1, V). **Question.** Which parts of `verify` are the same for all sequences, and which differ? Every row accepts a number of its own.

# %%
B, K, V = 4, 3, 5
rng = np.random.default_rng(0)
p, q = rng.dirichlet(np.ones(V), (B, K + 1)), rng.dirichlet(np.ones(V), (B, K))
u_draft, u_accept, u_emit = rng.random((B, K)), rng.random((B, K)), rng.random(B)
drafts = np.array([[ss.pick(q[b, k], u_draft[b, k]) for k in range(K)] for b in range(B)])

# %%
p_x = np.take_along_axis(p[:, :K], drafts[..., None], axis=2)[..., 0]  # (B, K)
q_x = np.take_along_axis(q, drafts[..., None], axis=2)[..., 0]  # (B, K)
is_kept = u_accept < p_x / q_x
print(is_kept.astype(int))

# %% [markdown]
# All B × K tests at once. But `accepted` means the *leading* run: a 1 after a 0 counts for nothing. **Predict** the four numbers.
#
# ### Exercise 11.1 (implement)
#
# From `is_kept` (B, K) to the number of accepted drafts (B,), without a Python loop.
#
# <details><summary>Hint</summary>
#
# The first False of each row; and what if there is none? Or multiply: what does a row of 1s and 0s become?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "11-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_n_accepted(is_kept):
    ### BEGIN SOLUTION
    return np.cumprod(is_kept, axis=1).sum(axis=1)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "11-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("11.1", my_n_accepted)
### BEGIN HIDDEN TESTS
check("11.1", my_n_accepted, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## A batch of picks
#
# ### Exercise 11.2 (implement)
#
# `probs` is (B, V), `u` is (B,): one token a row, without a Python loop, and never one of probability 0.
#
# <details><summary>Hint</summary>
#
# Your `my_pick` of notebook 01, with an axis. Which shape must `u` have so that each row meets its own number?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "11-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_batched_pick(probs, u):
    ### BEGIN SOLUTION
    return np.argmax(u[:, None] < np.cumsum(probs, axis=1), axis=1)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "11-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("11.2", my_batched_pick)
### BEGIN HIDDEN TESTS
check("11.2", my_batched_pick, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## One tape, one answer
#
# **Question.** Does the batched form give the *same tokens* as the loop of notebook 04, on the same rows and the same uniform numbers? Not the same distribution: the same tokens.

# %%
verdicts = batched.verify(drafts, q, p, u_accept=u_accept, u_emit=u_emit)
for b in range(B):
    print(ss.verify(drafts[b].tolist(), q[b], p[b], u_accept=u_accept[b], u_emit=u_emit[b]), end="   batched: ")
    print(int(verdicts.n_accepted[b]), int(verdicts.token[b]))

# %% [markdown]
# That is how the package tests its fast forms: randomness is an argument, so that there is nothing statistical to compare.
#
# ## Other arrays
#
# `batched.verify` takes its functions from the arrays it is given (`array_namespace`), so the same lines run on NumPy, CuPy or PyTorch. A taste, if CuPy and a GPU are here; otherwise NumPy again:

# %%
is_gpu_here = "cannot be used" not in backend.installed()["cupy"]
xp = library("cupy") if is_gpu_here else np
again = batched.verify(*map(xp.asarray, (drafts, q, p)), u_accept=xp.asarray(u_accept), u_emit=xp.asarray(u_emit))
print(
    type(again.token).__module__,
    backend.to_numpy(again.token),
    "equal:",
    (backend.to_numpy(again.token) == verdicts.token).all(),
)

# %% [markdown]
# ## How much must be read?
#
# ### Exercise 11.3 (predict)
#
# A vocabulary of 128,000 and K = 5 make 11 rows of half a megabyte each, for every sequence and round. **Predict** how many of the 2K + 1 rows of p and q the *algorithm* really needs whole.
#
# <details><summary>Hint</summary>
#
# A test needs two numbers: p(x) and q(x). A row is needed whole only to draw from it.
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "11-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_rows = None
### BEGIN SOLUTION
my_rows = 2
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "11-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("11.3", my_rows)
### BEGIN HIDDEN TESTS
check("11.3", my_rows, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## The kernel, line by line
#
# One block of threads for each sequence. First, K threads test one draft each; `atomicMin` keeps the first that is refused. No loop with an early exit, no waiting.

# %%
kernel = files("specsample.cuda").joinpath("verify.cu").read_text().splitlines()
start = next(i for i, line in enumerate(kernel) if "void test_drafts" in line)
print("\n".join(kernel[start - 1 : start + 13]))

# %% [markdown]
# Then row n of p and q, the only two that are read whole. The residual is never written down: its weights are computed when they are read.

# %%
start = next(i for i, line in enumerate(kernel) if line.startswith("struct Excess"))
print("\n".join(kernel[start - 1 : start + 13]))

# %% [markdown]
# **Question.** Inverse CDF is a running sum, one token after the other. How can a thousand threads share it? **Predict**, then read: cut the row into segments, add each one up side by side, find the segment in which u falls, cut *that* one, and so on.

# %%
start = next(i for i, line in enumerate(kernel) if line.startswith("__global__"))
print("\n".join(kernel[start + 16 : start + 30]))

# %% [markdown]
# **Why in double, and in an order that depends on V only?** So that the same numbers give the same token, on every GPU and every run. The kernel is also compiled for the CPU in the tests, under sanitizers, and gives the reference's tokens there.
#
# **Open question.** A GPU offers `float32` uniform numbers with 24 bits. Where could u = 0 or a u that is rounded up to 1 do harm? *Hint:* a token of p = 0 that is tested with `u <= p/q`; a running sum whose last number is a little below 1.
#
# ## Take away
#
# 1. Tests side by side, then the leading run, then one row of residual: verification is three array operations.
# 2. Same rows, same tape, same tokens: a fast form is tested by equality.
# 3. Of 2K + 1 rows two are read whole; the kernel's time is reading them.
#
# That was the course. To judge a sampler of your own: `specsample check module:function --kind verify`.
