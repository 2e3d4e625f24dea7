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
# **Minutes:** 85 · **Needs:** 04
#
# **You will be able to** predict the speed-up from three measured numbers, choose K, read off a trace where drafts are lost, and say when speculative sampling loses.
#
# Four quantities decide. **α**, the acceptance rate. **K**, the number of drafts. **c**, the time of a draft pass over the time of a target pass. **ρ**, the time of a target pass with K + 1 rows over one with 1 row; the papers take it to be 1, and on a CPU it is not.
#
# The story of this notebook is a salesman's sum that is wrong, and what it takes to repair it: first the tokens, then the costs, then the positions.

# %%
import matplotlib.pyplot as plt
import numpy as np

import specsample as ss
from specsample import bench, figures, theory
from specsample.course import answer, check, hint
from specsample.theory import machines
from specsample.viewer import widgets

# %% [markdown]
# ## The salesman's sum
#
# "Four drafts in five are accepted. So twenty drafts a round give 1 + 20 · 0.8 = 17 tokens for one pass of the target." **Predict:** what do twenty drafts really give? Write a number down, then run.

# %%
target_model, draft_model = ss.load_pair()
prompt = target_model.tokenizer.encode('def read_lines(path):\n    """Return the lines of a file."""\n    ')
runs = {}
for K in (1, 2, 3, 5, 8, 20):
    rng = np.random.default_rng(K)
    runs[K] = ss.generate(prompt, target_model, draft_model, K=K, max_new_tokens=120, rng=rng)[1]

# %%
for K, trace in runs.items():
    alpha = trace.acceptance_rate
    print(
        f"K = {K:2}   α = {alpha:.2f}   promised {1 + K * alpha:5.1f}   measured {trace.tokens_per_target_pass:.2f}"
    )

# %% [markdown]
# The promise is about right for one draft and absurd for twenty. What went wrong? The twentieth draft counts only if the nineteen before it were all kept. Draw how many rounds are still running when draft i is looked at:

# %%
reached = [sum(played.n_tested > i for played in runs[20].rounds) for i in range(20)]
figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
axes.bar(range(1, 21), reached)
_ = axes.set(xlabel="position of the draft in its round", ylabel="rounds that test it", xticks=range(1, 21))

# %% [markdown]
# A staircase that goes down: at every step the share 1 − α of the rounds drops out. Everything to the right of it was drafted for nothing.
#
# ## Tokens a round
#
# If each draft that is tested is kept with probability α, whatever happened before, a round emits 1 token for certain, a second one with probability α, a third one with α², and so on.

# %% [markdown]
# ### Exercise 08.1 (implement)
#
# Write the expected number of tokens of a round for any α in [0, 1], α = 1 included (Leviathan et al., equation 1).
#
# <details><summary>Hint</summary>
#
# How probable is it that at least i drafts are kept? Add that up: one term for each token that a round may emit.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# A sum of K + 1 powers, from the 0th on, is safer than the closed form, which divides by 1 − α.
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
# Now hold it against the runs. **Predict:** will the points lie on the curve?

# %%
figures.tokens_per_pass(runs)

# %% [markdown]
# Roughly. More drafts help less and less: without end the curve would reach 1/(1 − α), and no more. That it is only roughly right has a reason, to which we come back at the end.
#
# ## What a round costs
#
# "So take K = 20: more tokens for every pass of the target, and never fewer." This is the second wrong sum. Look at a round on the clock, with a draft model that is four times as fast as the target:

# %%
plain = [("", 1, "target pass")] * 6
by_K = {f"K = {K}": [("", 0.25, "draft pass")] * K + [("", 1, "target pass")] for K in (2, 5, 12)}
figures.lanes({"one by one": plain} | by_K, xlabel="time, in one-row target passes")

# %% [markdown]
# A round is K draft passes, one after the other, and one target pass with K + 1 rows: K c + ρ, in units of a one-row target pass. Six tokens written one by one cost 6. A round with K = 5 costs 2.25 and emits six tokens *at best*; one with K = 12 costs as much as four tokens before the first is certain.

# %% [markdown]
# ### Exercise 08.2 (implement)
#
# Write the speed-up, tokens a round over the cost of a round, as a function of α, K, c and ρ (Leviathan et al., theorem 3.8, where ρ = 1).
#
# <details><summary>Hint</summary>
#
# What does a round with no draft at all emit, what does it cost, and what should your function say there?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Your function from 08.1 over K c + ρ. At K = 0 it is 1/ρ.
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
# Draw it. **Predict** for each curve: where is its top?

# %%
figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
for c, style in ((0.02, "-"), (0.1, "--"), (0.3, "-."), (0.9, ":")):
    axes.plot([theory.speedup(0.8, K, c) for K in range(21)], style, label=f"c = {c}")
axes.axhline(1, color="gray", lw=0.8)
axes.legend(frameon=False)
_ = axes.set(xlabel="K, drafts a round", ylabel="speed-up at α = 0.8, ρ = 1", xticks=range(0, 21, 2))

# %% [markdown]
# And with α, c, K and the price of a further row in your own hands: **predict** where the best K goes when drafts get dearer, then move the slider.

# %%
widgets.speed(0.8, 0.1)

# %% [markdown]
# In practice α changes along a text, and so does the best K: sure inside a word, unsure at its beginning. `specsample.adaptive` moves K up and down by what was accepted lately, and a source may stop early where it is unsure (notebook 09). Either may look at the text so far, and neither at the draft that it has just drawn.
#
# **Best case:** all drafts accepted, K + 1 tokens a round. **Worst case:** all refused, one token a round, the price of a target pass plus K c for nothing. Every curve rises, reaches a top and falls, and the dotted one never rises: with ρ = 1 drafting pays if and only if α > c (corollary 3.9).

# %% [markdown]
# ### Exercise 08.3 (predict, as a function)
#
# Which K in 0 ... 20 is best for given α and c (with ρ = 1)? Return 0 where no draft pays, and the smallest of equally good ones.
#
# <details><summary>Hint</summary>
#
# There are only 21 candidates. Is 0 one of them?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# `max(range(21), key=...)` gives the first of the best; the key is your function from 08.2.
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
# ## Measure, predict, compare
#
# Now on this machine: write the same number of tokens both ways, and time the three kinds of pass. Times are ratios of medians in one process. **Predict** the speed-up from α, c and ρ before you look at the measured one.

# %%
run = bench.compare(prompt, target_model, draft_model, K=5, max_new_tokens=150, seed=1)
costs = bench.pass_costs(target_model, draft_model, prompt + run.baseline_tokens[:75], K=5)
measured = run.baseline_seconds / run.seconds
print(f"α = {run.trace.acceptance_rate:.2f}   c = {costs.cost_ratio:.2f}   ρ = {costs.verify_ratio:.2f}")

# %% [markdown]
# ### Exercise 08.4 (measure)
#
# Predict the speed-up from a trace and three times in seconds: of a draft pass, of a target pass with one row, of one with K + 1 rows. `trace.acceptance_rate` and `trace.rounds[0].K` are there to be used.
#
# <details><summary>Hint</summary>
#
# Two of the three times make c, two make ρ. Which of them is in both?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# c and ρ are both measured against the one-row target pass. Then 08.2.
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

# %%
print(f"speed-up measured {measured:.2f}, predicted {bench.predicted_speedup(run.trace, costs, 5):.2f}")

# %% [markdown]
# The prediction is usually the larger one. If the two differ much, look for: other work on this machine (run it again), α on so short a text, and everything that is not a pass: drawing, testing, recording.
#
# And mistrust a single number. The clock of a busy machine jumps by tens of per cent; that is why the comparison above runs both ways in turn and takes medians, and why one should say with every speed-up which text, which machine and which K it belongs to.
#
# ## Why ρ is not always 1
#
# Reading a model's weights from memory takes the same time for one row as for six. Computing takes six times as long for six rows. Whichever takes longer is what one waits for: that is the **roofline**. By hand, for a target of 8 billion numbers of two bytes on an H100: 16 GB at 3.35 TB a second are about 5 ms of reading. One row is 16 billion operations, at 990 million million a second about 0.016 ms of computing. So some three hundred rows fit into the time that the reading takes anyway, and they may be K + 1 rows of one sequence, or one row each of three hundred. With the caches, and by what the maker states:

# %%
h100, llama = machines.device("h100"), machines.shape("llama-8b")
figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
for batch, style in ((1, "-"), (32, "--"), (128, "-."), (512, ":")):
    work = theory.Work(batch=batch, context=500)
    times = [1000 * theory.pass_seconds(llama, rows, h100, work) for rows in range(1, 17)]
    axes.plot(range(1, 17), times, style, label=f"batch {batch}")
axes.legend(frameon=False)
_ = axes.set(xlabel="rows of each sequence in one pass (K + 1)", ylabel="milliseconds (log)", yscale="log")

# %% [markdown]
# At batch 1 the line is flat: verifying 16 drafts costs what writing one token costs, and the papers' ρ = 1 is right. At batch 512 the machine is busy computing with one row already, and every further row is paid for. A laptop's processor is busy early: that is why you measured more than 1.
#
# **Where it loses in practice:** a draft that is too large or too bad; a machine that is already busy computing; sampling at a high temperature with a draft that was trained for a low one. On one map, with your own point:

# %%
mine = {"this machine": (run.trace.acceptance_rate, costs.cost_ratio, round(measured, 2))}
figures.speedup_map(mine)

# %% [markdown]
# The white points are Leviathan et al.'s measurements (T5-XXL with three drafts, tables 2 and 4). In every group of three their *smallest* draft, the one with the lowest α, was the fastest: cheap beats good.
#
# ## Why equation 1 is only roughly right
#
# It takes every draft to be kept with the same α, whatever happened before. Imagine a text that is half easy, where every draft is kept, and half hard, where none is, with K = 4. **Predict:** how many tokens does a round emit on average?

# %%
easy, hard = theory.expected_tokens(1, 4), theory.expected_tokens(0, 4)
print("half of the rounds each:", (easy + hard) / 2)
print("α counted over rounds, 1/2:", theory.expected_tokens(0.5, 4))
print("α counted over tested drafts, 4 of 5:", round(theory.expected_tokens(0.8, 4), 2))

# %% [markdown]
# One number cannot stand for two kinds of rounds. Give each *position* a rate of its own: r_i is how often draft i is kept **given that it is tested**, and it is tested only if all before it were kept. In the example r_1 = 1/2, and the other three are 1.

# %% [markdown]
# ### Exercise 08.5 (implement)
#
# Write the expected number of tokens of a round from a list of rates, one for each position.
#
# <details><summary>Hint</summary>
#
# Draft 3 is kept if drafts 1, 2 and 3 all pass. What is the probability of that, and what does it add?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Carry the probability that all drafts so far were kept along in a loop; add it to the total at each step. The total begins at 1.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "08-5", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_tokens_by_position(rates):
    ### BEGIN SOLUTION
    total = reached = 1
    for rate in rates:
        reached = reached * rate
        total = total + reached
    return total
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "08-5-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("08.5", my_tokens_by_position)
### BEGIN HIDDEN TESTS
check("08.5", my_tokens_by_position, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 08.6 (measure)
#
# Measure the rates in a trace: a list with one number for each position, as many as the largest round has drafts; 0 where nothing was tested. Each round of `trace.rounds` has `n_accepted` and `n_tested`.
#
# <details><summary>Hint</summary>
#
# For position i (from 0): in how many rounds was that draft looked at, and in how many of these did it stay?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Two counts for each i: rounds with `n_tested > i`, and rounds with `n_accepted > i`. Divide, and mind the 0.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "08-6", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_rates_by_position(trace):
    ### BEGIN SOLUTION
    K = max(played.K for played in trace.rounds)
    tested = [sum(played.n_tested > i for played in trace.rounds) for i in range(K)]
    kept = [sum(played.n_accepted > i for played in trace.rounds) for i in range(K)]
    return [a / b if b else 0 for a, b in zip(kept, tested)]
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "08-6-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("08.6", my_rates_by_position)
### BEGIN HIDDEN TESTS
check("08.6", my_rates_by_position, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# Now look at the runs with K = 3, 5 and 8 together. **Predict:** is the fourth draft of a round, *if it is tested at all*, kept as often as the first?

# %%
figures.acceptance_by_position([runs[K] for K in (3, 5, 8)])

# %% [markdown]
# Later positions are reached in easy stretches, while a round begins where the one before it stumbled: the first draft should be kept least often. The bars are 95 % intervals, and on so little text they are wider than that effect. [`docs/strategies.md`](../docs/strategies.md) counts many more rounds, in which it is clear on code.
#
# **Open question.** Chen et al. measured 2.46× on HumanEval (code) and 1.92× on XSum (prose) with one and the same pair. What differs? *Hint:* which of α, c and ρ knows what the text is about?
#
# ## Take away
#
# 1. Tokens a round: 1 + α + ... + α^K, or products of the rates at each position. Cost of a round: K c + ρ. The rest is division.
# 2. The best case is K + 1 tokens, the worst is one token and a bill; in between there is one best K, and it may be 0.
# 3. Measure ρ: it is not 1 on a CPU, and not on a busy GPU.
#
# Next: [09 · Strategies and draft sources](09_strategies_and_drafts.ipynb).
