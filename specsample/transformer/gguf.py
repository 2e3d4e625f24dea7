"""GGUF files: names, settings and quantised tensors of one model.

A header (magic, version, two counts), the settings as key, type and value, for each tensor its name, sizes, kind and
place, then the tensors' bytes. The file is mapped into memory, not read; a tensor is turned into float32 when it is
asked for. Nothing that a file says is believed: every count, length and place is held against the bytes that are
left, and what does not fit is refused with its offset.
"""

import struct
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from specsample.transformer.layers import Array
from specsample.transformer.mapped import MappedFile
from specsample.transformer.quants import KINDS, Kind, dequantise

VERSIONS = (2, 3)
NUMBERS = dict(zip((*range(8), 10, 11, 12), "BbHhIif?Qqd", strict=True))  # struct's letters
STRING, ARRAY = 8, 9
MOST_SIZES = 4  # of a tensor
LEAST_SETTING, LEAST_TENSOR = 13, 24  # bytes that a setting and a tensor's entry take at least
ALIGNMENT = "general.alignment"


class Place(NamedTuple):
    """Where a tensor lies, and how."""

    shape: tuple[int, ...]  # slowest size first, as NumPy has it; the file has it the other way round
    kind: Kind
    start: int  # bytes from the beginning of the file
    n_bytes: int


class GgufFile:
    """A GGUF file, mapped into memory.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no GGUF file, is cut short, contradicts itself, or holds a kind of tensor that is not built here; the
        message names the byte.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = MappedFile(path)
        reader = _Reader(self._file)
        n_tensors, n_settings = _read_header(reader)
        self.settings = _read_settings(reader, n_settings)
        self.places = _read_places(reader, n_tensors, self.settings.get(ALIGNMENT, 32))

    def tensor(self, name: str) -> Array:
        """Turn a tensor into float32.

        Parameters
        ----------
        name : str, a key of `places`

        Returns
        -------
        float32 array of its shape; may be read-only

        Raises
        ------
        KeyError
            If there is no such tensor.
        """
        place = self.places[name]
        weights = dequantise(self._file.view(place.start, place.n_bytes), place.kind).reshape(place.shape)
        # what was read is seldom read again
        self._file.forget(place.start, place.n_bytes)
        return weights


class _Reader:
    """A place in the bytes of a file, which never passes their end."""

    def __init__(self, file: MappedFile) -> None:
        self.file = file
        self.at = 0

    @property
    def left(self) -> int:
        """Bytes that are left."""
        return self.file.n_bytes - self.at

    def fail(self, why: str, at: int | None = None) -> ValueError:
        """Say what is wrong, and at which byte."""
        return ValueError(
            f"{self.file.path} is no GGUF file that can be read: byte {self.at if at is None else at}: {why}"
        )

    def take(self, n: int, what: str) -> bytes:
        """Read n bytes."""
        if n > self.left:
            raise self.fail(f"{what} takes {n} bytes, {self.left} are left. Was the file cut short?")
        self.at += n
        return self.file.bytes(self.at - n, n)

    def number(self, letter: str, what: str) -> Any:
        """Read one number."""
        return struct.unpack("<" + letter, self.take(struct.calcsize(letter), what))[0]

    def count(self, what: str, least: int) -> int:
        """Read how many things follow, each of at least so many bytes."""
        n = int(self.number("Q", f"the number of {what}"))
        if n * least > self.left:
            why = f"{n} {what} do not fit in the {self.left} bytes that are left. Was the file cut short?"
            raise self.fail(why, self.at - 8)
        return n

    def text(self, what: str) -> str:
        """Read a string."""
        start = self.at
        raw = self.take(self.count(f"bytes of {what}", 1), what)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise self.fail(f"{what} must be UTF-8; {error.reason}.", start + 8 + error.start) from None

    def value(self, kind: int, what: str) -> Any:
        """Read a number, a string, an array of numbers or a list of strings."""
        if kind == STRING:
            return self.text(what)
        if kind != ARRAY:
            return self.number(self.letter(kind, what), what)
        kind = self.number("I", f"the type of {what}")
        # of strings at least the lengths must fit; numbers are read at once
        if kind == STRING:
            return [self.text(what) for _ in range(self.count(what, 8))]
        letter = "<" + self.letter(kind, what)
        n = self.count(what, struct.calcsize(letter))
        return np.frombuffer(self.take(n * struct.calcsize(letter), what), letter)

    def letter(self, kind: int, what: str) -> str:
        """Return struct's letter of a type, if it is one of a number."""
        if kind not in NUMBERS:
            raise self.fail(f"{what} has type {kind}, which is not built here or does not exist.", self.at - 4)
        return NUMBERS[kind]


def _read_header(reader: _Reader) -> tuple[int, int]:
    """Read magic, version and the numbers of tensors and settings."""
    magic = reader.take(4, "the magic")
    if magic != b"GGUF":
        raise reader.fail(f"it must begin with b'GGUF'; got {magic!r}. Is it another kind of file?", 0)
    version = reader.number("I", "the version")
    if version not in VERSIONS:
        cause = "Is it big-endian?" if version & 0xFFFF == 0 else "Write it anew with a recent program."
        raise reader.fail(f"version must be one of {VERSIONS}; got {version}. {cause}", 4)
    return reader.count("tensors", LEAST_TENSOR), reader.count("settings", LEAST_SETTING)


def _read_settings(reader: _Reader, n: int) -> dict[str, Any]:
    """Read keys and values."""
    settings: dict[str, Any] = {}
    for _ in range(n):
        start = reader.at
        key = reader.text("a key")
        if key in settings:
            raise reader.fail(f"{key!r} stands twice.", start)
        settings[key] = reader.value(reader.number("I", f"the type of {key}"), key)
    return settings


def _read_places(reader: _Reader, n: int, alignment: Any) -> dict[str, Place]:
    """Read the tensors' entries, and hold each to the bytes of the file."""
    if not isinstance(alignment, int) or alignment < 1 or alignment % 8:
        raise reader.fail(f"{ALIGNMENT} must be a multiple of 8; got {alignment!r}.")
    entries: dict[str, tuple[int, tuple[int, ...], Kind, int]] = {}
    for _ in range(n):
        start = reader.at
        name = reader.text("a tensor's name")
        if name in entries:
            raise reader.fail(f"tensor {name!r} stands twice.", start)
        entries[name] = (start, *_read_entry(reader, name, alignment))
    # places count from the first aligned byte after the entries
    base = -(-reader.at // alignment) * alignment
    places: dict[str, Place] = {}
    for name, (at, shape, kind, offset) in entries.items():
        n_bytes = prod(shape) // kind.block * kind.n_bytes
        missing = base + offset + n_bytes - reader.file.n_bytes
        if missing > 0:
            raise reader.fail(f"tensor {name} ends {missing} bytes after the end of the file. Was it cut short?", at)
        places[name] = Place(shape, kind, base + offset, n_bytes)
    return places


def _read_entry(reader: _Reader, name: str, alignment: int) -> tuple[tuple[int, ...], Kind, int]:
    """Read the sizes, the kind and the offset of one tensor."""
    n_sizes = reader.number("I", f"the number of sizes of {name}")
    if not 1 <= n_sizes <= MOST_SIZES:
        raise reader.fail(f"tensor {name} must have 1 to {MOST_SIZES} sizes; got {n_sizes}.", reader.at - 4)
    sizes = struct.unpack(f"<{n_sizes}Q", reader.take(8 * n_sizes, f"the sizes of {name}"))
    number = reader.number("I", f"the kind of {name}")
    if number not in KINDS:
        known = ", ".join(kind.name for kind in KINDS.values())
        raise reader.fail(f"tensor {name} is of kind {number}; built here are {known}.", reader.at - 4)
    # rows are whole blocks, and none is empty
    kind = KINDS[number]
    if 0 in sizes or sizes[0] % kind.block:
        raise reader.fail(f"tensor {name} must have rows of whole {kind.name} blocks of {kind.block}; got {sizes}.")
    offset = reader.number("Q", f"the offset of {name}")
    if offset % alignment:
        raise reader.fail(f"tensor {name} must lie at a multiple of {alignment}; got {offset}.", reader.at - 8)
    return sizes[::-1], kind, offset
