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
# **Minutes:** 70 · **Needs:** 05, 08
#
# **You will be able to** combine any decoding strategy with any draft, write drafts that need no model at all, say what q is for them, and decline to draft without bending the law.
#
# Nothing in the proof asked where q comes from. A draft may be a small Transformer, a table of counts, a piece of the target, or a search in the text; the strategies of target and draft may differ. The law stays the target's. Only the speed changes, and sometimes a draft that is worse and cheaper wins.
#
# Twice in this notebook something obvious is wrong all the same: a draft that says another q than it drew from, and a source that looks at its draw before it hands it over.

# %%
from fractions import Fraction as F

import matplotlib.pyplot as plt
import numpy as np

import specsample as ss
from specsample import figures
from specsample.conformance import exact_law, target_law, wrong_samplers
from specsample.course import answer, check, hint
from specsample.drafts import declining, early_exit, ngram, prompt_lookup, unigram
from specsample.training import data
from specsample.viewer import widgets

# %% [markdown]
# ## Strategies
#
# "If the draft is greedy, the text gets greedier." **Predict** first, then ask the exact law: the target samples with top-k 2, the draft greedily. Is the law still the target's? And *which* target's?

# %%
target_model = ss.TableModel(
    np.array([[F(1, 2), F(1, 3), F(1, 6)], [F(1, 4), F(1, 4), F(1, 2)], [F(1, 3), F(1, 3), F(1, 3)]])
)
draft_model = ss.TableModel(
    np.array([[F(1, 3), F(1, 3), F(1, 3)], [F(1, 2), F(1, 4), F(1, 4)], [F(1, 6), F(1, 2), F(1, 3)]])
)
setting = {"K": 2, "max_new_tokens": 3, "transform": ss.top_k(2), "draft_transform": ss.greedy}
found = exact_law(lambda tape: tuple(ss.generate([0], target_model, draft_model, rng=tape, **setting)[0]))
print("with top-k 2:", found == target_law(target_model, [0], 3, transform=ss.top_k(2)))
print("without:", found == target_law(target_model, [0], 3), " texts:", len(found))

# %% [markdown]
# The law of the target *after its strategy*, to the last fraction. The draft's strategy only sets how often it is right. See it on one row of the shipped pair: both rows at temperature 1, then both at 1/2.

# %%
target_model, draft_model = ss.load_pair()
letters = [target_model.tokenizer.decode([i]) for i in range(97)]
prompt = target_model.tokenizer.encode('def read_lines(path):\n    """Return the lines of a file."""\n    ')
started = target_model.tokenizer.encode("class Point:\n    def __init__(self, ")
p, q = (model.start().extend(started)[-1] for model in (target_model, draft_model))
figures.target_against_draft(p, q, labels=letters, top=12)

# %%
cold = ss.temperature(0.5)
figures.target_against_draft(cold(p), cold(q), labels=letters, top=12)

# %% [markdown]
# Every strategy is such a map from row to row. Move temperature, top-k and top-p over the target's row, and watch whom they favour:

# %%
widgets.strategies(p, letters)

# %% [markdown]
# Colder rows are taller and fewer. Where both models have the same favourite the overlap grows, and where they have not it shrinks. **Predict** which of the two wins on a whole text, then run:

# %%
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
# **Counting.** How often does each character come, whatever stands before it (unigram); how often after these four (5-gram)? Training takes seconds. A third source is the target itself, stopped after two of its layers. **Predict** their order, with the small Transformer among them.

# %%
documents = [target_model.tokenizer.encode(text) for text in data.split(data.load_documents("code"))[0][:40]]
sources = {
    "unigram": unigram.train_unigram(documents, 97),
    "5-gram": ngram.train_ngram(documents, order=5, vocab_size=97),
}
sources |= {"first 2 layers": early_exit.ExitLM(target_model, 2), "small Transformer": draft_model}
traces = {
    name: ss.generate(prompt, target_model, source, K=5, max_new_tokens=100, rng=np.random.default_rng(0))[1]
    for name, source in sources.items()
}

# %%
figure, axes = plt.subplots(figsize=(6, 2.2), layout="constrained")
bars = axes.barh([*traces], [trace.tokens_per_target_pass for trace in traces.values()], color="#009E73")
axes.bar_label(bars, [f" α = {trace.acceptance_rate:.2f}" for trace in traces.values()])
_ = axes.set(xlabel="tokens per target pass (1 = no draft is ever kept)", xlim=(1, 4.5))

# %% [markdown]
# Even counting letters is accepted now and then, and it costs next to nothing: remember corollary 3.9, α > c is enough. (The first layers of a target that was never trained to stop early make a poor draft.)
#
# ## Looking it up
#
# Text repeats itself: names in code, quotations in a summary, the question in the answer. So draft what came after the same words the last time. No model is needed, only a search. The first thing one writes:

# %%
text = "one, two, three, one, two, "
place = text.rfind(text[-5:])  # the last place where the last five characters stand
print("found at", place, "of", len(text), " what follows:", repr(text[place + 5 :]))

# %% [markdown]
# It found the end of the text, where nothing follows: every text ends with its own last n tokens.

# %% [markdown]
# ### Exercise 09.1 (implement)
#
# **Prompt lookup.** Given the list `tokens` and a number `n`: find the most recent earlier place where the last `n` tokens stood, and return the token that followed there; −1 if there is none.
#
# <details><summary>Hint</summary>
#
# Which ends of such a place are possible, from the largest down? The text's own end is not among them.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Go backwards over the ends with `range(len(tokens) - 1, n - 1, -1)` and return at the first match; what follows a match that ends before `end` is `tokens[end]`.
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
# A round takes K drafts, not one. So one goes on copying from that place:

# %%
before = [("one, ", 5, "text"), ("two, ", 5, "match"), ("thr", 3, "drafted"), ("ee, one, ", 9, "text")]
figures.lanes({"text": [*before, ("two, ", 5, "match")], "drafts": [("", 27, ""), ("thr", 3, "drafted")]})

# %% [markdown]
# Dark: the same five characters twice. What came after them the first time is drafted after the second. And where the text is `ha ha ha`, with three drafts wanted and only two characters left to copy? Then the copy runs into itself, which is just what such a text does.
#
# ## A draft without probabilities
#
# A lookup proposes a token and no probabilities. "Then keep it if the target finds it likeliest too," one would say. Try it on p = (0.6, 0.4) where the lookup proposes token 0: it is kept always, so token 1 never comes, though it should come four times in ten.
#
# What is q then? It could have been nothing else, so q is **one-hot**: all its mass on that token. The rule needs nothing more.

# %% [markdown]
# ### Exercise 09.2 (predict, as a function)
#
# The target's row is `p`, a lookup proposed token `x`. With what probability is it kept?
#
# <details><summary>Hint</summary>
#
# The rule is that of notebook 03. How much of its mass does this q have on x?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# min(1, p(x)/q(x)), with q(x) = 1.
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
trace = ss.generate(repeating, target_model, prompt_lookup.PromptLookup(97), **settings)[1]
trace.show(target_model.tokenizer.decode)

# %% [markdown]
# ## The first obvious mistake: another q than was drawn from
#
# Somebody makes the draft greedy, for greedy drafts are accepted more often, and hands the rule the draft's row q as before (M05; it was found in two well-known implementations). In the picture the law that comes of it, for p = (3/4, 1/4) and q = (2/3, 1/3):

# %%
p, q = [F(3, 4), F(1, 4)], [F(2, 3), F(1, 3)]
target_table, draft_table = (ss.TableModel(np.array(row)) for row in (p, q))
wrong = wrong_samplers["M05"].generate
found = exact_law(lambda tape: wrong([0], target_table, draft_table, K=1, max_new_tokens=2, rng=tape)[0][0])
figures.side_by_side({"target": p, "greedy draft, judged with q": [found.get(x, 0) for x in range(2)]})

# %% [markdown]
# ### Exercise 09.3 (break it)
#
# Find p and q on which the first token is off by at least 1/3.
#
# <details><summary>Hint</summary>
#
# How often is q's favourite drafted here? How often should it be? Make the two numbers very different.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# The draft is always q's favourite, however small its lead. And let the rule have no reason to refuse it.
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
# ## The second one: a source that looks before it hands over
#
# A row of the target costs time even if its draft is refused. So a source that is unsure should draft nothing: it **declines**, and the round goes on with the drafts so far. Two ways to write it: *(a)* it looks at its row q, and declines if the largest probability is small; *(b)* it draws x from q, and takes x back if q(x) is small. **Predict:** which of the two leaves the law as it is?

# %%
p = q = [F(3, 5), F(1, 5), F(1, 5)]
table = ss.TableModel(np.array(p))
before = exact_law(
    lambda tape: ss.generate([0], table, declining.Confident(table, F(1, 4)), K=1, max_new_tokens=2, rng=tape)[0][0]
)
wrong = wrong_samplers["M48"].generate
after = exact_law(lambda tape: wrong([0], table, table, K=1, max_new_tokens=2, rng=tape)[0][0])
figures.side_by_side(
    {"target": p} | {n: [found.get(x, 0) for x in range(3)] for n, found in {"(a)": before, "(b)": after}.items()}
)

# %% [markdown]
# Here the draft *is* the target, nothing is ever refused, and (b) is still wrong. What it took back was improbable under q, and the token that the target draws in its place is mostly a probable one: whoever looks at the draw and sends the bad ones back has sampled from another distribution than q.

# %% [markdown]
# ### Exercise 09.4 (predict, as a function)
#
# What law does (b) have? A source draws x from q. If q(x) < t it takes x back, and the target draws the token from p, as if nothing had been drafted. Else x is tested with min(1, p/q), and corrected if it is refused. Return the row of the probabilities of the token that comes out, for arrays p and q and a number t.
#
# <details><summary>Hint</summary>
#
# A token can come out in three ways: drafted and kept; as a correction; drawn by the target because the draft was taken back. How probable is each way?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Kept: min(p, q) where q ≥ t, else 0. Refused: what q has on those tokens above that, all of it times the residual. Taken back: q's mass on the others, times p.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "09-4", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_law(p, q, t):
    ### BEGIN SOLUTION
    stays = q >= t
    kept = np.where(stays, np.minimum(p, q), 0 * p)
    refused = q[stays].sum() - kept.sum()
    taken_back = q[~stays].sum()
    return kept + refused * ss.residual(p, q) + taken_back * p
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "09-4-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("09.4", my_law)
### BEGIN HIDDEN TESTS
check("09.4", my_law, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# So decide from the text, before the draw. What does that buy? On the shipped pair, for thresholds from 0 (always draft) to 0.9 (only if all but certain):

# %%
thresholds = (0, 0.2, 0.4, 0.6, 0.8, 0.9)
runs = [
    ss.generate(
        prompt,
        target_model,
        declining.Confident(draft_model, t),
        K=8,
        max_new_tokens=100,
        rng=np.random.default_rng(0),
    )[1]
    for t in thresholds
]

# %%
figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
axes.plot(thresholds, [trace.drafted for trace in runs], "o--", label="drafts made")
axes.plot(thresholds, [trace.accepted for trace in runs], "s-", label="drafts kept")
axes.plot(thresholds, [trace.target_passes for trace in runs], "^:", label="target passes")
axes.legend(frameon=False)
_ = axes.set(xlabel="threshold", ylabel="for 100 tokens", ylim=(0, None))

# %% [markdown]
# Read it from the left: at first only drafts disappear that would have been refused, then good ones too, and the passes of the target rise. Where the best threshold lies depends on c and ρ of notebook 08.

# %% [markdown]
# ### Exercise 09.5 (implement)
#
# Write a round of lookup drafts: `tokens`, `n` as in 09.1, and `K`. Copy K tokens from what followed the last n tokens the most recent time; where the copy reaches the end of the text, it goes on in what it has copied. Return [] if there is no such place: the source declines, and it decides so before anything is drafted.
#
# <details><summary>Hint</summary>
#
# Keep one list: the text and the drafts so far. From which place of it does draft i come?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Search as in 09.1, but keep the place `end` and not the token. Then append `text[end + i]` to a copy of the text, K times.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "09-5", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_copy(tokens, n, K):
    ### BEGIN SOLUTION
    for end in range(len(tokens) - 1, n - 1, -1):
        if tokens[end - n : end] == tokens[-n:]:
            text = list(tokens)
            for i in range(K):
                text.append(text[end + i])
            return text[len(tokens) :]
    return []
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "09-5-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("09.5", my_copy)
### BEGIN HIDDEN TESTS
check("09.5", my_copy, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# A source that declines leaves room for another one: lookup where the text repeats itself, else the small model. On a text that does, at temperature 1/2:

# %%
quoting = target_model.tokenizer.encode("first, second, third\nfirst, second, third\nfirst, sec")
lookup = prompt_lookup.PromptLookup(97)
for name, source in {
    "lookup": lookup,
    "small": draft_model,
    "lookup, else small": declining.OrElse(lookup, draft_model),
}.items():
    settings = {"K": 5, "max_new_tokens": 80, "rng": np.random.default_rng(0), "transform": cold}
    trace = ss.generate(quoting, target_model, source, **settings)[1]
    print(f"{name:20} α = {trace.acceptance_rate:.2f}   tokens per target pass {trace.tokens_per_target_pass:.2f}")

# %% [markdown]
# **Open question.** A draft adds a penalty for repeated tokens, the target does not. Lossless? And if only the target does? *Hint:* what are q and p then, and which tokens must the target's penalty have seen in the row after a draft?
#
# ## Take away
#
# 1. Any strategy on either side; the law is the target's after *its* strategy. q must be what was really drafted from.
# 2. A draft without probabilities has a one-hot q, and is kept with p(x). A source may decline, if it decides before it draws.
# 3. α alone does not rank drafts: α against c does.
#
# Next: [10 · Beyond](10_beyond.ipynb).
