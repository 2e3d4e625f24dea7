"""Can K drafts be tested together, so that more of them are kept?

Block verification (Sun et al., arXiv 2403.10444). The token rule judges each draft alone: where p(x_1) < q(x_1), a
second draft with p(x_2) > q(x_2) cannot make up for the first. Here each leading run x_1, ..., x_i carries one
weight

    w_0 = 1,    w_i = min(1, w_{i-1} · p(x_i) / q(x_i)),

the probability that the run, or a longer one, is kept. Whether it ends exactly at i depends on what is still
missing::

    S_i = Σ_x max(0, w_i · p(x) - q(x)),    h_i = S_i / (S_i + 1 - w_i),    h_K = w_K,

and the number of accepted drafts is the last i with u_i < h_i: an early failure does not end the block. The
correction comes from norm(max(0, w_n · p - q)), not from the residual of the token rule: that is where ports of
this rule go wrong. With K = 1 both rules are one. Before this file: `rounds`;
after it: `lenient`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from specsample.acceptance import accept_probability, check_drafts, residual
from specsample.batched.picking import pick as pick_rows
from specsample.batched.verdicts import Verdicts, at_tokens, check_batch, rows_at
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
    draft_probs : (K, V) array
    target_probs : (K+1, V) array

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
    w, p, q, K = weights, target_probs, draft_probs, len(weights) - 1
    h = w[1:].copy()
    for i in range(1, K):
        missing = np.maximum(w[i] * p[i] - q[i], np.zeros_like(p[i])).sum()
        h[i - 1] = missing / (missing + 1 - w[i]) if w[i] < 1 else w[i]
    return h


def verify(
    draft_tokens: Sequence[int], draft_probs: Array, target_probs: Array, *, u_accept: Sequence[Any], u_emit: Any
) -> Verdict:
    """Keep the longest leading run whose own test passes and pick the token after it.

    n = max {i : u_i < h_i}, 0 if there is none; the next token is drawn from norm(max(0, w_n p - q)).

    Parameters
    ----------
    draft_tokens : (K,) sequence of int
    draft_probs : (K, V) array, row i is what draft i was picked from
    target_probs : (K+1, V) array, row i is the target's distribution where draft i stands
    u_accept : K uniform numbers
    u_emit : uniform number

    Returns
    -------
    Verdict

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit (`acceptance.check_drafts`).

    Examples
    --------
    >>> p, q = np.array([[0.25, 0.75], [0.75, 0.25], [0.5, 0.5]]), np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> verify([0, 0], q, p, u_accept=[0.9, 0.9], u_emit=0.0)  # the first ratio is 1/3, the product 1
    Verdict(n_accepted=2, token=0)
    """
    p, q, x, K = target_probs, draft_probs, np.array(draft_tokens, int), len(draft_tokens)
    check_drafts(draft_tokens, q, p, u_accept)
    w = run_weights(p[np.arange(K), x], q[np.arange(K), x]) if K else np.ones(1, p.dtype)
    h = keep_probabilities(w, q, p)
    n = K
    while n > 0 and not u_accept[n - 1] < h[n - 1]:  # from the longest run down to the empty one
        n -= 1
    return Verdict(n, pick(residual(w[n] * p[n], q[n]) if n < K else p[n], u_emit))


generate = partial(generate_by, verify)


def verify_batch(
    draft_tokens: Array, draft_probs: Array, target_probs: Array, *, u_accept: Array, u_emit: Array
) -> Verdicts:
    """Do for B rows what `verify` does for one, with functions of the array-API standard, in a loop over K only.

    Parameters
    ----------
    draft_tokens : (B, K) int array
    draft_probs : (B, K, V) array
    target_probs : (B, K+1, V) array
    u_accept : (B, K) array of uniform numbers
    u_emit : (B,) array of uniform numbers

    Returns
    -------
    Verdicts(n_accepted (B,), token (B,)), int arrays

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> p, q = np.array([[0.25, 0.75], [0.75, 0.25], [0.5, 0.5]]), np.array([[0.75, 0.25], [0.25, 0.75]])
    >>> verify_batch(np.array([[0, 0]]), q[None], p[None], u_accept=np.full((1, 2), 0.9), u_emit=np.array([0.0]))
    Verdicts(n_accepted=array([2]), token=array([0]))
    """
    p, q, x = target_probs, draft_probs, draft_tokens
    n_drafts, K = check_batch(x, q, p, u_accept=u_accept, u_emit=u_emit)
    xp = array_namespace(p)
    p_x, q_x = at_tokens(p[:, :K, :], x), at_tokens(q, x)
    w, n, no_draft = xp.ones_like(p[:, 0, 0]), xp.zeros_like(n_drafts), xp.zeros_like(p[:, :1, :])
    weights = [w]
    for i in range(K):
        w = accept_probability(w * p_x[:, i], q_x[:, i])
        weights.append(w)
        h = w
        if i + 1 < K:
            missing = xp.sum(xp.clip(w[:, None] * p[:, i + 1, :] - q[:, i + 1, :], 0, None), axis=-1)
            h = xp.where(w < 1, missing / xp.where(w < 1, missing + 1 - w, xp.ones_like(w)), w)
        n = xp.where(u_accept[:, i] < h, i + 1, n)  # the longest run whose own test passes
    weighted = xp.concat([xp.stack(weights[:-1], axis=1)[..., None] * p[:, :K, :], p[:, K:, :]], axis=1) if K else p
    q_n = rows_at(xp.concat([q, no_draft], axis=1) if K else no_draft, n)
    return Verdicts(n, pick_rows(residual(rows_at(weighted, n), q_n), u_emit))
