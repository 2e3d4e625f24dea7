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
# Here is the heart of speculative sampling, with a single token. A cheap model proposes `x` from q. You want a token that is distributed as p, *exactly*, and you would like to keep `x` as often as possible. The paper's rule (Leviathan et al., section 2.3; Chen et al., theorem 1):
#
# 1. keep x with probability min(1, p(x)/q(x));
# 2. otherwise draw from the **residual**, norm(max(0, p − q)).

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample import figures
from specsample.exercises import check

# %%
p = np.array([F(1, 4), F(1, 2), F(1, 4)])
q = np.array([F(1, 2), F(1, 4), F(1, 4)])
figures.target_against_draft(p, q)

# %% [markdown]
# ## Keep it?
#
# **Question.** The draft likes token 0 twice as much as the target does. How often should a draft of 0 be kept? And a draft of token 1, which the draft likes too *little*? **Predict** both numbers, then run.

# %%
[(x, str(ss.accept_probability(p[x : x + 1], q[x : x + 1])[0])) for x in range(3)]

# %% [markdown]
# **Why.** Token 0 is drafted half of the time, but the target wants it a quarter of the time: keep every second one. Token 1 is drafted too rarely already, so keep it always. In numbers: q(x) · min(1, p(x)/q(x)) = min(p(x), q(x)), the green part of the bar. Never more than the target wants.
#
# ### Exercise 03.1 (implement)
#
# Write the probability of keeping a draft. `p_x` and `q_x` are single numbers, `q_x > 0`.
#
# <details><summary>Hint</summary>
#
# Two cases: p ≥ q, and p < q. One `min` covers both.
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
# ## And if not?
#
# **Question.** Of the pair in the picture, a quarter of all drafts is refused. What should be emitted instead? The obvious answer, "a token from p", is what several real implementations did. **Predict:** which tokens would come up too often?

# %%
kept = np.minimum(p, q)
refused = 1 - kept.sum()
print("comes out", *(kept + refused * p))  # kept drafts, and where one is refused a token from p
print("wanted   ", *p)

# %% [markdown]
# Exact fractions: no sampling, no error bars. Tokens 0 and 2 are too frequent: each already had its quarter from kept drafts, and p gave it more on top.
#
# **Why.** After the kept drafts, token x has mass min(p(x), q(x)). What is *missing* is p(x) − min(p(x), q(x)) = max(0, p(x) − q(x)): the blue part. So draw from that, normalised.

# %%
print("kept   ", *kept)
print("missing", *(p - kept))
print("residual", *ss.residual(p, q))

# %% [markdown]
# ### Exercise 03.2 (implement)
#
# Write the residual. Think of p = q as well: nothing is ever refused there, so any distribution will do, but 0/0 will not.
#
# <details><summary>Hint</summary>
#
# What is missing stands in the last cell. Which NumPy function cuts off what is negative? Then one division; look at what you divide by before you do.
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
# ## The proof, as a cell
#
# Four lines on paper:
#
#     P(emit x) = P(draft x and keep it)   + P(refuse) · residual(x)
#               = q(x) · min(1, p(x)/q(x)) + (1 − β) · max(0, p(x) − q(x)) / (1 − β)
#               = min(p(x), q(x))          + max(0, p(x) − q(x))
#               = p(x)
#
# The second line needs that a draft is refused with probability 1 − β, and that the residual's mass before normalising is 1 − β too: Σ max(0, p − q) = Σ p − min(p, q) = 1 − β. And one line of Python, in exact fractions:

# %%
beta = ss.overlap(p, q)
assert (np.minimum(p, q) + (1 - beta) * ss.residual(p, q) == p).all()
print("β =", beta, "and the four lines hold with ==")

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
# ### Exercise 03.4 (predict)
#
# For another pair, p = (1/2, 1/3, 1/6) and q = (1/6, 1/3, 1/2): how often is a draft kept, on average over drafts? Sketch the bars, as in the picture above.
#
# <details><summary>Hint</summary>
#
# Add up the green parts.
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
# That number has a name: the **overlap** β = Σ min(p, q). Averaged over a text it is the acceptance rate α, the one number on which the speed depends (notebook 08).

# %% [markdown]
# **Open question.** Suppose the draft reports a *wrong* q: it samples from q′, but the test and the residual use q. Is the result still p? Where does the proof break? *Hint:* write the four lines again with q′(x) for the draft. Which of them is no longer true?
#
# ## Take away
#
# 1. Kept drafts supply min(p, q); the residual supplies max(0, p − q); together p. How good q is matters for speed only.
# 2. "Draw again from p" is wrong, and wrong in a way that no crash and no glance at the text reveals.
# 3. The code of this lesson is [`acceptance.py`](../specsample/acceptance.py); your two functions are its two functions.
#
# Next: [04 · A whole round](04_a_whole_round.ipynb).
