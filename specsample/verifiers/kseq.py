"""K-SEQ: siblings tested all alike.

Can that still be right? Sun et al., SpecTr (arXiv 2310.15141, k-sequential selection; p and q swapped there): k
siblings from the same q are tested one after the other, each with the same probability min(1, p(x) / (γ q(x))). γ >=
1 makes up for the further tries. Each passes with β = Σ min(q, p/γ), one of them with a = 1 - (1 - β)^k, and which
token it is has the law min(q, p/γ) / β. What is missing to p is the correction's::

    residual = (p - min(q, p/γ) a/β) / (1 - a),

which is no distribution unless a <= γ β, for where p <= γ q the accepted mass is p a/(γ β). The smallest such γ keeps
most: there a = γ β. k always works; the root is found by bisection, from above, so that the laws of tables of
fractions stay exact. It keeps at least (1 - 1/e) of what any rule could keep. With k = 1 it is the token rule. The
drafts are the chains of `multi_draft`.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any, Unpack

import numpy as np

from specsample.acceptance import accept_probability, residual
from specsample.distributions import Array
from specsample.language_model import LanguageModel
from specsample.request import Request, check_K
from specsample.rounds import play_all
from specsample.trace import Trace
from specsample.verifiers.siblings import Choice, with_replacement
from specsample.verifiers.token_tree import chains, tree_round

HALVINGS = 12  # of the interval [1, k] that holds γ


def passed_once(p: Array, q: Array, gamma: Any) -> Any:
    """Compute the probability that one sibling passes, β(γ) = Σ min(q, p/γ).

    Parameters
    ----------
    p, q : (V,) arrays, sum to 1
    gamma : number >= 1, γ

    Returns
    -------
    number in [0, 1]

    Examples
    --------
    >>> passed_once(np.array([0.5, 0.5]), np.array([0.25, 0.75]), 2)
    np.float64(0.5)
    """
    return np.minimum(q * gamma, p).sum() / gamma


def smallest_gamma(p: Array, q: Array, k: int) -> Any:
    """Find the smallest γ for which the residual is a distribution, to (k-1)/2^12 from above.

    1 - (1 - β(γ))^k <= γ β(γ): the left side falls with γ, the right side grows.

    Parameters
    ----------
    p, q : (V,) arrays, sum to 1
    k : int >= 1, siblings

    Returns
    -------
    Fraction, in [1, k]; a float where p is one

    Examples
    --------
    >>> smallest_gamma(np.array([0.5, 0.5]), np.array([0.5, 0.5]), 3)
    1.0
    """
    return _bisect(tuple(p.tolist()), tuple(q.tolist()), k, p.dtype)


@lru_cache(maxsize=256)
def _bisect(p_x: tuple[Any, ...], q_x: tuple[Any, ...], k: int, dtype: Any) -> Any:
    """Halve [1, k]; remembered, for a law is enumerated by asking again and again."""
    p = np.array(p_x, dtype)
    q = np.array(q_x, dtype)
    # γ is halved as a fraction, so that floats and fractions try the same ones
    low = Fraction(1)
    high = Fraction(k)
    as_number = Fraction if p.dtype == object else float

    def is_enough(gamma: Fraction) -> bool:
        # a <= γ β: no token is accepted more often than p allows
        beta = passed_once(p, q, as_number(gamma))
        return bool(1 - (1 - beta) ** k <= as_number(gamma) * beta)

    if is_enough(low):
        return as_number(low)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if is_enough(middle):
            high = middle
        else:
            low = middle
    # the upper end is always enough; the lower one never is
    return as_number(high)


def choose(p: Array, siblings: Sequence[int], proposals: Sequence[Array], u_accept: Sequence[Any]) -> Choice:
    """Test siblings of the same q one after the other, all with min(1, p / (γ q)).

    Parameters and Returns: as for `verifiers.siblings.recursive_rejection`.

    Parameters
    ----------
    proposals : k times the same (V,) array, q

    Examples
    --------
    >>> p, q = np.array([0.25, 0.75]), np.array([0.5, 0.5])
    >>> choose(p, [0, 1], [q, q], [0.9, 0.9]).kept
    1
    """
    k = len(siblings)
    if not k:
        return Choice(None, p)
    # γ depends on p, q and k alone, never on which tokens were drawn
    q = proposals[0]
    gamma = smallest_gamma(p, q, k)
    for i, x in enumerate(siblings):
        if u_accept[i] < accept_probability(p[[x]], q[[x]] * gamma)[0]:
            return Choice(i, p)
    # only when all k have failed: what p still lacks
    return Choice(None, missing(p, q, gamma=gamma, k=k))


def missing(p: Array, q: Array, *, gamma: Any, k: int) -> Array:
    """Compute what replaces k rejected siblings, norm(p - min(q, p/γ) a/β).

    Parameters
    ----------
    p, q : (V,) arrays, sum to 1
    gamma : number, γ
    k : int >= 1, siblings

    Returns
    -------
    (V,) array, sums to 1

    Examples
    --------
    >>> missing(np.array([0.25, 0.75]), np.array([0.75, 0.25]), gamma=1, k=1)
    array([0., 1.])
    """
    beta = passed_once(p, q, gamma)
    # p and q share no token, and none can pass
    if beta == 0:
        return p
    # what an accepted sibling contributes: a = 1 - (1 - β)^k in all, spread like min(q, p/γ)
    accepted = np.minimum(q, p / gamma) * ((1 - (1 - beta) ** k) / beta)
    return residual(p, accepted)


def generate(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    n_chains: int = 2,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Generate text with several independent chains of drafts a round, verified by K-SEQ (SpecTr).

    Parameters and Returns: as for `verifiers.multi_draft.generate`.

    Examples
    --------
    >>> from specsample import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> generate([0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    check_K(K)
    play = partial(tree_round, parents=chains(n_chains, K), propose=with_replacement, choose=choose)
    return play_all(prompt_tokens, target_model, draft_model, play=play, **request)
