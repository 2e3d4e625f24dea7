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
# # 07 · Training a pair, and distilling the draft
#
# **Minutes:** 50 · **Needs:** 06
#
# **You will be able to** train a small model live, say what its loss means, and explain why a draft should learn from the target and not from the text.
#
# Two things are needed for speculative sampling: a target that is good, and a draft that *agrees with the target*. The shipped pair took more than an hour to train. Here the same trainer makes a tiny model in seconds.

# %%
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import specsample as ss
from specsample.course import answer, check, hint
from specsample.training import data, train
from specsample.training.distil import acceptance_on_text
from specsample.training.presets import PRESETS
from specsample.training.state import start_state
from specsample.transformer.layers import cross_entropy, rejection_rate
from specsample.transformer.lm import TransformerLM

# %% [markdown]
# ## The text
#
# Everybody who has Python has it: the standard library's sources ("code") and the reference topics behind `help()` ("prose"). The last tenth of every document is held out.

# %%
streams, held_out, _ = data.load_streams()
for kind, stream in streams.items():
    print(f"{kind}: {len(stream):,} characters to learn from, {len(held_out[kind]):,} held out")

# %% [markdown]
# ## What the loss means
#
# The model is asked at every position for a row; the loss is −log of what it gave to the character that came. In base 2 it is **bits per character**: 1 bit is a fair coin each time. **Predict:** what does a model pay that knows nothing, with 97 characters?

# %%
rows = np.zeros((1, 4, 97))  # logits: all equal
print(cross_entropy(rows, np.array([[5, 6, 7, 8]]))[0] / np.log(2), np.log2(97))

# %% [markdown]
# ### Exercise 07.1 (measure)
#
# Compute bits per character from logits (T, V) and the tokens (T,) that came.
#
# <details><summary>Hint</summary>
#
# `ss.softmax` makes rows of probabilities. Which number of each row does the loss look at? `np.arange(len(tokens))` helps to pick them out.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "07-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_bits(logits, tokens):
    ### BEGIN SOLUTION
    p = ss.softmax(logits)[np.arange(len(tokens)), tokens]
    return -np.log2(p).mean()
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "07-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("07.1", my_bits)
### BEGIN HIDDEN TESTS
check("07.1", my_bits, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Train, live
#
# The preset `tiny` is 2 layers of width 32. A step draws a few windows of text (which ones follows from the seed and the step alone), computes loss and gradient, and moves the parameters. The shipped target, which learnt for an hour, pays less than 1.7 bits. **Predict:** where will tiny be after 150 steps of 512 characters?

# %%
tiny = replace(PRESETS["tiny"], steps=150)
state, losses = start_state(tiny, Path("no-such-run"), 0), []
with ThreadPoolExecutor(2) as pool:
    for i in range(tiny.steps):
        tokens = train.next_batch(tiny, streams, seed=0, step=i)
        losses.append(train.training_step(tiny, state, tokens, pool=pool))

# %%
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(losses)
_ = axes.set(xlabel="step", ylabel="training loss (bits per character)", ylim=(0, 7))

# %% [markdown]
# It starts where knowing nothing is, at 6.6 bits, and learns which characters are frequent and a little of what follows what. That is our live target now.
#
# ## Distil: learn from the target
#
# A draft is accepted with probability Σ min(p, q). What came next in the *text* does not appear in that formula; p does. So the draft is trained on the target's whole rows: loss −Σ p log q, which is KL(p‖q) plus a constant.
#
# ### Exercise 07.2 (implement)
#
# For one position with the draft's `logits` and the target's row `p`: what is the gradient of −Σ p log softmax(logits) with respect to the logits?
#
# <details><summary>Hint</summary>
#
# −Σ p log q = −Σ p · logits + log Σ exp(logits), for Σ p = 1. Differentiate both parts.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "07-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_gradient(logits, p):
    ### BEGIN SOLUTION
    return ss.softmax(logits) - p
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "07-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("07.2", my_gradient)
### BEGIN HIDDEN TESTS
check("07.2", my_gradient, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# Nice, isn't it: "what I said minus what I should have said", and a hard label is just the case of a one-hot p. Now train a draft for our live target: one layer of width 16, once on the text, once on the target's rows. **Predict:** which of the two will be accepted more often, and by how much?

# %%
small = replace(tiny, config=replace(tiny.config, width=16, n_layers=1, hidden=32))
live_target = TransformerLM(tiny.config, state.params)
students = {name: start_state(small, Path("no-such-run"), 0) for name in ("text", "target")}
with ThreadPoolExecutor(2) as pool:
    for i in range(small.steps):
        tokens = train.next_batch(small, streams, seed=1, step=i)
        train.training_step(small, students["text"], tokens, pool=pool)
        train.training_step(small, students["target"], tokens, pool=pool, teacher=live_target)

# %%
windows = data.held_out_windows(held_out["code"], window=100, limit=6000)
for name, learnt in students.items():
    alpha = acceptance_on_text(live_target, TransformerLM(small.config, learnt.params), windows)
    print(f"learnt from the {name:7} α = {alpha:.3f}")
target_model, draft_model = ss.load_pair()
print(f"the shipped pair        α = {acceptance_on_text(target_model, draft_model, windows):.3f}")

# %% [markdown]
# It is easy to agree with a target that knows little: the shipped pair's α is harder earned. In the second half of a distillation run, ours included, the draft follows the overlap itself: the gradient of 1 − Σ min(p, q).

# %%
p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
loss, gradient = rejection_rate(np.log(q)[None], p[None])
print(f"1 - overlap: {loss:.3f}   gradient with respect to the logits: {gradient.round(3)}")

# %% [markdown]
# ### Exercise 07.3 (break it)
#
# A smaller KL does not always mean more accepted drafts. Find a target and two drafts of positive numbers, `(p, first, second)`, such that the **first** has the smaller KL(p‖q), and an overlap that is smaller by more than 0.05.
#
# <details><summary>Hint</summary>
#
# KL punishes one thing without limit: giving almost nothing to a token that the target sometimes says. If that token is rare, how much overlap does it cost?
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "07-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_contest = None
### BEGIN SOLUTION
my_contest = ([0.98, 0.02], [0.8, 0.2], [1 - 1e-9, 1e-9])
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "07-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("07.3", my_contest)
### BEGIN HIDDEN TESTS
check("07.3", my_contest, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# **Open question.** Why not train on the overlap from the start? *Hint:* how large is its gradient where p and q hardly meet, as at the start?
#
# ## Take away
#
# 1. Bits per character: what a model pays for the text. α: how often its guesses pass. They are different goals.
# 2. A draft learns from the target's rows; its gradient is q − p.
# 3. Training is a pure function of (parameters, seed, step): an interrupted run goes on bit for bit.
#
# Next: [08 · How fast?](08_how_fast.ipynb).
