"""How is a text made of rounds, whatever a round is? The loop that streams, verifiers and adaptive K share.

`speculative.generate` is the same loop, written out for the round of the paper. Before this file: `speculative`;
after it: `streaming`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

from specsample.distributions import Uniforms, uniforms
from specsample.language_model import Context, LanguageModel, Transformed
from specsample.request import check_request
from specsample.speculative import step
from specsample.strategies import Transform
from specsample.trace import Round

Play = Callable[..., Round]  # (tokens, target, drafter, *, room, rng) -> Round of 1 ... room emitted tokens


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

    With a function that plays `speculative.step` the rounds are those of `speculative.generate`.

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
    iterator of Round, the last one cut at a stop token

    Raises
    ------
    TypeError, ValueError
        If the request cannot be served (`request.check_request`), at the call and not at the first round.

    Examples
    --------
    >>> import numpy as np
    >>> from functools import partial
    >>> from specsample import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> request = {"play": partial(play_step, K=1), "max_new_tokens": 3, "rng": np.random.default_rng(0)}
    >>> [round.emitted for round in play_rounds([0], other, other, **request)]
    [(1, 0), (1,)]
    """
    check_request(prompt_tokens, (target_model, draft_model), max_new_tokens, stop=stop)
    target = Transformed(target_model, transform, "target_probs")
    drafter = Transformed(draft_model, draft_transform or transform, "draft_probs")
    return _rounds(list(prompt_tokens), (target, drafter), play=play, room=max_new_tokens, rng=rng, stop=stop)


def play_step(tokens: list[int], target: Context, drafter: Context, *, room: int, rng: Uniforms, K: int) -> Round:
    """Play the round of the paper (`speculative.step`), with fewer drafts where fewer tokens are left.

    Parameters
    ----------
    tokens : list of int, everything so far
    target, drafter : Context of each model
    room : int >= 1, tokens that may still be emitted
    rng : numpy.random.Generator, or anything whose `random(n)` gives n uniform numbers
    K : int >= 0, drafts

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
    k = min(K, room - 1)
    return step(tokens, target, drafter, K=k, u=uniforms(rng, 2 * k + 1))[1]


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
        round = play(tokens, target, drafter, room=room, rng=rng).until(stop)
        tokens, room = [*tokens, *round.emitted], room - len(round.emitted)
        yield round
        if round.emitted[-1] in stop:
            return
