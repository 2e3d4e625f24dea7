"""Drafts compared with what the target would have drawn itself.

At each position the target draws its own token from p. While the two agree the draft is kept; where they differ,
the target's token is emitted and the round ends. So every emitted token is a draw from p: lossless without a
residual and without knowing q. It is slow: a draft is kept with probability Σ p(x) q(x), which is never more than
the Σ min(p, q) of the token rule and much less where p is flat. (With draft and target on the same Gumbel noise the
two agree far more often: that is the Gumbel coupling.)
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

    The uniform numbers that test drafts elsewhere are those with which the target draws here; q is not looked at.

    Parameters and Returns: as for `speculative.verify`.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.0, 1.0]])
    >>> [verify([1], q, p, u_accept=[u], u_emit=0.0) for u in (0.2, 0.7)]
    [Verdict(n_accepted=0, token=0), Verdict(n_accepted=1, token=0)]
    """
    check_drafts(draft_tokens, draft_probs, target_probs, u_accept)
    # a draw of its own at each position, asked for only up to the first mismatch: that draw is the correction
    u = [*u_accept, u_emit]
    return matching_run(draft_tokens, lambda n: pick(target_probs[n], u[n]))


generate = partial(generate_by, verify)
"""Generate text by comparing drafts with the target's own draws: `rounds.generate_by` with this rule. Lossless."""


def keep_probability(target_probs: Array, draft_probs: Array) -> Any:
    """Compute how often the two draw the same token, Σ p(x) q(x) <= Σ min(p(x), q(x)).

    Parameters
    ----------
    target_probs, draft_probs : (..., V) arrays, rows sum to 1

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
