"""What if one only compares the drafts with what the target would have drawn itself?

At each position the target draws its own token from p. While the two agree the draft is kept; where they differ,
the target's token is emitted and the round ends. So every emitted token is a draw from p: lossless without a
residual and without knowing q. It is slow: a draft is kept with probability Σ p(x) q(x), which is never more than
the Σ min(p, q) of the token rule and much less where p is flat. (With draft and target on the same Gumbel noise the
two agree far more often: that is the Gumbel coupling.) Before this file: `rounds`; after it: `greedy`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from specsample.acceptance import check_drafts
from specsample.distributions import Array, pick
from specsample.rounds import generate_by
from specsample.speculative import Verdict
from specsample.verifiers.matching import matching_run


def verify(
    draft_tokens: Sequence[int], draft_probs: Array, target_probs: Array, *, u_accept: Sequence[Any], u_emit: Any
) -> Verdict:
    """Keep the leading run of drafts that the target draws as well, and emit the target's token after it.

    Parameters
    ----------
    draft_tokens : (K,) sequence of int
    draft_probs : (K, V) array, not needed
    target_probs : (K+1, V) array, row i is the target's distribution where draft i stands
    u_accept : K uniform numbers, with which the target draws its own token where a draft stands
    u_emit : uniform number, with which it draws the bonus

    Returns
    -------
    Verdict

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit (`acceptance.check_drafts`).

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.0, 1.0]])
    >>> [verify([1], q, p, u_accept=[u], u_emit=0.0) for u in (0.2, 0.7)]
    [Verdict(n_accepted=0, token=0), Verdict(n_accepted=1, token=0)]
    """
    check_drafts(draft_tokens, draft_probs, target_probs, u_accept)
    u = [*u_accept, u_emit]
    return matching_run(draft_tokens, lambda n: pick(target_probs[n], u[n]))


generate = partial(generate_by, verify)


def keep_probability(target_probs: Array, draft_probs: Array) -> Any:
    """Compute how often the two draw the same token.

    Σ p(x) q(x) <= Σ min(p(x), q(x)).

    Parameters
    ----------
    target_probs : (..., V) array, rows sum to 1
    draft_probs : (..., V) array, rows sum to 1

    Returns
    -------
    (...) array in [0, 1]

    Examples
    --------
    >>> import numpy as np
    >>> keep_probability(np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    np.float64(0.5)
    """
    return (target_probs * draft_probs).sum(axis=-1)
