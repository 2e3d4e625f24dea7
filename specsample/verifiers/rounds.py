"""How does a rule become whole texts? One loop over rounds, which every verifier shares.

`run` knows nothing about drafts: a round function plays one round, and `run` sees to the number of tokens, the stop
tokens and the record. `chain` is the round of `speculative.step` with its rule as an argument: where `verify` has
the arguments of `speculative.verify`, `generate = partial(chain, verify=verify)` makes a sampler of it. Before this
file: `speculative`; after it: the rules, and `token_tree` for those that draft several continuations.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from specsample.distributions import Uniforms, uniforms
from specsample.language_model import Context, LanguageModel, Transformed
from specsample.request import check_K, check_request
from specsample.speculative import Verdict, draft
from specsample.strategies import Transform
from specsample.trace import Round, Trace, record

Play = Callable[..., Round]  # (tokens, target, drafter, *, room, rng) -> Round of 1 ... room emitted tokens


def run(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    play: Play,
    max_new_tokens: int,
    rng: Uniforms,
    transform: Transform | None = None,
    draft_transform: Transform | None = None,
    stop: Collection[int] = (),
) -> tuple[list[int], Trace]:
    """Play rounds until the text is long enough or a stop token ends it.

    Parameters
    ----------
    prompt_tokens : sequence of int, at least one
    target_model, draft_model : LanguageModel
    play : function of (tokens, target, drafter, *, room, rng) that plays one round and gives a Round
        It leaves both contexts with nothing read but `tokens` and what the round accepted, and emits at most `room`.
    max_new_tokens : int >= 0, tokens
    rng : numpy.random.Generator, or anything whose `random(n)` gives n uniform numbers
    transform : decoding strategy of the target or None
    draft_transform : the draft's; None for the same
    stop : token ids that end the text; the stop token is part of it

    Returns
    -------
    (list of int, the new tokens; Trace)

    Raises
    ------
    ValueError
        If the request cannot be served (`request.check_request`) or a model's rows are no distributions.
    """
    check_request(prompt_tokens, (target_model, draft_model), max_new_tokens, stop=stop)
    target = Transformed(target_model, transform, "target_probs").start()
    drafter = Transformed(draft_model, draft_transform or transform, "draft_probs").start()
    tokens, trace, room, is_stopped = list(prompt_tokens), Trace(tuple(prompt_tokens)), max_new_tokens, False
    while room > 0 and not is_stopped:
        round = play(tokens, target, drafter, room=room, rng=rng).until(stop)
        trace.rounds.append(round)
        tokens, room, is_stopped = [*tokens, *round.emitted], room - len(round.emitted), round.emitted[-1] in stop
    return trace.tokens, trace


def chain(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    verify: Callable[..., Verdict],
    K: int = 5,
    **request: Any,
) -> tuple[list[int], Trace]:
    """Generate text with K drafts in a row and any rule that has the arguments of `speculative.verify`.

    Parameters
    ----------
    prompt_tokens : sequence of int, at least one
    target_model, draft_model : LanguageModel
    verify : function of (draft_tokens, draft_probs, target_probs, *, u_accept, u_emit) that gives a Verdict
    K : int >= 0, drafts a round, shortened where fewer tokens are left
    **request : the other arguments of `run`

    Returns
    -------
    (list of int, the new tokens; Trace)
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
