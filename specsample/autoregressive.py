"""The baseline to beat: one target pass, one token.

Its law is the definition of "the target's distribution" everywhere else.
"""

from collections.abc import Collection, Sequence

from specsample.distributions import Transform, Uniforms, pick, uniforms
from specsample.language_model import LanguageModel, Transformed
from specsample.request import check_request


def autoregressive(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    *,
    max_new_tokens: int,
    rng: Uniforms,
    transform: Transform | None = None,
    stop: Collection[int] = (),
) -> list[int]:
    """Sample tokens one at a time from the target model (Chen et al., Algorithm 1).

    x_{n+1} ~ p(. | x_1, ..., x_n), one pass and one uniform number a token.

    Parameters
    ----------
    prompt_tokens : sequence of int, token ids, at least one
    target_model : LanguageModel
    max_new_tokens : int >= 0, tokens
    rng : numpy.random.Generator, or anything whose `random(n)` gives n uniform numbers
    transform : decoding strategy, a map from distributions to distributions, or None
    stop : token ids that end the text (the stop token is part of it)

    Returns
    -------
    list of int, the new tokens

    Raises
    ------
    ValueError
        If the request cannot be served (see `request.check_request`) or a model's rows are no distributions.

    Examples
    --------
    >>> import numpy as np
    >>> from specsample.language_model import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> autoregressive([0], other, max_new_tokens=4, rng=np.random.default_rng(0))
    [1, 0, 1, 0]
    """
    check_request(prompt_tokens, [target_model], max_new_tokens, stop=stop)
    context = Transformed(target_model, transform, "target_probs").start()
    unread = list(prompt_tokens)
    emitted: list[int] = []
    while len(emitted) < max_new_tokens and not (emitted and emitted[-1] in stop):
        # one pass reads the prompt, then the newest token alone: the context remembers the rest
        p = context.extend(unread)[-1]  # (V,)
        # x ~ p(. | everything so far)
        x = pick(p, uniforms(rng, 1)[0])
        emitted.append(x)
        unread = [x]
    return emitted
