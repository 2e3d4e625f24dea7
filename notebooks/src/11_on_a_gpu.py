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
# **Minutes:** 85 · **Needs:** 04; no GPU
#
# **You will be able to** write verification without a loop over sequences or tokens, say who waits for whom in a batch, cut a long row instead of sorting it, and read the CUDA kernel that leaves most of its input unread.
#
# A GPU does not like "while u < p/q". It likes whole arrays. This notebook rewrites a round for B sequences at once, fills a batch with sequences that end at different times, and then reads the kernel that the package uses with CuPy. Everything here runs on NumPy; with CuPy and a GPU, the same cells run there.

# %%
from importlib.resources import files
from time import perf_counter

import numpy as np

import specsample as ss
from specsample import backend, batched, figures
from specsample.backend import library
from specsample.course import answer, check, hint

# %%
backend.installed()

# %% [markdown]
# ## What one would write first
#
# Sixty-four sequences with a vocabulary of 5,000 and K = 5: one calls `verify` of notebook 04 in a loop. It is right, and here is its time for one round:

# %%
B, K, V = 64, 5, 5000
rng = np.random.default_rng(0)
p, q = rng.dirichlet(np.ones(V), (B, K + 1)), rng.dirichlet(np.ones(V), (B, K))
u_accept, u_emit, drafts = rng.random((B, K)), rng.random(B), rng.integers(V, size=(B, K))
start = perf_counter()
one_by_one = [ss.verify(drafts[b].tolist(), q[b], p[b], u_accept=u_accept[b], u_emit=u_emit[b]) for b in range(B)]
loop_seconds = perf_counter() - start
print(f"{1000 * loop_seconds:.1f} ms for {B} sequences, one after the other")

# %% [markdown]
# On a GPU it would be worse than slow. Each `if` needs a number that is on the device: the host asks, waits until everything before is done, decides, and sends the next little piece of work. Some hundred questions a round, and between them ten thousand arithmetic units stand still. So: no question until the whole round is done.
#
# ## A batch of rounds
#
# Shapes: drafts (B, K), q (B, K, V), p (B, K+1, V). **Question.** Which parts of `verify` are the same for all sequences, and which differ? Small numbers, to see them (the seed is chosen so that something can be seen):

# %%
B, K, V = 4, 3, 5
rng = np.random.default_rng(7)
p, q = rng.dirichlet(np.ones(V), (B, K + 1)), rng.dirichlet(np.ones(V), (B, K))
u_draft, u_accept, u_emit = rng.random((B, K)), rng.random((B, K)), rng.random(B)
drafts = np.array([[ss.pick(q[b, k], u_draft[b, k]) for k in range(K)] for b in range(B)])

# %%
p_x = np.take_along_axis(p[:, :K], drafts[..., None], axis=2)[..., 0]  # (B, K)
q_x = np.take_along_axis(q, drafts[..., None], axis=2)[..., 0]  # (B, K)
is_kept = u_accept < p_x / q_x
figures.grids({"u < p/q": is_kept}, axes=("sequence", "draft"))

# %% [markdown]
# All B × K tests at once, also those that a loop would never have come to. Now count. The line that half of all first ports have (M43 of [the catalogue](../docs/wrong-samplers.md)) adds up each row:

# %%
print("added up:", is_kept.sum(axis=1))

# %% [markdown]
# `accepted` means the *leading* run: a draft after a refused one was drafted after a token that is gone, and counts for nothing. **Predict** the four right numbers from the picture. For which sequences is the sum wrong?

# %% [markdown]
# ### Exercise 11.1 (implement)
#
# From `is_kept` (B, K) to the number of accepted drafts (B,), without a Python loop.
#
# <details><summary>Hint</summary>
#
# What turns True, False, True into True, False, False, for all rows at once? Or: where does each row end, and what if it does not?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Multiply along a row: once there is a 0, all that follows is 0. `np.cumprod` with an axis, then a sum.
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
# A token of each row, by one number of each row. Draw the rows as in notebook 01, each token as wide as it is probable, and set a finger at u:

# %%
rows = {f"u = {u_emit[b]:.2f}": [(str(x), float(p[b, K, x]), "text") for x in range(V)] for b in range(B)}
figures.lanes(rows, xlabel="running sum")

# %% [markdown]
# The tempting line is `np.searchsorted(np.cumsum(probs), u)`: it adds up the rows *through*, and finds places in the whole array. The axis has to be said.

# %% [markdown]
# ### Exercise 11.2 (implement)
#
# `probs` is (B, V), `u` is (B,): one token a row, without a Python loop, and never one of probability 0.
#
# <details><summary>Hint</summary>
#
# Your `my_pick` of notebook 01, with an axis. Which shape must `u` have so that each row meets its own number?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# `u[:, None]` is a column. Compare it with the running sums, strictly, and find the first True of each row.
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
# That is how the package tests its fast forms: randomness is an argument, so that there is nothing statistical to compare. And `batched.verify` takes its functions from the arrays it is given (`array_namespace`), so the same lines run on NumPy, CuPy or PyTorch. A taste, if CuPy and a GPU are here; otherwise NumPy again:

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
# A vocabulary of 128,000 and K = 5 make 11 rows of half a megabyte each, for every sequence and round. A GPU adds faster than it reads: the time of a round is the time of fetching these rows. The obvious kernel fetches them all.

# %% [markdown]
# ### Exercise 11.3 (predict)
#
# **Predict** how many of the 2K + 1 rows of p and q the *algorithm* really needs whole.
#
# <details><summary>Hint</summary>
#
# What does one test need? And which step of a round cannot do with single numbers?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# A test needs two numbers, p(x) and q(x). A row is needed whole only to draw from it, or from what it is made into.
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
# As a picture, with twelve tokens in place of 128,000: what a round reads that keeps three of its five drafts. Rows of p stand above, rows of q below.

# %%
read = np.zeros((11, 12), bool)
for i, x in enumerate([4, 9, 2, 7, 4]):  # the drafts, and a number of p and of q for the test of each
    read[[i, 6 + i], x] = True
read[[3, 9]] = True  # the fourth draft is refused: its residual
figures.grids({"what is read": read}, rows=[f"p{i}" for i in range(6)] + [f"q{i}" for i in range(5)])

# %% [markdown]
# ## The kernel, line by line
#
# One block of threads for each sequence. First, K threads test one draft each; `atomicMin` keeps the first that is refused. No loop with an early exit, no waiting.

# %%
kernel = files("specsample.cuda").joinpath("verify.cu").read_text().splitlines()
start = next(i for i, line in enumerate(kernel) if "void test_drafts" in line)
print("\n".join(kernel[start - 1 : start + 13]))

# %% [markdown]
# Then row n of p and q. The residual is never written down: its weights are computed when they are read.

# %%
start = next(i for i, line in enumerate(kernel) if line.startswith("struct Excess"))
print("\n".join(kernel[start - 1 : start + 13]))

# %% [markdown]
# **Question.** Inverse CDF is a running sum, one token after the other. How can a thousand threads share it? **Predict**, then look: cut the row into segments, add each one up side by side, find the segment in which u falls, cut *that* one, and so on.

# %%
figures.lanes(
    {
        "the row": [("", 4, "text"), ("", 4, "text"), ("u falls here", 4, "match"), ("", 4, "text")],
        "that segment": [("", 8, ""), ("", 1, "text"), ("", 1, "text"), ("", 1, "text"), ("u", 1, "match")],
    }
)

# %%
start = next(i for i, line in enumerate(kernel) if line.startswith("__global__"))
print("\n".join(kernel[start + 16 : start + 30]))

# %% [markdown]
# **Why in double, and in an order that depends on V only?** So that the same numbers give the same token, on every GPU and every run. The kernel is also compiled for the CPU in the tests, under sanitizers, and gives the reference's tokens there.
#
# ## Sequences do not end together
#
# One wants 3 tokens, another 12. Let a batch of five run until the last is done:

# %%
rng = np.random.default_rng(1)
tables = [batched.BatchedTableModel(rng.dirichlet(np.ones(4), 4)) for _ in range(2)]
wanted = [3, 12, 7, 9, 2]
made = batched.generate([[0]] * 5, *tables, K=3, max_new_tokens=wanted, rngs=rng.spawn(5))
passes = max(len(trace.rounds) for _, trace in made)

# %%
lanes = {}
for name, (_, trace) in zip("ABCDE", made):
    idle = passes - len(trace.rounds)
    lanes[name] = [(str(len(r.emitted)), 1, "target pass") for r in trace.rounds] + [("", 1, "idle")] * idle
figures.lanes(lanes, xlabel="target passes; in each square the tokens that it emitted")

# %% [markdown]
# Two things to see. Near its end a sequence needs fewer than K drafts, while its neighbours want all of theirs: the arrays keep their K columns, and what stands after a row's own drafts is **padding**. And whoever has ended sits there, and is paid for.
#
# Padding first. It must be *something*, an old token with old numbers, and may well pass its test.

# %% [markdown]
# ### Exercise 11.4 (implement)
#
# From `is_kept` (B, K) and `n_drafts` (B,), of each row the number of its own drafts, to the accepted drafts (B,): without a Python loop, and whatever stands in the padding.
#
# <details><summary>Hint</summary>
#
# Which columns of a row are its own? Compare the columns' numbers with `n_drafts`; of which shape?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# `np.arange(K) < n_drafts[:, None]` is True at a row's own drafts. Whatever is not its own may not pass; then 11.1.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "11-4", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_ragged(is_kept, n_drafts):
    ### BEGIN SOLUTION
    is_own = np.arange(is_kept.shape[1]) < n_drafts[:, None]
    return np.cumprod(is_kept & is_own, axis=1).sum(axis=1)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "11-4-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("11.4", my_ragged)
### BEGIN HIDDEN TESTS
check("11.4", my_ragged, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# Now the idle squares. A server has two places and five sequences that need 5, 2, 2, 3 and 1 rounds. What one would write first takes two, waits until both are done, and takes the next two:

# %%
figures.lanes(
    {
        "place 1": [("A", 5, "target pass"), ("C", 2, "target pass"), ("", 1, "idle"), ("E", 1, "target pass")],
        "place 2": [("B", 2, "target pass"), ("", 3, "idle"), ("D", 3, "target pass"), ("", 1, "idle")],
    },
    xlabel="target passes",
)

# %% [markdown]
# Nine passes. But a row of a batch does not know of its neighbours, as you saw: nothing keeps the next in line from sitting down as soon as a place is free.

# %% [markdown]
# ### Exercise 11.5 (predict, as a function)
#
# `rounds` lists how many rounds each sequence needs, in the order in which they stand in line; `places` is the size of the batch. How many target passes are there until all are done, if a free place is taken at once by the next in line?
#
# <details><summary>Hint</summary>
#
# Write down when each place becomes free. Which place does the next one take, and when is that free again?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# A list with a number for each place: the pass from which it is free, 0 at first. Each sequence goes to the smallest number and makes it larger.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "11-5", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_passes(rounds, places):
    ### BEGIN SOLUTION
    free = [0] * places
    for n in rounds:
        place = free.index(min(free))
        free[place] += n
    return max(free)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "11-5-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("11.5", my_passes)
### BEGIN HIDDEN TESTS
check("11.5", my_passes, seed=1)
### END HIDDEN TESTS

# %%
figures.lanes(
    {
        "place 1": [("A", 5, "target pass"), ("E", 1, "target pass"), ("", 1, "idle")],
        "place 2": [("B", 2, "target pass"), ("C", 2, "target pass"), ("D", 3, "target pass")],
    },
    xlabel="target passes",
)

# %% [markdown]
# Seven in place of nine, and the texts are the same to the last token: each sequence has its own tape. What the batch does change is ρ (notebook 08): the fuller it is, the dearer are K + 1 rows.
#
# ## Long rows
#
# Top-p needs the likeliest tokens first. Sorting 128,000 numbers for every row of every sequence takes longer than everything else in a round, and nearly always a hundred of them hold the mass. So take the head only. "That is top-k, then top-p," one thinks:

# %%
p = np.array([0.4, 0.2, 0.15, 0.1, 0.1, 0.05])
both = ss.decoding_strategy(top_k=3, top_p=0.7)(p)
figures.side_by_side({"p": p, "top-p 0.7": ss.top_p(0.7)(p), "top-k 3, then top-p 0.7": both})

# %% [markdown]
# It is another strategy: in the third picture one token is missing. After top-k the row is *normalised*, so that 0.7 is a share of the head and no longer of the row.

# %% [markdown]
# ### Exercise 11.6 (implement)
#
# Top-p from a head. Take the `n` most likely tokens of `p` (no two are equally likely). If they hold at least `mass`, return the nucleus's row: the fewest of the likeliest tokens that hold `mass`, normalised, zeros elsewhere. If they do not, return `[]`: a longer head is needed.
#
# <details><summary>Hint</summary>
#
# `np.argpartition(-p, n - 1)[:n]` finds the head without sorting the row. In which order does it come? And of what is `mass` a share?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Sort the head alone. A token stays while the sum *before* it is below the mass; only then normalise what stays.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "11-6", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_nucleus(p, mass, n):
    ### BEGIN SOLUTION
    head = np.argpartition(-p, n - 1)[:n]
    head = head[np.argsort(-p[head])]
    if p[head].sum() < mass:
        return []
    kept = head[np.cumsum(p[head]) - p[head] < mass]
    row = np.zeros(len(p))
    row[kept] = p[kept] / p[kept].sum()
    return row
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "11-6-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("11.6", my_nucleus)
### BEGIN HIDDEN TESTS
check("11.6", my_nucleus, seed=1)
### END HIDDEN TESTS

# %%
row = rng.dirichlet(np.full(128_000, 0.02))
for name, find in {
    "sort all": lambda: np.argsort(-row),
    "cut 1,024": lambda: np.argpartition(-row, 1023)[:1024],
}.items():
    start = perf_counter()
    find()
    print(f"{name:10} {1000 * (perf_counter() - start):6.2f} ms")

# %% [markdown]
# **Open question.** A GPU offers `float32` uniform numbers with 24 bits. Where could u = 0 or a u that is rounded up to 1 do harm? *Hint:* a token of p = 0 that is tested with `u <= p/q`; a running sum whose last number is a little below 1.
#
# ## What you can do now
#
# Draw from a row (01); keep or correct a draft, and prove that nothing is lost (03); play and write rounds (04); compute a sampler's exact law and break a wrong one (05); read a Transformer and its cache (06); train a draft (07); predict a speed-up before you measure it (08); write draft sources (09) and trees, and say how many streams a verdict needs (10); write all of it for batches (11). What you have solved, and what is next, says
#
#     specsample course progress DIR      (DIR: the folder with your notebooks)
#
# ## Take away
#
# 1. Tests side by side, then the leading run, then one row of residual: verification is three array operations, and padding never counts.
# 2. Same rows, same tape, same tokens: a fast form is tested by equality.
# 3. The kernel's time is reading rows, and it reads few of them whole; a batch's time is its busiest place.
#
# Next: [12 · A real model: words instead of letters](12_a_real_model.ipynb).
