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
# # 00 · Start here
#
# **Minutes:** 20 · **Needs:** nothing but a little Python
#
# **You will be able to** run speculative sampling, read its colours, and say how many tokens one pass of the large model can give.
#
# A large language model writes one token at a time: to get 100 tokens it runs 100 times, and each run reads billions of numbers from memory. **Speculative sampling** lets a small model guess a few tokens ahead and the large one check all guesses in a single run. The text that comes out is distributed *exactly* as if the large model had written it alone. By the end of this course you will have written the algorithm, proved that sentence, and measured the gain.

# %%
import numpy as np

import specsample as ss
from specsample import figures
from specsample.exercises import check

# %% [markdown]
# ## See it
#
# Two models come with the package, trained by the package itself on the text that every Python carries: a **target** (large, for a laptop) and a **draft** (small). One character is one token. **Predict:** how many of the 100 characters below will be the small model's guesses?

# %%
target_model, draft_model = ss.load_pair()
prompt = target_model.tokenizer.encode('def read_lines(path):\n    """Return the lines of a file."""\n    ')
settings = {"K": 5, "transform": ss.temperature(0.5)}  # notebook 01 says what a temperature is
tokens, trace = ss.generate(
    prompt, target_model, draft_model, max_new_tokens=100, rng=np.random.default_rng(4), **settings
)
print(target_model.tokenizer.decode(prompt + tokens))

# %%
figures.trace_strip(trace, target_model.tokenizer.decode)

# %% [markdown]
# Green characters are **accepted** drafts: guesses of the small model that passed the test. Blue ones are **corrections**: there a guess was refused, and the large model's arithmetic supplied another character. Purple ones are **bonus** characters, which come for free when all K = 5 guesses are accepted. A vertical line ends a **round**: one run of the large model.

# %%
print(
    trace.accepted,
    "accepted,",
    trace.sources.count("correction"),
    "corrections,",
    trace.sources.count("bonus"),
    "bonuses",
)
print(f"{trace.target_passes} target passes for {len(tokens)} characters")

# %% [markdown]
# ## Best case, worst case
#
# A round drafts K = 5 tokens; the large model reads all five in one pass and answers with distributions: what it would have said at each of the five places, and what it says after them.
#
# **Worst case.** The first guess is refused, and the four after it are lost. Is the round, too? Look for two vertical lines that stand close together.
#
# **Best case.** Explanations on the web say "five times as fast with five drafts". Look at the picture again: what comes after five green characters?
#
# ### Exercise 00.1 (predict)
#
# How many tokens does one round with K = 5 emit at least, and at most? Answer with a pair.
#
# <details><summary>Hint</summary>
#
# How many distributions does the pass give, and which of them is of use if every guess passes? Which one if the first does not?
#
# </details>

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "00-1", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
my_range = None
### BEGIN SOLUTION
my_range = (1, 6)
### END SOLUTION

# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "00-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("00.1", my_range)
### BEGIN HIDDEN TESTS
check("00.1", my_range, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# Those are the ends. Where between them a run lies says how good the guesses are.
#
# ### Exercise 00.2 (measure)
#
# How many tokens did a target pass give on average? Write the function: `trace.rounds` is a list, and each round has `emitted`, a tuple of tokens.
#
# <details><summary>Hint</summary>
#
# One round, one target pass.
#
# </details>


# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "00-2", "locked": false, "schema_version": 3, "solution": true, "task": false} tags=["raises-exception"]
def my_tokens_per_target_pass(trace):
    ### BEGIN SOLUTION
    return sum(len(r.emitted) for r in trace.rounds) / len(trace.rounds)
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "00-2-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
check("00.2", my_tokens_per_target_pass)
### BEGIN HIDDEN TESTS
check("00.2", my_tokens_per_target_pass, seed=1)
### END HIDDEN TESTS

# %% [markdown]
# So a round is never worse than a pass of the large model alone, apart from the time spent on guessing. How much faster is that? A popular explainer video by AssemblyAI counts five tokens at the best and forgets the bonus; it reports speed-ups of 2 to 3 in practice. The papers measured 1.4 to 3.4 (Leviathan et al.) and 1.9 to 2.5 (Chen et al.). Whether *your* machine gains depends on three numbers that notebook 08 measures.
#
# ## Step through it
#
# Its beginning once more, 15 characters, one step at a time: use the buttons or the arrow keys. A draft meets its uniform number and stays or goes; a correction or a bonus ends the round. Notebooks 03 and 04 explain every step, here it is enough to watch.

# %%
_, beginning = ss.generate(
    prompt, target_model, draft_model, max_new_tokens=15, rng=np.random.default_rng(4), keep_rows=True, **settings
)
beginning.show(target_model.tokenizer.decode)

# %% [markdown]
# ## The same without the small model
#
# `ss.autoregressive` is the usual way: one pass, one token. **Predict:** will it give the *same text* for the same seed?

# %%
usual = ss.autoregressive(
    prompt, target_model, max_new_tokens=100, rng=np.random.default_rng(4), transform=settings["transform"]
)
print(target_model.tokenizer.decode(prompt + usual))

# %% [markdown]
# Another text: the two use their random numbers differently. "Lossless" does not mean the same text, it means the same *distribution* of texts, as two fair dice are the same without showing the same face. Notebook 05 shows how that can be checked exactly.
#
# ## The map
#
# | you want to know | go to |
# |---|---|
# | what a model's answer is, and how a token is drawn from it | 01 |
# | why the accept-or-correct rule is exact | 02, 03 |
# | a whole round, a whole text | 04 |
# | how one can be sure | 05 |
# | what is inside the models, and how they were trained | 06, 07 |
# | how fast it is, and when it is not | 08 |
# | other drafts, other rules, other hardware | 09, 10, 11 |
#
# Every exercise checks itself: fill in the cell, run it, run the `check` below it. Grey means not yet tried, red shows the smallest example on which your answer is wrong, and green says what one use of your answer would cost, in runs of the two models, and how many exercises of the notebook you have done. **Open question** for the way: what would happen to the text if the small model were very bad? *Hint:* who has the last word on every character, and what does a round cost in which no guess is kept?
#
# ## Take away
#
# 1. A small model drafts, the large one checks all drafts in one pass, a rule corrects.
# 2. A round emits 1 to K + 1 tokens.
# 3. The distribution of the text is the large model's; the small one only sets the speed.
#
# Next: [01 · Next-token distributions](01_next_token_distributions.ipynb).
