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
# **Minutes:** 110 · **Needs:** 05, 08
#
# **You will be able to** say what four later ideas change in the rule, write the pieces of a tree of drafts, say which of the ideas gives up losslessness, and how many texts it takes until somebody notices.
#
# The rule of notebook 03 is the best for *one* token. For K tokens, for several candidates, or if a little loss is allowed, more can be had. Each idea below is one file in [`verifiers/`](../specsample/verifiers/__init__.py), and each has its exact law tested. At the end there is a game: cheat, and survive.

# %%
from fractions import Fraction as F

import matplotlib.pyplot as plt
import numpy as np

import specsample as ss
from specsample import figures
from specsample.conformance import exact_law, target_law, total_variation, wrong_samplers
from specsample.conformance.evidence.e_process import EProcess, log_e_threshold
from specsample.conformance.evidence.sizes import required_n, required_n_against
from specsample.course import answer, check, hint
from specsample.verifiers import block, coupled, lenient, tree

# %% [markdown]
# ## Block verification
#
# Suppose the first draft is too likely under q (p/q = 1/2) and the second not likely enough (p/q = 3/2). The token rule tests them one by one, and refuses the first half of the time. "Then multiply first," one says, "and test the product, 3/4: a good draft makes up for a bad one." For this pair that is right. **Predict** where it goes wrong: p/q = 3/2 first, then 1/2, and the product is 3/4 again.

# %%
ratios = {"bad, then good": [F(1, 2), F(3, 2)], "good, then bad": [F(3, 2), F(1, 2)]}
for name, (first, second) in ratios.items():
    print(f"{name}:  one by one {min(1, first) * min(1, second)},  the product alone {min(1, first * second)}")

# %% [markdown]
# In the second line nothing was owed when the second draft came: the first one was kept for certain, and what it had to spare beyond that cannot be lent to its successor, for it is the *residual's* to hand out. **Block verification** (Sun et al., arXiv 2403.10444) keeps the account: after every draft the credit is at most 1.

# %% [markdown]
# ### Exercise 10.1 (implement)
#
# Compute the weights (w_0, w_1, ..., w_K) from the drafts' probabilities under p and under q: w_0 = 1 for the empty run, and w_i is w_{i−1} · p/q, never more than 1.
#
# <details><summary>Hint</summary>
#
# At which moment is the credit cut: at the end, at each ratio, or after each step?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# One loop with a list that begins as [1]; cut at 1 after every step.
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
# In a picture: five drafts with ratios 1/2, 3/2, 3/2, 1/2, 3/2, and how probable it is that a run of i drafts is kept under each of the three sums.

# %%
p_x, q_x = np.array([1, 3, 3, 1, 3]) / 4, np.full(5, 0.5)
figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
axes.plot(np.cumprod([1, *np.minimum(p_x / q_x, 1)]), "o:", label="token rule: cut each ratio")
axes.plot(block.run_weights(p_x, q_x), "s-", label="block rule: cut after each step")
axes.plot(np.minimum(np.cumprod([1, *(p_x / q_x)]), 1), "^--", label="cut at the end: too much")
axes.legend(frameon=False)
_ = axes.set(xlabel="drafts in the run", ylabel="weight", ylim=(0, 1.05), xticks=range(6))

# %% [markdown]
# On the paper's own example, p = (1/3, 2/3), q = (2/3, 1/3), K = 2, how many drafts are kept on average? **Predict:** more than 1?

# %%
target_model, draft_model = (ss.TableModel(np.array(row)) for row in ([F(1, 3), F(2, 3)], [F(2, 3), F(1, 3)]))
setting = {"K": 2, "max_new_tokens": 3}
for name, sampler in {"token rule": ss.generate, "block rule": block.generate}.items():
    kept = exact_law(
        lambda tape: sampler([0], target_model, draft_model, rng=tape, **setting)[1].rounds[0].n_accepted
    )
    found = exact_law(lambda tape: tuple(sampler([0], target_model, draft_model, rng=tape, **setting)[0]))
    is_lossless = found == target_law(target_model, [0], 3)
    print(name, sum(n * mass for n, mass in kept.items()), "of 2;  lossless:", is_lossless)

# %% [markdown]
# Could any rule keep more? The first i tokens of a text of p and of one of q can agree as often as the two laws overlap.

# %%
print(sum(1 - total_variation(*(target_law(model, [0], i) for model in (target_model, draft_model))) for i in (1, 2)))

# %% [markdown]
# ## Lenience
#
# "Nearly" the target may be enough: keep a draft with min(1, p / (l q)) for some l < 1 (Leviathan et al., appendix A.5). No token can then come up with more than p/l. **Predict:** how far is the law from p, and how much is gained?

# %%
p, q = np.array([F(1, 2), F(1, 4), F(1, 4)]), np.array([F(1, 4), F(1, 4), F(1, 2)])
for l in (F(1), F(4, 5), F(1, 2)):
    kept = np.minimum(p / l, q).sum()
    print(f"l = {l}: a draft is kept with {kept}, total variation {lenient.distance(p, q, l)}")

# %%
lengths = np.linspace(0.3, 1, 50)
figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
axes.plot(lengths, [np.minimum(p / l, q).sum() for l in lengths], "-", label="drafts kept")
axes.plot(lengths, [lenient.distance(p, q, l) for l in lengths], "--", label="total variation")
axes.legend(frameon=False)
_ = axes.set(xlabel="l (1 is the exact rule)", ylim=(0, 1.05))

# %% [markdown]
# The two curves rise together, and not by chance: whatever is kept beyond the overlap has to be wrong somewhere.

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
#
# <details><summary>Second hint</summary>
#
# Let q draft one token only. Keep always what it drafts: for which p does 1.25 p/q just reach 1?
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
# The price: agreeing is rarer than being accepted, for target and draft do not look at each other (notebook 02 had this as the coupling that shares one uniform number). In the picture the tokens lie along the number line of u, each as wide as it is probable; target and draft agree where the same letter stands above itself.

# %%
p, q = {"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 0.2, "b": 0.3, "c": 0.5}
pieces = {
    name: [(x, mass, "match" if x == "b" else "text") for x, mass in row.items()]
    for name, row in (("p", p), ("q", q))
}
figures.lanes(pieces, xlabel="u: one number for both")

# %% [markdown]
# ### Exercise 10.3 (implement)
#
# The simplest such coupling: draw x from p and y from q, each by inverse CDF, with **one** uniform number. Neither may look at the other. Return `(x, y)`; `tape.random(1)` gives the number.
#
# <details><summary>Hint</summary>
#
# How many numbers may be drawn from the tape in all?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# One number, two calls of `ss.pick`.
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
# ## Trees
#
# If the first draft is refused, the others are lost. Why not draft *two* candidates for the first place? A **tree** of drafts goes through the target in one pass (SpecInfer, arXiv 2305.09781; Sequoia, arXiv 2402.12374). Node i hangs below node `parents[i]`, and −1 is the text. Two candidates, `i` and `x`, with two continuations below the first and one below the second:

# %%
parents = (-1, -1, 0, 0, 1)
figures.draft_trees({"parents = (-1, -1, 0, 0, 1)": parents})

# %% [markdown]
# All five go into the target as five tokens one after the other. With the mask of notebook 06, where each sees all before it, node 4 would be predicted after the text `i`, `x`, ... which is no path of this tree: every row but the first two would be the answer to another question. Wrong, in squares:

# %%
figures.grids({"the causal mask": np.tri(5, dtype=bool)}, axes=("node", "sees node"))

# %% [markdown]
# ### Exercise 10.4 (implement)
#
# Write the mask of a tree: from `parents` to an (n, n) array of booleans, True where node i (row) may see node j (column). A node sees itself and those on its way up; all see the text, which is not in the mask.
#
# <details><summary>Hint</summary>
#
# Start at a node and walk up through `parents`. Which number ends the walk?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# A loop over nodes, and in it a `while` that marks a node and moves to its parent, until it is −1.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "10-4", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_tree_mask(parents):
    ### BEGIN SOLUTION
    mask = np.zeros((len(parents), len(parents)), bool)
    for node in range(len(parents)):
        above = node
        while above >= 0:
            mask[node, above] = True
            above = parents[above]
    return mask
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "10-4-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("10.4", my_tree_mask)
### BEGIN HIDDEN TESTS
check("10.4", my_tree_mask, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# **Which path is kept?** The target has read all nodes, and each could be tested. A second tempting thought: test them all, and keep the longest path that passes. In the tree above let p be even over the tokens 0 and 1, let the candidates be 0 and 1, and let both pass by their own test half of the time. **Predict:** if the choice falls on whichever has the longer path, whom does it favour?

# %%
figures.draft_trees({"a chain of one, beside a chain of three": (-1, -1, 1, 2)})

# %% [markdown]
# It favours the candidate with more below it, here token 1: it wins whenever *both* pass. But how much hangs below a candidate was decided by the draft's shape, and has nothing to do with p. So the order is fixed beforehand: siblings are tested in turn, the next one only if those before it were refused, and the first that passes is it.

# %% [markdown]
# ### Exercise 10.5 (implement)
#
# Given `parents` and a list `passes` that says of each node whether its test would pass, return the list of the nodes that are kept, from the top down. Children of a node are tested in the order of their numbers.
#
# <details><summary>Hint</summary>
#
# Where does the walk stand, who are its children there, and which of them is it?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Begin at −1. Of the nodes whose parent is where you stand, take the first that passes; stop where none does.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "10-5", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_path(parents, passes):
    ### BEGIN SOLUTION
    here, path = -1, []
    while True:
        children = [i for i, parent in enumerate(parents) if parent == here and passes[i]]
        if not children:
            return path
        here = children[0]
        path.append(here)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "10-5-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("10.5", my_path)
### BEGIN HIDDEN TESTS
check("10.5", my_path, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# **What is the second candidate tested against?** A third tempting thought: against p, like the first. But it is only tested where the first was refused, and that happens only where q had too much. What the target is still owed there is no longer p. For p = (0.4, 0.3, 0.2, 0.1) and q = (0.1, 0.2, 0.3, 0.4), after a refused candidate:

# %%
rows = {"p": [0.4, 0.3, 0.2, 0.1], "q": [0.1, 0.2, 0.3, 0.4], "owed after one refusal": [0.75, 0.25, 0, 0]}
figures.side_by_side(rows, labels="abcd")

# %% [markdown]
# ### Exercise 10.6 (implement)
#
# Draw **two** candidates from q, one after the other and independently, test them in turn, and emit a token with law p. Return `(token, kept)`: kept is True if the token is a candidate that stayed. Use a number of the tape for each draw and each test; `tape.random(n)` gives n.
#
# <details><summary>Hint</summary>
#
# If the first candidate is refused, you have a new problem of the same kind: another p, the same q. What is that p?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# p for the first test, `ss.residual(p, q)` for the second, and for the correction the residual of that.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "10-6", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_siblings(p, q, tape):
    ### BEGIN SOLUTION
    u = tape.random(5)
    first, second = ss.pick(q, u[0]), ss.pick(q, u[1])
    if u[2] < p[first] / q[first]:
        return first, True
    owed = ss.residual(p, q)
    if u[3] < owed[second] / q[second]:
        return second, True
    return ss.pick(ss.residual(owed, q), u[4]), False
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "10-6-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("10.6", my_siblings)
### BEGIN HIDDEN TESTS
check("10.6", my_siblings, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# How much is a second candidate worth? **Predict:** with 6 nodes and these chances of the first, second, third sibling to be the one that stays, what shape is best?

# %%
every = (0.9, 0.05, 0.02), (0.6, 0.2, 0.1), (0.3, 0.25, 0.2)
shapes = {chances: tree.best_tree(6, chances) for chances in every}
for chances, shape in shapes.items():
    print(chances, "parents:", shape, f"expected tokens {tree.expected_tokens(shape, chances):.2f}")

# %%
figures.draft_trees({f"chances {chances}": shape for chances, shape in shapes.items()})

# %% [markdown]
# Good drafts want a chain, poor ones a bush. And the law, with a second candidate for the first place and a token below the first?

# %%
target_model, draft_model = (ss.TableModel(np.array(row)) for row in ([F(1, 3), F(2, 3)], [F(2, 3), F(1, 3)]))
setting = {"parents": (-1, -1, 0), "max_new_tokens": 3}
found = exact_law(lambda tape: tuple(tree.generate([0], target_model, draft_model, rng=tape, **setting)[0]))
print(found == target_law(target_model, [0], 3))

# %% [markdown]
# ## Who would notice?
#
# A lossy rule changes the law a little. Nobody sees that in one text; a **judge** counts many, each from a seed of its own (a stream), and compares with what should come. **Predict:** how many streams does it take to see that a coin falls on heads with 0.55?

# %%
rng = np.random.default_rng(0)
for n in (100, 1000, 10_000):
    print(n, "flips of a fair coin, five times:", [round(float(x) / n, 3) for x in rng.binomial(n, 0.5, 5)])

# %% [markdown]
# A hundred flips of a *fair* coin stray by 0.05 all the time. The noise of a frequency after n streams is √(p(1 − p)/n), for p = 1/2 that is 1/(2√n), and what does not stand out from it by several times its size cannot be told from luck.

# %% [markdown]
# ### Exercise 10.7 (predict, as a function)
#
# How many streams are needed until a deviation of `eps` from 1/2 is `z` times as large as the noise?
#
# <details><summary>Hint</summary>
#
# Write down what must be equal, and solve it for n. What happens to n if eps is halved?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# eps = z · 1/(2√n).
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "10-7", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_streams(eps, z):
    ### BEGIN SOLUTION
    return (z / (2 * eps)) ** 2
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "10-7-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("10.7", my_streams)
### BEGIN HIDDEN TESTS
check("10.7", my_streams, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# A judge who condemns one honest sampler in a million, and lets one cheat in a thousand go, needs z = 8 for two outcomes. The exact numbers, and what they mean at a thousand streams a second; hold your formula against them:

# %%
for eps in (0.1, 0.05, 0.01, 0.001):
    exact = required_n(2, eps)
    print(f"eps = {eps:5}:  {exact:12,} streams  ({exact / 1000 / 60:9.1f} minutes)")

# %% [markdown]
# Ten times smaller is a hundred times longer: that is why the exact laws of notebook 05 come first, which see any deviation at once. Watch a judge that may stop at any time at work on a coin that falls on heads with 0.55; its evidence must reach the line, and five honest coins beside it never should.

# %%
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for heads in [0.55] * 5 + [0.5] * 5:
    judge = EProcess([0.5, 0.5])
    evidence = [judge.update([x, 100 - x]) for x in rng.binomial(100, heads, 80)]
    axes.plot(
        range(100, 8001, 100), evidence, "-" if heads > 0.5 else ":", color="#D55E00" if heads > 0.5 else "#0072B2"
    )
axes.axhline(log_e_threshold(1e-6), color="black", lw=1)
_ = axes.set(xlabel="streams", ylabel="log of the evidence", ylim=(-4, 30))

# %% [markdown]
# ## The game: cheat, and survive
#
# Nobody keeps more drafts than the overlap and stays right. But how long does it take until the cheat is convicted? Known mistakes, on p = (0.5, 0.3, 0.15, 0.05) and q = (0.1, 0.2, 0.3, 0.4), where the honest rule keeps half of the drafts; the judge knows what it is looking for:

# %%
p, q = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.1, 0.2, 0.3, 0.4])
board = {}
for id in ("M10", "M09", "M04", "M01", "M02"):
    wrong, models = wrong_samplers[id], (ss.TableModel(p), ss.TableModel(q))
    found = exact_law(lambda tape: wrong.generate([0], *models, K=1, max_new_tokens=2, rng=tape)[0][0])
    board[f"{wrong.mechanism} ({id})"] = required_n_against([float(found[x]) for x in range(4)], p)

# %%
figure, axes = plt.subplots(figsize=(9, 2.4), layout="constrained")
bars = axes.barh([*board][::-1], [*board.values()][::-1], color="#D55E00")
axes.bar_label(bars, [f" {n:,.0f}" for n in [*board.values()][::-1]])
_ = axes.set(xlabel="streams until it is convicted (log)", xscale="log", xlim=(10, 20_000))

# %% [markdown]
# ### Exercise 10.8 (break it)
#
# Write a wrong rule that keeps at least **a twentieth more of all drafts** than the honest one (Σ min(p, q) + 1/20), and survives as long as possible. Return `(keep, correction)`: for each token the probability that it is kept if it was drafted, and the row that a correction is drawn from. Every q(x) is above 0.
#
# <details><summary>Hint</summary>
#
# Your law is q · keep plus what is left over times the correction. The judge looks at log(law/p): which tokens can bear more than they should have, and by which *factor* each?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Give no token more than c times its p, with one c for all of them: that is lenience with l = 1/c. Make c just large enough to keep what is asked for.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "10-8", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_cheat(p, q):
    ### BEGIN SOLUTION
    enough = np.minimum(p, q).sum() + 1 / 20
    c = next(c for c in np.arange(1, 100, 0.001) if np.minimum(c * p, q).sum() >= enough)
    return np.minimum(1, c * p / q), ss.residual(p, q)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "10-8-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("10.8", my_cheat)
### BEGIN HIDDEN TESTS
check("10.8", my_cheat, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# The lesson for a judge: a small deviation that is spread evenly over frequent tokens is the dearest to find. The lesson for everybody else: "we looked at ten thousand texts and saw nothing" is a statement about ten thousand texts.
#
# **Open question.** Medusa's "typical acceptance" keeps a draft if p(x) is above a threshold, whatever q is. At which temperature is that harmless, and where is it not? *Hint:* which tokens are above the threshold at temperature 0? And at 1, who chooses among those above it?
#
# ## What you can do now
#
# You can say what a row of probabilities is and draw from it (01), keep or correct a draft and prove that nothing is lost (03), play and write whole rounds (04), compute the exact law of a sampler and break a wrong one (05), read a Transformer and its cache (06), train a draft (07), predict a speed-up (08), write draft sources (09) and the pieces of the rules that came later (10). How all of it is done for batches and on a GPU is 11, which can wait; a real language model is 12. What you have solved, and what is left, says
#
#     specsample course progress DIR      (DIR: the folder with your notebooks)
#
# ## Take away
#
# 1. Block verification: lossless, and never keeps fewer drafts on average. Its correction comes from another residual: that is where ports go wrong (M41).
# 2. Trees buy acceptance with target rows; coupling buys reproducibility with acceptance; lenience buys speed with the law itself.
# 3. Lossless and fast are two claims. Check them apart; and what n texts can show goes with 1/√n.
#
# Next: [11 · The same on a GPU](11_on_a_gpu.ipynb).
