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
# # 09 · Strategies and draft sources: the same law, other speeds
#
# **Minutes:** 45 · **Needs:** 05, 08
#
# **You will be able to** combine any decoding strategy with any draft, write a draft that needs no model at all, and say what q is for it.
#
# Nothing in the proof asked where q comes from. A draft may be a small Transformer, a table of counts, a piece of the target, or a search in the text; the strategies of target and draft may differ. The law stays the target's. Only the speed changes, and sometimes a draft that is worse and cheaper wins.

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample.conformance import exact_law, target_law
from specsample.drafts.early_exit import ExitLM
from specsample.drafts.ngram import train_ngram
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.drafts.unigram import train_unigram
from specsample.exercises import check
from specsample.training import data

# %% [markdown]
# ## Strategies
#
# First the claim, exactly: the target samples with top-k 2, the draft greedily. **Predict:** is the law still the target's? And *which* target's?

# %%
target_model = ss.TableModel(
    np.array([[F(1, 2), F(1, 3), F(1, 6)], [F(1, 4), F(1, 4), F(1, 2)], [F(1, 3), F(1, 3), F(1, 3)]])
)
draft_model = ss.TableModel(
    np.array([[F(1, 3), F(1, 3), F(1, 3)], [F(1, 2), F(1, 4), F(1, 4)], [F(1, 6), F(1, 2), F(1, 3)]])
)
setting = {"K": 2, "max_new_tokens": 3, "transform": ss.top_k(2), "draft_transform": ss.greedy}
law = exact_law(lambda tape: tuple(ss.generate([0], target_model, draft_model, rng=tape, **setting)[0]))
print(law == target_law(target_model, [0], 3, transform=ss.top_k(2)), " paths end in", len(law), "texts")

# %% [markdown]
# The law of the target *after its strategy*. The draft's strategy only sets how often it is right. On the shipped pair:

# %%
target_model, draft_model = ss.load_pair()
prompt = target_model.tokenizer.encode('def read_lines(path):\n    """Return the lines of a file."""\n    ')
for name, transform in {
    "T = 1": None,
    "T = 0.5": ss.temperature(0.5),
    "greedy": ss.greedy,
    "top-p 0.9": ss.top_p(0.9),
}.items():
    settings = {"K": 5, "max_new_tokens": 120, "rng": np.random.default_rng(0), "transform": transform}
    trace = ss.generate(prompt, target_model, draft_model, **settings)[1]
    print(f"{name:10} α = {trace.acceptance_rate:.2f}   tokens per target pass {trace.tokens_per_target_pass:.2f}")

# %% [markdown]
# ## Drafts without a network
#
# **Counting.** How often does each character come, whatever stands before it (unigram); how often after these four (5-gram)? Training takes seconds. **Predict** their α, next to the small Transformer's.

# %%
documents = [target_model.tokenizer.encode(text) for text in data.split(data.load_documents("code"))[0][:40]]
sources = {"unigram": train_unigram(documents, 97)}
sources["5-gram"] = train_ngram(documents, order=5, vocab_size=97)
sources["prompt lookup"] = PromptLookup(97)  # declines where nothing matches
sources["first 2 layers"] = ExitLM(target_model, 2)
sources["small Transformer"] = draft_model

# %%
for name, source in sources.items():
    rng = np.random.default_rng(0)
    trace = ss.generate(prompt, target_model, source, K=5, max_new_tokens=100, rng=rng)[1]
    print(f"{name:18} α = {trace.acceptance_rate:.2f}   tokens per target pass {trace.tokens_per_target_pass:.2f}")

# %% [markdown]
# Even counting letters is accepted now and then, and it costs next to nothing: remember theorem 3.8, α > c is enough. (The first layers of a target that was never trained to stop early make a poor draft.)
#
# ### Exercise 09.1 (implement)
#
# **Prompt lookup** drafts what came after the same words the last time. Given the list `tokens` and a number `n`: find the most recent earlier place where the last `n` tokens stood, and return the token that followed there; −1 if there is none.
#
# <details><summary>Hint</summary>
#
# Every text ends with its own last n tokens; that place does not count. Go backwards and stop at the first match.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "09-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_lookup(tokens, n):
    ### BEGIN SOLUTION
    for end in range(len(tokens) - 1, n - 1, -1):
        if tokens[end - n : end] == tokens[-n:]:
            return tokens[end]
    return -1
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "09-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("09.1", my_lookup)
### BEGIN HIDDEN TESTS
check("09.1", my_lookup, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## A draft without probabilities
#
# A lookup proposes a token and no probabilities. What is q then? It could have been nothing else, so q is **one-hot**: all its mass on that token. The rule needs nothing more.
#
# ### Exercise 09.2 (predict, as a function)
#
# The target's row is `p`, a lookup proposed token `x`. With what probability is it kept?
#
# <details><summary>Hint</summary>
#
# The rule is that of notebook 03. How much of its mass does this q have on x?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "09-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_keep_probability(p, x):
    ### BEGIN SOLUTION
    return p[x]
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "09-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("09.2", my_keep_probability)
### BEGIN HIDDEN TESTS
check("09.2", my_keep_probability, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# The residual then is p without x, normalised. Test it on any row: keep with p(x), else draw from the rest. Of course that is p. It is the plainest case of the theorem. Step through a text that repeats itself: where the lookup finds something, q is a single bar, and what it proposes stays or goes with p alone.

# %%
repeating = target_model.tokenizer.encode("one, two, three, one, two, ")
settings = {"K": 3, "max_new_tokens": 12, "rng": np.random.default_rng(0), "keep_rows": True}
trace = ss.generate(repeating, target_model, sources["prompt lookup"], **settings)[1]
trace.show(target_model.tokenizer.decode)

# %% [markdown]
# ### Exercise 09.3 (break it)
#
# Now the mistake. The draft is the *argmax* of q, but the test and the residual use q itself, as if it had been sampled (M05; it was found in two well-known implementations). Find p and q on which the first token is off by at least 1/3.
#
# <details><summary>Hint</summary>
#
# How often is q's favourite drafted here? How often should it be? Make the two numbers very different.
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "09-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_pair = None
### BEGIN SOLUTION
my_pair = ([F(1, 2), F(1, 2)], [F(51, 100), F(49, 100)])
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "09-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("09.3", my_pair)
### BEGIN HIDDEN TESTS
check("09.3", my_pair, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# **Open question.** A draft adds a penalty for repeated tokens, the target does not. Lossless? And if only the target does? *Hint:* what are q and p then, and which tokens must the target's penalty have seen in the row after a draft?
#
# ## Take away
#
# 1. Any strategy on either side; the law is the target's after *its* strategy. q must be what was really drafted from.
# 2. A draft without probabilities has a one-hot q, and is kept with p(x).
# 3. α alone does not rank drafts: α against c does.
#
# Next: [10 · Beyond](10_beyond.ipynb).
