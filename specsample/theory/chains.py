"""Runs of accepted drafts where acceptances are not independent.

Exact, from the models' tables. The papers' equations give every draft the same chance. In text some stretches are
easy and some are hard. Let M be the table of min(p, q): M[a, x] is the probability that after a the draft is x and is
kept. Then K drafts are all kept with the sum of a row of M^K, and equation 1, a sum of powers of a number, becomes
the same sum of powers of a matrix,

    E[tokens of a round that starts after a] = Σ_{k=0}^{K} (M^k 1)[a].

Rounds follow each other as a Markov chain: R = Σ_{k<K} M^k (P - M) + M^K P says after which context the next one
starts. Tables of any order become tables of order 1 whose states are contexts. Fractions stay exact.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from specsample.distributions import Array
from specsample.language_model import TableModel
from specsample.theory.rates import Number


class LongRun(NamedTuple):
    """What counters converge to over many rounds: `Trace.tokens_per_target_pass` and `Trace.acceptance_rate`."""

    tokens_per_pass: Number
    acceptance_rate: Number


def contexts(model: TableModel, order: int | None = None) -> Array:
    """Write a table as a chain over contexts, the states that its order can tell apart.

    P[s, t] is the probability of the token that turns context s into t; contexts are numbered with the oldest token
    first, so that with order 1 they are tokens and P is the table itself.

    Parameters
    ----------
    model : TableModel
    order : int >= the model's order, or None for that

    Returns
    -------
    (S, S) array with S = V^order, rows sum to 1

    Raises
    ------
    ValueError
        If order is smaller than the table's own.

    Examples
    --------
    >>> contexts(TableModel(np.array([[0.5, 0.5], [1.0, 0.0]])))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    V = model.vocab_size
    own = model.table.ndim - 1
    order = own if order is None else order
    if order < own:
        raise ValueError(f"order must be at least the table's own, {own}; got {order}.")
    chain = np.zeros((V**order, V**order), model.table.dtype)
    for state, context in enumerate(product(range(V), repeat=order)):
        first = state * V % V**order  # the oldest token is dropped, a new one appended
        chain[state, first : first + V] = model.table[context[order - own :]]
    return chain


def run_length_law(target_model: TableModel, draft_model: TableModel, K: int, *, prompt: Sequence[int]) -> Array:
    """Compute the exact law of the number of accepted drafts in a round.

    P(n >= k) = (M^k 1)[prompt] with M = min(P, Q): no acceptance is assumed to be independent of another.

    Parameters
    ----------
    target_model, draft_model : TableModel of one vocabulary
    K : int >= 0
    prompt : sequence of int, the tokens before the round, at least one

    Returns
    -------
    (K+1,) array, sums to 1

    Examples
    --------
    >>> p, q = (TableModel(np.array(rows)) for rows in ([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [1.0, 0.0]]))
    >>> run_length_law(p, q, 1, prompt=[0]), run_length_law(p, q, 1, prompt=[1])
    (array([0., 1.]), array([0.5, 0.5]))
    """
    _, M, order = _chains(target_model, draft_model)
    at_least = survival(M, K)[:, _state(prompt, target_model.vocab_size, order)]  # (K+1,)
    # P(n = k) = P(n >= k) - P(n >= k + 1), and n >= K + 1 never
    return at_least - np.append(at_least[1:], at_least[:1] * 0)


def survival(kept: Array, K: int) -> Array:
    """Compute how often k or more drafts are accepted, from every context.

    M^k 1 for k = 0 ... K.

    Parameters
    ----------
    kept : (S, S) array M: the probability of drafting and keeping the token that turns one context into another
    K : int >= 0

    Returns
    -------
    (K+1, S) array; row 0 is 1, and the sum of a column is the mean number of tokens of a round

    Examples
    --------
    >>> survival(np.array([[0.5, 0.25], [0.5, 0.0]]), 2)
    array([[1.   , 1.   ],
           [0.75 , 0.5  ],
           [0.5  , 0.375]])
    """
    rows = [np.ones_like(kept[0])]
    for _ in range(K):
        rows.append(kept @ rows[-1])
    return np.stack(rows)


def round_chain(target_model: TableModel, draft_model: TableModel, K: int) -> Array:
    """Compute after which context the next round starts, given where this one does.

    R = Σ_{k<K} M^k (P - M) + M^K P: k drafts are kept and a correction ends the round, or all are and a bonus does.

    Parameters
    ----------
    target_model, draft_model : TableModel of one vocabulary
    K : int >= 0

    Returns
    -------
    (S, S) array, rows sum to 1

    Examples
    --------
    >>> p, q = (TableModel(np.array(rows)) for rows in ([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [1.0, 0.0]]))
    >>> round_chain(p, q, 1)  # from 1 the draft is always 0, kept half of the time and then followed by a bonus
    array([[0.5 , 0.5 ],
           [0.25, 0.75]])
    """
    P, M, _ = _chains(target_model, draft_model)
    reached = np.eye(len(P), dtype=P.dtype)  # M^k: after which context the round stands, k drafts kept
    total = np.zeros_like(P)
    for _ in range(K):
        # P - M is what the residual adds: a correction ends the round
        total = total + reached @ (P - M)
        reached = reached @ M
    return total + reached @ P


def stationary(chain: Array) -> Array:
    """Find the law that a Markov chain settles to.

    π = π R, by the elimination of Grassmann, Taksar and Heyman, which subtracts nothing: exact on fractions.

    Parameters
    ----------
    chain : (S, S) array, rows sum to 1; every state must reach every other

    Returns
    -------
    (S,) array, sums to 1

    Raises
    ------
    ValueError
        If some states never reach the others.

    Examples
    --------
    >>> stationary(np.array([[0.5, 0.5], [0.25, 0.75]])).round(6)
    array([0.333333, 0.666667])
    """
    # take the states out one by one, from the last: a path through n becomes an arrow between the others
    A = chain.copy()
    for n in range(len(A) - 1, 0, -1):
        out = A[n, :n].sum()
        if out == 0:
            raise ValueError(f"every state must reach every other; state {n} reaches none of the states before it.")
        A[:n, n] = A[:n, n] / out
        A[:n, :n] += np.outer(A[:n, n], A[n, :n])
    # and put them back, each with the weight that flows into it
    weights = np.ones_like(A[0])
    for n in range(1, len(A)):
        weights[n] = weights[:n] @ A[:n, n]
    return weights / weights.sum()


def long_run(target_model: TableModel, draft_model: TableModel, K: int) -> LongRun:
    """Compute what a very long run of K drafts a round measures.

    Tokens per target pass, and accepted / tested, once the chain of rounds has settled. Where hard contexts lie
    together, equation 1 promises too much at this rate, and more so at the mean overlap along the text: rounds start
    in hard stretches more often than tokens lie there.

    Parameters: as for `theory.chains.round_chain`, with K >= 1.

    Returns
    -------
    LongRun

    Examples
    --------
    >>> p, q = (TableModel(np.array(rows)) for rows in ([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [1.0, 0.0]]))
    >>> found = long_run(p, q, 1)
    >>> round(float(found.tokens_per_pass), 6), round(float(found.acceptance_rate), 6)
    (1.666667, 0.666667)
    """
    _, M, _ = _chains(target_model, draft_model)
    at_least = survival(M, K) @ stationary(round_chain(target_model, draft_model, K))  # (K+1,)
    return LongRun(at_least.sum(), at_least[1:].sum() / at_least[:-1].sum())


def _chains(target_model: TableModel, draft_model: TableModel) -> tuple[Array, Array, int]:
    """Write both tables over the same contexts: P, min(P, Q) and the order."""
    if target_model.vocab_size != draft_model.vocab_size:
        sizes = target_model.vocab_size, draft_model.vocab_size
        raise ValueError(f"models must share one vocabulary; got vocab_size {sizes}. Do they share a tokenizer?")
    order = max(target_model.table.ndim, draft_model.table.ndim) - 1
    P = contexts(target_model, order)
    Q = contexts(draft_model, order)
    return P, np.minimum(P, Q), order


def _state(prompt: Sequence[int], V: int, order: int) -> int:
    """Number the context after a prompt; before a short one stand zeros, as `TableModel` has it."""
    state = 0
    for token in prompt[-order:]:
        state = state * V + token
    return state
