"""The bytes of a file that is mapped into memory, not read."""

import mmap
from pathlib import Path
from typing import Any


class MappedFile:
    """A file whose bytes are read when they are touched.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with open(self.path, "rb") as file:
            # an empty file cannot be mapped
            self.n_bytes = file.seek(0, 2)
            self._raw: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self.n_bytes else b""

    def bytes(self, start: int, n: int) -> bytes:
        """Copy n bytes."""
        return bytes(self._raw[start : start + n])

    def view(self, start: int, n: int) -> memoryview:
        """Show n bytes without a copy."""
        return memoryview(self._raw)[start : start + n]

    def forget(self, start: int, n: int) -> None:
        """Give the memory of n bytes back to the system; whoever touches them again reads the file again."""
        if n and hasattr(mmap, "MADV_DONTNEED"):
            first = start // mmap.PAGESIZE * mmap.PAGESIZE
            self._raw.madvise(mmap.MADV_DONTNEED, first, start + n - first)
