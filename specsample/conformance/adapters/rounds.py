"""How does one round become whole texts? The kit plays the loop around `verify` and `step`.

`verify` judges drafts that the kit has drawn from q; `step` drafts by itself. In both cases the kit appends what was
emitted, stops at stop tokens, and shortens K near the end as `speculative.generate` does; a last single token, for
which nothing can be drafted, the kit draws from p. Before this file: `adapter`; after it: `whole`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import (
    Adapter,
    Round,
    Sample,
    Seeds,
    Watched,
    checked_row,
    checked_rows,
    name_of,
)
from specsample.conformance.adapters.setting import Setting
from specsample.conformance.adapters.text_numbers import child, text_of
from specsample.conformance.evidence.cells import PADDING
from specsample.distributions import Array

NOT_A_DRAFT = "a token before a round's last one that is not its draft"
Emit = Callable[..., tuple[Array | None, Array]]  # (setting, nodes, K, rngs) -> drafts or None, emitted


def from_verify(
    fn: Callable[..., Any], *, batched: bool = True, logits: bool = False, batch: int = 4096, name: str = ""
) -> Adapter:
    """Show the kit a function that verifies drafts.

    `fn(draft_tokens, draft_probs, target_probs, rng)` gets (N, K), (N, K, V) and (N, K+1, V) arrays and returns
    (N, K+1) token ids: the accepted drafts, one token more, and -1 as padding.

    Parameters
    ----------
    fn : function as above
    batched : bool; False if it takes one sequence: (K,), (K, V), (K+1, V) -> 1 to K+1 token ids
    logits : bool; True if it wants logarithms of probabilities (-inf where one is 0)
    batch : int, N at most
    name : str, for the report; the function's name if empty

    Returns
    -------
    Adapter

    Examples
    --------
    >>> from specsample.conformance import check
    >>> always = from_verify(lambda x, q, p, rng: np.hstack([x, p[:, -1:].argmax(axis=2)]), name="keep all drafts")
    >>> check(always).verdict
    'FAIL'
    """
    call = partial(_call_verify, Watched(fn), batched, logits)
    emit = partial(_verify, call, batch)
    return Adapter("verify", name or name_of(fn), partial(play, emit), call=call, is_batched=batched)


def from_step(fn: Callable[..., Any], *, batched: bool = True, batch: int = 4096, name: str = "") -> Adapter:
    """Show the kit a function that runs one round, drafting by itself.

    `fn(prefixes, draft_model, target_model, K, rng)` gets (N, T) token ids and returns (N, K+1) of them, padded with
    -1. A model maps (N, T) token ids to (N, T, V) distributions, row i of which follows token i.

    Parameters
    ----------
    fn : function as above
    batched : bool; False if it takes one prefix, a list of int; the models are `LanguageModel` as well
    batch : int, N at most
    name : str, for the report; the function's name if empty

    Returns
    -------
    Adapter

    Examples
    --------
    >>> from specsample.conformance import check
    >>> def likeliest(texts, draft_model, target_model, K, rng):
    ...     token = target_model(texts)[:, -1:].argmax(axis=2)  # (N, 1), and K columns of padding
    ...     return np.pad(token, ((0, 0), (0, K)), constant_values=-1)
    >>> check(from_step(likeliest)).verdict
    'FAIL'
    """
    emit = partial(_step, Watched(fn), batched, batch)
    return Adapter("step", name or name_of(fn), partial(play, emit), is_batched=batched)


def play(emit: Emit, setting: Setting, n: int, seeds: Seeds) -> Sample:
    """Draw n streams, round by round: those with the most room first, so that every room comes up once."""
    L, V, (harness, sampler) = setting.max_new_tokens, setting.vocab_size, seeds.generators()
    sample = Sample(np.full((n, L), PADDING))
    room, node, number = np.full(n, L), np.zeros(n, np.int64), np.zeros(n, np.int64)
    for left in range(L, 0, -1):
        streams, k = np.flatnonzero(room == left), min(setting.K, left - 1)
        if not len(streams):
            continue
        if k == 0:
            drafts, emitted = None, pick_rows(setting.p.rows(node[streams]), harness.random(len(streams)))[:, None]
        else:
            drafts, emitted = emit(setting, node[streams], k, (harness, sampler))
            sample.rounds.append(Round(streams, node[streams], number[streams], drafts, emitted))
        number[streams] += 1
        for j in range(k + 1):
            column, is_on = emitted[:, j], (emitted[:, j] != PADDING) & (room[streams] > 0)
            at = streams[is_on]
            sample.tokens[at, L - room[at]] = column[is_on]
            node[at] = child(node[at], column[is_on], V)
            room[at] = np.where(np.isin(column[is_on], list(setting.stop)), 0, room[at] - 1)
    return sample if not sample.rounds or sample.rounds[0].drafts is None else _with_violations(sample)


def pick_rows(probs: Array, u: Array) -> Any:
    """Pick one token of each row by inverse CDF: (N, V) and (N,) -> (N,)."""
    past = (u[:, None] < np.cumsum(probs, axis=1)) & (probs > 0)
    last = probs.shape[1] - 1 - np.argmax(probs[:, ::-1] > 0, axis=1)
    return np.where(past.any(axis=1), past.argmax(axis=1), last)


def draw_drafts(setting: Setting, nodes: Array, k: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Draw k drafts from q behind every text, and look up the rows of p and q: (m, k), (m, k, V), (m, k+1, V)."""
    V, path, drafts = setting.vocab_size, nodes[:, None], np.zeros((len(nodes), k), np.int64)
    for i in range(k):
        drafts[:, i] = pick_rows(setting.q.rows(path[:, -1]), rng.random(len(nodes)))
        path = np.concatenate([path, child(path[:, -1:], drafts[:, i : i + 1], V)], axis=1)
    return drafts, setting.q.rows(path[:, :-1]), setting.p.rows(path)


def logs(probs: Array) -> Any:
    """Take logarithms; -inf where a probability is 0."""
    with np.errstate(divide="ignore"):
        return np.log(probs)


def _verify(call: Callable[..., Any], batch: int, *given: Any) -> Any:
    """Draft from q and let the user's function verify."""
    setting, nodes, k, (harness, sampler) = given
    drafts, q, p = draw_drafts(setting, nodes, k, harness)
    parts = [call(drafts[i], q[i], p[i], sampler) for i in _slices(len(nodes), batch)]
    return drafts, np.concatenate(parts)


def _call_verify(fn: Any, batched: bool, logits: bool, *given: Any) -> Any:
    """Call the user's verify on copies, so that drafts and rows stay ours, and check what comes back."""
    (drafts, q, p), rng = given[:3], given[3]
    N, K, V = q.shape
    rows = (logs(q), logs(p)) if logits else (q.copy(), p.copy())
    if batched:
        return checked_rows(fn(drafts.copy(), *rows, rng), (N, K + 1), V)
    each = [checked_row(fn(drafts[i].copy(), rows[0][i], rows[1][i], rng), K, V) for i in range(N)]
    return np.array(each)


def _step(fn: Any, batched: bool, batch: int, *given: Any) -> Any:
    """Let the user's function run a round behind every text; all have one length."""
    setting, nodes, k, (_, sampler) = given
    models = setting.q, setting.p
    prefixes = np.array([[*setting.prompt, *text_of(node, setting.vocab_size)] for node in nodes.tolist()])
    V = setting.vocab_size
    if batched:
        blocks = [prefixes[i] for i in _slices(len(nodes), batch)]
        parts = [checked_rows(fn(block, *models, k, sampler), (len(block), k + 1), V) for block in blocks]
        return None, np.concatenate(parts)
    return None, np.array([checked_row(fn(prefix, *models, k, sampler), k, V) for prefix in prefixes.tolist()])


def _slices(n: int, batch: int) -> Iterator[slice]:
    """Cut n rows into batches."""
    return (slice(start, start + batch) for start in range(0, n, batch))


def _with_violations(sample: Sample) -> Sample:
    """Count the rounds that emit, in front of their last token, something other than the drafts."""
    for played in sample.rounds:
        is_kept = played.emitted[:, 1:] != PADDING  # a token behind: this one was an accepted draft
        is_other = (played.emitted[:, :-1] != played.drafts) & is_kept
        sample.violations[NOT_A_DRAFT] += int(is_other.any(axis=1).sum())
    sample.violations = +sample.violations  # without those that never happened
    return sample
