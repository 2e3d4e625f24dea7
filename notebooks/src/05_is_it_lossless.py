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
# # 05 · Is it lossless? Exact laws, and how to break them
#
# **Minutes:** 60 · **Needs:** 04
#
# **You will be able to** compute the exact law of a sampler from its code, find the counterexample that convicts a wrong one, and say why one token is not enough to judge.
#
# "Lossless" means: the *whole text* is distributed as the target's. Looking at text cannot show it, and histograms need millions of samples. But the algorithm only ever *compares* uniform numbers, and that can be enumerated.

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample.conformance import exact_law, target_law, total_variation, worst_case, wrong_samplers
from specsample.exercises import check

# %% [markdown]
# ## A number that has no value yet
#
# **Question.** `u < 1/3` is asked, and then `u < 1/2`. How many different answers can there be? **Predict**: the events and their probabilities.

# %%
law = exact_law(lambda tape: [(u < F(1, 3), u < F(1, 2)) for u in tape.random(1)][0])
{event: str(mass) for event, mass in law.items()}

# %% [markdown]
# **Why.** `exact_law` hands out a `LazyUniform`: a number of which only an interval [lo, hi) is known. Compared with something inside the interval, it takes one side, and the function is run again for the other side. Each path has a probability, the product of the widths of its intervals. Three outcomes here, not four: once u < 1/3 is true, u < 1/2 is known.
#
# ## The law of a whole run
#
# Two models so small that every probability is a fraction; both look at the last token.

# %%
target_model = ss.TableModel(np.array([[F(1, 2), F(1, 2)], [F(1, 4), F(3, 4)]]))
draft_model = ss.TableModel(np.array([[F(1, 4), F(3, 4)], [F(1, 2), F(1, 2)]]))
law = exact_law(lambda tape: tuple(ss.generate([0], target_model, draft_model, K=2, max_new_tokens=3, rng=tape)[0]))
print({"".join(map(str, text)): str(mass) for text, mass in sorted(law.items())})
print(law == target_law(target_model, [0], 3))

# %% [markdown]
# That is the shipped `generate`, with rounds, roll-back and all, and `==` on fractions. `target_law` calls no sampler: it multiplies the table's rows. **Why it holds** for every model, K and length: [`docs/proof.md`](../docs/proof.md), step 2 (one round) and step 3 (the run).
#
# ### Exercise 05.1 (implement)
#
# Do what `target_law` does, for two tokens after token 0. `table[a, b]` is the probability of b after a. Return a dict from `(x, y)` to probability.
#
# <details><summary>Hint</summary>
#
# The chain rule: first x after 0, then y after x.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "05-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_law(table):
    ### BEGIN SOLUTION
    V = len(table)
    return {(x, y): table[0, x] * table[x, y] for x in range(V) for y in range(V)}
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "05-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("05.1", my_law)
### BEGIN HIDDEN TESTS
check("05.1", my_law, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Break it
#
# The package keeps a catalogue of mistakes that real samplers have made, as code: `wrong_samplers["M15"].generate` is called as `ss.generate` is. Here they are on the two models above. **Predict:** which of these four has the *first* token wrong?

# %%
setting = {"K": 2, "max_new_tokens": 3}
for wrong in [wrong_samplers[id] for id in ("M01", "M13", "M15", "M18")]:
    off = []
    for n in (1, 3):  # the first token, and the whole text
        law = exact_law(
            lambda tape: tuple(wrong.generate([0], target_model, draft_model, rng=tape, **setting)[0][:n])
        )
        off.append(float(total_variation(law, target_law(target_model, [0], n))))
    print(f"{wrong.id}  first token {off[0]:.3f}  text {off[1]:.3f}  {wrong.mechanism}")

# %% [markdown]
# **Why** the last three hide: row 0 is right for the first token; the bonus comes at the end of a round; and going on after a rejection (M18) spoils only what comes later. A test that looks at one token, as most do, lets them pass. Judge the *joint* law.
#
# How large an example is needed? The search climbs over small tables, then shrinks what it found:

# %%
print(worst_case(wrong_samplers["M15"].generate, V=2, K=1, n=2, order=1, restarts=3, steps=15))

# %% [markdown]
# ### Exercise 05.2 (break it)
#
# M01 draws the correction from p instead of the residual. Find p and q, two rows of fractions, on which its first token is off by a total variation of at least 1/5. Answer with a pair of lists, such as `([F(1, 3), F(2, 3)], [F(1, 2), F(1, 2)])`, which is not far enough off.
#
# <details><summary>Hint</summary>
#
# It matters only after a rejection, and only if p would give back what was refused. Both must happen often. Try two tokens.
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "05-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_pair = None
### BEGIN SOLUTION
my_pair = ([F(1, 2), F(1, 2)], [0, 1])
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "05-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("05.2", my_pair)
### BEGIN HIDDEN TESTS
check("05.2", my_pair, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 05.3 (break it)
#
# M15 takes the bonus from the row *before* the last one. Find two tables of two tokens each, `(p, q)`, where row a is the distribution after token a, on which its law of two tokens is off by at least 1/2, twice what the search found (K = 1, and the text starts with token 0).
#
# <details><summary>Hint</summary>
#
# The bonus comes after an *accepted* draft: make one likely. And its row should differ from the one before.
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "05-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_tables = None
### BEGIN SOLUTION
my_tables = ([[0, 1], [1, 0]], [[0, 1], [1, 0]])
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "05-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("05.3", my_tables)
### BEGIN HIDDEN TESTS
check("05.3", my_tables, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## What statistics can do
#
# Real engines cannot be enumerated. How many samples would show the difference that fractions show at once? **Predict** the order of magnitude for a deviation of 0.01 in total variation over 27 texts, if one false alarm in a million is allowed.

# %%
from specsample.conformance.evidence.sizes import required_n

print(f"{required_n(27, 0.01):,} texts")

# %% [markdown]
# The kit behind `specsample check` does this with a stated false-alarm rate, and names the likely mistake. It can say FAIL; it never says "correct", only "a deviation of ε would have been found with probability 0.999".
#
# **Open question.** M40 tests with `u <= p/q`. Its exact law is right. Is it a mistake? *Hint:* how probable is u = 0 for a number between 0 and 1, and how often does a generator of 32-bit floats return it?
#
# ## Take away
#
# 1. A function that only compares uniform numbers has a law that can be computed exactly, from the code itself.
# 2. First tokens prove little; p and q that ignore the text prove little; one pair of tables proves little.
# 3. A counterexample of two tokens and small fractions says more than a plot of a million samples.
#
# Next: [06 · A Transformer from scratch](06_a_transformer_from_scratch.ipynb).
