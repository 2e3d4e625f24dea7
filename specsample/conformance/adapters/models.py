"""Code that takes model objects: tables in the shape of a network.

A `Shell` is called with token ids and gives a row for each. What it has read lies in its cache as token ids, in the
place of keys and values: code that trims, crops or forgets to trim a cache trims what the model knows.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from inspect import signature
from types import SimpleNamespace
from typing import Any

import numpy as np

from specsample.backend import to_numpy
from specsample.conformance.adapters.adapter import Adapter, Broken, name_of
from specsample.conformance.adapters.libraries import Library, library_of, logs, seeded, words
from specsample.conformance.adapters.tabled import TabledModel
from specsample.conformance.adapters.whole import from_generate
from specsample.distributions import Array


def from_models(
    generate: Callable[..., Any],
    *,
    target: str,
    draft: str,
    prompt: str,
    new_tokens: str = "",
    total: str = "",
    K: str = "",
    logits: bool = True,
    plain: bool = False,
    with_prompt: bool = True,
    library: str = "torch",
    device: str = "",
    name: str = "",
) -> Adapter:
    """Show the kit a function that takes models as objects, by the names of its parameters.

    A model is called with token ids, (N, T) or (T,): `model(ids).logits` is (N, T, V) or (T, V), beside it
    `model(ids).past_key_values`. It has `model.config.vocab_size` and `model.device`, and `model.generate(ids)`
    samples from it alone. Global generators (NumPy, Python, torch) are seeded, each with its own seed, and put back.

    Parameters
    ----------
    generate : function
    target, draft, prompt : str, names of its parameters for both models and the token ids of the prompt
    new_tokens, total : str, that of how many tokens to add, or that of how long the text shall be: one of the two
    K : str, that of the number of drafts, "" if there is none
    logits : bool; False if models give probabilities
    plain : bool; True if a call of a model gives the rows alone, with `return_cache=True` a tuple of rows and cache
    with_prompt : bool; False if the function returns the new tokens alone
    library : {"torch", "numpy"}: a prompt of shape (1, T) in torch, of shape (T,) in NumPy
    device : str, as the library names it
    name : str, for the report; the function's name if empty

    Returns
    -------
    Adapter

    Raises
    ------
    ValueError
        If the function has no parameter of a name.

    Examples
    --------
    >>> from specsample.conformance import check
    >>> def zeros(x, small, large, n):
    ...     return [*x, *[0] * n]
    >>> names = {"target": "large", "draft": "small", "prompt": "x", "new_tokens": "n"}
    >>> check(from_models(zeros, **names, plain=True, library="numpy"), probes=["P1"]).verdict
    'FAIL'
    """
    # names that are wrong are found now, not in a call
    known = signature(generate).parameters
    asked = [each for each in (target, draft, prompt, new_tokens, total, K) if each]
    unknown = [each for each in asked if each not in known]
    if unknown or bool(new_tokens) == bool(total):
        raise ValueError(
            f"target, draft, prompt, either new_tokens or total, and K must name parameters of {name_of(generate)}"
            f"({', '.join(known)}); got {asked}."
        )
    roles = {"target": target, "draft": draft, "prompt": prompt, "new": new_tokens, "total": total, "K": K}
    chosen = library_of(library, device, "float32" if library == "torch" else "")
    call = ModelsCall(generate, roles, logits, plain, with_prompt, chosen)
    return from_generate(call, name=name or name_of(generate))


@dataclass(frozen=True)
class ModelsCall:
    """A function of model objects, called as `from_generate` calls."""

    fn: Callable[..., Any]
    roles: dict[str, str]  # from what is handed over to the name of a parameter, or ""
    logits: bool
    plain: bool
    with_prompt: bool
    lib: Library

    def __call__(
        self, prompt: list[int], n: int, *, target_model: Any, draft_model: Any, K: int, stop: Any, seed: int
    ) -> list[int]:
        """Call the function; the new tokens come back, up to a stop token."""
        # one row in torch, a flat text in NumPy
        ids = self.lib.array([prompt] if self.lib.name == "torch" else prompt)
        given = {"prompt": ids, "new": n, "total": len(prompt) + n, "K": K}
        for role, model in (("target", target_model), ("draft", draft_model)):
            given[role] = Shell(model, self.lib, logits=self.logits, plain=self.plain, stop=tuple(stop))
        with _all_seeded(seed, self.lib):
            answer = self.fn(**{self.roles[role]: each for role, each in given.items() if self.roles[role]})
        # (text, how many were accepted) and the like
        text = to_numpy(answer[0] if isinstance(answer, tuple) else answer).reshape(-1).tolist()
        if self.with_prompt and text[: len(prompt)] != list(prompt):
            raise Broken(
                f"the text must begin with the prompt {list(prompt)}; got {text}. Does the function return the new "
                "tokens alone? Then with_prompt=False."
            )
        new = [int(x) for x in (text[len(prompt) :] if self.with_prompt else text)]
        # code without a rule for stop tokens is judged up to there
        at = next((i for i, x in enumerate(new) if x in stop), len(new))
        return new[: at + 1]


class Shell:
    """One of the kit's models, as an object that is called with token ids."""

    def __init__(
        self, model: TabledModel, library: Library, *, logits: bool, plain: bool, stop: tuple[int, ...] = ()
    ) -> None:
        self.model = model
        self.lib = library
        self.logits = logits
        self.plain = plain
        self.vocab_size = model.vocab_size
        self.device = getattr(library.array(np.zeros(1)), "device", library.device)
        end = stop[0] if stop else None
        self.config = SimpleNamespace(vocab_size=self.vocab_size, eos_token_id=end, is_encoder_decoder=False)

    def eval(self) -> "Shell":
        """Return the model itself, as a network does."""
        return self

    def to(self, *given: Any, **named: Any) -> "Shell":
        """Return the model itself: it stays where it is."""
        return self

    def __call__(
        self, ids: Any, past_key_values: Any = None, *, cache: Any = None, return_cache: bool = False, **ignored: Any
    ) -> Any:
        """Read token ids after what a cache holds: a row for each of them.

        `past_key_values` holds what was read before `ids`; `cache`, of a plain model, what was read of `ids`.
        """
        read = to_numpy(ids).astype(np.int64)
        rows = np.atleast_2d(read)
        # the text is what the cache says, whatever was really read
        past = np.zeros((len(rows), 0), np.int64)
        if past_key_values is not None and len(past_key_values):
            past = _ids_of(past_key_values[0][0])
        elif cache is not None:
            past = _ids_of(cache)
            rows = rows[:, past.shape[1] :]
        text = np.concatenate([past, rows], axis=1)
        probs = self.model(text)[:, past.shape[1] :]
        # in the shape that was asked with
        values = logs(probs) if self.logits else probs
        dtype = getattr(self.lib.xp, self.lib.dtype)
        given = self.lib.array(values if read.ndim == 2 else values[0], dtype)
        # keys are the token ids, (N, heads, T, size) of one head and size 1
        keys = self.lib.array(text[:, None, :, None].astype(float))
        if self.plain:
            return (given, keys) if return_cache else given
        # a cache is changed in place; what was taken apart gets a new one
        kept = past_key_values if isinstance(past_key_values, Cache) else Cache()
        kept.layers[:] = [(keys, keys)]
        return SimpleNamespace(logits=given, past_key_values=kept)

    def generate(self, ids: Any, *, max_new_tokens: int, do_sample: bool = False, **ignored: Any) -> Any:
        """Sample from the model alone, or take its likeliest tokens: (N, T) -> (N, T + max_new_tokens), in torch."""
        torch = self.lib.xp
        for _ in range(max_new_tokens):
            rows = self.model(to_numpy(ids))[:, -1]
            probs = self.lib.array(rows)
            token = torch.multinomial(probs, 1) if do_sample else probs.argmax(dim=1, keepdim=True)
            ids = torch.cat([ids, token.to(ids.dtype)], dim=1)
        return ids


class Cache:
    """What a `Shell` has read: pairs of keys and values, that can be cropped in place or taken apart."""

    def __init__(self) -> None:
        self.layers: list[tuple[Any, Any]] = []

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return self.layers[i]

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter(self.layers)

    def get_seq_length(self) -> int:
        """Count the tokens read."""
        return int(self.layers[0][0].shape[2]) if self.layers else 0

    def crop(self, length: int) -> None:
        """Forget all but the first `length` tokens; the last -length ones where it is negative."""
        self.layers[:] = [(k[:, :, :length], v[:, :, :length]) for k, v in self.layers]


def _ids_of(keys: Any) -> Array:
    """Read the token ids that lie in the place of keys: (N, 1, T, 1) -> (N, T)."""
    ids: Array = np.rint(to_numpy(keys)[:, 0, :, 0]).astype(np.int64)
    return ids


@contextmanager
def _all_seeded(seed: int, library: Library) -> Iterator[None]:
    """Seed the global generators, each with a seed of its own, and put their states back afterwards."""
    # whichever the code draws from
    of_numpy, of_python = words(np.random.SeedSequence([seed, 1]), 2)
    before = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(of_numpy)  # noqa: NPY002
    random.seed(of_python)
    try:
        with seeded(seed) if library.name == "torch" else nullcontext(), _without_gradients(library):
            yield
    finally:
        np.random.set_state(before[0])  # noqa: NPY002
        random.setstate(before[1])


def _without_gradients(library: Library) -> Any:
    """Switch gradients off, where there are any."""
    return library.xp.no_grad() if library.name == "torch" else nullcontext()
