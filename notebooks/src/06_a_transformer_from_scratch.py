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
# **Minutes:** 60 · **Needs:** 01; some linear algebra
#
# **You will be able to** follow one row of numbers through a Transformer block, write RMSNorm and the causal mask, and say what a KV cache holds before and after a round.
#
# Speculative sampling treats a model as a function from tokens to rows. This notebook opens the box: a Llama-style Transformer in plain NumPy ([`transformer/model.py`](../specsample/transformer/model.py)). Letters for shapes: B sequences, T positions, D width, H heads, L layers, V vocabulary.

# %%
import numpy as np

import specsample as ss
from specsample.course import answer, check, hint
from specsample.transformer.attention import attention
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
for name, shape in shapes(c).items():
    if name.startswith("layers.0") or "." not in name:
        print(f"{name:24} {shape!s:12} {np.prod(shape):8,}")

# %% [markdown]
# Four matrices a layer. `qkv` makes queries, keys and values in one product; `gate_up` and `down` are the MLP (SwiGLU), and hold most of the numbers.
#
# ## In: tokens to vectors

# %%
tokens = np.array([target_model.tokenizer.encode("for i in range(")])  # (B, T)
x = embedding(tokens, target_model.params["embedding"])  # (B, T, D): a row of the table for each token
tokens.shape, x.shape

# %% [markdown]
# Each block reads a *normalised* copy of x and adds its result to x. The norm is RMSNorm: divide each vector by the root of its mean square, then scale each channel by a learnt weight.

# %%
normed, _ = rms_norm(x, target_model.params["layers.0.norm_attention"], c.norm_eps)
before, after = (float(np.sqrt((v[0, 0] ** 2).mean())) for v in (x, normed))
print(f"root mean square of position 0: {before:.3f} before, {after:.3f} after (times the weights)")

# %% [markdown]
# ### Exercise 06.1 (implement)
#
# Write RMSNorm for one vector: y = weight · x / √(mean(x²) + ε), with ε = 1e-5.
#
# <details><summary>Hint</summary>
#
# One line. No mean is subtracted.
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

# %% [markdown]
# ## Across: attention
#
# Each position asks a question (query), and every position before it offers a key and a value. The weights are a softmax of query · key / √Dh; a position never looks at what comes later. **Predict:** what stands in row 0 of the weights?

# %%
rng = np.random.default_rng(0)
q = rng.normal(size=(1, 1, 1, 4, 8)).astype(np.float32)  # (B, Hkv, G, n, Dh)
k, v = rng.normal(size=(2, 1, 1, 4, 8)).astype(np.float32)
out, weights = attention(q, k, v)
print(weights[0, 0, 0].round(2))

# %% [markdown]
# Row 0 sees only itself, so its weight is 1. The zeros above the diagonal are the causal mask. It is what makes *one pass over many tokens* possible: row i is the same whatever stands after it, so the K drafts can be read together, and row i is still p(· | prompt, first i drafts).
#
# ### Exercise 06.2 (implement)
#
# With a cache, only the `n` new positions have queries, but they look at all `m` ≥ n positions, the last n of which are their own. Return the (n, m) array of booleans: True where row i may look.
#
# <details><summary>Hint</summary>
#
# `np.arange` twice, one of them as a column. At which position does new row i stand?
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
# ## Out: logits
#
# Through all blocks, the last norm and the head (here the embedding table again, transposed):

# %%
logits = forward(c, target_model.params, tokens)  # (B, T, V)
p = ss.softmax(logits[0, -1])
print(logits.shape, "likeliest next:", [target_model.tokenizer.decode([t]) for t in np.argsort(-p)[:4]])

# %% [markdown]
# ## The KV cache
#
# **Question.** To add one token, must the model read the whole text again? Keys and values of old positions do not change (nothing looks ahead), so they are kept. **Predict:** is the result with a cache the same to the last bit?

# %%
cache = Cache(c)
first = forward(c, target_model.params, tokens[:, :10], cache)  # fills 10 positions
rest = forward(c, target_model.params, tokens[:, 10:], cache)  # reads only the new ones
print("cache length:", cache.length, "  largest difference:", float(abs(rest - logits[:, 10:]).max()))

# %% [markdown]
# Not always: sums are rounded in another order. So "the same" for a Transformer means the same up to rounding, and the exact statements of notebook 05 are made on tables.
#
# The cache is memory, set aside once; only `length` says what is valid. So forgetting refused drafts costs nothing:

# %%
context = target_model.start()
context.extend(tokens[0].tolist())
once = context.extend([5, 6, 7])[0]
context.rollback(tokens.shape[1])  # forget the three
again = context.extend([5, 8, 9])[0]
print("length", context.length, "  same row after the same token:", bool(np.allclose(once, again)))

# %% [markdown]
# ### Exercise 06.3 (predict, as a function)
#
# A text of T tokens has just come out of a round, both caches hold T − 1 or fewer of them. Now a round drafts K tokens and accepts n. Return `(target, draft)`: how many tokens each model has in its cache after the round.
#
# <details><summary>Hint</summary>
#
# What has the target read in its pass, and what must it forget? Which of its drafts has the draft model drawn, but never read?
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

# %% [markdown]
# **Open question.** M30 of the catalogue trims the target's cache one token too few. Why does a target that looks at *one* token only never show it? *Hint:* which entries of the cache does such a target need for its next row?
#
# ## Take away
#
# 1. Embedding, L × (attention, MLP), norm, head; each block adds to x.
# 2. The causal mask makes row i independent of what follows: the reason why K drafts can be verified in one pass.
# 3. The cache keeps keys and values; rolling back moves a number.
#
# Next: [07 · Training a pair](07_training_a_pair.ipynb).
