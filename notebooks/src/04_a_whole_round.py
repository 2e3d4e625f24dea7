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
# # 04 · A whole round: K drafts, one target pass, K+1 rows
#
# **Minutes:** 60 · **Needs:** 03
#
# **You will be able to** play a round by hand, write `verify` and the loop around it, and read a trace.
#
# One draft token saves nothing: the target still runs once a token. The trick is to draft **K = 5** tokens ahead with the small model, one after the other, and to let the large model read prompt + 5 drafts in **one** pass. That pass gives 5 + 1 = 6 distributions: one for each draft to be tested against, and one for the token after them.

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample import figures
from specsample.exercises import check

# %%
target_model, draft_model = ss.load_pair()
prompt = target_model.tokenizer.encode("def mean(values):\n    return ")
target, drafter = target_model.start(), draft_model.start()
u = np.random.default_rng(0).random(11)
tokens, round_1 = ss.step(prompt, target, drafter, K=5, u=u, keep_rows=True)
round_1.target_rows.shape, round_1.draft_rows.shape

# %% [markdown]
# `step` is the paper's SpeculativeDecodingStep. It owns 2K + 1 = 11 uniform numbers: 5 to draft, 5 to test, 1 to emit. **Predict:** how many rows does the target give, how many the draft? The output above says it: six and five, of 97 characters each.
#
# ## Reading a round
#
# **Question.** Which drafts were kept? The test of draft i is u < p(x)/q(x). Go through the table from the top and stop at the first line in which the last column is larger than the one before it.

# %%
decode = target_model.tokenizer.decode
for x, p_x, q_x, u_x in zip(round_1.draft_tokens, round_1.p_x, round_1.q_x, round_1.u[5:10]):
    print(f"{decode([x])!r:6} p {p_x:.3f}  q {q_x:.3f}   p/q {p_x / q_x:.3f}   u {u_x:.3f}")
print("accepted:", round_1.n_accepted, "  emitted:", repr(decode(round_1.emitted)), round_1.sources)

# %% [markdown]
# Words, once and for all. The leading run of kept drafts is **accepted**. The first refused draft is **rejected**; there is at most one. Drafts after it are **discarded**: they were drafted after a token that is gone, and nobody tests them. The token after the accepted ones is the **correction** (from the residual) if there was a rejection, else the **bonus** (from row K+1 of p).
#
# The rows where the round ended:

# %%
n = min(round_1.n_accepted, 4)
names = [decode([x]) for x in range(97)]
figures.target_against_draft(round_1.target_rows[n], round_1.draft_rows[n], labels=names, top=10)

# %% [markdown]
# ### Exercise 04.1 (implement)
#
# Write it: return how many drafts are accepted, and the token that follows them. `draft_probs` is (K, V), `target_probs` is (K+1, V). `ss.pick` and `ss.residual` are yours to use.
#
# <details><summary>Hint</summary>
#
# A loop that counts while `u_accept[n] < p/q`, and two cases after it. Or one: what does `ss.residual(p, 0 * p)` give?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "04-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_verify(draft_tokens, draft_probs, target_probs, *, u_accept, u_emit):
    ### BEGIN SOLUTION
    p, q, x, n = target_probs, draft_probs, draft_tokens, 0
    while n < len(x) and u_accept[n] < p[n][x[n]] / q[n][x[n]]:
        n += 1
    row = ss.residual(p[n], q[n]) if n < len(x) else p[n]
    return n, ss.pick(row, u_emit)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "04-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("04.1", my_verify)
### BEGIN HIDDEN TESTS
check("04.1", my_verify, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 04.2 (predict)
#
# Play a round by hand, without your function: three tokens 0, 1, 2, and K = 3. Which tokens are emitted? Answer with a list.

# %%
drafted = [2, 0, 1]
q_rows = [[F(1, 4), F(1, 4), F(1, 2)], [F(1, 2), F(1, 4), F(1, 4)], [F(1, 4), F(1, 2), F(1, 4)]]
p_rows = [[F(1, 4), F(1, 2), F(1, 4)], [F(1, 4), F(1, 2), F(1, 4)], [F(1, 4), F(1, 4), F(1, 2)]]
p_after = [F(1, 3), F(1, 3), F(1, 3)]
u_accept, u_emit = [F(1, 4), F(3, 4), F(1, 8)], F(1, 2)
for x, p, q, u_x in zip(drafted, p_rows, q_rows, u_accept):
    print(f"draft {x}:  p = {', '.join(map(str, p)):15}  q = {', '.join(map(str, q)):15}  u = {u_x}")
print("then:     p =", ", ".join(map(str, p_after)), "                u to emit =", u_emit)

# %% [markdown]
# <details><summary>Hint</summary>
#
# First draft: p(2)/q(2) = 1/2, and u = 1/4. Go on from there. After a rejection you need max(0, p − q) of *that* row.
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "04-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_tokens = None
### BEGIN SOLUTION
my_tokens = [2, 1]
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "04-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("04.2", my_tokens)
### BEGIN HIDDEN TESTS
check("04.2", my_tokens, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ## Rolling back
#
# **Question.** The target has read all 5 drafts, also the refused ones. What now? **Predict** the two lengths after the round.

# %%
print("text:", len(prompt), "before,", len(tokens), "after;  accepted:", round_1.n_accepted)
print("target has read", round_1.target_length, "  draft has read", round_1.draft_length, " (before, after)")

# %% [markdown]
# Both models forget what was not accepted. The last emitted token has been read by nobody yet; the next round's passes begin with it. (If all K drafts are accepted, the draft has not read its own last one either: it drew it from its last row. `extend` fills the gap.)
#
# ## Rounds in a row
#
# `ss.generate` plays one round after the other, with stop tokens and a record of every round, the `Trace`. **Predict:** in 120 characters of code, how many target passes?

# %%
settings = {"K": 5, "max_new_tokens": 120, "rng": np.random.default_rng(0), "keep_rows": True}
tokens, trace = ss.generate(prompt, target_model, draft_model, **settings)
print(trace.target_passes, "target passes,", trace.drafted, "drafts,", trace.accepted, "accepted")
figures.trace_strip(trace, decode)

# %% [markdown]
# Every vertical line ends a round, that is one pass of the large model. Step through a shorter run, with the arrow keys or the buttons: each draft meets its uniform number, and at the end of a round both caches roll back.

# %%
shorter = settings | {"max_new_tokens": 20, "rng": np.random.default_rng(4)}
ss.generate(prompt, target_model, draft_model, **shorter)[1].show(decode)

# %% [markdown]
# ### Exercise 04.3 (measure)
#
# The acceptance rate α is accepted / **tested** drafts. Compute it from `trace.rounds` (each has `K` and `n_accepted`).
#
# <details><summary>Hint</summary>
#
# Which drafts met their uniform number in a round with a rejection, and which in one without?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "04-3", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_acceptance_rate(trace):
    ### BEGIN SOLUTION
    tested = sum(min(r.n_accepted + 1, r.K) for r in trace.rounds)
    return sum(r.n_accepted for r in trace.rounds) / tested
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "04-3-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("04.3", my_acceptance_rate)
### BEGIN HIDDEN TESTS
check("04.3", my_acceptance_rate, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 04.4 (implement)
#
# Write the loop, starting from token 0 on two small models. Exactly `n` tokens must come out: the last rounds must draft fewer than K. Ask `rng.random(2 * k + 1)` for each round of k drafts, as the library does.
#
# <details><summary>Hint</summary>
#
# A round of k drafts emits at most k + 1 tokens. How many may it draft if `room` tokens are still wanted?
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "04-4", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_generate(target_model, draft_model, *, K, n, rng):
    ### BEGIN SOLUTION
    target, drafter, tokens = target_model.start(), draft_model.start(), [0]
    while len(tokens) < n + 1:
        k = min(K, n - len(tokens))
        tokens, _ = ss.step(tokens, target, drafter, K=k, u=rng.random(2 * k + 1))
    return tokens[1:]
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "04-4-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("04.4", my_generate)
### BEGIN HIDDEN TESTS
check("04.4", my_generate, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# **Open question.** Why may the drafts after a rejection not be tested, even if the next one happens to fit? *Hint:* after which text was the next draft drawn, and is that text still there? Notebook 05 shows what goes wrong.
#
# ## Take away
#
# 1. Draft K, one target pass, K+1 rows; keep a leading run; one more token comes from the residual or from the last row. A round emits 1 to K+1 tokens.
# 2. Accepted, rejected, discarded are three things. α counts accepted among *tested*.
# 3. The file [`speculative.py`](../specsample/speculative.py) is this notebook in 80 lines of code: `draft`, `verify`, `step`, `generate`.
#
# Next: [05 · Is it lossless?](05_is_it_lossless.ipynb).
