"""How does a rule become whole texts? One loop over rounds, which every verifier shares.

`run` is the loop of `play`: it knows nothing about drafts, a function plays one round. `chain` is the round of
`speculative.step` with its rule as an argument: where `verify` has the arguments of `speculative.verify`, `generate =
partial(chain, verify=verify)` makes a sampler of it. Before this file: `speculative`; after it: the rules, and
`token_tree` for those that draft several continuations.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Unpack

from specsample.distributions import Uniforms, uniforms
from specsample.language_model import Context, LanguageModel
from specsample.play import Play, play_rounds
from specsample.request import Request, check_K
from specsample.speculative import Verdict, draft
from specsample.trace import Round, Trace, record


def run(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    play: Play,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Play rounds until the text is long enough or a stop token ends it, and keep them all.

    Parameters
    ----------
    prompt_tokens : sequence of int, at least one
    target_model, draft_model : LanguageModel
    play : function of (tokens, target, drafter, room=, rng=) that plays one round, see `play.play_rounds`
    **request : max_new_tokens, rng, transform, draft_transform, stop, as for `speculative.generate`

    Returns
    -------
    (list of int, the new tokens; Trace)

    Raises
    ------
    TypeError, ValueError
        If the request cannot be served (`request.check_request`) or a model's rows are no distributions.

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel, verify
    >>> other, play = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]])), partial(chain_round, verify=verify, K=2)
    >>> run([0], other, other, play=play, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    trace = Trace(tuple(prompt_tokens))
    trace.rounds += play_rounds(prompt_tokens, target_model, draft_model, play=play, **request)
    return trace.tokens, trace


def chain(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    verify: Callable[..., Verdict],
    K: int = 5,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Generate text with K drafts in a row and any rule that has the arguments of `speculative.verify`.

    Parameters
    ----------
    prompt_tokens : sequence of int, at least one
    target_model, draft_model : LanguageModel
    verify : function of (draft_tokens, draft_probs, target_probs, *, u_accept, u_emit) that gives a Verdict
    K : int >= 0, drafts a round, shortened where fewer tokens are left
    **request : max_new_tokens, rng, transform, draft_transform, stop, as for `speculative.generate`

    Returns
    -------
    (list of int, the new tokens; Trace)

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel, verify
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> chain([0], other, other, verify=verify, K=2, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    check_K(K)
    return run(prompt_tokens, target_model, draft_model, play=partial(chain_round, verify=verify, K=K), **request)


def chain_round(
    tokens: list[int],
    target: Context,
    drafter: Context,
    *,
    room: int,
    rng: Uniforms,
    verify: Callable[..., Verdict],
    K: int,
) -> Round:
    """Play the round of `speculative.step` with another rule; on the same tape it drafts the same tokens.

    Parameters
    ----------
    tokens : list of int, everything so far
    target, drafter : Context of each model; rolled back to the accepted drafts
    room : int >= 1, tokens that may still be emitted
    rng : anything whose `random(n)` gives n uniform numbers
    verify : the rule
    K : int >= 0, drafts

    Returns
    -------
    Round
    """
    K = min(K, room - 1)
    u, before = uniforms(rng, 2 * K + 1), (target.length, drafter.length)
    x, q = draft(drafter, tokens, K, u[:K])
    p = target.extend([*tokens[target.length :], *x])[-(K + 1) :]  # (K+1, V)
    n, t = verify(x, q, p, u_accept=u[K : 2 * K], u_emit=u[2 * K])
    target.rollback(len(tokens) + n)
    drafter.rollback(min(drafter.length, len(tokens) + n))
    lengths = (before[0], target.length), (before[1], drafter.length)
    return record(x, q, p, u=u, n_accepted=n, token=t, lengths=lengths, keep_rows=False)


def matching_run(draft_tokens: Sequence[int], own_token: Callable[[int], int]) -> Verdict:
    """Keep the leading run of drafts that are the target's own tokens, and emit its own token behind them.

    What `greedy`, `sampler_match` and `coupled` share: they differ in how the target comes to a token of its own.

    Parameters
    ----------
    draft_tokens : (K,) sequence of int
    own_token : function from a row in 0 ... K to the target's own token there; asked in order, to the first mismatch

    Returns
    -------
    Verdict

    Examples
    --------
    >>> matching_run([7, 8, 9], [7, 8, 5, 6].__getitem__)
    Verdict(n_accepted=2, token=5)
    """
    for n, x in enumerate(draft_tokens):
        if (own := own_token(n)) != x:
            return Verdict(n, own)
    return Verdict(len(draft_tokens), own_token(len(draft_tokens)))
