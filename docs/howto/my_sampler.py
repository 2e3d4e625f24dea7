"""A verifier of your own: put your rule in the place of this one. It needs NumPy and nothing of specsample."""

import numpy as np


def draw(probs, rng):
    """Draw one token of each row: the first whose cumulative probability exceeds a uniform number."""
    cumulative = probs.cumsum(axis=1)
    return (rng.random((len(probs), 1)) * cumulative[:, -1:] >= cumulative).sum(axis=1)


def verify(draft_tokens, draft_probs, target_probs, rng):
    """Keep a leading run of the drafts and add one token: (N, K), (N, K, V), (N, K+1, V) -> (N, K+1) token ids."""
    N, K = draft_tokens.shape
    every = np.arange(N)

    # what both models say of every draft, and the leading run that passes
    p_x = np.take_along_axis(target_probs[:, :K], draft_tokens[..., None], axis=2)[..., 0]
    q_x = np.take_along_axis(draft_probs, draft_tokens[..., None], axis=2)[..., 0]
    is_kept = np.cumprod(rng.random((N, K)) * q_x < p_x, axis=1)  # a draft after a refused one is never kept
    n = is_kept.sum(axis=1)

    # what is left of p where the run ended; after the last draft that is p itself
    q = np.concatenate([draft_probs, np.zeros_like(target_probs[:, :1])], axis=1)  # no draft after the last
    left = np.maximum(target_probs[every, n] - q[every, n], 0)

    tokens = np.concatenate([np.where(is_kept, draft_tokens, -1), np.full((N, 1), -1)], axis=1)  # -1 is padding
    tokens[every, n] = draw(left / left.sum(axis=1, keepdims=True), rng)
    return tokens
