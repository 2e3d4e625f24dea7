"""How does the kit ask for whole texts? By calling `generate`, with its own models or with an engine's.

Before this file: `rounds`; after it: `torch_callables`, then the ready-made ones.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import (
    Adapter,
    Sample,
    Seeds,
    Watched,
    checked_texts,
    counted,
    name_of,
)
from specsample.conformance.adapters.setting import Setting
from specsample.distributions import Array


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
    has_transform = "transform" in signature(fn).parameters
    ask = partial(_generate, Watched(fn), batched, batch, has_transform)
    return Adapter("generate", name or name_of(fn), ask, is_batched=batched)


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

    Examples
    --------
    >>> from specsample.conformance import check
    >>> fair = lambda text: [0.5, 0.5]
    >>> check(from_engine(lambda prompt, n, *, seed: [0] * n, next_probs=fair, prompt=[1], name="zeros")).verdict
    'FAIL'
    """
    model = FunctionModel(next_probs, len(next_probs(list(prompt))))
    own = Setting(model, model, tuple(prompt), 1, max_new_tokens, tuple(stop), name="own models")
    ask = partial(_engine, Watched(fn), batched)
    return Adapter("generate", name or name_of(fn), ask, own=(own,), is_batched=batched)


class FunctionModel:
    """A model that is a function from a text to the next distribution.

    Parameters
    ----------
    next_probs : maps a list of int to (V,) probabilities
    vocab_size : int, V
    """

    def __init__(self, next_probs: Callable[[Sequence[int]], Array], vocab_size: int) -> None:
        self.next_probs, self.vocab_size = next_probs, vocab_size

    def start(self) -> "FunctionContext":
        """Begin an empty context."""
        return FunctionContext(self)


class FunctionContext:
    """The tokens that a `FunctionModel` has read.

    Parameters
    ----------
    model : FunctionModel
    """

    def __init__(self, model: FunctionModel) -> None:
        self.model, self.tokens = model, list[int]()

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.tokens)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens and answer for the last one only, as a (1, V) array."""
        self.tokens += map(int, tokens)
        probs = np.asarray(self.model.next_probs(list(self.tokens)), float)
        return (probs / probs.sum())[None]  # float32 rows sum to 1 within rounding only

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        del self.tokens[length:]


def _generate(fn: Any, batched: bool, batch: int, has_transform: bool, *given: Any) -> Sample:
    """Ask for n texts, with one seed a call."""
    setting, n, seeds = given
    asked = {"K": setting.K, "stop": tuple(setting.stop)}
    if has_transform:
        asked |= {"target_model": setting.target_model, "draft_model": setting.draft_model}
        asked |= {"transform": setting.transform}
    else:
        asked |= {"target_model": setting.p, "draft_model": setting.q}
    return _ask(partial(fn, **asked), setting, n, batch=batch if batched else 0, seeds=seeds)


def _engine(fn: Any, batched: bool, *given: Any) -> Sample:
    """Ask for n texts, with one seed a call."""
    setting, n, seeds = given
    return _ask(fn, setting, n, batch=4096 if batched else 0, seeds=seeds)


def _ask(fn: Any, setting: Setting, n: int, *, batch: int, seeds: Seeds) -> Sample:
    """Call with N prompts at once, or one after the other (batch = 0)."""
    rng, L, prompt = seeds.generators()[1], setting.max_new_tokens, setting.prompt
    if batch:
        sizes = [min(batch, n - start) for start in range(0, n, batch)]
        texts = [text for N in sizes for text in counted(fn([list(prompt) for _ in range(N)], L, seed=_seed(rng)), N)]
    else:
        texts = [fn(list(prompt), L, seed=_seed(rng)) for _ in range(n)]
    return checked_texts(texts, n, setting)


def _seed(rng: np.random.Generator) -> int:
    """Draw a seed."""
    return int(rng.integers(2**31))
