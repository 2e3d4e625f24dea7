"""Whole texts: `generate` with the kit's models, or an engine's own."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import (
    Adapter,
    Sample,
    Seeds,
    batches,
    checked_texts,
    counted,
    name_of,
)
from specsample.conformance.adapters.tabled import Tabled
from specsample.conformance.adapters.watched import Watched
from specsample.distributions import Array
from specsample.language_model import FunctionModel, TextContext


def from_generate(fn: Callable[..., Any], *, batched: bool = False, batch: int = 4096, name: str = "") -> Adapter:
    """Show the kit a function that generates text from models it is given.

    `fn(prompt, max_new_tokens, target_model=, draft_model=, K=, stop=, seed=)` returns the new token ids; the models
    are `LanguageModel`. If it has a parameter `transform`, it gets the decoding strategy and the models without it.

    Parameters
    ----------
    fn : function as above
    batched : bool; True if it takes N prompts and returns N sequences
    batch : int, N at most
    name : str, for the report; the function's name if empty

    Returns
    -------
    Adapter

    Examples
    --------
    >>> from specsample.conformance import check
    >>> zeros = from_generate(lambda prompt, n, *, target_model, draft_model, K, stop, seed: [0] * n, name="zeros")
    >>> check(zeros).verdict
    'FAIL'
    """
    watched = Watched(fn)
    has_transform = "transform" in signature(fn).parameters
    ask = Generate(watched, batch=batch if batched else 0, has_transform=has_transform)
    return Adapter("generate", name or name_of(fn), ask, is_batched=batched, last=watched.last)


def from_engine(
    fn: Callable[..., Any],
    *,
    next_probs: Callable[[Sequence[int]], Array],
    prompt: Sequence[int],
    max_new_tokens: int = 3,
    stop: Collection[int] = (),
    batched: bool = False,
    name: str = "",
) -> Adapter:
    """Show the kit an engine with models of its own, and what its target model says without speculation.

    `fn(prompt, max_new_tokens, seed=)` returns the new token ids. The target's law is multiplied out from
    `next_probs`, so V^max_new_tokens has to stay small: take a tiny checkpoint, or a strategy that keeps few tokens.

    Parameters
    ----------
    fn : function as above
    next_probs : maps a text, prompt included, to the (V,) probabilities of the next token
    prompt : sequence of int
    max_new_tokens : int, tokens
    stop : token ids that end a text
    batched : bool; True if it takes N prompts and returns N sequences
    name : str, for the report; the function's name if empty

    Returns
    -------
    Adapter

    Raises
    ------
    ValueError
        If next_probs gives no distribution: logarithms, logits, or the likeliest few.

    Examples
    --------
    >>> from specsample.conformance import check
    >>> fair = lambda text: [0.5, 0.5]
    >>> check(from_engine(lambda prompt, n, *, seed: [0] * n, next_probs=fair, prompt=[1], name="zeros")).verdict
    'FAIL'
    """
    first = checked_probs(next_probs(list(prompt)))
    model = EngineModel(next_probs, len(first))
    own = Tabled(model, model, tuple(prompt), 1, max_new_tokens, tuple(stop), name="own models")
    watched = Watched(fn)
    ask = Engine(watched, batch=4096 if batched else 0)
    return Adapter("generate", name or name_of(fn), ask, own=(own,), is_batched=batched, last=watched.last)


class EngineModel(FunctionModel):
    """An engine's target: every question may be a pass of a large model, so only the last row is asked for."""

    def start(self) -> TextContext:
        """Begin an empty context."""
        return LastRow(self.next_probs, self.vocab_size)


class LastRow(TextContext):
    """A context that answers for the last token alone."""

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; the (1, V) answer is the distribution after the last of them."""
        self.tokens += map(int, tokens)
        probs = checked_probs(self.next_probs(self.tokens.copy()))
        # float32 rows sum to 1 within rounding only
        return (probs / probs.sum())[None]


def checked_probs(given: Any) -> Array:
    """Return what `next_probs` gave as a (V,) float array if it is a distribution, else raise ValueError by name.

    Raises
    ------
    ValueError
        If these are logarithms, scores, a part of a distribution, or no numbers.
    """
    probs = np.asarray(given, float)
    if probs.ndim != 1 or not probs.size:
        raise ValueError(f"next_probs must give one (V,) row; got shape {probs.shape}. Is it a batch of one?")
    total = probs.sum()
    least = probs.min()
    # the likely causes, each by what it leaves behind
    if not np.isfinite(probs).all():
        cause = "Are these logarithms, with -inf for what cannot come? Take exp."
    elif least < 0:
        is_log = (probs <= 0).all() and abs(np.exp(probs).sum() - 1) < 1e-2
        cause = "These are log-probabilities: take exp." if is_log else "Are these logits? Apply softmax."
    elif abs(total - 1) <= 1e-2:
        return probs
    else:
        cause = "Are these the likeliest few alone?" if total < 1 else "Are these scores? Apply softmax."
    raise ValueError(
        f"next_probs must give probabilities that sum to 1; got {least:.3g} at least, sum {total:.3g}. {cause}"
    )


@dataclass(frozen=True)
class Generate:
    """A user's `generate`, asked with the kit's own models."""

    fn: Watched
    batch: int  # prompts a call, at most; 0 for one at a time, not in a list
    has_transform: bool

    def __call__(self, setting: Tabled, n: int, seeds: Seeds) -> Sample:
        """Ask for n texts, with one seed a call."""
        asked: dict[str, Any] = {"K": setting.K, "stop": tuple(setting.stop)}
        # who takes the strategy gets the models without it, everybody else what is really sampled from
        if self.has_transform:
            asked |= {"target_model": setting.target_model, "draft_model": setting.draft_model}
            asked |= {"transform": setting.transform}
        else:
            asked |= {"target_model": setting.p, "draft_model": setting.q}
        return _ask(partial(self.fn, **asked), setting, n, batch=self.batch, seeds=seeds)


@dataclass(frozen=True)
class Engine:
    """A user's engine, which keeps its own models."""

    fn: Watched
    batch: int  # prompts a call, at most; 0 for one at a time, not in a list

    def __call__(self, setting: Tabled, n: int, seeds: Seeds) -> Sample:
        """Ask for n texts, with one seed a call."""
        return _ask(self.fn, setting, n, batch=self.batch, seeds=seeds)


def _ask(fn: Any, setting: Tabled, n: int, *, batch: int, seeds: Seeds) -> Sample:
    """Call with N prompts at once, or one after the other (batch = 0)."""
    rng = seeds.generators()[1]
    L = setting.max_new_tokens
    prompt = setting.prompt
    # batches of prompts, or one after the other; a seed of its own for every call
    if batch:
        cuts = batches(n, batch, (len(prompt) + L) * setting.vocab_size)
        sizes = [len(range(n)[cut]) for cut in cuts]
        texts = [text for N in sizes for text in counted(fn([list(prompt) for _ in range(N)], L, seed=_seed(rng)), N)]
    else:
        texts = [fn(list(prompt), L, seed=_seed(rng)) for _ in range(n)]
    return checked_texts(texts, n, setting)


def _seed(rng: np.random.Generator) -> int:
    """Draw a seed."""
    return int(rng.integers(2**31))
