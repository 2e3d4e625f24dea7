"""Array libraries of samplers: rows on their device, seeds from the kit.

Rows of probabilities are made once, on the device, and looked up there: of each batch only whole numbers travel, the
numbers of its rows and its drafts there, the emitted tokens back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from specsample.conformance.adapters.tabled import TabledModel
from specsample.distributions import Array

MODULES = {"numpy": "numpy", "torch": "torch", "jax": "jax.numpy", "cupy": "cupy"}


@dataclass(frozen=True)
class Library:
    """One array library on one device."""

    name: str  # a key of `MODULES`
    device: str = ""  # as the library names it, "" for its own choice
    dtype: str = "float32"  # of probabilities

    @property
    def xp(self) -> Any:
        """The library's namespace of arrays."""
        return required(MODULES[self.name])

    def array(self, values: Array, dtype: Any = None) -> Any:
        """Copy an array to the device; whole numbers get the library's own type of token ids."""
        copied = np.array(values)
        if self.name == "cupy":
            with self.xp.cuda.Device(int(self.device or 0)):
                return self.xp.asarray(copied, dtype)
        if self.name == "numpy":
            return copied if dtype is None else copied.astype(dtype)
        # no device: the library's own choice
        place = {"device": _jax_device(self.device) if self.name == "jax" else self.device} if self.device else {}
        return self.xp.asarray(copied, dtype=dtype, **place)

    def rows(self, model: TabledModel, nodes: Array, *, logits: bool) -> Any:
        """Look the distributions after some texts up, on the device: (...) nodes -> (..., V), or their logarithms."""
        index = model.index(nodes)
        n_known = int(model.is_known.sum())
        # made once; again where the model has answered for more texts since
        if model.held.get((self, logits), (-1,))[0] != n_known:
            table = logs(model.flat) if logits else model.flat
            model.held[self, logits] = n_known, self.array(table, getattr(self.xp, self.dtype))
        return model.held[self, logits][1][self.array(index)]

    @contextmanager
    def generator(self, rng: np.random.Generator) -> Iterator[Any]:
        """Make the generator that a sampler is given, and seed the library's own as long as it is called.

        Whichever the sampler draws from, its numbers follow from the kit's seed; each generator has a seed of its
        own, for one seed for both would repeat in one what the other has drawn.
        """
        if self.name == "numpy":
            yield rng
            return
        handed, own = np.random.SeedSequence(int(rng.integers(2**63))).spawn(2)
        word = words(handed, 1)[0]
        # jax has no generator of its own
        if self.name == "jax":
            yield required("jax.random").key(word)
        elif self.name == "cupy":
            random = self.xp.random
            before = random.get_random_state()
            random.set_random_state(random.RandomState(words(own, 1)[0]))
            try:
                yield random.default_rng(word)
            finally:
                random.set_random_state(before)
        else:
            with seeded(own), self.xp.no_grad():
                yield self.xp.Generator(device=self.device or "cpu").manual_seed(word)


@dataclass(frozen=True)
class LibraryCall:
    """A function that is called with arrays of a library, and with its generator in place of a NumPy generator."""

    fn: Callable[..., Any]
    lib: Library

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the function; a NumPy generator, the last argument, is replaced by one of the library."""
        if not isinstance(given[-1], np.random.Generator):
            return self.fn(*given, **named)
        with self.lib.generator(given[-1]) as generator:
            return self.fn(*given[:-1], generator, **named)


def library_of(name: str, device: str = "", dtype: str = "") -> Library:
    """Choose a library and a device, and see that they work here.

    Parameters
    ----------
    name : {"numpy", "torch", "jax", "cupy"}
    device : str, as the library names it, or ""
    dtype : str, of probabilities, or "": float64 for numpy, float32 for the others

    Raises
    ------
    ValueError
        If there is no such library.
    RuntimeError
        If the library, or the device, cannot be used here.
    """
    if name not in MODULES:
        raise ValueError(f"library must be one of {', '.join(MODULES)}; got {name!r}.")
    found = Library(name, device, dtype or ("float64" if name == "numpy" else "float32"))
    if name == "torch" and device.startswith("cuda") and not found.xp.cuda.is_available():
        raise RuntimeError(f"device {device!r} cannot be used here: torch finds no CUDA device. Use device='cpu'.")
    # a driver that is missing, a device of another name
    try:
        found.array(np.zeros(1))
    except Exception as error:
        raise RuntimeError(f"{name} on device {device!r} cannot be used here: {error}") from error
    return found


def logs(probs: Array) -> Any:
    """Take logarithms; -inf where a probability is 0."""
    with np.errstate(divide="ignore"):
        return np.log(probs)


@contextmanager
def seeded(seed: int | np.random.SeedSequence) -> Iterator[None]:
    """Seed torch's own generators, each with a seed of its own, and put their states back afterwards."""
    torch = required("torch")
    # none of CUDA before its first use
    generators = [torch.default_generator, *torch.cuda.default_generators]
    states = [generator.get_state() for generator in generators]
    # `fork_rng` and `torch.manual_seed` do the same, and cost more than a verification
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    for generator, word in zip(generators, words(sequence, len(generators)), strict=True):
        generator.manual_seed(word)
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def words(sequence: np.random.SeedSequence, n: int) -> list[int]:
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


def _jax_device(name: str) -> Any:
    """Find the device that is called "cpu", "gpu" or "gpu:1"."""
    platform, _, number = name.partition(":")
    return required("jax").devices(platform)[int(number or 0)]
