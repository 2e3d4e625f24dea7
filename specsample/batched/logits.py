"""The same rule from logits, without a softmax of every row.

Of the 2K+1 rows only the two at the first refusal are needed whole. Of each other row two numbers will do: its
largest logit and the sum of its weights, which make a probability of one logit. The answer is that of `verify` on the
rows' softmax, bit for bit on NumPy.
"""

import numpy as np
from array_api_compat import array_namespace, device

from specsample.acceptance import accept_probability, residual
from specsample.batched.picking import pick
from specsample.batched.verdicts import Verdicts, at_tokens, check_batch, first_refusal, rows_at
from specsample.distributions import Array, softmax, widen

TOGETHER = 131072  # logits of one text that are read together: short rows all at once, long ones one by one


@np.errstate(invalid="ignore")  # inf - inf is NaN, which is refused by name
def verify_logits(
    draft_tokens: Array,
    draft_logits: Array,
    target_logits: Array,
    *,
    u_accept: Array,
    u_emit: Array,
    n_drafts: Array | None = None,
) -> Verdicts:
    """Keep a leading run of each row's drafts and pick the token after it, given logits.

    Algorithm 1, lines 8 to 17 (Leviathan et al.), for B rows whose distributions are softmax(logits).

    Parameters, Returns and Raises: as for `batched.verdicts.verify`.

    Parameters
    ----------
    draft_logits : (B, K, V) array
    target_logits : (B, K+1, V) array

    Notes
    -----
    On the host it stops where the last row is refused, and raises ValueError where NaN or +inf stand in a row that it
    looked at. A device is not asked, for it would have to be waited for: there the token of such a row is -1.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.log(np.full((1, 2, 2), 0.5)), np.log(np.array([[[0.25, 0.75]]]))
    >>> verify_logits(np.array([[1]]), q, p, u_accept=np.array([[0.7]]), u_emit=np.array([0.9]))
    Verdicts(n_accepted=array([0]), token=array([0]))
    """
    p, q, x = target_logits, draft_logits, draft_tokens
    n_drafts, K = check_batch(x, q, p, u_accept=u_accept, u_emit=u_emit, n_drafts=n_drafts)
    xp = array_namespace(p)
    is_on_host = str(device(p)) == "cpu"
    # lines 9 and 10: the tests, some positions at a time, and no further than the last row that is still accepted
    n_together = max(1, TOGETHER // p.shape[-1])
    is_accepted = xp.zeros((x.shape[0], K), dtype=xp.bool, device=device(p))
    p_logits = at_tokens(p[:, :K, :], x)  # (B, K)
    q_logits = at_tokens(q, x)  # (B, K)
    for start in range(0, K, n_together):
        some = slice(start, min(start + n_together, K))
        p_x = _probs(p_logits[:, some], p[:, some, :])
        q_x = _probs(q_logits[:, some], q[:, some, :])
        # NaN is smaller than nothing: a row with one is refused, and looked at whole below
        is_accepted[:, some] = u_accept[:, some] < accept_probability(p_x, q_x)
        if is_on_host and not xp.any(xp.all(is_accepted[:, : some.stop], axis=1)):
            break
    n = first_refusal(is_accepted, n_drafts)  # (B,)
    # lines 11 to 17: only here a whole row is needed, one of p and, where a draft was refused, one of q
    p_n = softmax(rows_at(p, n))  # (B, V)
    is_drafted = n < n_drafts  # (B,)
    if K == 0 or (is_on_host and not xp.any(is_drafted)):
        return Verdicts(n, _emitted(p_n, u_emit, is_on_host))
    q_n = softmax(rows_at(q, xp.clip(n, 0, K - 1)))
    q_n[xp.logical_not(is_drafted)] = 0
    return Verdicts(n, _emitted(residual(p_n, q_n), u_emit, is_on_host))


def _emitted(probs: Array, u: Array, is_on_host: bool) -> Array:
    """Pick one token of each row (B, V); refuse rows with NaN on the host, and mark them by -1 elsewhere."""
    xp = array_namespace(probs)
    # NaN is contagious, and what softmax makes of +inf too: one sum tells of all V numbers
    is_finite = xp.isfinite(xp.sum(probs, axis=-1))
    if is_on_host and not xp.all(is_finite):
        raise ValueError("logits must be finite or -inf; a row holds NaN, +inf, or -inf alone. Did one overflow?")
    return xp.where(is_finite, pick(probs, u), -1)


def _probs(chosen: Array, logits: Array) -> Array:
    """Compute what softmax(logits) (B, m, V) is at chosen logits (B, m), as `softmax` does: exp(l - max) / sum."""
    xp = array_namespace(logits)
    logits = widen(logits)
    # the largest is taken away first, in the order of `softmax`, so that both round alike
    largest = xp.max(logits, axis=-1)  # (B, m)
    return xp.exp(chosen - largest) / xp.sum(xp.exp(logits - largest[..., None]), axis=-1)
