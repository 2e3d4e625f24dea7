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
# **Minutes:** 70 · **Needs:** 04
#
# **You will be able to** compute the exact law of a sampler from its code, find the counterexample that convicts a wrong one, and say why one token is not enough to judge.
#
# "Lossless" means: the *whole text* is distributed as the target's. You have proved it for one token, on paper. But people do not run proofs, they run code, and between the two there is room for an index that is off by one. Then nothing crashes, the text reads as before, and the distribution is another one. How can one be sure of *code*?

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample import figures
from specsample.conformance import exact_law, target_law, total_variation, worst_case, wrong_samplers
from specsample.conformance.evidence.sizes import required_n
from specsample.course import answer, check, hint
from specsample.viewer import widgets

# %% [markdown]
# ## The wrong thing first: look at samples
#
# Two models so small that there are only eight texts of three tokens; every probability is a fraction, and both models look at the last token alone. And two samplers, A and B. One is `ss.generate`. The other takes the bonus from a row too early, a slip that has happened in real code. (The cell says which is which: cover it with your hand.) Each writes 300 texts. **Predict** from the pictures: which one is wrong?

# %%
target_model = ss.TableModel(np.array([[F(1, 2), F(1, 2)], [F(1, 4), F(3, 4)]]))  # a row for each last token
draft_model = ss.TableModel(np.array([[F(1, 4), F(3, 4)], [F(1, 2), F(1, 2)]]))
setting = {"K": 2, "max_new_tokens": 3}
names = [f"{number:03b}" for number in range(8)]  # 000, 001, ..., 111

# %%
rng = np.random.default_rng(0)
shares = {}
for name, sampler in {"A": wrong_samplers["M15"].generate, "B": ss.generate}.items():
    runs = [sampler([0], target_model, draft_model, rng=rng, **setting)[0] for _ in range(300)]
    texts = ["".join(map(str, run)) for run in runs]
    shares[name] = np.array([texts.count(text) for text in names]) / 300
figures.side_by_side(shares, labels=names)

# %% [markdown]
# They differ, as any two histograms of 300 texts do. Neither looks wrong, and even if you knew what is right, each column wobbles by a few hundredths. Longer runs wobble less, slowly: half the wobble costs four times the texts. With two tokens one can be patient; with 100,000 one cannot.
#
# But there is a better way, and it rests on a habit that you have seen since notebook 01: the code only ever *compares* its uniform numbers.
#
# ## A number that has no value yet
#
# **Question.** `u < 1/3` is asked, and then `u < 1/2`. How many different pairs of answers can there be? **Predict** the pairs and their probabilities, then move u through all of them:

# %%
widgets.pick([1 / 3, 1 / 6, 1 / 2], ["yes-yes", "no-yes", "no-no"], u=0.2)

# %% [markdown]
# Three, not four: once u < 1/3 is true, u < 1/2 is known. Whatever u is *within* a stretch, the code that asked does the same. So one does not need numbers at all, only stretches:

# %%
law = exact_law(lambda tape: [(u < F(1, 3), u < F(1, 2)) for u in tape.random(1)][0])
{event: str(mass) for event, mass in law.items()}

# %% [markdown]
# **Why.** `exact_law` hands out a `LazyUniform`: a number of which only an interval [lo, hi) is known, at first [0, 1). Compared with something inside the interval, it takes one side, and the function is run *again* for the other side. Each path through the code has a probability, the product of the widths of its intervals; paths with the same result are added up. With fractions nothing is rounded. It is as if the function had run on all uniform numbers at once, and it is the function itself, not a model of it.
#
# ## The law of a whole run
#
# Here are A and B again, the shipped code and the wrong one, with rounds, roll-back and all. No more samples: these are the probabilities.

# %%
laws = {}
for name, sampler in {"A": wrong_samplers["M15"].generate, "B": ss.generate}.items():
    laws[name] = exact_law(
        lambda tape: "".join(map(str, sampler([0], target_model, draft_model, rng=tape, **setting)[0]))
    )
    print(name, {text: str(mass) for text, mass in sorted(laws[name].items())})

# %% [markdown]
# Now they can be told apart without doubt: A gives 010 twice as often as B. But which is right? For that one needs what the target *wants*, and it must not come from any sampler. It needs only the target's table: the text 01 has the probability of 0 after the prompt, times the probability of 1 after 0.
#
# ### Exercise 05.1 (implement)
#
# Compute it, for two tokens after token 0. `table[a, b]` is the probability of b after a. Return a dict from `(x, y)` to probability.
#
# <details><summary>Hint</summary>
#
# The chain rule: first x after 0, then y after x.
#
# </details>
#
# <details><summary>Second hint</summary>
#
# `table[0, x] * table[x, y]`, for every x and every y in `range(len(table))`; a dict comprehension with two `for` does it.
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
# The library has it for any length, as `target_law`. Then losslessness is one comparison, with `==`, for whatever K:

# %%
wanted = target_law(target_model, [0], 3)
for K in (0, 1, 2, 3):
    law = exact_law(
        lambda tape: tuple(ss.generate([0], target_model, draft_model, K=K, max_new_tokens=3, rng=tape)[0])
    )
    print(f"K = {K}: {law == wanted}")

# %% [markdown]
# The draft is poor (it likes token 1 after token 0 three times as much as token 0), the rounds are cut differently for every K, and the law is the same fraction for fraction. **Why it holds** for every model, K and length: [`docs/proof.md`](../docs/proof.md), step 2 (one round) and step 3 (the run).
#
# ## Break it
#
# The package keeps a catalogue of mistakes that real samplers have made, as code: `wrong_samplers["M15"].generate` is called as `ss.generate` is. A mistake is measured by the **total variation**: half the sum of all differences between two laws, 0 for equal ones and 1 for laws that share nothing. Here are four mistakes on the two models above. **Predict:** which of them has the *first* token wrong?

# %%
off = {}
for id in ("M01", "M13", "M15", "M18"):
    wrong = wrong_samplers[id]
    law = exact_law(lambda tape: tuple(wrong.generate([0], target_model, draft_model, rng=tape, **setting)[0]))
    zero_first = sum(mass for text, mass in law.items() if text[0] == 0)  # the target wants 1/2
    print(f"{id}  0 comes first: {zero_first!s:6} text off by {total_variation(law, wanted)!s:6} {wrong.mechanism}")
    off[id] = np.array([float(law.get(tuple(map(int, text)), 0)) for text in names])

# %% [markdown]
# Only M01, the correction from p that you met in notebook 03, has the first token wrong: the target wants 0 half of the time. **Why** the last three hide: row 0 is right for the first token; the bonus comes at the end of a round; and going on after a rejection (M18) spoils only what comes later. A test that looks at one token, as most do, lets them pass. Judge the *joint* law:

# %%
right = np.array([float(wanted[tuple(map(int, text))]) for text in names])
differences = {f"{id}, off by": abs(law - right) for id, law in off.items()}
figures.side_by_side({"target": right} | differences, labels=names)

# %% [markdown]
# (Differences without their signs.) Each mistake has its own fingerprint, and that is how `specsample check` can name what it finds.
#
# How large an example is needed? The search climbs over small tables, then shrinks what it found:

# %%
print(worst_case(wrong_samplers["M15"].generate, V=2, K=1, n=2, order=1, restarts=3, steps=15))

# %% [markdown]
# Two tokens, one draft, and numbers that one can check by hand: after token 1 the target never says 0, and this sampler gives the text 10 every fourth time.
#
# Now you are the one who breaks things. Begin with M01, for which one token is enough. Here it is to drag; it is off by little where p and q are alike, and by nothing where they share no token. **Predict** where between the two it is worst.

# %%
widgets.overlap([1 / 3, 2 / 3], [1 / 2, 1 / 2], replacement="p")

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
#
# <details><summary>Second hint</summary>
#
# In the widget above, drag until its last number is large. What if q drafts one token only, and p wants that one about half of the time?
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
#
# <details><summary>Second hint</summary>
#
# Drafts are always accepted if p and q are the same table. Then let the row after 0 and the row after 1 be as different as two rows can be: what if the tokens always alternate?
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
# Both of your examples are tiny, and that is the lesson: bugs of this kind are not rare events in large models, they are plain in small ones, if one looks at the right thing.
#
# ## What statistics can do
#
# Real engines cannot be enumerated: they draw with their own generators, on a GPU, in floats. Then samples are all there is. How many would show a difference that fractions show at once? **Predict** the order of magnitude for a deviation of 0.01 in total variation over 27 texts, if one false alarm in a million is allowed.

# %%
for deviation in (0.1, 0.03, 0.01, 0.003):
    print(f"{deviation:5}  {required_n(27, deviation):12,} texts")

# %% [markdown]
# A tenth of the deviation costs a hundred times the texts. Your 300 from above had no chance. The kit behind `specsample check` does this with a stated false-alarm rate, on models chosen so that mistakes become large, and names the likely mistake. It can say FAIL; it never says "correct", only "a deviation of ε would have been found with probability 0.999".
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
