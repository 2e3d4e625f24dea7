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
# **Minutes:** 45 · **Needs:** 00
#
# **You will be able to** turn a row of probabilities into a token with one uniform number, and say what temperature, top-k, top-p, min-p and typical sampling do to the row.
#
# A language model does not write. It reads a text and answers with one **row** of numbers: a probability for each token that could come next. Somebody has to draw a token from that row. All that follows in this course happens between such rows, so this notebook makes you at home with one of them: what it looks like, how one number picks a token from it, and how people bend it before they do.

# %%
import numpy as np

import specsample as ss
from specsample import figures
from specsample.course import answer, check, hint
from specsample.viewer import widgets

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
# `extend` reads tokens and gives one row for each of them; the last row is the one after the whole prompt. The target is nearly sure of `range`, and has not forgotten that `random` begins alike. A row is rarely that sharp. After `The ` almost any word may come, and the two models differ:

# %%
names = [target_model.tokenizer.decode([x]) for x in range(target_model.vocab_size)]
prompt_2 = target_model.tokenizer.encode("The ")
p_2, q_2 = (model.start().extend(prompt_2)[-1] for model in (target_model, draft_model))
figures.target_against_draft(p_2, q_2, labels=names, top=12)

# %% [markdown]
# In this whole course **p** is the target's row and **q** the draft's. Green is what both hold, orange what the draft has too much of, blue what it has too little of. Where the bars overlap the two agree, and that overlap will decide everything in notebook 03. For now, stay with one row.
#
# ## The wrong thing first: take the likeliest
#
# What would you do with a row, if you had never heard of sampling? Probably take the likeliest token, every time. That is called **greedy** decoding. **Predict** what a text looks like in which every single character is the best guess.

# %%
beginning = target_model.tokenizer.encode("def __init__(self, ")
rng = np.random.default_rng(0)
best = ss.autoregressive(beginning, target_model, max_new_tokens=100, rng=rng, transform=ss.greedy)
print(target_model.tokenizer.decode(beginning + best))

# %% [markdown]
# It goes round in circles. Each step was the best one, and the text is one that nobody would write: real texts are full of characters that were not the likeliest at their place. (Large models circle later, and they circle too.) So a token has to be *drawn*, each with its probability.
#
# ## From a row to a token, with one number
#
# A computer's source of chance gives a **uniform number** u: any number from 0 up to 1, all equally likely. How does it become a token? A first idea is to cut the line from 0 to 1 into equal pieces, one for each token:

# %%
row = np.array([0.25, 0.0, 0.35, 0.40])
picked = [int(u * 4) for u in np.arange(0, 1, 0.001)]  # a thousand numbers, evenly spread
print("wanted", row, "  came out", np.bincount(picked) / 1000)

# %% [markdown]
# That treats all tokens alike; token 1 comes out although its probability is 0. The pieces must not be equal. Lay the probabilities one after the other on the line, and see on which one u falls. **Predict** before you move the slider: which numbers u pick token 3? Where is token 1?

# %%
widgets.pick(row, ["0", "1", "2", "3"], u=0.1)

# %% [markdown]
# **Why it works.** Token x owns the stretch from the sum of the probabilities before it to the sum with it, and that stretch is as long as p(x). A uniform number falls on a stretch as often as the stretch is long. So P(token = x) = p(x), exactly. Press *drop 100 numbers* a few times: the second number under each column is the share that fell there, and it comes closer to the first.
#
# Note that u is only **compared**, with `<`. In this whole package no uniform number is ever added to or multiplied by anything. It looks like a matter of taste, and it is what makes the exact proofs of notebook 05 possible.
#
# ### Exercise 01.1 (implement)
#
# Write it: a row and a number u give a token. A token of probability 0 must never come out, not even at `u = 0`.
#
# <details><summary>Hint</summary>
#
# `np.cumsum` gives the running sums. You want the first one that is larger than `u`; what does `np.argmax` do on an array of booleans?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Take row (0, 1) and u = 0: its running sums are (0, 1). With `<=` the first of them would do, and with `<`? Return an `int`.
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
# The library's function for it is `ss.pick`; from here on you may use it. It draws as it should:

# %%
drawn = [ss.pick(row, u) for u in np.random.default_rng(0).random(10_000)]
figures.side_by_side({"the row": row, "10,000 draws": np.bincount(drawn, minlength=4) / 10_000})

# %% [markdown]
# ## Decoding strategies are maps from rows to rows
#
# Greedy text was too dull. Text that is drawn from the row as it is can be too wild: every unlikely character has its small chance, a text has many characters, and one odd character leads the model to odd places. So people bend the row before they draw. The oldest screw is the **temperature** T: a model computes scores, the *logits*, and a softmax makes probabilities of them; temperature divides the logits by T first. For probabilities that means: take p^(1/T), and normalise again.
#
# **Predict:** which of these two pictures will be flatter?

# %%
low, high = (ss.temperature(T)(p_2) for T in (0.5, 2.0))
figures.side_by_side({"T = 0.5": low, "T = 2": high}, labels=names, top=12)

# %% [markdown]
# Low temperatures make the likely likelier; high ones give to all the others, the "rest" together, what they take from the likely. The text follows:

# %%
for T in (2.0, 1.0, 0.5):
    rng = np.random.default_rng(0)
    text = ss.autoregressive(beginning, target_model, max_new_tokens=60, rng=rng, transform=ss.temperature(T))
    print(f"T = {T}: {target_model.tokenizer.decode(beginning + text)!r}")

# %% [markdown]
# And at temperature 0?

# %%
row = np.array([0.125, 0.25, 0.375, 0.25])
[ss.temperature(T)(row).round(3).tolist() for T in (2.0, 1.0, 0.5, 0.0)]

# %% [markdown]
# Everything goes to the likeliest token: that is greedy decoding again. So it is no special case in the code. It is *sampling from a one-hot row* (`ss.greedy`). Keep that in mind; it is why speculative sampling works for greedy decoding without another word.
#
# ## Cutting the tail
#
# The other way to tame a row: forbid the unlikely tokens, and normalise the rest. A first idea is to keep the k likeliest, say five: **top-k**. It works badly, and the two rows from above show why. How much do their five likeliest tokens hold?

# %%
for text, probs in {"for i in ran": p, "The ": p_2}.items():
    five = np.sort(probs)[-5:]
    print(f"after {text!r:14} the five likeliest hold {five.sum():.2f}, the fifth of them {five.min():.3f}")

# %% [markdown]
# After `for i in ran` five are too many: the third already has less than one chance in a hundred. After `The ` five are too few: more than half of what the model would say is forbidden. One k cannot fit both. So do not count tokens, count *mass*: keep the likeliest tokens until they hold, say, 0.9 together. That is **top-p**, also called nucleus sampling, and it keeps few tokens where the model is sure and many where it is not.
#
# **Predict**, then move the sliders: does top-p = 0.5 keep more tokens at a low temperature or at a high one?

# %%
widgets.strategies(p_2, names, T=1.0)

# %% [markdown]
# ### Exercise 01.2 (implement)
#
# Write top-p: keep the smallest set of most likely tokens that holds **at least** `mass`, and normalise.
#
# <details><summary>Hint</summary>
#
# Sort, take running sums. Which of two running sums says whether a token is still needed: the one with it, or the one before it?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# `np.argsort` of −p, with `kind="stable"`, lists the tokens, the likeliest first. A token is needed while the sum *before* it is below `mass`. Then back to the old places: with that list as `order`, assign to `kept[order]` on an array of zeros.
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
# There are more ways, and they differ in what they count. **Predict** how many tokens of this row each of the four keeps.

# %%
row = np.array([0.5, 0.2, 0.15, 0.1, 0.05])
strategies = {"top-k 2": ss.top_k(2), "top-p 0.8": ss.top_p(0.8), "min-p 0.15": ss.min_p(0.15)}
strategies["typical 0.3"] = ss.typical(0.3)
figures.side_by_side({"the row": row} | {name: strategy(row) for name, strategy in strategies.items()})

# %% [markdown]
# top-k counts tokens; top-p counts mass; **min-p** compares with the likeliest and keeps what has at least 0.15 times its probability; **typical** keeps tokens whose surprise −log p is near the average surprise, and may drop the *likeliest* token, as here. Which one is used makes no difference to what follows: a strategy is a map from rows to rows, and any of them can stand on either model.
#
# ## Two strategies at once
#
# `decoding_strategy` composes them, in the usual order: temperature first. Does the order matter? **Predict**, then look how many tokens are kept.

# %%
usual = ss.decoding_strategy(temperature=0.7, top_p=0.9)(p_2)
other = ss.temperature(0.7)(ss.top_p(0.9)(p_2))
print("temperature, then top-p:", (usual > 0).sum(), "tokens;  top-p, then temperature:", (other > 0).sum())

# %% [markdown]
# It does: a row that was sharpened first reaches 0.9 with fewer tokens. Two libraries with "the same" settings and another order have different distributions. Neither is wrong, but only one of them is the p that you mean.
#
# ### Exercise 01.3 (predict)
#
# What becomes of (1/4, 3/4) at temperature 1/2? Work it out on paper, and answer with a list.
#
# <details><summary>Hint</summary>
#
# What does T do to logits, and so to probabilities? The section on strategies began with it.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# 1/T = 2, so square both numbers. What do the squares sum to? Divide by that.
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
# You now hold both ends of one step: a model hands out a row, a strategy bends it, a number picks from it. The next notebook asks what to do if you can draw from one row, the cheap one, and want draws from another.
#
# **Open question.** A friend says: "I sample at temperature 0.7, so my model's distribution is p." What would you correct? *Hint:* from which row is a token really drawn?
#
# ## Take away
#
# 1. A model hands out rows; a strategy maps rows to rows; `pick` maps a row and one uniform number to a token.
# 2. Uniform numbers are compared, never computed with; a token of probability 0 never comes out.
# 3. "The distribution" always means the row *after* the strategy: that is what is really sampled from.
#
# Next: [02 · Rejection sampling](02_rejection_sampling.ipynb).
