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
# # 01 · Next-token distributions
#
# **Minutes:** 40 · **Needs:** 00
#
# **You will be able to** turn a row of probabilities into a token with one uniform number, and say what temperature, top-k, top-p, min-p and typical sampling do to the row.
#
# A language model reads a text and answers with one row of numbers: a probability for each token that could come next. All that follows in this course happens between such rows.

# %%
import numpy as np

import specsample as ss
from specsample import figures
from specsample.exercises import check

# %% [markdown]
# ## A row
#
# **Question.** After `for i in ran`, what does the target model of this package expect? **Predict** the likeliest character and its probability, and write your number down.

# %%
target_model, draft_model = ss.load_pair()
prompt = target_model.tokenizer.encode("for i in ran")
p = target_model.start().extend(prompt)[-1]  # (V,): the row after the last token
q = draft_model.start().extend(prompt)[-1]
[(target_model.tokenizer.decode([x]), f"{p[x]:.3f}") for x in np.argsort(-p)[:5]]

# %% [markdown]
# `extend` reads tokens and gives one row for each of them; the last row is the one after the whole prompt. The draft model, a much smaller one, has its own opinion. Where the bars overlap the two agree; that overlap will decide everything in notebook 03.

# %%
names = [target_model.tokenizer.decode([x]) for x in range(target_model.vocab_size)]
prompt_2 = target_model.tokenizer.encode("The ")
p_2, q_2 = (model.start().extend(prompt_2)[-1] for model in (target_model, draft_model))
figures.target_against_draft(p_2, q_2, labels=names, top=12)

# %% [markdown]
# ## From a row to a token, with one number
#
# **Question.** Given a uniform number `u` in [0, 1), which token is it? Stack the probabilities on top of each other, and see in which one `u` falls. **Predict** what these give, then run.

# %%
row = np.array([0.25, 0.0, 0.75])
[(u, ss.pick(row, u)) for u in (0.0, 0.24, 0.25, 0.99)]

# %% [markdown]
# **Why.** Token x owns the interval from the running sum before it to the running sum with it, and that interval is as long as p(x). So P(token = x) = p(x), exactly. Note that `u` is only *compared*. In this whole package no uniform number is ever added to or multiplied by anything, and notebook 05 lives on that.
#
# ### Exercise 01.1 (implement)
#
# Write it yourself. A token of probability 0 must never come out, not even at `u = 0`.
#
# <details><summary>Hint</summary>
#
# `np.cumsum` gives the running sums. You want the first one that is larger than `u`; what does `np.argmax` do on an array of booleans?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "01-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_pick(probs, u):
    ### BEGIN SOLUTION
    return int(np.argmax(u < np.cumsum(probs)))
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "01-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("01.1", my_pick)
### BEGIN HIDDEN TESTS
check("01.1", my_pick, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Decoding strategies are maps from rows to rows
#
# Temperature divides the logits by T before the softmax. For probabilities that is p^(1/T), normalised again. Everything else in this section sets some probabilities to zero and normalises the rest.
#
# **Predict:** which of these two pictures will be flatter?

# %%
low, high = (ss.temperature(T)(p_2) for T in (0.5, 2.0))
figures.side_by_side({"T = 0.5": low, "T = 2": high}, labels=names, top=12)

# %% [markdown]
# Low temperatures make the likely likelier; high ones give to all the others, the "rest" together, what they take from the likely. And at temperature 0?

# %%
row = np.array([0.125, 0.25, 0.375, 0.25])
[ss.temperature(T)(row).round(3).tolist() for T in (2.0, 1.0, 0.5, 0.0)]

# %% [markdown]
# Greedy decoding is not a special case in the code: it is sampling from a one-hot row (`ss.greedy`). Keep that in mind; it is why speculative sampling works for greedy decoding without another word.

# %% [markdown]
# ## Cutting the tail
#
# **Question.** Four ways to forbid unlikely tokens, on one row. **Predict** how many tokens each of them keeps.

# %%
row = np.array([0.5, 0.2, 0.15, 0.1, 0.05])
strategies = {"top-k 2": ss.top_k(2), "top-p 0.8": ss.top_p(0.8), "min-p 0.15": ss.min_p(0.15)}
strategies["typical 0.3"] = ss.typical(0.3)
for name, strategy in strategies.items():
    print(f"{name:12}", strategy(row).round(3))

# %% [markdown]
# top-k counts tokens; top-p (nucleus) counts mass; min-p compares with the likeliest; typical keeps tokens whose surprise −log p is near the average surprise, and may drop the *likeliest* token. Which one is used makes no difference to what follows: a strategy is a map from rows to rows, and any of them can stand on either model.
#
# ### Exercise 01.2 (implement)
#
# Write top-p: keep the smallest set of most likely tokens that holds **at least** `mass`, and normalise.
#
# <details><summary>Hint</summary>
#
# Sort, take running sums. Which of two running sums says whether a token is still needed: the one with it, or the one before it?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "01-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_top_p(p, mass):
    ### BEGIN SOLUTION
    order = np.argsort(-p, kind="stable")
    before = np.cumsum(p[order]) - p[order]
    kept = np.zeros_like(p)
    kept[order] = np.where(before < mass, p[order], 0)
    return kept / kept.sum()
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "01-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("01.2", my_top_p)
### BEGIN HIDDEN TESTS
check("01.2", my_top_p, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Two strategies at once
#
# `decoding_strategy` composes them, in the usual order.

# %%
strategy = ss.decoding_strategy(temperature=0.7, top_p=0.9)
kept = strategy(p_2)
print(
    f"{(kept > 0).sum()} of {len(kept)} tokens are kept; the likeliest has {p_2.max():.3f} before, {kept.max():.3f} after"
)

# %% [markdown]
# ### Exercise 01.3 (predict)
#
# What becomes of (1/4, 3/4) at temperature 1/2? Work it out on paper.
#
# <details><summary>Hint</summary>
#
# What does T do to logits, and so to probabilities? The section on strategies began with it.
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "01-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_row = None
### BEGIN SOLUTION
my_row = [0.1, 0.9]
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "01-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("01.3", my_row)
### BEGIN HIDDEN TESTS
check("01.3", my_row, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# **Open question.** A friend says: "I sample at temperature 0.7, so my model's distribution is p." What would you correct? *Hint:* from which row is a token really drawn?
#
# ## Take away
#
# 1. A model hands out rows; a strategy maps rows to rows; `pick` maps a row and one uniform number to a token.
# 2. Uniform numbers are compared, never computed with; a token of probability 0 never comes out.
# 3. "The distribution" always means the row *after* the strategy: that is what is really sampled from.
#
# Next: [02 · Rejection sampling](02_rejection_sampling.ipynb).
