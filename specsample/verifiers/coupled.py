"""Shared noise: the same text whatever drafts.

Can the text be the one that autoregressive sampling would have made? Drafter-invariant speculative sampling (Daliri,
Musco and Suresh, arXiv 2408.07978). Every position of the text owns its noise. The draft picks its token with it, and
so does the target, from its own p and the same noise; drafts are accepted while the two agree, and what is emitted is
always the target's own token. So the text is a function of the target and the noise alone: lossless for a trivial
reason, and the same for every draft, K = 0 included. The price is that two picks agree at most as often as the token
rule accepts, 1 - TV. Two ways to turn noise into a token::

    COMMON_UNIFORM   one uniform number, inverse CDF for both. Its text is that of `autoregressive`, token for token.
                     How often two picks agree hangs on the order of the tokens.
    GUMBEL           V exponential clocks E, one for each token: argmin E_v / p_v, which is argmax of log p_v plus
                     Gumbel noise. They agree at least (1 - TV) / (1 + TV) of the time.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np

from specsample.distributions import Array, Uniforms, pick, uniforms
from specsample.language_model import Context, LanguageModel
from specsample.request import Request, check_K
from specsample.rounds import play_all
from specsample.speculative import Verdict, draft
from specsample.trace import Round, Trace, record
from specsample.verifiers.matching import matching_run


class Coupling(NamedTuple):
    """A way for two models to turn the same noise into tokens that tend to agree."""

    size: Callable[[int], int]  # V -> uniform numbers a position
    token: Callable[[Array, Sequence[Any]], int]  # probs (V,), noise -> the token
    agreement: Callable[[Array, Array], Array]  # p, q -> (V,), the probability that both pick v


def inverse_cdf(probs: Array, noise: Sequence[Any]) -> int:
    """Pick with the one uniform number of a position.

    Parameters and Returns: as for `verifiers.coupled.race`.

    Parameters
    ----------
    noise : 1 uniform number
    """
    return pick(probs, noise[0])


def inverse_cdf_agreement(target_probs: Array, draft_probs: Array) -> Array:
    """Compute how often one uniform number picks v from both: what the v-th steps of both cumulative sums share.

    Parameters
    ----------
    target_probs, draft_probs : (V,) arrays

    Returns
    -------
    (V,) array, its sum at most 1 - TV

    Examples
    --------
    >>> inverse_cdf_agreement(np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5]))
    array([0., 0., 0.])
    """
    p, q = target_probs, draft_probs
    # step v of a cumulative sum reaches from the sum before v to the sum with v
    upper = np.minimum(np.cumsum(p), np.cumsum(q))
    lower = np.maximum(np.cumsum(p) - p, np.cumsum(q) - q)
    return np.maximum(upper - lower, np.zeros_like(upper))


def race(probs: Array, noise: Sequence[Any]) -> int:
    """Pick the token whose exponential clock, sped up by its probability, rings first.

    argmin_v E_v / p_v with E_v = -log(1 - u_v): P(v) = p_v.

    Parameters
    ----------
    probs : (V,) array, sums to 1
    noise : V uniform numbers

    Returns
    -------
    int, token id
    """
    # a token of probability zero never rings
    running = np.flatnonzero(probs > 0)
    times = -np.log1p(-np.asarray(noise, np.float64)[running]) / probs[running].astype(np.float64)
    return int(running[np.argmin(times)])


def race_agreement(target_probs: Array, draft_probs: Array) -> Array:
    """Compute how often token v wins both races.

    Clock v wins both if E_w > E_v max(p_w/p_v, q_w/q_v) for every w: probability 1 / Σ_w max(p_w/p_v, q_w/q_v).

    Parameters
    ----------
    target_probs, draft_probs : (V,) arrays

    Returns
    -------
    (V,) array, its sum between (1 - TV) / (1 + TV) and 1 - TV

    Examples
    --------
    >>> race_agreement(np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5]))
    array([0.        , 0.33333333, 0.        ])
    """
    p, q = target_probs, draft_probs
    agree = np.zeros_like(p)
    # a token that one of them cannot pick wins at most one race
    for v in np.flatnonzero((p > 0) & (q > 0)):
        agree[v] = 1 / np.maximum(p / p[v], q / q[v]).sum()
    return agree


COMMON_UNIFORM = Coupling(lambda V: 1, inverse_cdf, inverse_cdf_agreement)
GUMBEL = Coupling(lambda V: V, race, race_agreement)


def verify(
    draft_tokens: Sequence[int], target_probs: Array, noise: Sequence[Sequence[Any]], coupling: Coupling
) -> Verdict:
    """Keep the drafts that are the target's own tokens, and emit its own token after them.

    Parameters
    ----------
    draft_tokens : (K,) sequence of int
    target_probs : (K+1, V) array
    noise : K+1 sequences of uniform numbers, those with which the drafts were picked and one more
    coupling : Coupling

    Returns
    -------
    Verdict

    Examples
    --------
    >>> verify([1], np.array([[0.5, 0.5], [0.5, 0.5]]), [[0.6], [0.2]], COMMON_UNIFORM)
    Verdict(n_accepted=1, token=0)
    """
    return matching_run(draft_tokens, lambda n: coupling.token(target_probs[n], noise[n]))


def generate(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    coupling: Coupling = GUMBEL,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Generate the text that the target makes of the noise, several tokens a target pass.

    The tokens are the same for every draft_model, draft_transform and K; the trace's u holds the noise.

    Parameters and Returns: as for `speculative.generate`.

    Parameters
    ----------
    coupling : Coupling, COMMON_UNIFORM or GUMBEL
    **request : max_new_tokens, rng, transform, draft_transform, stop
        rng is asked for one position's noise after the other.

    Examples
    --------
    >>> from specsample import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> generate([0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    check_K(K)
    size = coupling.size(target_model.vocab_size)
    # one dict for all rounds: a position that is drafted again has its noise already
    play = partial(play_round, K=K, coupling=coupling, size=size, noise={})
    return play_all(prompt_tokens, target_model, draft_model, play=play, **request)


def play_round(
    tokens: list[int],
    target: Context,
    drafter: Context,
    *,
    room: int,
    rng: Uniforms,
    K: int,
    coupling: Coupling,
    size: int,
    noise: dict[int, Any],
) -> Round:
    """Play one round; a position that was drafted before keeps its noise.

    Parameters and Returns: as for `rounds.play_step`.

    Parameters
    ----------
    coupling : Coupling
    size : int, uniform numbers a position
    noise : dict from position to its uniform numbers; grows in the order of the text
    """
    K = min(K, room - 1)
    before = (target.length, drafter.length)
    # each position's noise is drawn once, in the order of the text: a rejected draft does not use it up
    here = range(len(tokens), len(tokens) + K + 1)
    noise |= {position: uniforms(rng, size) for position in here if position not in noise}
    here_noise = [noise[position] for position in here]
    # both models pick with it: the draft from q, the target, where it gets to, from p
    x, q = draft(drafter, tokens, K, here_noise[:K], pick=coupling.token)
    p = target.extend([*tokens[target.length :], *x])[-(len(x) + 1) :]  # (K+1, V)
    n, t = verify(x, p, here_noise, coupling)
    # both models forget the drafts that were not kept, as in `speculative.step`
    target.rollback(len(tokens) + n)
    drafter.rollback(min(drafter.length, len(tokens) + n))
    lengths = ((before[0], target.length), (before[1], drafter.length))
    # noise that drafts and noise that tests are the same; the token after the run has that of its position
    u = [tuple(each) if size > 1 else each[0] for each in (*here_noise[:K], *here_noise[:K], here_noise[n])]
    return record(x, q, p, u=u, n_accepted=n, token=t, lengths=lengths, keep_rows=False)
