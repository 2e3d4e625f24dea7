"""The round and the loop over rounds of B sequences.

Texts, lengths and uniform numbers stay on the host; per round one small array comes back from the device. Row b has a
random generator of its own and gets what `speculative.generate` makes of prompt b and generator b: rows do not know
of each other.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from specsample.backend import to_device
from specsample.batched.passes import BatchedContext, BatchedModel, draft, fetch, pad, score
from specsample.batched.verdicts import at_tokens, judge
from specsample.distributions import Array, Uniforms, uniforms
from specsample.request import check_request
from specsample.strategies import Transform
from specsample.trace import Round, Trace


def generate(
    prompts: Sequence[Sequence[int]],
    target_model: BatchedModel,
    draft_model: BatchedModel,
    *,
    K: int = 5,
    max_new_tokens: int | Sequence[int],
    rngs: Sequence[Uniforms],
    transform: Transform | None = None,
    draft_transform: Transform | None = None,
    stop: Collection[int] = (),
) -> list[tuple[list[int], Trace]]:
    """Generate B texts together; each row accepts, stops and ends on its own.

    Parameters: as for `speculative.generate`.

    Parameters
    ----------
    prompts : B sequences of int, at least one token each
    target_model, draft_model : BatchedModel
    max_new_tokens : int >= 0, tokens, or B of them
    rngs : B random generators, one a row, such as `numpy.random.default_rng(0).spawn(B)`

    Returns
    -------
    B pairs (list of int, the new tokens; Trace), each as `speculative.generate` returns it

    Raises
    ------
    ValueError
        If a request cannot be served (`request.check_request`) or a model's rows are no distributions.

    Examples
    --------
    >>> from specsample.batched import BatchedTableModel
    >>> other, rngs = BatchedTableModel(np.array([[0.0, 1.0], [1.0, 0.0]])), np.random.default_rng(0).spawn(2)
    >>> [tokens for tokens, _ in generate([[0], [1]], other, other, K=2, max_new_tokens=[2, 3], rngs=rngs)]
    [[1, 0], [0, 1, 0]]
    """
    B = len(prompts)
    room = np.full(B, max_new_tokens) if isinstance(max_new_tokens, int) else np.array(max_new_tokens)
    if B == 0 or len(rngs) != B or room.shape != (B,):
        raise ValueError(
            "prompts, rngs and max_new_tokens must be B >= 1 each, one a row; "
            f"got {B}, {len(rngs)} and {room.shape}. A list of generators: rng.spawn(B)."
        )
    for prompt, limit in zip(prompts, room.tolist(), strict=True):
        check_request(prompt, (target_model, draft_model), limit, K=K, stop=stop)
    texts = [list(prompt) for prompt in prompts]
    traces = [Trace(tuple(prompt)) for prompt in prompts]
    target = target_model.start(B)
    drafter = draft_model.start(B)
    transforms = (transform, draft_transform or transform)
    while room.any():
        # -1 marks a row that has ended: it asks its generator for nothing, so that a row's numbers are its own
        n_drafts = np.where(room > 0, np.minimum(K, room - 1), -1)
        u = [uniforms(rng, 2 * k + 1) if k >= 0 else [] for rng, k in zip(rngs, n_drafts.tolist(), strict=True)]
        rounds = step(texts, target, drafter, n_drafts=n_drafts, u=u, transforms=transforms)
        # from here on as in `speculative.generate`, row by row
        for b, played in rounds.items():
            played = played.until(stop)
            traces[b].rounds.append(played)
            texts[b] += played.emitted
            room[b] = 0 if played.emitted[-1] in stop else room[b] - len(played.emitted)
    return [(trace.tokens, trace) for trace in traces]


def step(
    texts: Sequence[Sequence[int]],
    target: BatchedContext,
    drafter: BatchedContext,
    *,
    n_drafts: Array,
    u: Sequence[Sequence[Any]],
    transforms: tuple[Transform | None, Transform | None] = (None, None),
) -> dict[int, Round]:
    """Run one round of every row: draft, one target pass, verify, roll back (Algorithm 1, for B rows).

    Parameters
    ----------
    texts : B sequences of int, everything so far
    target, drafter : BatchedContext of each model; rolled back to the accepted drafts
    n_drafts : (B,) NumPy int array, drafts of each row, fewer where the source declines
        -1 for a row that has ended and sits this round out.
    u : B sequences of 2 n_drafts[b] + 1 uniform numbers: to draft, to test, to emit; empty for a row that sits out
    transforms : decoding strategy of the target and of the draft, or None

    Returns
    -------
    dict from row to its Round, without the rows that sit out

    Raises
    ------
    ValueError
        If a model's rows are no distributions.

    Examples
    --------
    >>> from specsample.batched import BatchedTableModel
    >>> other = BatchedTableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> rounds = step([[0], [1]], other.start(2), other.start(2), n_drafts=np.array([1, 0]), u=[[0.5] * 3, [0.5]])
    >>> [rounds[b].emitted for b in (0, 1)]
    [(1, 0), (0,)]
    """
    before = (target.lengths, drafter.lengths)
    # K is that of the longest row; what a shorter one has after its own drafts is padding and never looked at
    K = max(int(n_drafts.max()), 0)
    tape = _tape(u, n_drafts, K)  # (B, 2K+1)
    # lines 1 to 5: the draft model proposes up to K tokens a row, and stays on the device with them
    drafted = None
    if K:
        n_drafts, drafted = draft(drafter, texts, n_drafts=n_drafts, u=tape[:, :K], transform=transforms[1])
    x = drafted[0] if drafted else None
    # line 7: the target reads what each row lacks and its drafts, in one pass
    p, p_is_sound = score(target, texts, x, n_drafts=n_drafts, transform=transforms[0])
    # where nobody drafts, x and q are empty: an array's library and device are known from p only
    none = to_device(np.zeros((len(texts), 0), np.int64), like=p)
    x, q, q_is_sound = drafted or (none, p[:, :0, :], none)
    # lines 8 to 17, and the round's one wait for the device: whether the rows were distributions is known now too
    seen = _verdicts(x, q, p, tape=tape, n_drafts=n_drafts, is_sound=(q_is_sound, p_is_sound))
    _check_sound(seen, n_drafts)
    # both models forget the drafts that were not kept; a row that sits out is left as it is
    kept = np.array([len(text) for text in texts]) + seen["n_accepted"][:, 0].astype(np.int64)
    for context in (target, drafter):
        context.rollback(np.where(n_drafts >= 0, np.minimum(context.lengths, kept), context.lengths))
    # line 18, written down: the texts themselves are the caller's
    lengths = [
        (old.tolist(), context.lengths.tolist()) for old, context in zip(before, (target, drafter), strict=True)
    ]
    return {b: _round(seen, b, n_drafts[b], u=u[b], lengths=lengths) for b in np.flatnonzero(n_drafts >= 0).tolist()}


def _tape(u: Sequence[Sequence[Any]], n_drafts: Array, K: int) -> Array:
    """Lay the uniform numbers of B rows out in columns: K to draft, K to test, 1 to emit; the gaps are never used."""
    parts = [(u_b[:k], u_b[k : 2 * k], u_b[2 * k :]) for u_b, k in zip(u, n_drafts.tolist(), strict=True)]
    # a block of columns for each purpose, as wide as the longest row's: `verify` cuts them at the same places
    columns = [pad([part[i] for part in parts])[:, :width] for i, width in enumerate((K, K, 1))]
    return np.concat(columns, axis=1)


def _verdicts(x: Array, q: Array, p: Array, *, tape: Array, n_drafts: Array, is_sound: tuple[Array, Array]) -> Any:
    """Verify on the device and fetch what `Round` remembers, in one transfer."""
    u = to_device(tape, like=p)
    # the tape has room for every draft that was asked for, made or declined
    K = tape.shape[1] // 2
    u_accept = u[:, K : K + x.shape[1]]
    k = to_device(np.maximum(n_drafts, 0), like=p)
    # a row that sits out is verified with no drafts, and its answer never read
    n, t = judge(x, q, p, u_accept=u_accept, u_emit=u[:, 2 * K], n_drafts=k)
    # p and q at the drafts only: the (B, K, V) rows stay on the device
    rows = {"draft_tokens": x, "p_x": at_tokens(p[:, : x.shape[1], :], x), "q_x": at_tokens(q, x)}
    sound = {"draft_probs": is_sound[0], "target_probs": is_sound[1]}
    return fetch(rows | sound | {"n_accepted": n[:, None], "token": t[:, None]}, like=u)


def _check_sound(seen: dict[str, Array], n_drafts: Array) -> None:
    """Refuse rows that are no distributions, padding apart."""
    for name, n_rows in (("draft_probs", n_drafts), ("target_probs", n_drafts + 1)):
        is_used = np.arange(seen[name].shape[1]) < n_rows[:, None]
        bad = np.flatnonzero((is_used & (seen[name] == 0)).any(axis=1))
        if len(bad):
            raise ValueError(
                f"{name} must be distributions, >= 0 and of sum 1; those of sequence {bad[0]} are not. "
                "Are these logits, or did one overflow?"
            )


def _round(seen: dict[str, Array], b: int, K: int, *, u: Sequence[Any], lengths: Sequence[Any]) -> Round:
    """Write down the round of row b."""
    # `fetch` made floats of all columns; ids and counts are whole numbers in them
    drafts = tuple(int(x) for x in seen["draft_tokens"][b, :K])
    n = int(seen["n_accepted"][b, 0])
    return Round(
        draft_tokens=drafts,
        p_x=tuple(seen["p_x"][b, :K]),
        q_x=tuple(seen["q_x"][b, :K]),
        u=tuple(u),
        n_accepted=n,
        emitted=(*drafts[:n], int(seen["token"][b, 0])),
        target_length=(lengths[0][0][b], lengths[0][1][b]),
        draft_length=(lengths[1][0][b], lengths[1][1][b]),
    )
