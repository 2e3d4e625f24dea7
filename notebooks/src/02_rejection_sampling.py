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
# # 02 · Rejection sampling, from the envelope to the coupling
#
# **Minutes:** 50 · **Needs:** 01
#
# **You will be able to** say what classic rejection sampling costs, why it is no use for language models, and in which sense the speculative rule is the best that can be done.
#
# The typist of notebook 00 offers a word. You know how likely she was to offer it, q(x), and how likely the author is to want it, p(x). When may the word stand? In other words: you can draw from q, and you want draws from p. That problem is older than language models (von Neumann, 1951). This notebook solves it the old way, sees where that hurts, and repairs it.

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample import figures
from specsample.conformance import exact_law
from specsample.course import answer, check, hint
from specsample.theory import rejection
from specsample.viewer import widgets

# %%
p = np.array([F(1, 2), F(1, 2)])
q = np.array([F(1, 4), F(3, 4)])
figures.target_against_draft(p, q)

# %% [markdown]
# Two tokens, and fractions in place of floats: with `F(1, 2)` every sum is exact, and a claim about probabilities can be checked with `==`. Token 0 is drafted too rarely, token 1 too often.
#
# ## The wrong thing first: keep what p likes
#
# Draw x from q, and keep it with probability p(x); otherwise throw it away and draw again. It sounds fair: what p likes is kept more often. One try ends with token x kept with probability q(x) · p(x); as one tries until something is kept, what comes out is that, normalised. **Predict** what comes out for the pair above.

# %%
kept = q * p
print("comes out", *(kept / kept.sum()), "  wanted", *p)

# %% [markdown]
# It is q again. Of course: p likes both tokens equally, so this rule changes nothing, and token 1 still comes from a draft that offers it too often. The rule forgot that rare drafts come rarely *by themselves*. To undo q one has to divide by it: keep x with a probability proportional to **p(x)/q(x)**. Here that is 2 for token 0 and 2/3 for token 1. No probability is 2, so the ratios have to be scaled down.
#
# ## The envelope
#
# Choose a number M, keep x with probability p(x) / (M q(x)), or 1 where that is more; otherwise **throw it away and start again**. **Predict**: for which of these M does p come out?

# %%
laws = {}
for M in (F(1), F(3, 2), F(2), F(4)):
    kept = np.minimum(p, M * q) / M  # q(x) times the probability of keeping x
    laws[f"M = {M}"] = kept / kept.sum()
figures.side_by_side(laws)

# %% [markdown]
# From M = 2 on it is right. Then M q(x) ≥ p(x) for all x: the curve M q lies above p like an **envelope**. With a smaller M the ratio of some token is cut off at 1, and that token comes too rarely.
#
# **Why it works.** x comes out of one try with probability q(x) · p(x)/(M q(x)) = p(x)/M: proportional to p, for q has cancelled. **What it costs.** One try succeeds with probability Σ p(x)/M = 1/M, so a token takes M draws on average. M = 4 is right as well, and twice as slow. One wants the smallest M.
#
# ### Exercise 02.1 (implement)
#
# Compute the smallest M. Tokens with p(x) = 0 set no limit.
#
# <details><summary>Hint</summary>
#
# p(x) ≤ M q(x) for every x with p(x) > 0. Which ratio must M reach?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# The largest p(x)/q(x). Leave out the tokens with p(x) = 0: some of them have q(x) = 0 too, and 0/0 is no number.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "02-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_bound(p, q):
    ### BEGIN SOLUTION
    return max(a / b for a, b in zip(p, q, strict=True) if a > 0)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "02-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("02.1", my_bound)
### BEGIN HIDDEN TESTS
check("02.1", my_bound, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Where it hurts
#
# **Question.** What is M for the two language models of this package, at each place of a line of code? **Predict** the order of magnitude.

# %%
target_model, draft_model = ss.load_pair()
line = target_model.tokenizer.encode("def mean(values):\n    return sum(values) / len(values)\n")
p_rows, q_rows = (model.start().extend(line).astype(float) for model in (target_model, draft_model))
bounds = [rejection.envelope_bound(*rows) for rows in zip(p_rows, q_rows)]
print(f"half of the places need M > {np.median(bounds):.0f}, the worst needs {max(bounds):.0f}")
print(f"what p and q share there: {np.minimum(p_rows, q_rows).sum(axis=1).mean():.2f} on average")

# %% [markdown]
# So a token costs that many draws, although the two models agree on most of the mass. One unlikely token that the draft underestimates sets M for all the others. And if q misses a token of p altogether, there is no M at all; a top-k on the draft is enough for that:

# %%
cut = ss.top_k(10)(q_rows)
missed = ((p_rows > 0) & (cut == 0)).sum(axis=1)
print(f"{missed.min()} to {missed.max()} tokens of {p_rows.shape[1]} are possible for p and never drafted")

# %% [markdown]
# Worse for our purpose: every try needs p, and "start again" means to try again at the same place, while the four drafts after it are lost. There must be a better way.
#
# ## Do not start again: repair
#
# Take M = 1, far too small: keep x with probability min(1, p(x)/q(x)). What has been emitted after **one** try?

# %%
kept = np.minimum(p, q)
print("emitted by one try:", *kept, "  missing:", *(p - kept))

# %% [markdown]
# No token has come too often, and the missing mass, max(0, p − q), is known. So draw from *that*, once, and be done: never a second try. That is the speculative rule, which notebook 03 takes apart.
#
# Play with it. The bars can be dragged. **Predict** before you drag: what must p and q look like so that nothing is ever refused? So that everything is? And can the third row of bars ever differ from the lines, as long as "the residual" is chosen?

# %%
widgets.overlap(p, q)

# %% [markdown]
# The green mass has a name, the **overlap** β = Σ min(p, q): the probability that a draft is kept. It is 1 where p = q, and 0 where they have no token in common. It asks only how much the two share, and never for the worst token: where the envelope breaks down, the repair is not even disturbed.
#
# ### Exercise 02.2 (predict)
#
# For another pair, p = (3/5, 2/5) and q = (1/5, 4/5): how often does a draw survive (a) the envelope with the best M, (b) min(1, p/q)? Answer with a pair.
#
# <details><summary>Hint</summary>
#
# Do for this pair what the cells above did for theirs. How much is emitted by one try, taken together?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# (a) is 1/M, and M is the larger of the two ratios p(x)/q(x). (b) is min(3/5, 1/5) + min(2/5, 4/5).
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "02-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_rates = None
### BEGIN SOLUTION
my_rates = (F(1, 3), F(3, 5))
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "02-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("02.2", my_rates)
### BEGIN HIDDEN TESTS
check("02.2", my_rates, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Could another rule keep more?
#
# Look at it from the side: any such rule draws *two* tokens together, the draft x ~ q and the emitted y ~ p. A joint law with these two marginals is called a **coupling**, and x = y means that the draft was kept. Here are two that people think of first. **Independent**: sample from the target as well, and keep the draft if the two agree. **Quantile**: use one uniform number for both, as in notebook 01; where p and q are alike it will pick the same token. Their joint laws, exactly:

# %%
couplings = {"independent": rejection.independent_coupling, "quantile": rejection.quantile_coupling}
for name, coupling in couplings.items():
    law = exact_law(lambda tape: tuple(coupling(p, q, tape.random(3))))
    equal = sum(mass for (x, y), mass in law.items() if x == y)
    print(f"{name:12} x = y with {equal};   (x, y):", {pair: str(mass) for pair, mass in sorted(law.items())})

# %% [markdown]
# Both are right: y has the law p. "Sample and compare" is what many people write who reinvent speculative decoding, and it keeps few drafts: only those on which two independent draws happen to agree. (`exact_law` runs a function on all uniform numbers at once; notebook 05 explains the trick.) How well the quantile coupling does depends on the order of the tokens; in an unlucky order it falls far behind:

# %%
p_3, q_3 = np.array([F(1, 3), F(1, 3), F(1, 3)]), np.array([0, F(1, 3), F(2, 3)])
for name, coupling in couplings.items():
    law = exact_law(lambda tape: len(set(coupling(p_3, q_3, tape.random(3)))) == 1)  # is x = y?
    print(f"{name:12} x = y with {law[True]}, and Σ min(p, q) = {np.minimum(p_3, q_3).sum()}")

# %% [markdown]
# **Nothing beats Σ min(p, q).** P(x = y = t) is at most q(t), for x must be t, and at most p(t), for y must be. So P(x = y) ≤ Σ min(p, q) for *every* coupling. Can a rule reach that?
#
# ### Exercise 02.3 (implement)
#
# Write a function that draws x from q and y from p, equal as often as possible. `tape.random(n)` gives n uniform numbers, and `ss.pick(row, u)` is yours to use; return `(x, y)`. Judged: the law of x, the law of y, and P(x = y).
#
# <details><summary>Hint</summary>
#
# Start with x. Let y be x where you may; what is missing then is what is left to draw from.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Three numbers: one draws x, one is compared with p[x]/q[x], one draws from max(0, p − q) divided by its sum. If p = q there is nothing to divide by, but then nothing is refused.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "02-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_coupling(p, q, tape):
    ### BEGIN SOLUTION
    u = tape.random(3)
    x = ss.pick(q, u[0])
    return x, (x if u[1] < min(1, p[x] / q[x]) else ss.pick(ss.residual(p, q), u[2]))
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "02-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("02.3", my_coupling)
### BEGIN HIDDEN TESTS
check("02.3", my_coupling, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# It is called the **maximal coupling**, and it is the speculative rule. All three side by side, on both pairs:

# %%
couplings["maximal"] = rejection.maximal_coupling
for name, coupling in couplings.items():
    for rows in ((p, q), (p_3, q_3)):
        law = exact_law(lambda tape: len(set(coupling(*rows, tape.random(3)))) == 1)
        print(f"{name:12} x = y with {law[True]!s:5}", end="")
    print()

# %% [markdown]
# So the rule of the papers is not one good idea among several. Among all rules that see one draft and emit one token of the right law, none keeps more drafts. (Rules that see several drafts at once can do more; notebook 10 has them.)
#
# **Open question.** Classic rejection sampling needs p and q only up to a factor; the residual needs both normalised. Does that matter for language models? *Hint:* what does a softmax divide by, and how many terms has that sum? How many would it have for points on a line?
#
# ## Take away
#
# 1. The envelope wastes draws: 1/M ≤ β always (Leviathan et al., appendix A.2), and M explodes for language models.
# 2. Keep with min(1, p/q), and *repair* with the residual instead of starting again.
# 3. No rule that draws x from q and y from p can have x = y more often than Σ min(p, q) = 1 − TV(p, q).
#
# Next: [03 · One draft token](03_one_draft_token.ipynb).
