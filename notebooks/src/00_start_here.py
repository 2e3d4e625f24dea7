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
# **Minutes:** 30 · **Needs:** nothing but a little Python
#
# **You will be able to** run speculative sampling, read its colours, and say how many tokens one pass of the large model can give.
#
# Think of an author who is good and slow, and of a typist who is fast and knows her habits. The typist types ahead, the author reads what stands there, lets the beginning of it stand, and puts her own word where she would have gone another way. Reading six words takes her hardly longer than reading one, so the book grows faster. And if the rule for "lets it stand" is chosen with care, the book is *hers*: nobody can tell that there was a typist.
#
# That is this course. The author is a large language model, the **target**; the typist is a small one, the **draft**; the rule is **speculative sampling** (Leviathan et al., 2022; Chen et al., 2023). By the end you will have written the algorithm, proved that the text is the target's, broken it in the ways in which it has been broken, and measured what it gains.

# %%
from time import perf_counter

import numpy as np

import specsample as ss
from specsample import figures
from specsample.course import answer, check, hint
from specsample.viewer import widgets

# %% [markdown]
# ## The slow author
#
# A language model writes one **token** at a time (a word, a piece of a word, here simply one character): it reads the text, gives a probability to every token that could come next, one of them is drawn, and the model runs again for the next one. One run is called a **pass**, so 100 tokens take 100 passes. In a large model each pass reads billions of numbers from memory, and that reading is what one waits for.
#
# Two models come with this package, trained by it on the text that every Python installation carries. This is the target, writing alone:

# %%
target_model, draft_model = ss.load_pair()
prompt = target_model.tokenizer.encode('def read_lines(path):\n    """Return the lines of a file."""\n    ')
half = ss.temperature(0.5)  # notebook 01 says what a temperature is
alone = {"max_new_tokens": 100, "transform": half}
by_target = ss.autoregressive(prompt, target_model, rng=np.random.default_rng(0), **alone)
print(target_model.tokenizer.decode(prompt + by_target))

# %% [markdown]
# No programmer would accept it, but it looks like Python: this target has some ten thousand times fewer numbers than the large models of today. All that follows is the same for those.
#
# ## The wrong thing first: let the small one write
#
# The draft is much faster. So why not let *it* write? **Predict:** will you see a difference?

# %%
by_draft = ss.autoregressive(prompt, draft_model, rng=np.random.default_rng(0), **alone)
print(target_model.tokenizer.decode(prompt + by_draft))

# %% [markdown]
# It looks less like Python, but looks are no measure. Ask the target instead how surprised it is: a character of probability p costs −log₂ p **bits**, 0 if it was certain, 1 if it was a coin toss.

# %%
for name, text in {"the target's own text": by_target, "the draft's text": by_draft}.items():
    # one distribution for each character
    rows = target_model.start().extend(prompt + text)[len(prompt) - 1 : -1]
    bits = -np.log2(rows[np.arange(len(text)), text])
    print(f"{name:22} {bits.mean():.2f} bits a character")

# %% [markdown]
# The second number is about twice the first: to the target, the draft's text is another author's. Faster, and the wrong book. What we want is the first line's text at the second line's speed.
#
# ## Why reading is cheap
#
# There is a way because of one fact. The target can *check* several tokens in one pass: it reads them all at once and gives a distribution after each of them. **Predict:** how much longer does a pass over six tokens take than a pass over one?

# %%
context = target_model.start()
context.extend(prompt)
for rows in (1, 6, 1, 6):
    began = perf_counter()
    for _ in range(8):
        context.extend(prompt[:rows])
    print(f"{rows} in a pass: {(perf_counter() - began) / 8 * 1000:5.1f} ms a pass")

# %% [markdown]
# Not six times as long. Most of a pass is spent on fetching the model's numbers, and they are fetched once, however many tokens wait for them. (On a GPU with a large model the two are nearly equal.) So: let the draft guess five tokens ahead, and let the target read all five in one pass.
#
# ## See it
#
# `ss.generate` does just that, with K = 5 guesses a time. **Predict:** how many of the 100 characters will be the small model's guesses?

# %%
tokens, trace = ss.generate(
    prompt, target_model, draft_model, K=5, max_new_tokens=100, rng=np.random.default_rng(4), transform=half
)
figures.trace_strip(trace, target_model.tokenizer.decode)

# %% [markdown]
# Read the picture from the left. **Green** characters are **accepted** drafts: guesses of the small model that passed the test. A **blue** one is a **correction**: there a guess was refused, and the large model's arithmetic supplied another character. A **purple** one is a **bonus**, which comes for free when all five guesses are accepted. A vertical line ends a **round**: five guesses, one pass of the large model.
#
# Look for the places where the typist is sure: inside words, in `self`, in the blanks of an indentation. And for those where she is not: at the beginning of a word nobody can know which one comes.

# %%
origins = {name: trace.sources.count(name) for name in ("accepted", "correction", "bonus")}
print(f"{len(tokens)} characters: {origins}")
print(f"{trace.target_passes} target passes instead of {len(tokens)}")

# %% [markdown]
# ## Best case, worst case
#
# A round drafts K = 5 tokens; the large model reads all five in one pass and answers with distributions: what it would have said at each of the five places, and what it says after them.
#
# **Worst case.** The first guess is refused, and the four after it are lost: they were guesses about a text that is not there. Is the round lost, too? Look for two vertical lines that stand close together.
#
# **Best case.** Explanations on the web say "five times as fast with five drafts". Look at the picture again: what comes after five green characters?
#
# ### Exercise 00.1 (predict)
#
# How many tokens does one round with K = 5 emit at least, and at most? Replace `None` by a pair such as `(2, 3)`, run the cell, and run the check below it. You may try as often as you like.
#
# <details><summary>Hint</summary>
#
# How many distributions does the pass give, and which of them is of use if every guess passes? Which one if the first does not?
#
# </details>
#
# <details><summary>Second hint</summary>
#
# Count characters between two vertical lines in the picture: the shortest stretch and the longest. Is there a stretch without any?
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
# The box under a check is **grey** while you have not tried, **red** with the smallest example on which an answer is wrong and, if it is one that many people give, the mistake's name, and **green** with what you have solved so far. Hints are folded above each exercise; `hint("00.1")` shows them one by one, and after three tries `answer("00.1")` shows one answer. When your work is graded, your answer cells count, and those of your cells that they use.
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
#
# <details><summary>Second hint</summary>
#
# Add up `len(played.emitted)` for every `played` in `trace.rounds`. By what do you divide?
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
# ## Step through it
#
# The beginning of the run once more, 15 characters, one step at a time: use the buttons or the arrow keys, or let it play. A draft meets a random number and stays or goes; a correction or a bonus ends the round. Notebooks 03 and 04 explain every step, here it is enough to watch. The tab **race** plays the same text both ways over one axis of time.

# %%
_, beginning = ss.generate(
    prompt,
    target_model,
    draft_model,
    K=5,
    max_new_tokens=15,
    rng=np.random.default_rng(4),
    transform=half,
    keep_rows=True,
)
beginning.show(target_model.tokenizer.decode)

# %% [markdown]
# ## How much faster?
#
# Fewer passes are not yet less time: the guesses cost something, too. Three numbers decide. **α** (alpha) is the share of tested guesses that are accepted. **K** is how many guesses a round makes. **c** is what one guess costs, as a part of a pass of the target. Move the sliders. **Predict** first: if guesses were free, would more of them always be better? And if one costs a fifth of a pass?

# %%
widgets.speed(alpha=0.8, cost_ratio=0.2)

# %% [markdown]
# The circles are tokens a pass: they only rise with K, but ever more slowly, for a sixth guess is of use only if the five before it were kept. The bars are speed-ups: they rise, and fall again, when guesses cost more than they bring. The green bar is the best K. With α below c no K pays, and speculative sampling is *slower*.
#
# The papers measured speed-ups of 1.4 to 3.4 (Leviathan et al.) and 1.9 to 2.5 (Chen et al.). A popular explainer video by AssemblyAI counts five tokens at the best and forgets the bonus; it reports 2 to 3 in practice. Whether *your* machine gains you will measure in notebook 08.
#
# ## The same text?
#
# Write with the target alone once more, now from the seed with which the coloured run began. **Predict:** will it give the *same text*?

# %%
usual = ss.autoregressive(prompt, target_model, rng=np.random.default_rng(4), max_new_tokens=50, transform=half)
print("target alone:   ", repr(target_model.tokenizer.decode(usual)))
print("with the draft: ", repr(target_model.tokenizer.decode(tokens[:50])))

# %% [markdown]
# Another text: the two use their random numbers differently. "Lossless" does not mean the same text. It means the same *distribution* of texts: every text is exactly as probable as before. Two fair dice are the same in this sense, and yet they show different faces.
#
# That is a strong claim, and no look at any number of texts can confirm it. A bug that makes one token a little too frequent crashes nothing and looks like nothing. Real libraries have shipped such bugs. Notebook 03 proves the claim in four lines, and notebook 05 checks it exactly, on the code itself.
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
# Each section asks a question first. Write your guess down before you run the cell: a wrong guess that one remembers is how most of this is learnt.
#
# **Open question** for the way: what would happen to the text if the small model were very bad? *Hint:* who has the last word on every character, and what does a round cost in which no guess is kept?
#
# ## Take away
#
# 1. A small model drafts, the large one checks all drafts in one pass, a rule corrects.
# 2. A round emits 1 to K + 1 tokens.
# 3. The distribution of the text is the large model's; the small one only sets the speed.
#
# Next: [01 · Next-token distributions](01_next_token_distributions.ipynb).
