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
# # 03 · One draft token: keep it or correct it
#
# **Minutes:** 60 · **Needs:** 01; 02 helps
#
# **You will be able to** write the accept test and the residual yourself, and prove in four lines that the token follows the target's distribution exactly.
#
# Here is the heart of speculative sampling, with a single token. The typist proposes one, x, drawn from her row q. The author has her own row, p. You want a token that is distributed as p, *exactly*, and you would like x to stand as often as possible, for every token that stands is time saved.
#
# You will find the rule yourself, in two halves: **when may x stay?** and **what comes in its place if not?** For both, the first idea is wrong, and it is worth seeing how.

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample import figures
from specsample.course import answer, check, hint
from specsample.viewer import widgets

# %%
p = np.array([F(1, 4), F(1, 2), F(1, 4)])
q = np.array([F(1, 2), F(1, 4), F(1, 4)])
figures.target_against_draft(p, q)

# %% [markdown]
# Three tokens. The draft likes token 0 twice as much as the target does, token 1 half as much, and token 2 just as much.
#
# ## When may it stay?
#
# Three first ideas. **Always**: after all the typist is good. **If the author likes it at least as much**: if p(x) ≥ q(x), else never. **As often as the author likes it**: with probability p(x). Each of them keeps a draft of x with some probability, and so emits token x, as a kept draft, with probability q(x) times that. **Predict**: which of them emits too much of a token, which wastes drafts?

# %%
keep = {"always": [1, 1, 1], "only if p ≥ q": (p >= q).astype(int), "with probability p": p}
print(f"{'wanted, p':20}", *p)
for name, probability in keep.items():
    print(f"{name:20}", *(q * probability), "  kept in all:", sum(q * probability))

# %% [markdown]
# *Always* is too much: token 0 comes out half of the time and should come out a quarter of the time, and what has been emitted cannot be taken back. *Only if p ≥ q* and *with probability p* are safe, for nothing comes out too often; what is missing could be added. But they throw good drafts away: the second never keeps a 0, although a quarter of zeros is wanted; the third keeps less than a third of all drafts.
#
# So the best one can do is clear before one knows the rule. Of token x at most q(x) can be kept, for it is not drafted more often; and at most p(x) may be kept, or it comes too often. That is min(p(x), q(x)), the green part of the bar. **Predict**: with what probability should a draft of 0 be kept to get there? And a draft of 1, which is drafted too *rarely*?
#
# ### Exercise 03.1 (implement)
#
# Write the probability of keeping a draft. `p_x` and `q_x` are single numbers, `q_x > 0`. Times q(x) it must give the green part.
#
# <details><summary>Hint</summary>
#
# Two cases: p ≥ q, and p < q. One `min` covers both.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Token 0 is drafted half of the time and wanted a quarter of the time: every second one may stay. What is that in terms of p and q? And no probability is larger than 1.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "03-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_accept_probability(p_x, q_x):
    ### BEGIN SOLUTION
    return min(1, p_x / q_x)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "03-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("03.1", my_accept_probability)
### BEGIN HIDDEN TESTS
check("03.1", my_accept_probability, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# That is the first half of the papers' rule. The library calls it `ss.accept_probability`, and it keeps what was promised:

# %%
print("keep with ", *ss.accept_probability(p, q))
print("comes out ", *(q * ss.accept_probability(p, q)), "  the green parts: ", *np.minimum(p, q))

# %% [markdown]
# In code the test is one comparison: draw a uniform number u, keep x if `u < p(x)/q(x)`. No `min` is needed there, since u is below 1 anyway.
#
# ## And if not?
#
# Of the pair in the picture, a quarter of all drafts is refused. What should be emitted instead? The obvious answer is "a token from p": the author is asked, and says what she wants. Several real implementations did that. **Predict:** which tokens would come up too often?

# %%
kept = np.minimum(p, q)
refused = 1 - kept.sum()
print("comes out", *(kept + refused * p))  # kept drafts, and where one is refused a token from p
print("wanted   ", *p)

# %% [markdown]
# Exact fractions: no sampling, no error bars. Tokens 0 and 2 are too frequent: each already had its quarter from kept drafts, and p gave it more on top. No test that looks at texts would notice. The same in a picture, with bars to drag; "q, one more draft" is the other idea that people have. **Predict**: is there any pair p, q for which drawing from p comes out right?

# %%
widgets.overlap(p, q, replacement="p")

# %% [markdown]
# (There are such pairs: p = q, where nothing is refused, or rows without a common token, where nothing is kept. A test that tries only those finds nothing wrong.)
#
# **What is right.** After the kept drafts, token x has mass min(p(x), q(x)). What is *missing* is p(x) − min(p(x), q(x)) = max(0, p(x) − q(x)): the blue part. So draw from just that.

# %%
print("kept   ", *kept)
print("missing", *(p - kept), "  together", (p - kept).sum())
print("refused", refused)

# %% [markdown]
# The second line is no distribution yet, for it does not sum to 1. But look at its sum: it is exactly the share of refused drafts. Every refused draft leaves a hole somewhere else, and the holes are as large as the refusals. Divided by its sum, the missing mass is called the **residual**: norm(max(0, p − q)).
#
# ### Exercise 03.2 (implement)
#
# Write the residual. Think of p = q as well: nothing is ever refused there, so any distribution will do, but 0/0 will not.
#
# <details><summary>Hint</summary>
#
# What is missing stands in the last cell. Which NumPy function cuts off what is negative? Then one division; look at what you divide by before you do.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# `np.maximum` of p − q and 0 has what is missing, with 0 where the draft has too much. Divide it by its sum; if that is 0, return p.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "03-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_residual(p, q):
    ### BEGIN SOLUTION
    excess = np.maximum(p - q, 0)
    return excess / excess.sum() if excess.sum() > 0 else p
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "03-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("03.2", my_residual)
### BEGIN HIDDEN TESTS
check("03.2", my_residual, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# Now go back to the widget, choose "the residual", and drag whatever you like: the third row of bars follows p, always. Why always?
#
# ## The proof, as a cell
#
# Four lines on paper:
#
#     P(emit x) = P(draft x and keep it)   + P(refuse) · residual(x)
#               = q(x) · min(1, p(x)/q(x)) + (1 − β) · max(0, p(x) − q(x)) / (1 − β)
#               = min(p(x), q(x))          + max(0, p(x) − q(x))
#               = p(x)
#
# Here β = Σ min(p, q) is the probability that a draft is kept, the **overlap**. The second line needs that a draft is refused with probability 1 − β, and that the residual's mass before normalising is 1 − β too: Σ max(0, p − q) = Σ p − min(p, q) = 1 − β. You saw both numbers agree above. The last line is true token by token: where p is smaller it says p + 0, where q is smaller it says q + (p − q).
#
# And in Python, in exact fractions, on a thousand pairs that nobody has chosen:

# %%
rng = np.random.default_rng(0)
for weights in rng.integers(1, 9, (1000, 2, 4)):
    one, two = (np.array([F(int(w), int(row.sum())) for w in row]) for row in weights)
    beta = ss.overlap(one, two)
    assert (np.minimum(one, two) + (1 - beta) * ss.residual(one, two) == one).all()
print("a thousand times ==, and no rounding")

# %% [markdown]
# ## All of it
#
# ### Exercise 03.3 (implement)
#
# Write the sampler: draft from q, test, keep or correct. `tape.random(3)` gives three uniform numbers: one to draft, one to test, one to emit. It is judged by its exact law, on many p and q, and at u = 0: your function runs once for every way in which its comparisons can turn out, and the probabilities are added up as fractions (notebook 05 shows how).
#
# <details><summary>Hint</summary>
#
# Use `ss.pick` and your own two functions. Compare uniform numbers with `<`, and do no arithmetic on them.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Take three numbers from the tape at once; the first picks x from q. If the second is below your accept probability for `p[x]` and `q[x]`, return x. Else pick once more: from which row, with which number? And do not loop.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "03-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_sampler(p, q, tape):
    ### BEGIN SOLUTION
    u = tape.random(3)
    x = ss.pick(q, u[0])
    return x if u[1] < my_accept_probability(p[x], q[x]) else ss.pick(my_residual(p, q), u[2])
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "03-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("03.3", my_sampler)
### BEGIN HIDDEN TESTS
check("03.3", my_sampler, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# If that is green you have written speculative sampling for one token, and its law was computed, not estimated.
#
# Three numbers, and each for one purpose. Two of them could be one, it seems: once u has refused a draft, why not use it again to pick from the residual? Because it is no longer uniform: it is known to be *large*. The check calls that mistake by its name (M20), and published GPU kernels had it.
#
# ### Exercise 03.4 (predict)
#
# For another pair, p = (1/2, 1/3, 1/6) and q = (1/6, 1/3, 1/2): how often is a draft kept, on average over drafts? Sketch the bars, as in the picture above. Answer with a fraction such as `F(1, 5)`.
#
# <details><summary>Hint</summary>
#
# Add up the green parts.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# The green part of each token is the smaller of its two bars: three fractions.
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "03-4", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_overlap = None
### BEGIN SOLUTION
my_overlap = F(2, 3)
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "03-4-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("03.4", my_overlap)
### BEGIN HIDDEN TESTS
check("03.4", my_overlap, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Where the typist is sure
#
# The overlap β belongs to one place in one text. Averaged over a text it is the acceptance rate **α**, the one number on which the speed depends (notebook 08). Here it is for the two models of this package, along a line of code: the column over a character says how surely a draft would have been kept *there*. **Predict**: at which characters is it low?

# %%
target_model, draft_model = ss.load_pair()
line = target_model.tokenizer.encode("def mean(values): return sum(values)")
p_rows, q_rows = (model.start().extend(line)[:-1] for model in (target_model, draft_model))
betas = ss.overlap(p_rows, q_rows)  # the row after one character is about the next
names = [target_model.tokenizer.decode([x]) for x in line[1:]]
title = f"overlap at each character, {betas.mean():.2f} on average"
figures.side_by_side({title: betas}, labels=names, top=40)

# %% [markdown]
# Inside `return` both models know how it goes on. Where a word begins, or could end, neither knows, and they guess differently.
#
# **Open question.** Suppose the draft reports a *wrong* q: it samples from q′, but the test and the residual use q. Is the result still p? Where does the proof break? *Hint:* write the four lines again with q′(x) for the draft. Which of them is no longer true?
#
# ## Take away
#
# 1. Kept drafts supply min(p, q); the residual supplies max(0, p − q); together p. How good q is matters for speed only.
# 2. "Draw again from p" is wrong, and wrong in a way that no crash and no glance at the text reveals.
# 3. The code of this lesson is [`acceptance.py`](../specsample/acceptance.py); your two functions are its two functions. The rule is that of Leviathan et al., section 2.3, and Chen et al., theorem 1.
#
# Next: [04 · A whole round](04_a_whole_round.ipynb).
