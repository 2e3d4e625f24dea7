"""Samplers that are shown to the kit round by round.

`verify` judges drafts that the kit has drawn from q; `step` drafts by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import Adapter, Played, batches, checked_row, checked_rows, name_of
from specsample.conformance.adapters.libraries import LibraryCall, library_of
from specsample.conformance.adapters.play import Play, Turn
from specsample.conformance.adapters.text_numbers import text_of
from specsample.conformance.adapters.verifier import RaggedVerifier, Verifier
from specsample.conformance.adapters.watched import Watched


def from_verify(
    fn: Callable[..., Any],
    *,
    batched: bool = True,
    logits: bool = False,
    ragged: bool = False,
    library: str = "numpy",
    device: str = "",
    dtype: str = "",
    batch: int = 4096,
    name: str = "",
) -> Adapter:
    """Show the kit a function that verifies drafts.

    `fn(draft_tokens, draft_probs, target_probs, rng)` gets (N, K), (N, K, V) and (N, K+1, V) arrays and returns
    (N, K+1) token ids: the accepted drafts, one token more, and -1 as padding.

    Parameters
    ----------
    fn : function as above
    batched : bool; False if it takes one sequence: (K,), (K, V), (K+1, V) -> 1 to K+1 token ids
    logits : bool; True if it wants logarithms of probabilities (-inf where one is 0)
    ragged : bool; True if requests differ: it gets `n_drafts=` and `temperature=` besides, (N,) arrays
        Request i has n_drafts[i] drafts, 0 to K, and what stands after them is to be ignored; a temperature of 0
        asks for the likeliest tokens.
    library : {"numpy", "torch", "jax", "cupy"}, of the arrays and of the generator, in place of a NumPy one
        A `torch.Generator`, a key of `jax.random` or a `cupy.random.Generator`. The library's own generators get
        seeds of their own, and are left as they were.
    device : str, as the library names it, "" for its own choice
    dtype : str, of probabilities, "" for float64 in numpy and float32 elsewhere
    batch : int, N at most
    name : str, for the report; the function's name if empty

    Returns
    -------
    Adapter

    Raises
    ------
    ValueError
        If there is no such library, or requests that differ are to come one at a time.
    RuntimeError
        If the library, or the device, cannot be used here.

    Examples
    --------
    >>> from specsample.conformance import check
    >>> always = from_verify(lambda x, q, p, rng: np.hstack([x, p[:, -1:].argmax(axis=2)]), name="keep all drafts")
    >>> check(always).verdict
    'FAIL'
    """
    if ragged and not batched:
        raise ValueError("ragged must come with batched=True: requests differ from each other in a batch alone.")
    chosen = library_of(library, device, dtype)
    watched = Watched(fn if library == "numpy" else LibraryCall(fn, chosen))
    make = RaggedVerifier if ragged else Verifier
    verifier = make(watched, is_batched=batched, wants_logits=logits, batch=batch, lib=chosen)
    # only NumPy's numbers can be scripted
    call = verifier if library == "numpy" else None
    play = Play(verifier.emit)
    return Adapter("verify", name or name_of(fn), play, call=call, is_batched=batched, last=watched.last)


def from_torch(fn: Callable[..., Any], *, device: str = "cpu", **settings: Any) -> Adapter:
    """Show the kit a verifier that takes and returns torch tensors: `from_verify(fn, library="torch")`.

    Parameters
    ----------
    fn : function as for `from_verify`
    device : str, as torch names it
    **settings : as for `from_verify`

    Returns
    -------
    Adapter
    """
    return from_verify(fn, library="torch", device=device, **settings)


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
    watched = Watched(fn)
    stepper = Stepper(watched, is_batched=batched, batch=batch)
    return Adapter("step", name or name_of(fn), Play(stepper.emit), is_batched=batched, last=watched.last)


@dataclass(frozen=True)
class Stepper:
    """A user's `step`: a round of its own after every text."""

    fn: Watched
    is_batched: bool
    batch: int  # texts a call, at most

    def emit(self, turn: Turn) -> list[Played]:
        """Let the user's function run a round after every text; all have one length."""
        V = turn.setting.vocab_size
        k = turn.k
        models = turn.setting.q, turn.setting.p
        prefixes = np.array([[*turn.setting.prompt, *text_of(node, V)] for node in turn.nodes.tolist()])
        # one text at a time, or in batches
        if not self.is_batched:
            rows = [checked_row(self.fn(prefix, *models, k, turn.sampler), k, V) for prefix in prefixes.tolist()]
            return [turn.played(None, np.array(rows))]
        blocks = [prefixes[i] for i in batches(len(prefixes), self.batch, (2 * k + 1) * V)]
        parts = [checked_rows(self.fn(block, *models, k, turn.sampler), (len(block), k + 1), V) for block in blocks]
        return [turn.played(None, np.concatenate(parts))]
