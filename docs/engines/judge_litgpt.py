"""litgpt: one round of its speculative decoding, and its `generate`, on models that are the kit's own tables."""

import numpy as np
import torch
from cases import Case, judge_all
from litgpt.generate.speculative_decoding import generate, speculative_decoding

from specsample.conformance import from_generate, from_step
from specsample.conformance.adapters.huggingface import seeded


class Shell:
    """A model as litgpt calls one: token ids and their positions in, logits out."""

    max_seq_length = 10**6

    def __init__(self, row, text=()):
        self.row = row
        self.text = list(text)

    def modules(self):
        """List the modules."""
        return [self]

    def __call__(self, idx, input_pos, input_pos_maxp1=None):
        """Read (1, T) ids at T positions; (1, T, V) logits come back."""
        rows = []
        for x, at in zip(idx[0].tolist(), input_pos.tolist()):
            # what stood there before was refused
            self.text[at:] = [x]
            rows.append(self.row(self.text))
        with np.errstate(divide="ignore"):
            return torch.tensor(np.log(np.array(rows)))[None]


def a_round(**options):
    """Make a function for `from_step`."""

    def step(prefix, draft_model, target_model, K, rng):
        at = len(prefix) - 1
        models = [Shell(model.row, prefix) for model in (draft_model, target_model)]
        with seeded(int(rng.integers(2**31))):
            place = (torch.tensor(prefix[-1:]), torch.tensor([at]), at + 1)
            return speculative_decoding(*models, *place, K, **options).tolist()

    return step


def whole(prompt, max_new_tokens, *, target_model, draft_model, K, stop, seed):
    """Generate a text, for `from_generate`."""
    models = [Shell(model.row) for model in (draft_model, target_model)]
    with seeded(seed):
        size = len(prompt) + max_new_tokens + 1
        text, _ = generate(*models, torch.tensor(prompt), size, include_prompt=False, speculative_k=K)
    return text[:max_new_tokens].tolist()


TOP_P = (
    "RuntimeError: what replaces a refused draft is drawn by the function that draws from logits, which cuts by "
    "`top_p` a second time, now probabilities, with -inf for what it leaves out"
)
LOST = (
    "the token that `next_token` draws after the prompt is fed to the first round but never put into the text, which "
    "begins with the second token"
)


def one_round(option, INVALID="", **options):
    """Make the case of one round."""
    make = lambda: from_step(a_round(**options), batched=False, name=f"litgpt {option}")  # noqa: E731
    return Case("speculative_decoding, one round", option, make, ON_P1, {"INVALID": INVALID})


ON_P1 = {"probes": ["P1"], "eps": 0.1}
CASES = [
    Case(
        "speculative_decoding, one round", "T = 1", lambda: from_step(a_round(), batched=False, name="litgpt"), ON_P1
    ),
    Case(
        "speculative_decoding, one round",
        "top_p .8",
        lambda: from_step(a_round(top_p=0.8), batched=False, name="litgpt top_p"),
        ON_P1,
        {"INVALID": TOP_P},
    ),
    Case("generate", "T = 1", lambda: from_generate(whole, name="litgpt generate"), ON_P1, {"FAIL": LOST}),
]

if __name__ == "__main__":
    judge_all(CASES, "litgpt", "torch")
