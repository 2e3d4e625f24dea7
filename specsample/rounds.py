"""The loop over rounds, whatever a round is.

`speculative.generate` is the same loop, written out for the round of the paper. Here the round is an argument:
another rule of the same shape (`generate_by`), or any function that plays a round (`play_rounds`, `play_all`), as
streams, adaptive K, trees of drafts and shared noise need one.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Unpack

from specsample.distributions import Transform, Uniforms, uniforms
from specsample.language_model import Context, LanguageModel, Transformed
from specsample.request import Request, check_K, check_request
from specsample.speculative import Verdict, step, verify
from specsample.trace import Round, Trace

Rule = Callable[..., Verdict]  # (draft_tokens, draft_probs, target_probs, *, u_accept, u_emit) -> Verdict
Play = Callable[..., Round]  # (tokens, target, drafter, *, room, rng) -> Round of 1 ... room emitted tokens


def play_step(
    tokens: list[int],
    target: Context,
    drafter: Context,
    *,
    room: int,
    rng: Uniforms,
    K: int,
    rule: Rule = verify,
) -> Round:
    """Play the round of the paper, with fewer drafts where fewer tokens are left.

    Parameters: as for `speculative.step`.

    Parameters
    ----------
    room : int >= 1, tokens that may still be emitted
    rng : numpy.random.Generator, or anything whose `random(n)` gives n uniform numbers

    Returns
    -------
    Round

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel
    >>> other, rng = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]])), np.random.default_rng(0)
    >>> play_step([0], other.start(), other.start(), room=2, rng=rng, K=5).emitted
    (1, 0)
    """
    # a round of k drafts emits up to k+1 tokens
    k = min(K, room - 1)
    _, played = step(tokens, target, drafter, K=k, u=uniforms(rng, 2 * k + 1), rule=rule)
    return played


def play_rounds(
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
) -> Iterator[Round]:
    """Play one round each time that one is asked for, until the text is long enough or a stop token ends it.

    Parameters: as for `speculative.generate`.

    Parameters
    ----------
    play : function of (tokens, target, drafter, *, room, rng) that plays one round and gives a Round
        It leaves both contexts with nothing read but `tokens` and what the round accepted, and emits at most `room`.

    Returns
    -------
    iterator of Round, the last one cut at a stop token

    Raises
    ------
    TypeError, ValueError
        If the request cannot be served (`request.check_request`), at the call and not at the first round.

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> request = {"play": partial(play_step, K=1), "max_new_tokens": 3, "rng": np.random.default_rng(0)}
    >>> [played.emitted for played in play_rounds([0], other, other, **request)]
    [(1, 0), (1,)]
    """
    # refused here: a generator's own body would not run before the first round is asked for
    check_request(prompt_tokens, (target_model, draft_model), max_new_tokens, stop=stop)
    # the strategy is part of the model: every rule below sees what is really sampled from
    target = Transformed(target_model, transform, "target_probs")
    drafter = Transformed(draft_model, draft_transform or transform, "draft_probs", may_decline=True)
    return _rounds(list(prompt_tokens), (target, drafter), play=play, room=max_new_tokens, rng=rng, stop=stop)


def _rounds(
    tokens: list[int],
    models: tuple[Transformed, Transformed],
    *,
    play: Play,
    room: int,
    rng: Uniforms,
    stop: Collection[int],
) -> Iterator[Round]:
    """Loop over rounds; apart from `play_rounds`, which checks its arguments before anything is asked for."""
    target, drafter = (model.start() for model in models)
    while room > 0:
        # whatever the round is, it leaves both contexts with what it accepted, and emits 1 ... room tokens
        played = play(tokens, target, drafter, room=room, rng=rng)
        # a stop token inside the accepted run ends the text there
        played = played.until(stop)
        tokens = [*tokens, *played.emitted]
        room -= len(played.emitted)
        yield played
        if played.emitted[-1] in stop:
            return


def play_all(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    play: Play,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Play rounds to the end of the text, and keep them all.

    Parameters and Raises: as for `rounds.play_rounds`.

    Parameters
    ----------
    **request : max_new_tokens, rng, transform, draft_transform, stop

    Returns
    -------
    (list of int, the new tokens; Trace)

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel
    >>> other, play = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]])), partial(play_step, K=2)
    >>> play_all([0], other, other, play=play, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    trace = Trace(tuple(prompt_tokens))
    # each round is written down before the next is played
    trace.rounds += play_rounds(prompt_tokens, target_model, draft_model, play=play, **request)
    return trace.tokens, trace


def generate_by(
    rule: Rule,
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Generate text with K drafts in a row and any rule that has the arguments of `speculative.verify`.

    On the same tape it drafts the same tokens as `speculative.generate`, and with `verify` it is the same function.

    Parameters and Returns: as for `speculative.generate`.

    Parameters
    ----------
    rule : function of (draft_tokens, draft_probs, target_probs, *, u_accept, u_emit) that gives a Verdict
    **request : max_new_tokens, rng, transform, draft_transform, stop

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel, verify
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> generate_by(verify, [0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    check_K(K)
    # the round of the paper with another rule in the place of `verify`
    return play_all(prompt_tokens, target_model, draft_model, play=partial(play_step, K=K, rule=rule), **request)
