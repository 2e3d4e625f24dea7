"""Typical acceptance: drafts that the target could have said pass.

Must a draft have the target's law, or is that enough? Typical acceptance (Cai et al., Medusa, arXiv 2401.10774,
section 2.3.1): a draft passes when the target finds it likely enough, with no regard to how it was drafted::

    p(x) > min(ε, δ exp(-H(p))),    H(p) = -Σ p log p in nats.

ε is the threshold where the target is sure; where it is not (large entropy), less is asked. The paper sets δ = √ε.
The test is not random, q is not needed, and the text is not the target's: this rule is lossy and has no bound. The
token after the run is drawn from the target's own row, so that a round always emits one. (Medusa takes the argmax
there: that is `transform=greedy`.)
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Unpack

import numpy as np

from specsample.acceptance import check_drafts
from specsample.distributions import Array, pick
from specsample.language_model import LanguageModel
from specsample.request import Request
from specsample.rounds import generate_by
from specsample.speculative import Verdict
from specsample.trace import Trace


def threshold(target_probs: Array, *, epsilon: Any = 0.09, delta: Any = 0.3) -> Array:
    """Compute how likely a token must be to pass, min(ε, δ exp(-H(p))) (Cai et al., section 2.3.1).

    Parameters
    ----------
    target_probs : (..., V) array, rows sum to 1
    epsilon : number in (0, 1], ε
    delta : number > 0, δ

    Returns
    -------
    (...) float array

    Examples
    --------
    >>> threshold(np.array([[1.0, 0.0], [0.5, 0.5]]), epsilon=0.25, delta=0.4)
    array([0.25, 0.2 ])
    """
    # a logarithm is no fraction, so that the threshold is a float in every case
    p = target_probs.astype(float)
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1)  # 0 log 0 = 0
    return np.minimum(float(epsilon), float(delta) * np.exp(-entropy))


def verify(
    draft_tokens: Sequence[int],
    draft_probs: Array,
    target_probs: Array,
    *,
    u_accept: Sequence[Any],
    u_emit: Any,
    epsilon: Any = 0.09,
    delta: Any = 0.3,
) -> Verdict:
    """Keep the leading run of drafts that the target finds likely enough, and pick the token after it from p.

    How a draft was made is not looked at, and no uniform number tests it.

    Parameters and Returns: as for `speculative.verify`.

    Parameters
    ----------
    epsilon : number in (0, 1], ε
    delta : number > 0, δ

    Examples
    --------
    >>> p, q = np.array([[0.75, 0.25], [0.96, 0.04], [0.5, 0.5]]), np.full((2, 2), 0.5)
    >>> verify([1, 1], q, p, u_accept=[0.0, 0.0], u_emit=0.0)
    Verdict(n_accepted=1, token=0)
    """
    check_drafts(draft_tokens, draft_probs, target_probs, u_accept)
    p = target_probs
    K = len(draft_tokens)
    x = np.array(draft_tokens, int)
    # p(x_i) > min(ε, δ exp(-H(p_i))) at every draft; the run ends before the first that fails
    is_likely = p[np.arange(K), x] > threshold(p[:K], epsilon=epsilon, delta=delta)
    n = [*is_likely.tolist(), False].index(False)
    # nothing was rejected by chance, so that no residual corrects it: the next token is p's own
    return Verdict(n, pick(p[n], u_emit))


def generate(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    epsilon: Any = 0.09,
    delta: Any = 0.3,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Generate text with typical acceptance: faster than the token rule, and not the target's.

    Parameters and Returns: as for `speculative.generate`.

    Parameters
    ----------
    epsilon : number in (0, 1], ε
    delta : number > 0, δ
    **request : max_new_tokens, rng, transform, draft_transform, stop

    Examples
    --------
    >>> from specsample import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> generate([0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    rule = partial(verify, epsilon=epsilon, delta=delta)
    return generate_by(rule, prompt_tokens, target_model, draft_model, K=K, **request)
