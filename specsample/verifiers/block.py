"""Block verification: K drafts tested together, so that more are kept.

Sun et al., arXiv 2403.10444. The token rule judges each draft alone: where p(x_1) < q(x_1), a second draft with
p(x_2) > q(x_2) cannot make up for the first. Here each leading run x_1, ..., x_i carries one weight

    w_0 = 1,    w_i = min(1, w_{i-1} · p(x_i) / q(x_i)),

the probability that the run, or a longer one, is kept. Whether it ends exactly at i depends on what is still
missing::

    S_i = Σ_x max(0, w_i · p(x) - q(x)),    h_i = S_i / (S_i + 1 - w_i),    h_K = w_K,

and the number of accepted drafts is the last i with u_i < h_i: an early failure does not end the block. The
correction comes from norm(max(0, w_n · p - q)), not from the residual of the token rule: that is where ports of
this rule go wrong. With K = 1 both rules are one.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from specsample.acceptance import accept_probability, check_drafts, residual
from specsample.distributions import Array, pick
from specsample.rounds import generate_by
from specsample.speculative import Verdict


def run_weights(p_x: Array, q_x: Array) -> Array:
    """Compute the weight of every leading run of the drafts.

    w_i = min(1, w_{i-1} p(x_i)/q(x_i)), w_0 = 1 (Sun et al., there p_i).

    Parameters
    ----------
    p_x : (K,) array, target probabilities of the draft tokens
    q_x : (K,) array, draft probabilities of the draft tokens

    Returns
    -------
    (K+1,) array in [0, 1]

    Examples
    --------
    >>> run_weights(np.array([0.25, 0.75]), np.array([0.5, 0.5]))
    array([1.  , 0.5 , 0.75])
    """
    # slices of one element, for `accept_probability` takes arrays, of fractions too
    w = np.ones(len(p_x) + 1, p_x.dtype)
    for i in range(len(p_x)):
        w[i + 1 : i + 2] = accept_probability(w[i : i + 1] * p_x[i : i + 1], q_x[i : i + 1])
    return w


def keep_probabilities(weights: Array, draft_probs: Array, target_probs: Array) -> Array:
    """Compute for each leading run the probability that it is kept, given that no longer one is.

    h_i = S_i / (S_i + 1 - w_i) with S_i = Σ max(0, w_i p - q), and h_K = w_K (Sun et al.).

    Parameters
    ----------
    weights : (K+1,) array, from `run_weights`
    draft_probs, target_probs : (K, V) and (K+1, V) arrays

    Returns
    -------
    (K,) array in [0, 1]

    Notes
    -----
    Where w_i = 1 the quotient is 1, also as 0/0: then p = q at the next position, and whatever follows is kept.

    Examples
    --------
    >>> p, q = np.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]]), np.array([[0.5, 0.5], [0.5, 0.5]])
    >>> keep_probabilities(np.array([1.0, 0.75, 0.5]), q, p)
    array([0.5, 0.5])
    """
    w, p, q = weights, target_probs, draft_probs
    K = len(w) - 1
    # h_K = w_K: after the last draft there is no longer run
    h = w[1:].copy()
    for i in range(1, K):
        # S_i, what a run of i still owes to the tokens that q proposes too rarely after it
        missing = np.maximum(w[i] * p[i] - q[i], np.zeros_like(p[i])).sum()
        h[i - 1] = missing / (missing + 1 - w[i]) if w[i] < 1 else w[i]
    return h


def verify(
    draft_tokens: Sequence[int], draft_probs: Array, target_probs: Array, *, u_accept: Sequence[Any], u_emit: Any
) -> Verdict:
    """Keep the longest leading run whose own test passes and pick the token after it.

    n = max {i : u_i < h_i}, 0 if there is none; the next token is drawn from norm(max(0, w_n p - q)).

    Parameters and Returns: as for `speculative.verify`.

    Examples
    --------
    >>> p, q = np.array([[0.25, 0.75], [0.75, 0.25], [0.5, 0.5]]), np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> verify([0, 0], q, p, u_accept=[0.9, 0.9], u_emit=0.0)  # the first ratio is 1/3, the product 1
    Verdict(n_accepted=2, token=0)
    """
    check_drafts(draft_tokens, draft_probs, target_probs, u_accept)
    p, q = target_probs, draft_probs
    K = len(draft_tokens)
    x = np.array(draft_tokens, int)
    # the weight w_i of each leading run, and the probability h_i with which its own test passes
    w = run_weights(p[np.arange(K), x], q[np.arange(K), x]) if K else np.ones(1, p.dtype)
    h = keep_probabilities(w, q, p)
    # n = max {i : u_i < h_i}: from the longest run down to the empty one, so that no early failure ends the block
    n = K
    while n > 0 and not u_accept[n - 1] < h[n - 1]:
        n -= 1
    # the correction is weighted with the run's w_n; after all K drafts it is the bonus, from p itself
    p_n = residual(w[n] * p[n], q[n]) if n < K else p[n]
    return Verdict(n, pick(p_n, u_emit))


generate = partial(generate_by, verify)
"""Generate text with block verification: `rounds.generate_by` with this rule. Lossless, and keeps most."""
