"""The rule for the drafts of B sequences, no loop over rows or tokens.

`verify` does for B rows what `speculative.verify` does for one, with functions of the array-API standard only: the
same lines run on NumPy, PyTorch and CuPy.
"""

from typing import NamedTuple

from array_api_compat import array_namespace, device

from specsample.acceptance import accept_probability, residual
from specsample.batched.picking import pick, shared_namespace
from specsample.distributions import Array, widen

Verdicts = NamedTuple("Verdicts", [("n_accepted", Array), ("token", Array)])  # (B,) and (B,) int arrays


def verify(
    draft_tokens: Array,
    draft_probs: Array,
    target_probs: Array,
    *,
    u_accept: Array,
    u_emit: Array,
    n_drafts: Array | None = None,
) -> Verdicts:
    """Keep a leading run of each row's drafts and pick the token after it (Algorithm 1, lines 8 to 17, for B rows).

    Only the rows of p and q at the first refusal are used whole, so that beyond its (contiguous) inputs this takes
    O(B V) memory. Types narrower than float32 are read as float32.

    Parameters
    ----------
    draft_tokens : (B, K) int array
    draft_probs : (B, K, V) array
    target_probs : (B, K+1, V) array
    u_accept : (B, K) array of uniform numbers
    u_emit : (B,) array of uniform numbers
    n_drafts : (B,) int array, drafts of each row, or None where every row has K
        What stands at and after draft n_drafts[b] is padding: a token id in [0, V) and any numbers.

    Returns
    -------
    Verdicts(n_accepted (B,), token (B,)), int arrays

    Raises
    ------
    ValueError
        If a shape does not fit, arrays live in several libraries or on several devices, or a row that counts holds
        NaN or infinity: one sum a row, and on a device one wait for the answer.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.full((2, 2, 2), 0.5), np.array([[[0.0, 1.0]], [[0.0, 1.0]]])
    >>> u_accept, u_emit = np.array([[0.6], [0.4]]), np.array([0.9, 0.9])
    >>> verify(np.array([[1], [1]]), q, p, u_accept=u_accept, u_emit=u_emit)
    Verdicts(n_accepted=array([0, 1]), token=array([0, 1]))
    """
    n_drafts, _ = check_batch(
        draft_tokens, draft_probs, target_probs, u_accept=u_accept, u_emit=u_emit, n_drafts=n_drafts
    )
    check_finite("target_probs", target_probs, n_drafts + 1)
    check_finite("draft_probs", draft_probs, n_drafts)
    return judge(draft_tokens, draft_probs, target_probs, u_accept=u_accept, u_emit=u_emit, n_drafts=n_drafts)


def judge(
    draft_tokens: Array,
    draft_probs: Array,
    target_probs: Array,
    *,
    u_accept: Array,
    u_emit: Array,
    n_drafts: Array,
) -> Verdicts:
    """Do what `verify` does, on rows that are known to be sound, or whose verdict nobody reads.

    Parameters and Returns: as for `batched.verdicts.verify`.
    """
    p, q, x = target_probs, draft_probs, draft_tokens
    K = x.shape[1]
    xp = array_namespace(p)
    # line 9: all tests at once, though those after a row's first refusal are not needed
    a = accept_probability(at_tokens(p[:, :K, :], x), at_tokens(q, x))  # (B, K)
    # line 10: n <- min({i - 1 : r_i > p_i(x) / q_i(x)} ∪ {γ}), in each row
    n = first_refusal(u_accept < a, n_drafts)  # (B,)
    # lines 11 to 15: p where each row's run ends; q is 0 where all drafts were kept, for nothing was drafted there
    p_n = rows_at(p, n)  # (B, V)
    q_n = rows_at(q, xp.clip(n, 0, K - 1)) if K else xp.zeros_like(p_n)
    q_n[n >= n_drafts] = 0
    # line 17: t ~ norm(max(0, p - q))
    return Verdicts(n, pick(residual(p_n, q_n), u_emit))


def check_finite(name: str, rows: Array, n_rows: Array) -> None:
    """Refuse NaN and infinity in the rows that count.

    Parameters
    ----------
    name : str, how the message calls them
    rows : (B, n, V) array
    n_rows : (B,) int array, rows of each sequence that count
    """
    # fractions have neither
    if str(rows.dtype) == "object":
        return
    xp = array_namespace(rows)
    # both are contagious: one sum tells of all V numbers
    sums = xp.sum(rows, axis=-1, dtype=xp.result_type(rows.dtype, xp.float32))  # (B, n)
    is_used = xp.arange(rows.shape[1], device=device(rows)) < n_rows[:, None]
    if bool(xp.any(xp.logical_and(is_used, xp.logical_not(xp.isfinite(sums))))):
        raise ValueError(f"{name} must be finite; a row holds NaN or infinity. Did a logit overflow?")


def first_refusal(is_accepted: Array, n_drafts: Array) -> Array:
    """Find the length of each row's leading run of accepted drafts.

    Parameters
    ----------
    is_accepted : (B, K) bool array
    n_drafts : (B,) int array; what stands at and after draft n_drafts[b] does not count

    Returns
    -------
    (B,) int array, in [0, n_drafts[b]]
    """
    xp = array_namespace(is_accepted)
    K = is_accepted.shape[1]
    # the column after a row's last draft ends its run in any case, so that the first end is always there
    is_draft = xp.arange(K + 1, device=device(is_accepted)) < n_drafts[:, None]  # (B, K+1), its last column false
    is_kept = xp.logical_and(is_accepted, is_draft[:, :K])
    is_end = xp.logical_not(xp.concat([is_kept, is_draft[:, K:]], axis=1))
    return xp.argmax(xp.astype(is_end, xp.int8), axis=1)


def check_batch(
    draft_tokens: Array, draft_probs: Array, target_probs: Array, *, n_drafts: Array | None = None, **u: Array
) -> tuple[Array, int]:
    """Refuse arrays that do not fit, and count each row's drafts.

    Parameters and Raises: as for `batched.verdicts.verify`.

    Parameters
    ----------
    u : u_accept and u_emit

    Returns
    -------
    (n_drafts (B,) int array, int K)
    """
    # one library, one device: asked of all arrays, before any of them is looked into
    arrays = {"draft_tokens": draft_tokens, "draft_probs": draft_probs, "target_probs": target_probs, **u}
    xp = shared_namespace(**arrays | ({} if n_drafts is None else {"n_drafts": n_drafts}))
    if draft_tokens.ndim != 2 or target_probs.ndim != 3:
        raise ValueError(
            f"draft_tokens must be (B, K) and target_probs (B, K+1, V); got {tuple(draft_tokens.shape)} and "
            f"{tuple(target_probs.shape)}. For one sequence use speculative.verify."
        )
    # every other shape follows from these two
    B, K = draft_tokens.shape
    V = target_probs.shape[-1]
    wanted = {"draft_probs": (B, K, V), "target_probs": (B, K + 1, V), "u_accept": (B, K), "u_emit": (B,)}
    for name, shape in wanted.items():
        if tuple(arrays[name].shape) != shape:
            raise ValueError(
                f"{name} must be {shape} to match draft_tokens (B, K) = ({B}, {K}) and V = {V}; "
                f"got {tuple(arrays[name].shape)}. Do both models share a tokenizer?"
            )
    if n_drafts is not None and tuple(n_drafts.shape) != (B,):
        raise ValueError(f"n_drafts must be (B,) = ({B},), one number a row; got {tuple(n_drafts.shape)}.")
    if n_drafts is None:
        n_drafts = xp.full((B,), K, dtype=xp.int64, device=device(target_probs))
    return n_drafts, K


def at_tokens(probs: Array, tokens: Array) -> Array:
    """Look each token's probability up.

    Parameters
    ----------
    probs : (B, n, V) array
    tokens : (B, n) int array, token ids

    Returns
    -------
    (B, n) array, probs[b, i, tokens[b, i]], at least float32
    """
    xp = array_namespace(probs, tokens)
    return widen(xp.take_along_axis(probs, xp.astype(tokens, xp.int64)[..., None], axis=-1)[..., 0])


def rows_at(probs: Array, index: Array) -> Array:
    """Take some rows of each sequence; a copy of these rows only, where probs is contiguous.

    Parameters
    ----------
    probs : (B, n, V) array
    index : (B,) or (B, m) int array, in [0, n)

    Returns
    -------
    (B, V) or (B, m, V) array, probs[b, index[b]], at least float32
    """
    xp = array_namespace(probs, index)
    B, n, V = probs.shape
    # numbered through, row i of sequence b is row b n + i: one `take` for all
    first = xp.reshape(xp.arange(B, device=device(probs)) * n, (B,) + (1,) * (index.ndim - 1))
    flat = xp.take(xp.reshape(probs, (B * n, V)), xp.reshape(first + index, (-1,)), axis=0)
    return widen(xp.reshape(flat, (*index.shape, V)))
