"""Decoding with the shipped pair, B texts at once and one by one: where they part, was it a near-tie?"""

from functools import cache

import numpy as np
from verify_cases import distance

from specsample import batched, speculative
from specsample.acceptance import accept_probability
from specsample.training.data import KINDS, load_documents
from specsample.transformer.lm import TransformerLM, load_pair
from specsample.transformer.ragged import BatchedTransformer


@cache
def pair(dtype):
    """Load the shipped pair in a float type."""
    return [
        TransformerLM(model.config, {name: array.astype(dtype) for name, array in model.params.items()})
        for model in load_pair()
    ]


@cache
def prompts(B, seed=0):
    """Cut B prompts of 1 to 3 B characters, no two of one length, out of code and prose."""
    rng, encode = np.random.default_rng(seed), load_pair()[0].tokenizer.encode
    texts = [max(load_documents(kind), key=len) for kind in KINDS]
    starts, lengths = rng.integers(0, 10_000, B), 1 + rng.permutation(3 * B)[:B]
    return [encode(texts[b % 2][s : s + n]) for b, (s, n) in enumerate(zip(starts, lengths, strict=True))]


def rngs(B, seed=1):
    """Make a generator for each row."""
    return [np.random.default_rng([seed, b]) for b in range(B)]


@cache
def references(dtype, B, **options):
    """Continue each prompt alone with the single-sequence function, all rows of p and q kept."""
    settings = options | {"keep_rows": True}
    return [
        speculative.generate(prompt, *pair(dtype), rng=rng, **settings)[1]
        for prompt, rng in zip(prompts(B), rngs(B), strict=True)
    ]


def together(models, B, **options):
    """Continue all prompts together."""
    models = [BatchedTransformer(model) for model in models]
    return [trace for _, trace in batched.generate(prompts(B), *models, rngs=rngs(B), **options)]


def gap(want, got):
    """Measure how far from its threshold the uniform number was that decided two traces apart; 0 if they agree."""
    for a, b in zip(want.rounds, got.rounds, strict=False):
        if (a.draft_tokens, a.n_accepted, a.emitted) != (b.draft_tokens, b.n_accepted, b.emitted):
            return _gap_of_round(a, b)
    return 0.0


def _gap_of_round(a, b):
    """Measure the gap of the first decision in which two rounds differ; `a` has all its rows."""
    p, q = (rows.astype(np.float64) for rows in (a.target_rows, a.draft_rows))
    for k, tokens in enumerate(zip(a.draft_tokens, b.draft_tokens, strict=True)):
        if tokens[0] != tokens[1]:
            return float(np.abs(np.cumsum(q[k])[min(tokens) : max(tokens)] - a.u[k]).max())
    n, K = min(a.n_accepted, b.n_accepted), a.K
    if a.n_accepted != b.n_accepted:
        x = a.draft_tokens[n]
        return abs(float(accept_probability(p[n, x], q[n, x])) - a.u[K + n])
    case = {"target_probs": p[None], "draft_probs": q[None], "u_emit": np.array([a.u[2 * K]])}
    return distance(case, 0, n, (a.emitted[-1], b.emitted[-1]))
