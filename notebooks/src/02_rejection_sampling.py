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
# # 02 · Rejection sampling, from the envelope to the coupling
#
# **Minutes:** 45 · **Needs:** 01
#
# **You will be able to** say what classic rejection sampling costs, why it is no use for language models, and in which sense the speculative rule is the best that can be done.
#
# You can draw from q, you want draws from p. That problem is older than language models (von Neumann, 1951). This notebook solves it the old way, sees where that hurts, and repairs it.

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample import figures
from specsample.conformance import exact_law
from specsample.exercises import check
from specsample.theory import rejection

# %%
p = np.array([F(1, 2), F(1, 2)])
q = np.array([F(1, 4), F(3, 4)])
figures.target_against_draft(p, q)

# %% [markdown]
# ## The envelope
#
# Find a number M with p(x) ≤ M q(x) for all x: then M q lies above p like an envelope. Draw x from q, keep it with probability p(x) / (M q(x)), otherwise **throw it away and start again**.
#
# **Predict** the smallest M for the picture above.

# %%
M = rejection.envelope_bound(p, q)
print("M =", M, "  a draw is kept with probability", rejection.keep_probability(p, q, M))

# %% [markdown]
# **Why it works.** x comes out of one try with probability q(x) · p(x)/(M q(x)) = p(x)/M: proportional to p. **What it costs.** One try succeeds with probability Σ p(x)/M = 1/M, so a token takes M draws on average.
#
# ### Exercise 02.1 (implement)
#
# Compute the smallest M. Tokens with p(x) = 0 set no limit.
#
# <details><summary>Hint</summary>
#
# p(x) ≤ M q(x) for every x with p(x) > 0. Which ratio must M reach?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "02-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_bound(p, q):
    ### BEGIN SOLUTION
    return max(a / b for a, b in zip(p, q, strict=True) if a > 0)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "02-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("02.1", my_bound)
### BEGIN HIDDEN TESTS
check("02.1", my_bound, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Where it hurts
#
# **Question.** What is M for the two language models of this package, after a real prompt? **Predict** the order of magnitude.

# %%
target_model, draft_model = ss.load_pair()
prompt = target_model.tokenizer.encode("def mean(values):\n    ")
p_text, q_text = (model.start().extend(prompt)[-1].astype(float) for model in (target_model, draft_model))
print(f"M = {rejection.envelope_bound(p_text, q_text):.1f}, so a token costs that many draws on average")
print(f"overlap of the same two rows: {ss.overlap(p_text, q_text):.2f}")

# %% [markdown]
# One unlikely token that the draft underestimates ruins M for all the others; and if q misses a token of p altogether (top-k on the draft is enough) there is no M. Worse: every try needs p at another token, and "start again" means another target pass. There must be a better way.
#
# ## Do not start again: repair
#
# Take M = 1, far too small: keep x with probability min(1, p(x)/q(x)). What has been emitted after **one** try?

# %%
kept = np.minimum(p, q)
print("emitted by one try:", *kept, "  missing:", *(p - kept))

# %% [markdown]
# The missing mass, max(0, p − q), is known. So draw from it, once, and be done: never a second try. That is the speculative rule, which notebook 03 takes apart.
#
# ### Exercise 02.2 (predict)
#
# For another pair, p = (3/5, 2/5) and q = (1/5, 4/5): how often does a draw survive (a) the envelope with the best M, (b) min(1, p/q)? Answer with a pair.
#
# <details><summary>Hint</summary>
#
# Do for this pair what the two cells above did for theirs. How much is emitted by one try, taken together?
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "02-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_rates = None
### BEGIN SOLUTION
my_rates = (F(1, 3), F(3, 5))
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "02-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("02.2", my_rates)
### BEGIN HIDDEN TESTS
check("02.2", my_rates, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Couplings
#
# Look at it from the side: the rule draws *two* tokens together, the draft x ~ q and the emitted y ~ p. A joint law with these two marginals is called a **coupling**. Here are three, as functions of uniform numbers. **Predict** for each how often x = y.

# %%
couplings = rejection.independent_coupling, rejection.quantile_coupling, rejection.maximal_coupling
for coupling in couplings:
    law = exact_law(lambda tape: len(set(coupling(p, q, tape.random(3)))) == 1)  # is x = y?
    print(f"{coupling.__name__:22}", law[True])

# %% [markdown]
# "Sample from the target as well and compare" is the first: right, but it keeps less. The second shares one uniform number; how well it does depends on the order of the tokens. On three tokens in an unlucky order:

# %%
p, q = np.array([F(1, 3), F(1, 3), F(1, 3)]), np.array([0, F(1, 3), F(2, 3)])
for coupling in couplings:
    law = exact_law(lambda tape: len(set(coupling(p, q, tape.random(3)))) == 1)
    print(f"{coupling.__name__:22}", law[True])

# %% [markdown]
# **Why nothing beats the third.** P(x = y = t) is at most q(t), for x must be t, and at most p(t), for y must be. So P(x = y) ≤ Σ min(p, q), and the speculative rule reaches it. It is the *maximal coupling*.
#
# ### Exercise 02.3 (implement)
#
# Write a function that draws x from q and y from p, equal as often as possible. `tape.random(n)` gives n uniform numbers; return `(x, y)`. Judged: the law of x, the law of y, and P(x = y).
#
# <details><summary>Hint</summary>
#
# Start with x. Let y be x where you may; `ss.residual` is what is left to do.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "02-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_coupling(p, q, tape):
    ### BEGIN SOLUTION
    u = tape.random(3)
    x = ss.pick(q, u[0])
    return x, (x if u[1] < min(1, p[x] / q[x]) else ss.pick(ss.residual(p, q), u[2]))
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "02-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("02.3", my_coupling)
### BEGIN HIDDEN TESTS
check("02.3", my_coupling, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# **Open question.** Classic rejection sampling needs p and q only up to a factor; the residual needs both normalised. Does that matter for language models? *Hint:* what does a softmax divide by, and how many terms has that sum? How many would it have for points on a line?
#
# ## Take away
#
# 1. The envelope wastes draws: 1/M ≤ β always (Leviathan et al., appendix A.2), and M explodes for language models.
# 2. Keep with min(1, p/q), and *repair* with the residual instead of starting again.
# 3. No rule that draws x from q and y from p can have x = y more often than Σ min(p, q) = 1 − TV(p, q).
#
# Next: [03 · One draft token](03_one_draft_token.ipynb).
