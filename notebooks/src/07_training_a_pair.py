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
# **Minutes:** 65 · **Needs:** 06
#
# **You will be able to** train a small model live, say what its loss means, check a gradient without trusting anybody, and explain why a draft should learn from the target and not from the text.
#
# Two things are needed for speculative sampling: a target that is good, and a draft that *agrees with the target*. They are not learnt in the same way, and the measure that one would take for the second is the wrong one. The shipped pair took more than an hour to train. Here the same trainer makes a tiny model in seconds.

# %%
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import specsample as ss
from specsample import figures
from specsample.course import answer, check, hint
from specsample.training import data, distil, presets, state, train
from specsample.transformer.layers import cross_entropy, rejection_rate
from specsample.transformer.lm import TransformerLM
from specsample.viewer import widgets

# %% [markdown]
# ## The text
#
# Everybody who has Python has it: the standard library's sources ("code") and the reference topics behind `help()` ("prose"). The last tenth of every document is **held out**: a model is judged on text that it has never seen.

# %%
streams, held_out, _ = data.load_streams()
for kind, stream in streams.items():
    print(f"{kind}: {len(stream):,} characters to learn from, {len(held_out[kind]):,} held out")

# %% [markdown]
# ## How good is a model? The wrong measure first
#
# "Count how often its favourite is right." Take two models and a text that is `a` nine times out of ten. One gives `a` 0.9 and `b` 0.1. The other is certain of `a`. **Predict:** what does the count say of the two, and whom would you rather have as a target?

# %%
text = [0] * 9 + [1]
for name, row in {"honest": [0.9, 0.1], "certain": [1 - 1e-12, 1e-12]}.items():
    right = np.mean([np.argmax(row) == x for x in text])
    bits = np.mean([-np.log2(row[x]) for x in text])
    print(f"{name:8} favourite right {right:.0%}   bits per character {bits:.2f}")

# %% [markdown]
# The count cannot tell them apart; the second column can, and pays the certain one back for the one `b` that it had ruled out. The model is asked at every position for a row, and pays −log₂ of what it gave to the character that came: **bits per character**. 1 bit is a fair coin each time. In a picture, what one character costs, by the probability that it had:

# %%
given = np.linspace(0.01, 1, 100)
figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
axes.plot(given, -np.log2(given))
axes.plot([1 / 97, 0.5, 0.9], -np.log2([1 / 97, 0.5, 0.9]), "o")
_ = axes.set(xlabel="probability that the character had", ylabel="bits", ylim=(0, 7))

# %% [markdown]
# **Predict:** what does a model pay that knows nothing, with 97 characters? (It is the leftmost point.)

# %% [markdown]
# ### Exercise 07.1 (measure)
#
# Compute bits per character from logits (T, V) and the tokens (T,) that came.
#
# <details><summary>Hint</summary>
#
# `ss.softmax` makes rows of probabilities. Which number of each row does the loss look at, and in which order do logarithm and average come?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# `rows[np.arange(len(tokens)), tokens]` picks one number of each row. Then −log₂ of each, then the mean.
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

# %%
rows = np.zeros((1, 4, 97))  # logits: all equal
print(cross_entropy(rows, np.array([[5, 6, 7, 8]]))[0] / np.log(2), np.log2(97))

# %% [markdown]
# ## Which way is down?
#
# To learn is to move the parameters a little so that the loss falls; the direction is the gradient. One can find it without any calculus: nudge one logit, see how the loss moves, and divide. That is slow, a pass for each number, and it is nearly impossible to get wrong. So it is how one *checks* a formula.
#
# What is learnt from may be the character that came, a row with a single 1, or a whole row p: the loss is then −Σ p log q.

# %%
rng = np.random.default_rng(0)
logits, p = rng.normal(size=5), rng.dirichlet(np.ones(5))
losses = [
    [-(p * np.log(ss.softmax(logits + nudge * np.eye(5)[i]))).sum() for nudge in (1e-5, -1e-5)] for i in range(5)
]
by_nudging = np.array([(up - down) / 2e-5 for up, down in losses])
print("gradient by nudging:", by_nudging.round(4))

# %% [markdown]
# ### Exercise 07.2 (implement)
#
# For one position with the draft's `logits` and the target's row `p`: what is the gradient of −Σ p log softmax(logits) with respect to the logits? A formula, without nudging.
#
# <details><summary>Hint</summary>
#
# −Σ p log q = −Σ p · logits + log Σ exp(logits), for Σ p = 1. Differentiate both parts.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# The first part gives −p. The derivative of log Σ exp is a row that you know well.
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
# Hold it against `by_nudging`. Nice, isn't it: what I said, and what I should have said; a hard label is just the case of a one-hot p. The library's formula and the nudges, for these five numbers; on the diagonal they agree:

# %%
figure, axes = plt.subplots(figsize=(3, 2.8), layout="constrained")
axes.plot(by_nudging, cross_entropy(logits[None], p[None])[1][0], "o")
axes.axline((0, 0), slope=1, color="gray", lw=0.8)
_ = axes.set(xlabel="by nudging", ylabel="by formula")

# %% [markdown]
# This is not only for exercises. Every layer of [`transformer/layers.py`](../specsample/transformer/layers.py) has its derivative beside it, written by hand, and the tests nudge each of them in the same way. A wrong gradient is the nastiest kind of mistake: the loss goes down all the same, a little slower, and the model stays a little worse than it could be, for ever.
#
# ## How far?
#
# The gradient says in which direction, and nothing about how far. "Far, then one is there sooner." Let a single row of logits learn a row p by walking against the gradient, with three lengths of step. **Predict:** which of the three arrives first?

# %%
figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
for rate, style in ((0.3, "-"), (3, "--"), (30, ":")):
    moving, curve = np.zeros(5), []
    for _ in range(40):
        loss, gradient = cross_entropy(moving[None], p[None])
        moving = moving - rate * gradient[0]
        curve.append(loss + (p * np.log(p)).sum())
    axes.plot(curve, style, label=f"step {rate}")
axes.legend(frameon=False)
_ = axes.set(xlabel="steps", ylabel="KL(p‖q), nats (log)", yscale="log")

# %% [markdown]
# The shortest crawls. The longest jumps over the valley, lands on the other slope and jumps back. For a whole model the right length changes on the way: at the start nothing is known, and a long step is a blind one; at the end one dances around the bottom. So the trainer warms up, goes far, and slows down along a cosine.
#
# ## Train, live
#
# The preset `tiny` is 2 layers of width 32. A step draws a few windows of text (which ones follows from the seed and the step alone), computes loss and gradient, and moves the parameters. The shipped target, which learnt for an hour, pays less than 1.7 bits. **Predict:** where will tiny be after 150 steps of 512 characters?

# %%
tiny = replace(presets.PRESETS["tiny"], steps=150)
learner, losses = state.start_state(tiny, Path("no-such-run"), 0), []
with ThreadPoolExecutor(2) as pool:
    for i in range(tiny.steps):
        tokens = train.next_batch(tiny, streams, seed=0, step=i)
        losses.append(train.training_step(tiny, learner, tokens, pool=pool))

# %%
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(losses)
axes.axhline(np.log2(97), color="gray", ls=":", label="knows nothing")
axes.axhline(1.7, color="gray", ls="--", label="the shipped target")
axes.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.85))
_ = axes.set(xlabel="step", ylabel="training loss (bits per character)", ylim=(0, 7))

# %% [markdown]
# It starts where knowing nothing is, and learns which characters are frequent and a little of what follows what. Compare what it writes; the first 150 steps make no poet, and that is all right: it is our live **target** now.

# %%
live_target = TransformerLM(tiny.config, learner.params)
target_model, draft_model = ss.load_pair()
tokenizer = target_model.tokenizer
for name, model in {"after 150 steps": live_target, "the shipped target": target_model}.items():
    made = ss.autoregressive(tokenizer.encode("def "), model, max_new_tokens=60, rng=np.random.default_rng(0))
    print(f"{name:20} {'def ' + tokenizer.decode(made)!r}")

# %% [markdown]
# ## The draft: learn from whom?
#
# "A good draft is a good language model, so train it on the text." That is the first thing one would do. But a draft is accepted with probability Σ min(p, q). What came next in the *text* does not appear in that formula; p does. Where the target is wrong about the text, a draft that is right is refused.
#
# So **distil**: train the draft on the target's whole rows, with the loss of your exercise. Here both students: one layer of width 16, once on the text, once on the target's rows, the same steps. **Predict:** which of the two will be accepted more often, and by how much?

# %%
small = replace(tiny, config=replace(tiny.config, width=16, n_layers=1, hidden=32))
students = {name: state.start_state(small, Path("no-such-run"), 0) for name in ("text", "target")}
with ThreadPoolExecutor(2) as pool:
    for i in range(small.steps):
        tokens = train.next_batch(small, streams, seed=1, step=i)
        train.training_step(small, students["text"], tokens, pool=pool)
        train.training_step(small, students["target"], tokens, pool=pool, teacher=live_target)

# %%
windows = data.held_out_windows(held_out["code"], window=100, limit=6000)
drafts = {name: TransformerLM(small.config, learnt.params) for name, learnt in students.items()}
for name, student in drafts.items():
    print(f"learnt from the {name:7} α = {distil.acceptance_on_text(live_target, student, windows):.3f}")
print(f"the shipped pair        α = {distil.acceptance_on_text(target_model, draft_model, windows):.3f}")

# %% [markdown]
# It is easy to agree with a target that knows little: the shipped pair's α is harder earned. And even so short a training shows whom to learn from. Look at one row of the live pair:

# %%
started = tokenizer.encode("    return ")
p, q = (model.start().extend(started)[-1] for model in (live_target, drafts["target"]))
letters = [tokenizer.decode([i]) for i in range(97)]
figures.target_against_draft(p, q, labels=letters, top=14)

# %% [markdown]
# After a blank the small one expects another blank: in Python that is nearly always right, and it has no room to know more. The target has two layers, and has noticed that a word follows `return `. α is the green area, averaged over all positions of a held-out text.
#
# A larger draft would notice too, and each of its guesses would cost more. How large a draft should be is a question about α *and* its price c, so it has to wait for notebook 08; the shipped draft has 4 % of its target's numbers.
#
# ## The wrong measure once more
#
# The loss falls, so α rises? The loss of distillation is the KL divergence, and what we want is the overlap. Drag the bars, and make two drafts of one target that disagree about which is better: α is the green mass, and the loss is large wherever q is *almost nothing* and p is not.

# %%
widgets.overlap([0.6, 0.3, 0.1], [0.3, 0.3, 0.4])

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
#
# <details><summary>Second hint</summary>
#
# Two tokens, the second one rare under p. Let the second draft all but rule it out: that costs little overlap and any amount of KL. The first draft gives it far too much.
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
# That is why, in the second half of a distillation run, ours included, the draft follows the overlap itself: the gradient of 1 − Σ min(p, q).

# %%
p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
loss, gradient = rejection_rate(np.log(q)[None], p[None])
print(f"1 - overlap: {loss:.3f}   gradient with respect to the logits: {gradient.round(3)}")

# %% [markdown]
# Its arrows point down where q has too much and up where it has too little, and a token on which q agrees already is left alone.
#
# **Open question.** Why not train on the overlap from the start? *Hint:* how large is its gradient where p and q hardly meet, as at the start?
#
# ## Take away
#
# 1. Bits per character: what a model pays for the text. α: how often its guesses pass. They are different goals.
# 2. A draft learns from the target's rows; its gradient is the difference of two rows, and nudging proves it.
# 3. Training is a pure function of (parameters, seed, step): an interrupted run goes on bit for bit.
#
# Next: [08 · How fast?](08_how_fast.ipynb).
