"""What tests and measurements of the kit enter: many streams at once, and naming by likelihood.

The rows of p and q are looked up in tables of states: a text of a `TableModel` is known by its last tokens, any other
model's by all of them. Streams are played by the room that is left, most room first, so that each round is one call
of a batched `verify` for all streams that have it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from specsample.batched import verify as batched_verify
from specsample.conformance.adapters.text_numbers import child, n_nodes, text_of
from specsample.conformance.evidence.e_process import log_e_threshold, posterior
from specsample.conformance.evidence.fit import FITS, goodness_of_fit
from specsample.conformance.evidence.formulas import log_ratio
from specsample.conformance.laws.probes import Spread
from specsample.distributions import Array
from specsample.language_model import LanguageModel, TableModel, Transformed
from specsample.strategies import Transform

MAX_ROWS = 100_000
Verify = Callable[[Array, Array, Array, np.random.Generator], Array]  # (N, K), (N, K, V), (N, K+1, V) -> (N, K+1)


class Setting(Protocol):
    """What is simulated: the setting of a probe, or anything else with these names."""

    @property
    def target_model(self) -> LanguageModel:
        """The model whose law counts."""

    @property
    def draft_model(self) -> LanguageModel:
        """The model that drafts."""

    @property
    def prompt(self) -> tuple[int, ...]:
        """What both have read before."""

    @property
    def K(self) -> int:
        """Drafts a round."""

    @property
    def max_new_tokens(self) -> int:
        """Tokens of each text."""

    @property
    def stop(self) -> tuple[int, ...]:
        """Token ids that end a text."""

    @property
    def transform(self) -> Transform | None:
        """The decoding strategy of both models."""


class States(NamedTuple):
    """Tell a model's distribution in every state, and the state behind each token."""

    rows: Any  # (S, V)
    cumulative: Any  # (S, V), never past a row's last possible token
    next: Any  # (S, V) int
    start: int  # behind the prompt


def states(model: LanguageModel, setting: Setting) -> States:
    """Write a model as a table of states, as far as the texts of a setting go.

    Parameters
    ----------
    model : LanguageModel
    setting : Setting, gives prompt, length and decoding strategy

    Returns
    -------
    States: the contexts of a `TableModel`, or else the texts behind the prompt, numbered as a tree

    Raises
    ------
    ValueError
        If there are more than 100,000 texts.
    """
    V = model.vocab_size
    if isinstance(model, TableModel):
        table = model.table if setting.transform is None else setting.transform(model.table)
        rows = np.asarray(table, float).reshape(-1, V)
        start = int(np.ravel_multi_index(_last(setting.prompt, table.ndim - 1), table.shape[:-1] or (1,)))
        return _states(rows, (np.arange(len(rows))[:, None] * V + np.arange(V)) % len(rows), start)
    if isinstance(model, Spread):
        following = np.tile(model.row_of, (len(model.rows), 1))
        return _states(model.rows, following, int(model.row_of[setting.prompt[-1]]))
    n_texts = n_nodes(V, setting.max_new_tokens)
    if n_texts > MAX_ROWS:
        raise ValueError(
            f"a model that is no TableModel may have at most {MAX_ROWS} texts before the last token; got {n_texts} "
            f"from V = {V} and {setting.max_new_tokens} tokens. Ask for fewer tokens."
        )
    view = Transformed(model, setting.transform)
    read = [view.start().extend([*setting.prompt, *text_of(s, V)])[-1] for s in range(n_texts)]
    following = child(np.arange(n_texts)[:, None], np.arange(V), V)
    return _states(np.array(read, float), np.minimum(following, n_texts - 1), 0)


def simulate(
    setting: Setting, n: int, rng: np.random.Generator, *, verify: Verify | None = None, batch: int = 8192
) -> Any:
    """Draw n texts by speculative sampling, all of a batch at once.

    Parameters
    ----------
    setting : Setting, such as that of a PackedProbe
    n : int >= 0, texts
    rng : numpy.random.Generator
    verify : maps draft_tokens (N, K), draft_probs (N, K, V), target_probs (N, K+1, V) and rng to (N, K+1) tokens
        padded with -1; None for the reference, `reference_verify`
    batch : int >= 1, texts at once

    Returns
    -------
    (n, max_new_tokens) int array, padded with -1 behind stop tokens

    Examples
    --------
    >>> from specsample.conformance.pack.packed import load_probes
    >>> simulate(load_probes(["P2"])[0].setting, 5, np.random.default_rng(0)).shape
    (5, 2)
    """
    p = states(setting.target_model, setting)
    q = states(setting.draft_model, setting)
    sizes = [min(batch, n - first) for first in range(0, n, batch)]
    parts = [_play(setting, (p, q), size, rng=rng, verify=verify or reference_verify) for size in sizes]
    return np.concatenate([np.zeros((0, setting.max_new_tokens), np.int64), *parts])


def reference_verify(draft_tokens: Array, draft_probs: Array, target_probs: Array, rng: np.random.Generator) -> Any:
    """Verify drafts with `batched.verify`, in the shape that the kit asks of a sampler.

    Parameters
    ----------
    draft_tokens : (N, K) int array
    draft_probs : (N, K, V) array
    target_probs : (N, K+1, V) array
    rng : numpy.random.Generator

    Returns
    -------
    (N, K+1) int array: the accepted drafts, one token more, and -1
    """
    x, (N, K) = draft_tokens, draft_tokens.shape
    u = rng.random((K + 1, N))
    n, token = batched_verify(x, draft_probs, target_probs, u_accept=u[:K].T, u_emit=u[K])
    column = np.arange(K + 1)
    emitted = np.concatenate([x, token[:, None]], axis=1)
    emitted = np.where(column < n[:, None], emitted, np.where(column == n[:, None], token[:, None], -1))
    return emitted


def _play(
    setting: Setting, models: tuple[States, States], n: int, *, rng: np.random.Generator, verify: Verify
) -> Any:
    """Play n streams to their end: by the room that is left, from all of it down to one token."""
    L, (p, q) = setting.max_new_tokens, models
    tokens = np.full((n, L), -1)
    room = np.full(n, L)
    at_p = np.full(n, p.start)
    at_q = np.full(n, q.start)
    for left in range(L, 0, -1):
        streams = np.flatnonzero(room == left)
        if not len(streams):
            continue
        K = min(setting.K, left - 1)
        x, q_rows = _draft(q, at_q[streams], K, rng)
        p_rows = _score(p, at_p[streams], x)
        emitted = np.asarray(verify(x, q_rows, p_rows, rng))  # (m, K+1)
        for column in emitted.T:
            is_on = (column >= 0) & (room[streams] > 0)
            b = streams[is_on]
            t = column[is_on]
            tokens[b, L - room[b]] = t
            at_p[b] = p.next[at_p[b], t]
            at_q[b] = q.next[at_q[b], t]
            room[b] = np.where(np.isin(t, setting.stop), 0, room[b] - 1) if setting.stop else room[b] - 1
    return tokens


def _draft(q: States, at: Any, K: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Draw K drafts behind each state: (m, K) tokens and the (m, K, V) rows they came from."""
    x = np.zeros((len(at), K), np.int64)
    path = np.zeros((len(at), K), np.int64)
    for i in range(K):
        path[:, i] = at
        x[:, i] = (rng.random(len(at))[:, None] >= q.cumulative[at]).sum(axis=1)
        at = q.next[at, x[:, i]]
    return x, q.rows[path]


def _score(p: States, at: Any, x: Any) -> Any:
    """Look p up where each draft stands and behind the last: (m, K+1, V)."""
    path = [at]
    for column in x.T:
        path.append(p.next[path[-1], column])
    return p.rows[np.stack(path, axis=1)]


def _states(rows: Any, following: Any, start: int) -> States:
    """Add the cumulative sums, at which a uniform number picks; from the last possible token on they are 1."""
    cumulative = np.cumsum(rows, axis=1)
    last = rows.shape[1] - 1 - np.argmax(rows[:, ::-1] > 0, axis=1)
    return States(rows, np.where(np.arange(rows.shape[1]) >= last[:, None], 1.0, cumulative), following, start)


def _last(prompt: tuple[int, ...], order: int) -> tuple[int, ...]:
    """Take the last tokens of a prompt, zeros before it; (0,) for order 0, the only row."""
    padded = [0] * order + list(prompt)
    return tuple(padded[len(padded) - order :]) or (0,)


class Diagnosis(NamedTuple):
    """Name the law that counts come from, or say that none of those known fits."""

    name: str  # the most probable one, or "unknown"
    posterior: dict[str, float]
    fit: float  # `goodness_of_fit` of the most probable one


def diagnose(
    counts: Array, laws: Mapping[str, Array], *, target: Array | None = None, level: float = FITS
) -> Diagnosis:
    """Find the law that counts come from.

    Parameters
    ----------
    counts : (C,) int array
    laws : dict from name to (C,) array
    target : (C,) array or None, the law of a right sampler, which a named one has to explain better than
    level : float, how often the true law may be called "unknown"
    """
    odds = posterior(counts, laws)
    best = next((name for name, share in odds.items() if share > 0), None)
    fit = goodness_of_fit(counts, laws[best]) if best is not None else 0.0
    is_better = target is None or best is None or counts[target == 0].any()
    is_better = is_better or log_ratio(counts, laws[best], target) >= log_e_threshold(level)
    return Diagnosis(best if best is not None and is_better and fit >= level else "unknown", odds, fit)
