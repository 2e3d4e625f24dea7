"""Speculative sampling, as in the paper.

Leviathan et al., arXiv 2211.17192, Algorithm 1; Chen et al., arXiv 2302.01318, Algorithm 2, with p and q swapped.
p is the target, q the draft. A small model drafts K tokens, the large one reads them all in one pass, and a rejection
rule keeps a run of them such that the text is distributed exactly as if the large model had sampled every token.
A round owns 2K+1 uniform numbers, K to draft, K to test, 1 to emit, and only compares them. Nothing else is random.
A source may decline: where it has no row of q it makes no draft, and the round goes on with the n < K that it made.
It declines before the token is drawn, so the law stays; the tape stays too, for declined drafts leave theirs unused.
"line n" is the n-th line of Algorithm 1 after its inputs, comments counted; its γ is our K, its n our n_accepted.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from specsample.acceptance import accept_probability, check_drafts, residual
from specsample.distributions import Array, Pick, Transform, Uniforms, pick, uniforms
from specsample.language_model import Context, LanguageModel, Transformed
from specsample.request import check_request
from specsample.trace import Round, Trace, record

Draft = NamedTuple("Draft", [("tokens", list[int]), ("probs", Array)])  # (K,), (K, V)
Verdict = NamedTuple("Verdict", [("n_accepted", int), ("token", int)])  # n of K, then the correction or bonus


def draft(drafter: Context, tokens: Sequence[int], K: int, u: Sequence[Any], *, pick: Pick = pick) -> Draft:
    """Sample K tokens from the draft model, one pass each, fewer if it declines (Algorithm 1, lines 1 to 5).

    Parameters
    ----------
    drafter : Context of the draft model; it first reads what it lacks of `tokens`
    tokens : sequence of int, everything so far
    K : int >= 0, drafts
    u : K uniform numbers
    pick : how a token comes from a row and its number

    Returns
    -------
    Draft, the n <= K tokens and the (n, V) rows of q that they were picked from
    """
    x: list[int] = []
    rows: list[Array] = []
    for k in range(K):
        # line 3: q_i(x) <- M_q(prefix + [x_1, ..., x_{i-1}]), of which the context reads what it has not yet
        q = drafter.extend([*tokens, *x][drafter.length :])[-1:]  # (1, V)
        # no row: the source declines, before a token is drawn
        if not len(q):
            break
        # line 4: x_i ~ q_i(x)
        rows.append(q[0])
        x.append(pick(q[0], u[k]))
    return Draft(x, np.stack(rows) if rows else np.empty((0, 0)))


def verify(
    draft_tokens: Sequence[int], draft_probs: Array, target_probs: Array, *, u_accept: Sequence[Any], u_emit: Any
) -> Verdict:
    """Keep a leading run of the drafts and pick the token after it (Algorithm 1, lines 8 to 17).

    Parameters
    ----------
    draft_tokens : (K,) sequence of int
    draft_probs : (K, V) array, row i is what draft i was picked from
    target_probs : (K+1, V) array, row i is p where draft i stands
    u_accept, u_emit : K uniform numbers, and one; TypeError or ValueError if any of these five do not fit

    Returns
    -------
    Verdict, n_accepted in 0 ... K, and the token after those drafts: the correction, or after all K the bonus

    Examples
    --------
    >>> p, q = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.0, 1.0]])
    >>> verify([1], q, p, u_accept=[0.6], u_emit=0.9)
    Verdict(n_accepted=0, token=0)
    """
    check_drafts(draft_tokens, draft_probs, target_probs, u_accept)
    p, q = target_probs, draft_probs
    K = len(draft_tokens)
    x = np.array(draft_tokens, int)
    # line 9: r_i ~ U(0, 1) were drawn before the round; draft i is kept while r_i < min(1, p_i(x) / q_i(x))
    a = accept_probability(p[np.arange(K), x], q[np.arange(K), x]).tolist()  # (K,)
    # line 10: n <- min({i - 1 : r_i > p_i(x) / q_i(x)} ∪ {γ})
    n = 0
    while n < K and u_accept[n] < a[n]:
        n += 1
    # line 12: p'(x) <- p_{n+1}(x)
    p_n = p[n]
    # lines 13 to 15: adjust it where draft n was rejected, p'(x) <- norm(max(0, p_{n+1}(x) - q_{n+1}(x)))
    if n < K:
        p_n = residual(p[n], q[n])
    # line 17: t ~ p'(x)
    return Verdict(n, pick(p_n, u_emit))


def step(
    tokens: list[int],
    target: Context,
    drafter: Context,
    *,
    K: int,
    u: Sequence[Any],
    rule: Callable[..., Verdict] = verify,
    keep_rows: bool = False,
) -> tuple[list[int], Round]:
    """Run one round: draft, one target pass, verify, roll back (Algorithm 1, SpeculativeDecodingStep).

    Parameters
    ----------
    tokens : list of int, everything so far
    target, drafter : Context of each model; rolled back to the accepted drafts (the last of K was never read by q)
    K : int >= 0, drafts
    u : 2K+1 uniform numbers: K to draft, K to test, 1 to emit
    rule : which drafts are kept and what follows them, a function with the arguments of `verify`
    keep_rows : bool, record all rows of p and q as well

    Returns
    -------
    (list of int, `tokens` and the 1 ... K+1 emitted ones; Round)
    """
    before = (target.length, drafter.length)
    # lines 1 to 5: the draft model proposes K tokens, or fewer, x_i ~ q_i
    x, q = draft(drafter, tokens, K, u[:K])
    # line 7: the target reads all of them in one pass
    p = target.extend([*tokens[target.length :], *x])[-(len(x) + 1) :]  # (K+1, V)
    # lines 8 to 17: keep a run of n drafts, emit one token t after it; where nothing was drafted, t ~ p
    n, t = rule(x, q, p, u_accept=u[K : K + len(x)], u_emit=u[2 * K])
    # both models forget the drafts that were not kept; neither has read t
    target.rollback(len(tokens) + n)
    drafter.rollback(min(drafter.length, len(tokens) + n))
    lengths = ((before[0], target.length), (before[1], drafter.length))
    # line 18: return prefix + [x_1, ..., x_n, t]
    played = record(x, q, p, u=u, n_accepted=n, token=t, lengths=lengths, keep_rows=keep_rows)
    return [*tokens, *played.emitted], played


def generate(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    max_new_tokens: int,
    rng: Uniforms,
    transform: Transform | None = None,
    draft_transform: Transform | None = None,
    stop: Collection[int] = (),
    keep_rows: bool = False,
) -> tuple[list[int], Trace]:
    """Generate text from the target model, several tokens a target pass (Algorithm 1, in a loop).

    Parameters
    ----------
    prompt_tokens : sequence of int, at least one; what cannot be served raises TypeError or ValueError (`request`)
    target_model, draft_model : LanguageModel; the text follows the first, the second only sets the speed
    K : int >= 0, drafts a round, fewer where few tokens are left or the source declines; 0 is autoregressive sampling
    max_new_tokens : int >= 0, tokens
    rng : numpy.random.Generator, or anything whose `random(n)` gives n uniform numbers
    transform, draft_transform : decoding strategies (see `strategies`) or None; the draft's defaults to the target's
    stop : token ids that end the text; the stop token is part of it
    keep_rows : bool, record all rows of p and q as well

    Returns
    -------
    (list of int, the new tokens; Trace)

    Examples
    --------
    >>> from specsample.language_model import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> generate([0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    check_request(prompt_tokens, (target_model, draft_model), max_new_tokens, K=K, stop=stop)
    target = Transformed(target_model, transform, "target_probs").start()
    drafter = Transformed(draft_model, draft_transform or transform, "draft_probs", may_decline=True).start()
    tokens = list(prompt_tokens)
    trace = Trace(tuple(prompt_tokens))
    room = max_new_tokens
    while room > 0:
        # a round emits up to k+1 tokens, so the last one may have to draft fewer
        k = min(K, room - 1)
        tokens, played = step(tokens, target, drafter, K=k, u=uniforms(rng, 2 * k + 1), keep_rows=keep_rows)
        # a stop token inside the accepted run ends the text there
        played = played.until(stop)
        trace.rounds.append(played)
        room = 0 if played.emitted[-1] in stop else room - len(played.emitted)
    return trace.tokens, trace
