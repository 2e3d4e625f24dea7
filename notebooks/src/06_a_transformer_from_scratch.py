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
# # 06 · A Transformer from scratch: shapes, cache, rolling back
#
# **Minutes:** 75 · **Needs:** 01; some linear algebra
#
# **You will be able to** follow one row of numbers through a Transformer block, write RMSNorm and the causal mask, and say what a KV cache holds before and after a round.
#
# Speculative sampling treats a model as a function from tokens to rows. This notebook opens the box: a Llama-style Transformer in plain NumPy ([`transformer/model.py`](../specsample/transformer/model.py)). Letters for shapes: B sequences, T positions, D width, H heads, L layers, V vocabulary.
#
# One question leads through it: **why can a model check five guesses in one pass, when it needs five passes to write five tokens?** The answer is a triangle of zeros, and it is your second exercise.

# %%
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

import specsample as ss
from specsample import figures
from specsample.course import answer, check, hint
from specsample.transformer.attention import attention, rotary, rotary_tables
from specsample.transformer.cache import Cache
from specsample.transformer.config import n_params, shapes
from specsample.transformer.layers import embedding, rms_norm
from specsample.transformer.model import forward

# %%
target_model, draft_model = ss.load_pair()
c = target_model.config
print(c)
print(f"{n_params(c):,} numbers, of which the draft has {n_params(draft_model.config) / n_params(c):.0%}")

# %% [markdown]
# ## What is learnt
#
# **Predict:** which matrices of one layer are the largest?

# %%
sizes = {
    name: int(np.prod(shape)) for name, shape in shapes(c).items() if name.startswith("layers.0") or "." not in name
}
figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
bars = axes.barh([*sizes][::-1], [*sizes.values()][::-1], color="#0072B2")
axes.bar_label(bars, [f" {shapes(c)[name]}" for name in [*sizes][::-1]], fontsize=8)
_ = axes.set(xlabel="numbers", xlim=(0, 1.25 * max(sizes.values())))

# %% [markdown]
# Four matrices a layer. `qkv` makes queries, keys and values in one product; `out` mixes what the heads found; `gate_up` and `down` are the MLP (SwiGLU), and hold most of the numbers. A pass reads every one of them once, whether it has one row to compute or six.
#
# ## In: tokens to vectors
#
# A token is a number, and its neighbours in that numbering mean nothing. So the first step looks its row up in a table, the **embedding**: D numbers that were learnt.

# %%
tokens = np.array([target_model.tokenizer.encode("for i in range(")])  # (B, T)
letters = [target_model.tokenizer.decode([t]) for t in tokens[0]]
x = embedding(tokens, target_model.params["embedding"])  # (B, T, D): a row of the table for each token
tokens.shape, x.shape

# %% [markdown]
# ## Keeping the numbers in range
#
# Each block adds its result to x. Add up four blocks and see what becomes of the size of a vector, here with twelve random matrices:

# %%
rng = np.random.default_rng(0)
y, lengths = x[0, 0].astype(float), []
for _ in range(12):
    y = y + rng.normal(size=(c.width, c.width)) * (2 / c.width**0.5) @ y
    lengths.append(float(np.sqrt((y**2).mean())))
print([f"{length:.1g}" for length in lengths])

# %% [markdown]
# The larger the vector, the larger what is added: it explodes. The first thing one would write against it is y / |y|, a vector of length 1. But then each of D = 384 channels is about 0.05, and in a model of another width it is another size: the same weights would mean something else.
#
# So each block reads a *normalised copy* of x whose **root mean square** is 1, whatever D is, times a learnt weight for each channel. That is RMSNorm. The small ε below the root is there for a vector of zeros.

# %% [markdown]
# ### Exercise 06.1 (implement)
#
# Write RMSNorm for one vector: y = weight · x / √(mean(x²) + ε), with ε = 1e-5.
#
# <details><summary>Hint</summary>
#
# What is below the root: a sum or a mean? And does anything move the vector, or only scale it?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# One line: `(x**2).mean()` is the mean square. No mean is subtracted; ε stands inside the root.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "06-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_rms_norm(x, weight):
    ### BEGIN SOLUTION
    return weight * x / np.sqrt((x**2).mean() + 1e-5)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "06-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("06.1", my_rms_norm)
### BEGIN HIDDEN TESTS
check("06.1", my_rms_norm, seed=1)
### END HIDDEN TESTS

# %%
normed, _ = rms_norm(x, target_model.params["layers.0.norm_attention"], c.norm_eps)
before, after = (float(np.sqrt((v[0, 0] ** 2).mean())) for v in (x, normed))
print(f"root mean square of position 0: {before:.3f} before, {after:.3f} after (times the weights)")

# %% [markdown]
# ## Across: attention
#
# So far every position is alone with its own token. **Attention** lets it collect from others: each position asks a question (query), and every position offers a key and a value. The weights are a softmax of query · key / √Dh, and what is collected is the weighted sum of the values. The first thing one would write lets everyone look at everyone:

# %%
q, k, v = rng.normal(size=(3, 4, 8))  # 4 positions, Dh = 8
everyone = ss.softmax(q @ k.T / 8**0.5)
out, weights = attention(q[None, None, None], k[None, None], v[None, None])
figures.grids({"everyone sees everyone": everyone, "as it is": weights[0, 0, 0]}, axes=("position", "looks at"))

# %% [markdown]
# In the left picture position 0 gets most of what it knows from positions that come *later*. In training that is cheating: the next token, which it is to guess, stands right there. And for us it would be worse. If row 0 depends on what follows, then p after the prompt would change with the drafts that happen to stand behind it, and each row would have to be computed in a pass of its own.
#
# The white corner on the right is the **causal mask**. Because of it row i is the same *whatever stands after it*. So the K drafts can be read together, and row i is still p(· | prompt, first i drafts): the answer to the question at the top.

# %%
one = forward(c, target_model.params, tokens[:, :6])[0, -1]
together = forward(c, target_model.params, tokens)[0, 5]
print("row 5 with nothing after it, and with nine tokens after it:", bool(np.allclose(one, together, atol=1e-4)))

# %% [markdown]
# ### Exercise 06.2 (implement)
#
# With a cache, only the `n` new positions have queries, but they look at all `m` ≥ n positions, the last n of which are their own. Return the (n, m) array of booleans: True where row i may look.
#
# <details><summary>Hint</summary>
#
# At which position does new row i stand? The square mask above is the case n = m.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# `np.arange(m)` are the positions that can be looked at, `np.arange(m - n, m)` those of the new rows; make the second one a column and compare.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "06-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_mask(n, m):
    ### BEGIN SOLUTION
    return np.arange(m) <= np.arange(m - n, m)[:, None]
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "06-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("06.2", my_mask)
### BEGIN HIDDEN TESTS
check("06.2", my_mask, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# After your exercise, the shape of a verification: a text of 15 characters, the last of which is unread, and three drafts. The target reads four rows, and each sees the whole text behind it.

# %%
labels = [*letters, "d1", "d2", "d3"]
q, k = rng.normal(size=(1, 1, 1, 4, 8)), rng.normal(size=(1, 1, 18, 8))
weights = attention(q, k, k)[1][0, 0, 0]
figures.grids({"a round's target pass": weights > 0}, rows=labels[14:], columns=labels)

# %% [markdown]
# ## Where am I? Rotation
#
# Scores are products of queries and keys, and so far they do not know *where* anything stands: shuffle the old positions, and every weight just moves along. The first idea is to add a number for the position to x. Llama does something neater: it turns each pair of channels by an angle that grows with the position. The product of two turned vectors depends on the *difference* of their angles, so on how far apart they stand. **Predict:** what are the scores of one and the same query and key at all pairs of positions?

# %%
cos, sin = rotary_tables(8, 6, 10000.0, "float64")
same = np.repeat(rng.normal(size=(1, 1, 1, 8)), 6, axis=1)  # (B, T, heads, Dh): one vector, at six positions
turned = rotary(same, cos, sin)[0, :, 0]
scores = turned @ turned.T
figures.grids(
    {"query · key, scaled to [0, 1]": (scores - scores.min()) / np.ptp(scores)}, axes=("query at", "key at")
)

# %% [markdown]
# Stripes along the diagonal: the same distance, the same score.
#
# ## Out: logits
#
# Through all blocks, the last norm and the head (here the embedding table again, transposed), and we have what notebook 01 began with:

# %%
logits = forward(c, target_model.params, tokens)  # (B, T, V)
p = ss.softmax(logits[0])
figures.grids({"p after each position": p[:, tokens[0]]}, rows=letters, columns=letters, axes=("after", "comes"))

# %% [markdown]
# Look one square to the right of the diagonal: that is the letter that really came next. Inside words the model knows it; at the beginning of a word nobody can.
#
# ## The KV cache
#
# To write one token, must the model read the whole text again? That is what the simplest loop does:

# %%
context, prompt = target_model.start(), tokens[0].tolist() * 20
context.extend(prompt)
times = []
for work in (lambda: target_model.start().extend([*prompt, 5]), lambda: context.extend([5])):
    work()
    start = perf_counter()
    work()
    times.append(1000 * (perf_counter() - start))
print(f"the {len(prompt)} tokens again: {times[0]:.1f} ms;  the new one only: {times[1]:.1f} ms")

# %% [markdown]
# Keys and values of old positions do not change, for nothing looks ahead: the mask again. So they are kept. **Predict:** is the result with a cache the same to the last bit?

# %%
cache = Cache(c)
first = forward(c, target_model.params, tokens[:, :10], cache)  # fills 10 positions
rest = forward(c, target_model.params, tokens[:, 10:], cache)  # reads only the new ones
print("cache length:", cache.length, "  largest difference:", float(abs(rest - logits[:, 10:]).max()))

# %% [markdown]
# Not always: sums are rounded in another order. So "the same" for a Transformer means the same up to rounding, and the exact statements of notebook 05 are made on tables.
#
# ## After a refusal
#
# A round leaves things behind. The target has read all K drafts, and K positions of its cache hold their keys and values, also those of drafts that were refused. What if nobody cleans up? The next row would be conditioned on a text that does not exist:

# %%
context = target_model.start()
context.extend(tokens[0].tolist())
clean = context.extend([5])[-1]
context.extend([6, 7])  # two refused drafts, and nobody forgets them
dirty = context.extend([8])[-1]
context.rollback(tokens.shape[1] + 1)
print("total variation between the rows:", round(float(abs(dirty - context.extend([8])[-1]).sum() / 2), 3))

# %% [markdown]
# No error, no crash: only another law. (M30 of [the catalogue](../docs/wrong-samplers.md) is one token of this.) Cleaning up is cheap: the cache is memory, set aside once, and only `length` says what is valid. Forgetting moves a number. Here is a round in pictures, a text of 6 tokens, K = 4 drafts of which 2 are accepted, and a correction:

# %%
text = [("text", 6, "text")]
drafted = [(f"d{i}", 1, "accepted" if i < 3 else "forgotten") for i in (1, 2, 3, 4)]
figures.lanes(
    {
        "the text": [*text, ("d1", 1, "accepted"), ("d2", 1, "accepted"), ("new", 1, "correction")],
        "target has read": [*text, *drafted],
        "draft has read": [*text, *drafted[:3]],
    }
)

# %% [markdown]
# Three things to see. The target has read every draft. The draft model has *drawn* d4 and never read it: nobody asked what comes after it. And the correction is in the text, and in no cache: whoever needs it next reads it first.

# %% [markdown]
# ### Exercise 06.3 (predict, as a function)
#
# A text of T tokens has just come out of a round, both caches hold T − 1 or fewer of them. Now a round drafts K tokens and accepts n. Return `(target, draft)`: how many tokens each model has in its cache after the round.
#
# <details><summary>Hint</summary>
#
# Read the picture with other numbers. What of the cached drafts stays valid for each model, and what if all K are accepted?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Both keep the text and the accepted drafts, as far as they have read them. Which one draft can be accepted without the draft model having read it?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "06-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_lengths(T, K, n):
    ### BEGIN SOLUTION
    return T + n, T + min(n, K - 1)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "06-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("06.3", my_lengths)
### BEGIN HIDDEN TESTS
check("06.3", my_lengths, seed=1)
### END HIDDEN TESTS

# %%
trace = ss.generate(
    tokens[0].tolist(), target_model, draft_model, K=4, max_new_tokens=25, rng=np.random.default_rng(0)
)[1]
for played in trace.rounds[:4]:
    print(f"accepted {played.n_accepted} of {played.K}:  target {played.target_length}  draft {played.draft_length}")

# %% [markdown]
# Each pair is "before, after" of one round, as the library counted it.
#
# **Open question.** M30 of the catalogue trims the target's cache one token too few. Why does a target that looks at *one* token only never show it? *Hint:* which entries of the cache does such a target need for its next row?
#
# ## Take away
#
# 1. Embedding, L × (attention, MLP), norm, head; each block reads a normalised copy and adds to x.
# 2. The causal mask makes row i independent of what follows: the reason why K drafts can be verified in one pass, and why keys and values can be kept.
# 3. The cache keeps keys and values; rolling back moves a number, and forgetting to do so is a wrong sampler without an error.
#
# Next: [07 · Training a pair](07_training_a_pair.ipynb).
