"""Several drafts for one position: which of them is kept.

In which order are they tested, and against what? Recursive rejection (multi-step speculative sampling: Miao et al.,
SpecInfer, arXiv 2305.09781, section 4.3). The first sibling meets p as a single draft would. If it is rejected, what
is still to be emitted is the residual, so the second meets the residual as if that were the target, and so on; each
time the law is right by the proof in `acceptance`. What makes it right is that sibling i is compared with the
distribution it was really drawn from, given those before it::

    r_1 = p;    keep x_i with probability min(1, r_i(x_i) / q_i(x_i));    r_{i+1} = norm(max(0, r_i - q_i)).

Drawn with replacement, q_i = q for all i. Without (Jeon et al., arXiv 2402.14160; Chen et al., Sequoia, arXiv
2402.12374), q_i is q without the siblings before, normalised: a rejected token is never tried again. Where the draft
has no token left, Sequoia goes on with the tokens that remain, all alike.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from specsample.acceptance import accept_probability, residual
from specsample.distributions import Array


class Choice(NamedTuple):
    """Which of the siblings was kept, and from what the next token is drawn if none was."""

    kept: int | None
    probs: Array  # (V,)


Propose = Callable[[Array, Sequence[int]], Array]  # (q, siblings before) -> what the next one is drawn from
Choose = Callable[..., Choice]  # (p, siblings, their rows of q, u_accept) -> Choice


def with_replacement(q: Array, earlier: Sequence[int]) -> Array:
    """Draw every sibling from q.

    Parameters
    ----------
    q : (V,) array, sums to 1
    earlier : sequence of int, the siblings before this one, fewer than V

    Returns
    -------
    (V,) array, sums to 1
    """
    return q


def without_replacement(q: Array, earlier: Sequence[int]) -> Array:
    """Draw a sibling from what the earlier ones have left of q, or from all other tokens alike if that is nothing.

    Parameters and Returns: as for `verifiers.siblings.with_replacement`.

    Examples
    --------
    >>> without_replacement(np.array([0.5, 0.25, 0.25, 0.0]), [0])
    array([0. , 0.5, 0.5, 0. ])
    >>> without_replacement(np.array([0.5, 0.5, 0.0, 0.0]), [0, 1])
    array([0. , 0. , 0.5, 0.5])
    """
    if not len(earlier):
        return q
    is_left = ~np.isin(np.arange(len(q)), earlier)
    left = np.where(is_left, q, np.zeros_like(q))
    # q has nothing left: Sequoia's step, all other tokens alike; q's sum is a 1 of q's own type, a fraction too
    if not (left > 0).any():
        left = np.where(is_left, q.sum(), np.zeros_like(q))
    return left / left.sum()


def recursive_rejection(p: Array, siblings: Sequence[int], proposals: Array, u_accept: Sequence[Any]) -> Choice:
    """Test siblings one after the other, each against what those before it have left of p.

    Keep x_i if u_i < min(1, r_i(x_i) / q_i(x_i)); r_{i+1} = norm(max(0, r_i - q_i)).

    Parameters
    ----------
    p : (V,) array, the target's distribution where the siblings stand
    siblings : (k,) sequence of int
    proposals : (k, V) array, row i is what sibling i was drawn from
    u_accept : k uniform numbers

    Returns
    -------
    Choice

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5, 0.0]), np.array([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    >>> recursive_rejection(p, [2, 1], q, [0.0, 0.9])
    Choice(kept=1, probs=array([0.5, 0.5, 0. ]))
    """
    # r_1 = p
    r = p
    for i, x in enumerate(siblings):
        if u_accept[i] < accept_probability(r[[x]], proposals[i][[x]])[0]:
            return Choice(i, r)
        # r_{i+1}: what p still lacks once x_i has had its chance
        r = residual(r, proposals[i])
    return Choice(None, r)
