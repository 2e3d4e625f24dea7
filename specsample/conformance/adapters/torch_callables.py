"""How is a verifier in PyTorch shown to the kit? Its arguments become tensors, its seed comes from the kit.

Before this file: `whole`; after it: `huggingface`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

from specsample.conformance.adapters.adapter import Adapter, name_of
from specsample.conformance.adapters.rounds import from_verify


def from_torch(
    fn: Callable[..., Any],
    *,
    batched: bool = True,
    logits: bool = False,
    device: str = "cpu",
    dtype: str = "float32",
    batch: int = 4096,
    name: str = "",
) -> Adapter:
    """Show the kit a verifier that takes and returns torch tensors.

    `fn(draft_tokens, draft_probs, target_probs, generator)`: (N, K) int64, (N, K, V) and (N, K+1, V) tensors and a
    seeded `torch.Generator` of the device; torch's own generators are seeded as well, and left as they were.

    Parameters
    ----------
    fn : function as above
    batched : bool; False if it takes one sequence
    logits : bool; True if it wants logarithms of probabilities
    device : str, as torch names it
    dtype : str, of the probabilities
    batch : int, N at most
    name : str, for the report

    Returns
    -------
    Adapter

    Raises
    ------
    RuntimeError
        If torch, or the device, cannot be used here.
    """
    torch = required("torch")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise RuntimeError(f"device {device!r} cannot be used here: torch finds no CUDA device. Use device='cpu'.")
    called = partial(call_torch, fn, device, dtype)
    adapter = from_verify(called, batched=batched, logits=logits, batch=batch, name=name or name_of(fn))
    return replace(adapter, call=None)  # it takes no NumPy generator: numbers cannot be scripted


def call_torch(fn: Callable[..., Any], device: str, dtype: str, *given: Any) -> Any:
    """Call a function of tensors with arrays, inside a fork of torch's own random state."""
    torch = required("torch")
    (drafts, q, p), rng = given[:3], given[3]
    rows = (torch.tensor(drafts), *(torch.tensor(row, dtype=getattr(torch, dtype)) for row in (q, p)))
    seed = int(rng.integers(2**31))
    with seeded(seed), torch.no_grad():
        generator = torch.Generator(device=device).manual_seed(seed)
        return fn(*(row.to(device) for row in rows), generator).cpu().numpy()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's own random state, and put it back afterwards."""
    torch = required("torch")
    generators = [torch.default_generator, *torch.cuda.default_generators]  # none of CUDA before its first use
    states = [generator.get_state() for generator in generators]
    for generator in generators:  # `fork_rng` and `torch.manual_seed` do the same, and cost more than a verification
        generator.manual_seed(seed)
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def required(package: str, hint: str = "") -> Any:
    """Import a package, or say that this adapter needs it.

    Parameters
    ----------
    package : str
    hint : str, how to get it

    Raises
    ------
    RuntimeError
        If it is not installed or cannot be imported.
    """
    try:
        return import_module(package)
    except Exception as error:  # not installed, or its own libraries are missing
        how = hint or f"Install it: pip install {package.partition('.')[0]}."
        raise RuntimeError(f"this adapter needs {package}, which cannot be imported here: {error}. {how}") from error
