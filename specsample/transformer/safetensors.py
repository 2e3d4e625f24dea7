"""Files of plain tensors (.safetensors).

A length, a table in JSON, the tensors' bytes. Mapped into memory like GGUF files, and believed as little: every
tensor must lie inside the file and measure what its entry says.
"""

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from specsample.transformer.layers import Array
from specsample.transformer.mapped import MappedFile

FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # bfloat16 is the upper half of a float32


class SafetensorsFile:
    """A .safetensors file.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is cut short, contradicts itself, or holds something else than floats.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = MappedFile(path)
        length = int.from_bytes(self._file.bytes(0, 8), "little")
        self._base = 8 + length
        if self._file.n_bytes < max(self._base, 8):
            raise self._wrong(f"its table takes {length} bytes, which are not there")
        try:
            table = json.loads(self._file.bytes(8, length))
            self._entries = {name: _entry(entry) for name, entry in table.items() if name != "__metadata__"}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise self._wrong(f"its table says {type(error).__name__}: {error}") from error
        for name, (kind, shape, start, end) in self._entries.items():
            self._check(name, kind, shape, (start, end))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor by its name."""
        return {name: shape for name, (_, shape, _, _) in self._entries.items()}

    def tensor(self, name: str) -> Array:
        """Turn a tensor into float32, or leave it float64; may be read-only."""
        kind, shape, start, end = self._entries[name]
        tensor = np.frombuffer(self._file.view(self._base + start, end - start), FLOATS[kind])
        if kind == "BF16":
            tensor = (tensor.astype(np.uint32) << 16).view(np.float32)
        if kind == "F16":
            tensor = tensor.astype(np.float32)
        self._file.forget(self._base + start, end - start)
        return tensor.reshape(shape)

    def _wrong(self, why: str) -> ValueError:
        """Say what is wrong with the file."""
        return ValueError(f"{self._file.path} must be a whole .safetensors file; it is cut or foreign ({why}).")

    def _check(self, name: str, kind: str, shape: tuple[int, ...], place: tuple[int, int]) -> None:
        """Hold a tensor to the bytes of the file."""
        if kind not in FLOATS:
            raise ValueError(
                f"{self._file.path}: {name} must be float64, float32, float16 or bfloat16; got {kind}. "
                "Is the model quantised?"
            )
        n_bytes = prod(shape) * np.dtype(FLOATS[kind]).itemsize
        start, end = place
        if min(shape, default=1) < 0 or not 0 <= start <= end <= self._file.n_bytes - self._base:
            raise self._wrong(f"tensor {name} lies outside of it")
        if end - start != n_bytes:
            raise self._wrong(f"tensor {name} has {end - start} bytes, not {n_bytes}")


def _entry(entry: dict[str, Any]) -> tuple[str, tuple[int, ...], int, int]:
    """Read the kind, shape, start and end of a tensor."""
    start, end = entry["data_offsets"]
    return str(entry["dtype"]), tuple(int(n) for n in entry["shape"]), int(start), int(end)
