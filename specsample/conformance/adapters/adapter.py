"""What the kit needs of a sampler, and the contract it may break.

An `Adapter` draws streams: token ids after one prompt, padded with -1. `checked_rows` and `checked_texts` read what
a user's function returned and say what is wrong with it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from specsample.conformance.adapters.tabled import Tabled
from specsample.conformance.adapters.watched import LastCall
from specsample.conformance.evidence.cells import PADDING
from specsample.distributions import Array

SHORT = "a text ends before max_new_tokens without a stop token"
STRIPPED = " (no text has one: was it left out? The stop token is part of the text, return it)"
LARGEST_BATCH = 2**21  # probabilities of a call: 16 MB in float64
TOO_LONG = "more than max_new_tokens"  # the one that is mended, by a cut, and decides nothing
Kind = Literal["verify", "step", "generate"]


class Broken(Exception):
    """A sampler broke its contract, so that no law can be judged: what happened, and what to do."""


class NoToken(Broken):
    """A token id lies outside the vocabulary."""


class Seeds(NamedTuple):
    """Seeds of the harness (drafts handed to `verify`, the last token) and of the sampler under test."""

    harness: np.random.SeedSequence
    sampler: np.random.SeedSequence

    def generators(self) -> tuple[np.random.Generator, np.random.Generator]:
        """Make a random generator of each, the same ones every time."""
        # a seed sequence counts the children that it was asked for: the next call has one of its own
        harness, sampler = (np.random.SeedSequence(each.entropy, spawn_key=each.spawn_key) for each in self)
        return np.random.default_rng(harness), np.random.default_rng(sampler)

    def of_streams(self, n: int) -> Array:
        """Derive a seed for each of n streams, (n,) whole numbers below 2^63, without drawing from the generators."""
        key = (*self.sampler.spawn_key, 2**31)
        words = np.random.SeedSequence(self.sampler.entropy, spawn_key=key).generate_state(n, np.uint64)
        return (words >> np.uint64(1)).astype(np.int64)


class Played(NamedTuple):
    """One round of m streams."""

    streams: Array  # (m,), which they are
    nodes: Array  # (m,), the texts before it
    number: Array  # (m,), 0 for a stream's first round
    drafts: Array | None  # (m, k), or None where the sampler drafts by itself
    emitted: Array  # (m, k+1), padded with -1


@dataclass
class Sample:
    """Streams, and how they came about."""

    tokens: Array  # (n, L), padded with -1 after a text's end
    rounds: list[Played] = field(default_factory=list)  # those in which the sampler was called
    violations: Counter[str] = field(default_factory=Counter)  # from a sentence to how often it was true


def nothing() -> None:
    """End what was never started."""


@dataclass(frozen=True)
class Adapter:
    """A sampler, as the kit sees it."""

    kind: Kind
    name: str  # for the report
    sample: Callable[[Tabled, int, Seeds], Sample]
    own: tuple[Tabled, ...] = ()  # where the sampler brings its own models and cannot be asked about others
    call: Callable[..., Any] | None = None  # `verify` for scripted uniform numbers; None: it takes no NumPy generator
    is_batched: bool = False  # whether one call serves many sequences
    last: LastCall = field(default_factory=LastCall, compare=False)  # of the user's function
    end: Callable[[], None] = nothing  # called after a check, to end what was started for it


def name_of(function: Any) -> str:
    """Name a function for messages; a partial or a wrapping object by what it wraps, any other object by its type."""
    # `partial` has func, decorators have __wrapped__; an address would differ from run to run
    inner = getattr(function, "func", None) or getattr(function, "__wrapped__", None)
    return str(getattr(function, "__qualname__", None) or (name_of(inner) if inner else type(function).__qualname__))


def batches(n: int, most: int, numbers: int) -> Iterator[slice]:
    """Cut n sequences into batches: of `most`, or of fewer where each takes many numbers."""
    size = max(1, min(most, LARGEST_BATCH // numbers))
    return (slice(start, start + size) for start in range(0, n, size))


def checked_rows(given: Any, shape: tuple[int, int], V: int) -> Any:
    """Return what `verify` or `step` gave as an (N, K+1) int array, or raise Broken.

    Parameters
    ----------
    given : array, or sequence of sequences of token ids
    shape : (N, K+1)
    V : int, token ids lie below it

    Raises
    ------
    Broken
        If it is none.
    """
    rows = _as_ints(given, f"(N, K+1) = {shape} token ids, padded with -1")
    if rows.shape != shape:
        raise Broken(
            f"the sampler must return (N, K+1) = {shape} token ids, one row for each of the N drafts it was given; "
            f"got {rows.shape}. Is the bonus column missing, or the batch axis?"
        )
    _check_ids(rows, V)
    # padding only at the end of a row, and never a row of nothing else
    is_token = rows != PADDING
    if (is_token[:, 1:] & ~is_token[:, :-1]).any():
        row = rows[(is_token[:, 1:] & ~is_token[:, :-1]).any(axis=1)][0]
        raise Broken(f"padding (-1) must stand behind all tokens of a row; got {row.tolist()}.")
    if not is_token[:, 0].all():
        raise Broken(
            "the sampler must emit at least one token a row; a row holds none. "
            "After a rejection emit the replacement, after K acceptances the bonus token."
        )
    return rows


def checked_row(given: Any, K: int, V: int) -> list[int]:
    """Return the tokens of one round as a list of 1 ... K+1 ids, or raise Broken.

    Raises
    ------
    Broken
        If it is none.
    """
    row = _as_ints(given, f"1 to K+1 = {K + 1} token ids")
    # one row of a batch of one is as good
    row = row[0] if row.ndim == 2 and len(row) == 1 else row
    if row.ndim != 1 or not 1 <= len(row) <= K + 1:
        raise Broken(
            f"the sampler must return 1 to K+1 = {K + 1} token ids for one sequence; got shape {row.shape}. "
            "For many sequences at once set batched=True."
        )
    padded = np.concatenate([row, np.full(K + 1 - len(row), PADDING)])
    return list(checked_rows(padded[None], (1, K + 1), V)[0].tolist())


def checked_texts(given: Any, n: int, setting: Tabled) -> Sample:
    """Return what `generate` gave as a Sample, or raise Broken.

    Parameters
    ----------
    given : n sequences of new token ids; padding with -1 is cut off
    n : int, texts asked for
    setting : Setting

    Raises
    ------
    Broken
        If it is none.
    """
    texts = [_as_ints(text, "a sequence of new token ids") for text in counted(given, n)]
    L = setting.max_new_tokens
    V = setting.vocab_size
    sample = Sample(np.full((n, L), PADDING))
    # the new tokens alone are asked for
    prompt = list(setting.prompt)
    if n and all(len(text) > L and text[: len(prompt)].tolist() == prompt for text in texts if text.ndim == 1):
        raise Broken(f"the sampler must return the new tokens alone; got texts that begin with the prompt {prompt}.")
    # padding at the end is cut off; what is too long is cut and counted
    for i, text in enumerate(texts):
        if text.ndim != 1:
            raise Broken(f"a text must be a flat sequence of token ids; got shape {text.shape}.")
        kept = text[: len(text) - int(np.argmax(text[::-1] != PADDING))] if (text != PADDING).any() else text[:0]
        _check_ids(kept, V)
        if (kept == PADDING).any():
            raise Broken(f"padding (-1) must stand behind all tokens of a text; got {text.tolist()}.")
        sample.violations[f"{TOO_LONG} = {L} tokens"] += len(kept) > L
        sample.tokens[i, : min(len(kept), L)] = kept[:L]
    return with_stop_violations(sample, setting)


def counted(given: Any, n: int) -> Any:
    """Return what `generate` gave if it is n texts, or raise Broken.

    Raises
    ------
    Broken
        If it is none.
    """
    if hasattr(given, "__len__") and len(given) == n:
        return given
    got = f"{len(given)} of them" if hasattr(given, "__len__") else type(given).__name__
    raise Broken(f"the sampler must return {n} sequences of new token ids, one a prompt; got {got}.")


def with_stop_violations(sample: Sample, setting: Tabled) -> Sample:
    """Count the texts that end too early, or go on behind a stop token."""
    # too short without a stop token, or on beyond one
    is_token = sample.tokens != PADDING
    is_stop = np.isin(sample.tokens, list(setting.stop))
    is_short = ~is_token[:, -1] & ~is_stop.any(axis=1)
    # who has stop tokens, and never returns one, has cut them off
    is_stripped = bool(len(setting.stop)) and is_short.any() and not is_stop.any()
    said = SHORT + STRIPPED if is_stripped else SHORT
    sample.violations[said] += int(is_short.sum())
    goes_on = (is_stop[:, :-1] & is_token[:, 1:]).any(axis=1)
    sample.violations["a token behind a stop token"] += int(goes_on.sum())
    # without those that never happened
    sample.violations = +sample.violations
    return sample


def _as_ints(given: Any, wanted: str) -> Any:
    """Read arrays of any library and nested sequences as integers."""
    # a torch tensor, on whatever device
    # (tokens, how many), (tokens, trace), and whatever else comes beside tokens
    if isinstance(given, tuple) and any(hasattr(part, "__len__") or hasattr(part, "rounds") for part in given):
        kinds = ", ".join(type(part).__name__ for part in given)
        raise Broken(f"the sampler must return {wanted}; got a tuple ({kinds}): return the tokens alone.")
    if hasattr(given, "detach"):
        given = given.detach().cpu().numpy()
    try:
        array = np.asarray(given)
    except ValueError as error:  # rows of different lengths
        raise Broken(f"the sampler must return {wanted}; got rows of different lengths. Pad them with -1.") from error
    if array.dtype.kind == "f" and array.size and not np.isfinite(array).all():
        raise Broken(f"the sampler must return {wanted}; got NaN or infinity. Was a residual of mass 0 normalised?")
    # whole numbers in a float array are ids that went through a float tensor
    if array.dtype.kind == "f" and (array == np.round(array)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        got = type(given).__name__ if array.dtype == object else f"dtype {array.dtype}"
        raise Broken(f"the sampler must return {wanted}; got {got}.")
    # -1 in an unsigned type is its largest number
    if array.dtype.kind == "u" and array.dtype.itemsize >= 4:
        array = np.where(array == np.iinfo(array.dtype).max, PADDING, array.astype(np.int64))
    return array.astype(np.int64)


def _check_ids(tokens: Array, V: int) -> None:
    """Refuse ids that are neither tokens nor padding."""
    is_bad = (tokens < PADDING) | (tokens >= V)
    if is_bad.any():
        raise NoToken(
            f"token ids must lie in 0 .. V-1 = {V - 1} (or be -1, padding); got {tokens[is_bad].ravel()[0]}. "
            "Does a cumulative sum stay below 1?"
        )
