"""Verifiers in PyTorch: tensors for arrays, seeds from the kit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np

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
    seeded `torch.Generator` of the device; torch's own generators get seeds of their own, and are left as they were.

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
    called = TorchCall(fn, device, dtype)
    adapter = from_verify(called, batched=batched, logits=logits, batch=batch, name=name or name_of(fn))
    # it takes no NumPy generator: numbers cannot be scripted
    return replace(adapter, call=None)


@dataclass(frozen=True)
class TorchCall:
    """A function of tensors that is called with arrays, inside a fork of torch's own random state."""

    fn: Callable[..., Any]
    device: str
    dtype: str  # of the probabilities

    def __call__(self, draft_tokens: Any, draft_probs: Any, target_probs: Any, rng: Any) -> Any:
        """Call the function; an array comes back."""
        torch = required("torch")
        dtype = getattr(torch, self.dtype)
        rows = (torch.tensor(draft_probs, dtype=dtype), torch.tensor(target_probs, dtype=dtype))
        # whichever generator the function draws from, ours or torch's own, its numbers follow from the kit's seed;
        # one seed for both would repeat in one what the other has drawn
        handed, own = np.random.SeedSequence(int(rng.integers(2**63))).spawn(2)
        with seeded(own), torch.no_grad():
            generator = torch.Generator(device=self.device).manual_seed(_words(handed, 1)[0])
            given = [tensor.to(self.device) for tensor in (torch.tensor(draft_tokens), *rows)]
            return self.fn(*given, generator).cpu().numpy()


@contextmanager
def seeded(seed: int | np.random.SeedSequence) -> Iterator[None]:
    """Seed torch's own generators, each with a seed of its own, and put their states back afterwards."""
    torch = required("torch")
    # none of CUDA before its first use
    generators = [torch.default_generator, *torch.cuda.default_generators]
    states = [generator.get_state() for generator in generators]
    # `fork_rng` and `torch.manual_seed` do the same, and cost more than a verification
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    for generator, word in zip(generators, _words(sequence, len(generators)), strict=True):
        generator.manual_seed(word)
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def _words(sequence: np.random.SeedSequence, n: int) -> list[int]:
    """Derive n seeds that differ also in their lower 32 bits, which are all that torch reads on a CPU."""
    return list(map(int, sequence.generate_state(n)))


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
    # not installed, or its own libraries are missing
    except Exception as error:
        how = hint or f"Install it: pip install {package.partition('.')[0]}."
        raise RuntimeError(f"this adapter needs {package}, which cannot be imported here: {error}. {how}") from error
