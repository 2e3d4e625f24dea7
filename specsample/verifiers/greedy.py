"""Greedy verification: the rule where nothing is random.

A draft is kept if it is the target's most likely token, and otherwise replaced by it. The text is the one of greedy
decoding, token for token, whatever drafts there are and however they were made. It is the token rule on one-hot rows:
p(x)/q(x) is then 0 or at least 1, and the residual one-hot. So the core needs no branch for it
(`decoding_strategy(temperature=0)`); engines run this, because it reads K+1 argmaxes and no probability. It is the
exact variant of blockwise parallel decoding (Stern et al., arXiv 1811.03115).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from specsample.acceptance import check_drafts
from specsample.distributions import Array
from specsample.rounds import generate_by
from specsample.speculative import Verdict
from specsample.verifiers.matching import matching_run


def verify(
    draft_tokens: Sequence[int], draft_probs: Array, target_probs: Array, *, u_accept: Sequence[Any], u_emit: Any
) -> Verdict:
    """Keep the leading run of drafts that are the target's argmax, and emit the argmax after it.

    Neither q nor a uniform number is looked at.

    Parameters and Returns: as for `speculative.verify`.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[0.5, 0.5]])
    >>> [verify([x], q, p, u_accept=[0.0], u_emit=0.0) for x in (0, 1)]
    [Verdict(n_accepted=0, token=1), Verdict(n_accepted=1, token=0)]
    """
    check_drafts(draft_tokens, draft_probs, target_probs, u_accept)
    # what `decoding_strategy(temperature=0)` makes one-hot, the lowest id among equals
    best = target_probs.argmax(axis=-1).tolist()  # (K+1,)
    return matching_run(draft_tokens, best.__getitem__)


generate = partial(generate_by, verify)
"""Generate the text of greedy decoding: `rounds.generate_by` with this rule."""
