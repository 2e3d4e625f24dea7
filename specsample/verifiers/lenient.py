"""Lenience: drafts that pass though they are not quite right.

What does it buy, and what does it cost? Lenience (Leviathan et al., appendix A.5): q is multiplied by l <= 1 before
it is compared with p, so that a draft passes with probability min(1, p(x) / (l q(x))). The share of drafts that pass
grows from Σ min(p, q) to Σ min(p/l, q), and the text is no longer the target's: this rule is lossy. What is left of
the promise is a bound: no token is emitted with more than 1/l times its probability. What replaces a rejected draft
can be read in two ways; both readings keep the bound::

    "token":   norm(max(0, p - q)), the residual of Algorithm 1. A token that the draft likes too much is emitted
               by the draft alone, with min(q, p/l) <= p/l, any other with at most p.
    "lenient": norm(max(0, p - l q)), where q was multiplied everywhere. With R = Σ max(0, l q - p), the probability
               of a rejection is R/l and the residual's mass 1 - l + R, so the token x gets at most
               q + (p - l q) (R/l) / (1 - l + R) <= q + (p - l q) <= p/l where p > l q (for R <= l), p/l elsewhere.

The first stays closer to the target: it moves Σ max(0, min(q, p/l) - p), and no other correction moves less, for
accepted drafts alone exceed p by that much. With l = 1 both are the token rule.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, Unpack

import numpy as np

from specsample.acceptance import accept_probability, check_drafts, residual
from specsample.distributions import Array, pick
from specsample.language_model import LanguageModel
from specsample.request import Request
from specsample.rounds import generate_by
from specsample.speculative import Verdict
from specsample.trace import Trace

Correction = Literal["token", "lenient"]


def verify(
    draft_tokens: Sequence[int],
    draft_probs: Array,
    target_probs: Array,
    *,
    u_accept: Sequence[Any],
    u_emit: Any,
    lenience: Any = 1,
    correction: Correction = "token",
) -> Verdict:
    """Keep a leading run of the drafts, each with probability min(1, p / (l q)), and pick the token after it.

    Parameters and Returns: as for `speculative.verify`.

    Parameters
    ----------
    lenience : number in (0, 1], l; 1 is the token rule
    correction : {"token", "lenient"}, which residual replaces a rejected draft

    Raises
    ------
    ValueError
        If lenience lies outside (0, 1].

    Examples
    --------
    >>> p, q = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[1.0, 0.0]])
    >>> [verify([0], q, p, u_accept=[0.4], u_emit=0.0, lenience=l).n_accepted for l in (1, 0.5)]
    [0, 1]
    """
    if not 0 < lenience <= 1:
        raise ValueError(f"lenience must lie in (0, 1]; got {lenience}. 1 is lossless; smaller is more lenient.")
    check_drafts(draft_tokens, draft_probs, target_probs, u_accept)
    p, q = target_probs, draft_probs
    K = len(draft_tokens)
    x = np.array(draft_tokens, int)
    # Algorithm 1, lines 9 and 10, with l q in the place of q (appendix A.5)
    a = accept_probability(p[np.arange(K), x], lenience * q[np.arange(K), x]).tolist()  # (K,)
    n = 0
    while n < K and u_accept[n] < a[n]:
        n += 1
    # after all K drafts the bonus is p's own: no draft stood there that could have been let through
    if n == K:
        return Verdict(n, pick(p[n], u_emit))
    # line 14 in the reading that was asked for
    q_n = q[n] if correction == "token" else lenience * q[n]
    return Verdict(n, pick(residual(p[n], q_n), u_emit))


def generate(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    lenience: Any = 1,
    correction: Correction = "token",
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Generate text with lenience: faster than the token rule, and not quite the target's.

    Parameters and Returns: as for `speculative.generate`.

    Parameters
    ----------
    lenience : number in (0, 1], l
    correction : {"token", "lenient"}
    **request : max_new_tokens, rng, transform, draft_transform, stop

    Examples
    --------
    >>> from specsample import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> generate([0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    rule = partial(verify, lenience=lenience, correction=correction)
    return generate_by(rule, prompt_tokens, target_model, draft_model, K=K, **request)


def distance(target_probs: Array, draft_probs: Array, lenience: Any) -> Any:
    """Compute how far one token's law is from the target's: TV = Σ max(0, min(q, p/l) - p), correction "token".

    Parameters
    ----------
    target_probs, draft_probs : (V,) arrays, sum to 1
    lenience : number in (0, 1], l

    Returns
    -------
    number in [0, 1 - l]

    Examples
    --------
    >>> distance(np.array([0.25, 0.75]), np.array([1.0, 0.0]), 0.5)
    np.float64(0.25)
    """
    p, q = target_probs, draft_probs
    return np.maximum(np.minimum(q, p / lenience) - p, np.zeros_like(p)).sum()
