"""A NumPy generator whose first random words are ours."""

from collections.abc import Sequence
from ctypes import CFUNCTYPE, Structure, c_char_p, c_double, c_uint32, c_uint64, c_void_p, py_object, pythonapi
from typing import Any

import numpy as np

Word = CFUNCTYPE(c_uint64, c_void_p)
Half = CFUNCTYPE(c_uint32, c_void_p)
Real = CFUNCTYPE(c_double, c_void_p)
NAME = b"BitGenerator"  # of the capsule in which NumPy looks for the functions
WORDS = 2**64


class Functions(Structure):
    """What a `numpy.random.Generator` draws from: `bitgen_t` of numpy/random/bitgen.h."""

    _fields_ = [("state", c_void_p), ("word", Word), ("half", Half), ("real", Real), ("raw", Word)]


class ScriptedBits(np.random.BitGenerator):
    """A bit generator that hands out given words of 64 bits, and then drawn ones, so that every loop ends.

    Parameters
    ----------
    seed : of the drawn words
    script : sequence of int in 0 .. 2^64 - 1, or None for a drawn one

    Examples
    --------
    >>> rng = np.random.Generator(ScriptedBits(script=[0, 2**63, 2**64 - 1]))
    >>> rng.random(2).tolist(), rng.random() == 1 - 2**-53
    ([0.0, 0.5], True)
    """

    def __init__(self, seed: Any = 0, script: Sequence[int | None] = ()) -> None:
        super().__init__(seed)
        self.drawn = np.random.PCG64(seed)
        self.script = script
        self.asked = 0  # words
        # a word above 0 gives numbers above 0, those of 24 bits too: an exact 0 is scripted, never drawn
        word = Word(lambda _: self.next_word())
        half = Half(lambda _: _half(self.next_word()))
        real = Real(lambda _: (self.next_word() >> 11) / 2**53)
        # the base class has made the capsule, and left its functions empty
        find = pythonapi.PyCapsule_GetPointer
        find.restype = c_void_p
        find.argtypes = [py_object, c_char_p]
        self.functions = Functions.from_address(find(self.capsule, NAME))
        self.kept = (word, half, real)  # as long as NumPy may call them
        self.functions.word = word
        self.functions.half = half
        self.functions.real = real
        self.functions.raw = word

    def next_word(self) -> int:
        """Hand out the next word of the script, or a drawn one."""
        self.asked = self.asked + 1
        word = self.script[self.asked - 1] if self.asked <= len(self.script) else None
        return int(self.drawn.random_raw()) if word is None else word

    @property
    def state(self) -> Any:
        """How many words were asked for."""
        return {"bit_generator": "ScriptedBits", "asked": self.asked}

    @state.setter
    def state(self, value: Any) -> None:
        """Go back to where as many words had been asked for."""
        self.asked = value["asked"]


def word_of(u: float) -> int:
    """Find the word of which NumPy makes u, a multiple of 2^-53 in [0, 1); 1 stands for the largest word."""
    return min(int(u * 2**53) << 11, WORDS - 1)


def _half(word: int) -> int:
    """Cut a word to its upper 32 bits."""
    return max(word >> 32, min(word, 1) << 8)
