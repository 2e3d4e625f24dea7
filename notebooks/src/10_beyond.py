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
# # 10 · Beyond: block verification, trees, coupling, lenience
#
# **Minutes:** 60 · **Needs:** 05, 08
#
# **You will be able to** say what four later ideas change in the rule, what they buy, and which of them gives up losslessness.
#
# The rule of notebook 03 is the best for *one* token. For K tokens, for several candidates, or if a little loss is allowed, more can be had. Each idea below is one file in [`verifiers/`](../specsample/verifiers/__init__.py), and each has its exact law tested.

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample import figures
from specsample.conformance import exact_law, target_law, total_variation
from specsample.exercises import check
from specsample.verifiers import block, coupled, lenient, tree

# %% [markdown]
# ## Block verification
#
# Suppose the first draft is too likely under q (p/q = 1/2) and the second not likely enough (p/q = 3/2). The token rule tests them one by one, and refuses the first half of the time. Taken together the pair is not that bad: p/q = 3/4. **Block verification** (Sun et al., arXiv 2403.10444) tests runs, with weights w_i = min(1, w_{i−1} · p/q). **Predict** the weights of this pair.

# %%
print(*block.run_weights(np.array([F(1, 4), F(3, 4)]), np.array([F(1, 2), F(1, 2)])))

# %% [markdown]
# w_2 = 3/4, where the token rule has 1/2 · 1 = 1/2. On the paper's own example, p = (1/3, 2/3), q = (2/3, 1/3), K = 2, how many drafts are kept on average? **Predict:** more than 1?

# %%
target_model, draft_model = (ss.TableModel(np.array(row)) for row in ([F(1, 3), F(2, 3)], [F(2, 3), F(1, 3)]))
setting = {"K": 2, "max_new_tokens": 3}
for name, sampler in {"token rule": ss.generate, "block rule": block.generate}.items():
    kept = exact_law(
        lambda tape: sampler([0], target_model, draft_model, rng=tape, **setting)[1].rounds[0].n_accepted
    )
    law = exact_law(lambda tape: tuple(sampler([0], target_model, draft_model, rng=tape, **setting)[0]))
    is_lossless = law == target_law(target_model, [0], 3)
    print(name, sum(n * mass for n, mass in kept.items()), "of 2;  lossless:", is_lossless)

# %% [markdown]
# Could any rule keep more? The first i tokens of a text of p and of one of q can agree as often as the two laws overlap.

# %%
print(sum(1 - total_variation(*(target_law(model, [0], i) for model in (target_model, draft_model))) for i in (1, 2)))

# %% [markdown]
# ### Exercise 10.1 (implement)
#
# Compute the weights (w_0, w_1, ..., w_K) from the drafts' probabilities under p and under q.
#
# <details><summary>Hint</summary>
#
# w_0 = 1, for the empty run. Cut at 1 after *every* step.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "10-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_weights(p_x, q_x):
    ### BEGIN SOLUTION
    w = [F(1)]
    for a, b in zip(p_x, q_x, strict=True):
        w.append(min(F(1), w[-1] * a / b))
    return w
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "10-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("10.1", my_weights)
### BEGIN HIDDEN TESTS
check("10.1", my_weights, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Trees
#
# If the first draft is refused, the others are lost. Why not draft *two* candidates for the first place? A **tree** of drafts goes through the target in one pass, with a mask that lets each node see its ancestors only (SpecInfer, arXiv 2305.09781; Sequoia, arXiv 2402.12374). A refused candidate changes what the next one is tested against: the residual.
#
# **Predict:** with 6 nodes and these chances of the first, second, third sibling, what shape is best?

# %%
every = (0.9, 0.05, 0.02), (0.6, 0.2, 0.1), (0.3, 0.25, 0.2)
shapes = {chances: tree.best_tree(6, chances) for chances in every}
for chances, shape in shapes.items():
    print(chances, "parents:", shape, f"expected tokens {tree.expected_tokens(shape, chances):.2f}")

# %%
figures.draft_trees({f"chances {chances}": shape for chances, shape in shapes.items()})

# %% [markdown]
# Node i hangs below node `parents[i]`, and −1 is the text: `(-1, 0, 1, 2, -1, 4)` is the tree in the middle. Good drafts want a chain, poor ones a bush. Same law?

# %%
shape = (-1, -1, 0)  # two candidates for the first place, one token after the first of them
setting = {"parents": shape, "max_new_tokens": 3}
law = exact_law(lambda tape: tuple(tree.generate([0], target_model, draft_model, rng=tape, **setting)[0]))
print(law == target_law(target_model, [0], 3))

# %% [markdown]
# ## Lenience
#
# "Nearly" the target may be enough: keep a draft with min(1, p / (l q)) for some l < 1 (Leviathan et al., appendix A.5). No token can then come up with more than p/l. **Predict:** how far is the law from p, and how much is gained?

# %%
p, q = np.array([F(1, 2), F(1, 4), F(1, 4)]), np.array([F(1, 4), F(1, 4), F(1, 2)])
for l in (F(1), F(4, 5), F(1, 2)):
    kept = np.minimum(p / l, q).sum()
    print(f"l = {l}: a draft is kept with {kept}, total variation {lenient.distance(p, q, l)}")

# %% [markdown]
# ### Exercise 10.2 (break it)
#
# M28 keeps drafts with min(1, 1.25 p/q), that is l = 4/5. Find p and q on which its first token is off by at least 1/6 (1/5 is the most anyone can reach).
#
# <details><summary>Hint</summary>
#
# A token gains at most a quarter of its p. Which tokens gain that much, and how much p may they have together?
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "10-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_pair = None
### BEGIN SOLUTION
my_pair = ([F(4, 5), F(1, 5)], [1, 0])
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "10-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("10.2", my_pair)
### BEGIN HIDDEN TESTS
check("10.2", my_pair, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Coupling
#
# With another draft model, or another K, `generate` makes another text from the same seed. Sometimes that is unwelcome: a server wants its text to be reproducible whatever drafts. Let target and draft *share the noise* of each position: both take their token from the same random numbers, and the draft is kept if the two agree. Then the text is the target's own, and the draft cannot change it.

# %%
target_model, draft_model = ss.load_pair()
prompt = target_model.tokenizer.encode("class Point:\n    ")
for K in (0, 3, 5):
    rng = np.random.default_rng(1)
    tokens, trace = coupled.generate(prompt, target_model, draft_model, K=K, max_new_tokens=60, rng=rng)
    print(K, trace.target_passes, "target passes:", repr(target_model.tokenizer.decode(tokens)[:50]))

# %% [markdown]
# The price: agreeing is rarer than being accepted, for target and draft do not look at each other (notebook 02 had this as the coupling that shares one uniform number).
#
# ### Exercise 10.3 (implement)
#
# The simplest such coupling: draw x from p and y from q, each by inverse CDF, with **one** uniform number. Neither may look at the other. Return `(x, y)`; `tape.random(1)` gives the number.
#
# <details><summary>Hint</summary>
#
# Two calls of `ss.pick`.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "10-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_common(p, q, tape):
    ### BEGIN SOLUTION
    u = tape.random(1)[0]
    return ss.pick(p, u), ss.pick(q, u)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "10-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("10.3", my_common)
### BEGIN HIDDEN TESTS
check("10.3", my_common, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# **Open question.** Medusa's "typical acceptance" keeps a draft if p(x) is above a threshold, whatever q is. At which temperature is that harmless, and where is it not? *Hint:* which tokens are above the threshold at temperature 0? And at 1, who chooses among those above it?
#
# ## Take away
#
# 1. Block verification: lossless, and never keeps fewer drafts on average. Its correction comes from another residual: that is where ports go wrong (M41).
# 2. Trees buy acceptance with target rows; coupling buys reproducibility with acceptance; lenience buys speed with the law itself.
# 3. Lossless and fast are two claims. Check them apart.
#
# Next: [11 · The same on a GPU](11_on_a_gpu.ipynb).
