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
# **Minutes:** 70 · **Needs:** 03
#
# **You will be able to** play a round by hand, write `verify` and the loop around it, and read a trace.
#
# In notebook 03 one draft was tested against one row of the target, and that row cost a pass: right, and nothing gained. The gain comes from notebook 00's fact that a pass over six tokens takes hardly longer than one over a single token. So let the typist go on: she drafts **K = 5** tokens, one after the other, each after the ones before it. Then the author reads prompt + 5 drafts in **one** pass. That pass gives 5 + 1 = 6 rows: one for each draft to be tested against, and one for the token after them.
#
# Everything else is notebook 03, five times over. Two questions are new: which drafts count after one was refused, and what becomes of what the models have read.

# %%
from fractions import Fraction as F

import numpy as np

import specsample as ss
from specsample import figures
from specsample.course import answer, check, hint
from specsample.viewer import widgets

# %%
target_model, draft_model = ss.load_pair()
decode = target_model.tokenizer.decode
prompt = target_model.tokenizer.encode("def mean(values):\n    return ")
target, drafter = target_model.start(), draft_model.start()
u = np.random.default_rng(0).random(11)
tokens, round_1 = ss.step(prompt, target, drafter, K=5, u=u, keep_rows=True)
round_1.target_rows.shape, round_1.draft_rows.shape

# %% [markdown]
# `step` plays one round; the paper calls it SpeculativeDecodingStep. It owns 2K + 1 = 11 uniform numbers: 5 to draft, 5 to test, 1 to emit. The output says what was promised: six rows of the target and five of the draft, of 97 characters each.
#
# ## Reading a round
#
# **Question.** Which of the five drafts pass their test? The test of draft i is u < p(x)/q(x). Go through the table and write down yes or no for each line; the last column must be smaller than the one before it.

# %%
for x, p_x, q_x, u_x in zip(round_1.draft_tokens, round_1.p_x, round_1.q_x, round_1.u[5:10]):
    print(f"{decode([x])!r:6} p {p_x:.3f}  q {q_x:.3f}   p/q {p_x / q_x:6.3f}   u {u_x:.3f}")

# %% [markdown]
# ## The wrong thing first: keep every draft that passes
#
# Four of five pass. So keep those four, and drop the third?

# %%
passed = [u_x < p_x / q_x for p_x, q_x, u_x in zip(round_1.p_x, round_1.q_x, round_1.u[5:10])]
kept = [x for x, is_kept in zip(round_1.draft_tokens, passed) if is_kept]
print("drafted:", repr(decode(round_1.draft_tokens)), "  kept like this:", repr(decode(kept)))

# %% [markdown]
# The typist had `gener…` in mind, for *generator* perhaps. The `n` was refused, and what is left reads like nothing in any program. Her fourth letter was a good continuation of `gen`, and of nothing else; the target's row for it, too, was a row *after* `gen`. With the `n` gone, both rows are about a text that does not exist. So the first refusal ends the round:

# %%
print("accepted:", round_1.n_accepted, "  emitted:", repr(decode(round_1.emitted)), round_1.sources)

# %% [markdown]
# Words, once and for all. The leading run of kept drafts is **accepted**. The first refused draft is **rejected**; there is at most one. Drafts after it are **discarded**: they were drafted after a token that is gone, and nobody tests them. The token after the accepted ones is the **correction** (from the residual) if there was a rejection, else the **bonus** (from row K+1 of p). So a round emits n accepted drafts and one token more.
#
# Here is that round to play with: a line for each draft, green on a stretch as long as its p/q, and the uniform number that it met. **Predict**, then move: what is emitted if the third number is 0? What changes if you move the *fourth* number? And which of the rows is the last token picked from if all five pass?

# %%
widgets.one_round(round_1, decode)

# %% [markdown]
# The fourth number changes nothing while the third draft is refused. That is what "discarded" means. And every round gives at least one token of the target's law, even if the first draft fails.
#
# The two rows where this round ended, and the residual in blue that its correction came from:

# %%
n = round_1.n_accepted
names = [decode([x]) for x in range(target_model.vocab_size)]
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
#
# <details><summary>Second hint</summary>
#
# Draft n is the token `draft_tokens[n]`; its probabilities are `target_probs[n][draft_tokens[n]]` and the same of `draft_probs`. The loop must also end at n = K. After it: if n < K, pick from the residual of the two rows n; else from the last row of `target_probs`.
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
# Those few lines are the algorithm of both papers. What is left is bookkeeping, and most bugs are in the bookkeeping.
#
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
#
# <details><summary>Second hint</summary>
#
# The second draft is token 0 with p/q = 1/2, and u = 3/4. Its two rows are the second ones; in how many tokens is p larger than q there?
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
# A model that reads keeps what it has read (its *cache*; notebook 06 opens it), so that it need not read the text again for every token. **Question.** The target has read all 5 drafts, also the refused ones. What now? **Predict** the two lengths after the round.

# %%
print("text:", len(prompt), "before,", len(tokens), "after;  accepted:", round_1.n_accepted)
print("target has read", round_1.target_length, "  draft has read", round_1.draft_length, " (before, after)")

# %% [markdown]
# Both models forget what was not accepted: they are rolled back to the prompt and the accepted drafts. One token of the text has been read by nobody yet, the last one emitted, for it was decided after the pass; the next round's passes begin with it. (If all K drafts are accepted, the draft has not read its own last one either: it drew it from its last row. `extend` fills the gap.)
#
# What if one forgets to roll back? Nothing crashes. The models simply go on from a text that nobody sees, and every row from here on is about that. It is among the commonest bugs of real implementations, and one token can never show it.
#
# ## Rounds in a row
#
# `ss.generate` plays one round after the other, with stop tokens and a record of every round, the `Trace`. **Predict:** in 120 characters of code, how many target passes?

# %%
settings = {"K": 5, "max_new_tokens": 120, "rng": np.random.default_rng(0), "transform": ss.temperature(0.5)}
tokens, trace = ss.generate(prompt, target_model, draft_model, **settings)
print(trace.target_passes, "target passes,", trace.drafted, "drafts,", trace.accepted, "accepted")
figures.trace_strip(trace, decode)

# %% [markdown]
# Every vertical line ends a round, that is one pass of the large model. Step through a shorter run, with the arrow keys or the buttons: each draft meets its uniform number, and at the end of a round both caches roll back. You know every step of it by now.

# %%
shorter = settings | {"max_new_tokens": 20, "rng": np.random.default_rng(4), "keep_rows": True}
ss.generate(prompt, target_model, draft_model, **shorter)[1].show(decode)

# %% [markdown]
# ## How good was the draft?
#
# **Accepted divided by drafted** is what one would compute first, and it is too low: of five drafts in a round that ended at the second, three were discarded. They were not refused; nobody has looked at them. With a longer K there are more of them, and the draft would seem worse although it is the same.
#
# ### Exercise 04.3 (measure)
#
# The acceptance rate α is accepted / **tested** drafts. Compute it from `trace.rounds` (each has `K` and `n_accepted`).
#
# <details><summary>Hint</summary>
#
# Which drafts met their uniform number in a round with a rejection, and which in one without?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# In a round with a rejection n + 1 drafts were tested: the accepted ones and the rejected one. In a round without, K. One `min` says both. Sum over all rounds first, divide once.
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
# One run of 120 characters says little about α: the bars are 95 % intervals. With the definition by tested drafts, all positions of a round may well have one rate; the papers assume it, and notebook 08 looks closer.

# %%
figures.acceptance_by_position(trace)

# %% [markdown]
# More drafts a round, more tokens a pass? **Predict** the curve from K = 1 to K = 8; then compare with what equation 1 of Leviathan et al. makes of α.

# %%
traces = {}
for K in (1, 2, 4, 8):
    again = settings | {"K": K, "max_new_tokens": 80, "rng": np.random.default_rng(1)}
    traces[K] = ss.generate(prompt, target_model, draft_model, **again)[1]
figures.tokens_per_pass(traces)

# %% [markdown]
# It rises, and bends: the eighth draft is of use only if seven before it were kept. A run is short, so points scatter around the line.
#
# ### Exercise 04.4 (implement)
#
# Now the loop, starting from token 0 on two small models. Exactly `n` tokens must come out: the last rounds must draft fewer than K. Ask `rng.random(2 * k + 1)` for each round of k drafts, as the library does. `ss.step(tokens, target, drafter, K=k, u=...)` plays a round and gives the longer text and its record.
#
# <details><summary>Hint</summary>
#
# A round of k drafts emits at most k + 1 tokens. How many may it draft if `room` tokens are still wanted?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# `target_model.start()` and `draft_model.start()` once, before the loop. `k = min(K, room - 1)`: with room 1 that is 0 drafts, and the round emits one token of the target. Leave out token 0 when you return.
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
# That is all of `generate`. You have written speculative sampling: the test and the residual in notebook 03, the round and the loop here. What you have not yet done is to be sure that it is right.
#
# **Open question.** Why may the drafts after a rejection not be tested, even if the next one happens to fit? *Hint:* after which text was the next draft drawn, and is that text still there? Notebook 05 shows what goes wrong.
#
# ## Take away
#
# 1. Draft K, one target pass, K+1 rows; keep a leading run; one more token comes from the residual or from the last row. A round emits 1 to K+1 tokens.
# 2. Accepted, rejected, discarded are three things. α counts accepted among *tested*.
# 3. The file [`speculative.py`](../specsample/speculative.py) is this notebook in 80 lines of code: `draft`, `verify`, `step`, `generate`.
#
# Next: [05 · Is it lossless?](05_is_it_lossless.ipynb).
