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
# # 08 · How fast? α, c, ρ and K
#
# **Minutes:** 60 · **Needs:** 04
#
# **You will be able to** predict the speed-up from three measured numbers, choose K, and say when speculative sampling loses.
#
# Four quantities decide. **α**, the acceptance rate. **K**, the number of drafts. **c**, the time of a draft pass over the time of a target pass. **ρ**, the time of a target pass with K + 1 rows over one with 1 row; the papers take it to be 1, and on a CPU it is not.

# %%
import numpy as np

import specsample as ss
from specsample import bench, figures
from specsample.exercises import check
from specsample.theory import best_K, expected_tokens, speedup

# %% [markdown]
# ## Tokens a round
#
# If each draft is kept with probability α, independently, a round emits 1 token for certain, a second one with probability α, a third one with α², ... **Predict** the sum for α = 0.8 and K = 5.

# %%
[round(expected_tokens(0.8, K), 3) for K in (0, 1, 2, 5, 10, 50)]

# %% [markdown]
# More drafts help less and less: the 50th is reached almost never. The limit is 1/(1 − α) = 5.
#
# ### Exercise 08.1 (implement)
#
# Write it, for any α in [0, 1], α = 1 included (Leviathan et al., equation 1).
#
# <details><summary>Hint</summary>
#
# A sum of K + 1 powers is safer than the closed form.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "08-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_expected_tokens(alpha, K):
    ### BEGIN SOLUTION
    return sum(alpha**k for k in range(K + 1))
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "08-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("08.1", my_expected_tokens)
### BEGIN HIDDEN TESTS
check("08.1", my_expected_tokens, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Measure α, and compare
#
# Now with the shipped pair: 120 tokens for several K. **Predict:** will the points lie on the curve?

# %%
target_model, draft_model = ss.load_pair()
prompt = target_model.tokenizer.encode('def read_lines(path):\n    """Return the lines of a file."""\n    ')
runs = {}
for K in (1, 2, 3, 5, 8):
    rng = np.random.default_rng(K)
    runs[K] = ss.generate(prompt, target_model, draft_model, K=K, max_new_tokens=120, rng=rng)[1]
figures.tokens_per_pass(runs)

# %% [markdown]
# Roughly. Equation 1 takes acceptances as independent with one α; in real text there are easy stretches and hard ones, and 120 tokens are few. **Predict** for all these runs together: is the fourth draft of a round, *if it is tested at all*, kept as often as the first?

# %%
figures.acceptance_by_position(list(runs.values()))

# %% [markdown]
# A draft is tested only if all before it were kept, so later positions are reached in easy stretches, while a round begins where the one before it stumbled: the first draft should be kept least often. The bars are 95 % intervals, and on so little text they are wider than that effect. [`docs/strategies.md`](../docs/strategies.md) counts many more rounds, in which it is clear on code.
#
# ## What a round costs
#
# A round is K draft passes and one target pass with K + 1 rows: K c + ρ, in units of a one-row target pass. So
#
#     speed-up = (1 + α + ... + α^K) / (K c + ρ)          (theorem 3.8, where ρ = 1)
#
# ### Exercise 08.2 (implement)
#
# Write the speed-up as a function of α, K, c and ρ.
#
# <details><summary>Hint</summary>
#
# Your function from 08.1 over the cost of a round. Check K = 0: it should be 1/ρ.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "08-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_speedup(alpha, K, c, rho):
    ### BEGIN SOLUTION
    return sum(alpha**k for k in range(K + 1)) / (K * c + rho)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "08-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("08.2", my_speedup)
### BEGIN HIDDEN TESTS
check("08.2", my_speedup, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# Now measure c and ρ here, on this machine, and time both ways of writing the same number of tokens. Times are ratios of medians in one process; the rest is in the theory. **Predict** the speed-up before you run.

# %%
run = bench.compare(prompt, target_model, draft_model, K=5, max_new_tokens=150, seed=1)
costs = bench.pass_costs(target_model, draft_model, prompt + run.baseline_tokens[:75], K=5)
measured = run.baseline_seconds / run.seconds
print(f"α = {run.trace.acceptance_rate:.2f}   c = {costs.cost_ratio:.2f}   ρ = {costs.verify_ratio:.2f}")
print(f"speed-up measured {measured:.2f}, predicted {bench.predicted_speedup(run.trace, costs, 5):.2f}")

# %% [markdown]
# If the two differ much, look for: other work on this machine (run it again), α on so short a text, and everything that is not a pass: drawing, testing, recording.

# %% [markdown]
# ## Best, worst, and where it loses
#
# **Best case:** all drafts accepted, K + 1 tokens a round. **Worst case:** all refused, one token a round, the price of a target pass plus K c for nothing. In between:

# %%
for alpha, c in ((0.8, 0.05), (0.8, 0.3), (0.5, 0.3), (0.3, 0.4)):
    K = best_K(alpha, c)
    print(
        f"α = {alpha}, c = {c}: best K = {K:2}, speed-up {speedup(alpha, K, c):.2f};  with K = 5: {speedup(alpha, 5, c):.2f}"
    )

# %% [markdown]
# With ρ = 1 it pays if and only if α > c (corollary 3.9). **Where it loses in practice:** a draft that is too large or too bad; a machine that is already busy computing (large batches, where K + 1 rows cost K + 1 times as much); sampling at a high temperature with a draft that was trained for a low one.

# %%
mine = {"this machine": (run.trace.acceptance_rate, costs.cost_ratio, round(measured, 2))}
figures.speedup_map(mine)

# %% [markdown]
# The white points are Leviathan et al.'s measurements (T5-XXL with three drafts, tables 2 and 4). In every group of three their *smallest* draft, the one with the lowest α, was the fastest: cheap beats good.
#
# ### Exercise 08.3 (predict, as a function)
#
# Which K in 0 ... 20 is best for given α and c (with ρ = 1)? Return 0 where no draft pays, and the smallest of equally good ones.
#
# <details><summary>Hint</summary>
#
# Try them all.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "08-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_best_K(alpha, c):
    ### BEGIN SOLUTION
    return max(range(21), key=lambda K: my_speedup(alpha, K, c, 1))
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "08-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("08.3", my_best_K)
### BEGIN HIDDEN TESTS
check("08.3", my_best_K, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 08.4 (measure)
#
# Predict the speed-up from a trace and three times in seconds: of a draft pass, of a target pass with one row, of one with K + 1 rows. `trace.acceptance_rate` and `trace.rounds[0].K` are there to be used.
#
# <details><summary>Hint</summary>
#
# c and ρ are both measured against the one-row target pass.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "08-4", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_prediction(trace, draft_seconds, one_row_seconds, all_rows_seconds):
    ### BEGIN SOLUTION
    c, rho = draft_seconds / one_row_seconds, all_rows_seconds / one_row_seconds
    return my_speedup(trace.acceptance_rate, trace.rounds[0].K, c, rho)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "08-4-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("08.4", my_prediction)
### BEGIN HIDDEN TESTS
check("08.4", my_prediction, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# **Open question.** Chen et al. measured 2.46× on HumanEval (code) and 1.92× on XSum (prose) with one and the same pair. What differs? *Hint:* which of α, c and ρ knows what the text is about?
#
# ## Take away
#
# 1. Tokens a round: 1 + α + ... + α^K. Cost of a round: K c + ρ. The rest is division.
# 2. The best case is K + 1 tokens, the worst is one token and a bill.
# 3. Measure ρ: it is not 1 on a CPU, and not on a busy GPU.
#
# Next: [09 · Strategies and draft sources](09_strategies_and_drafts.ipynb).
