"""Files that are whole, or not there."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Let a file be written beside its name, and rename it: a full disk or Ctrl-C leaves what was there before.

    Raises
    ------
    OSError
        With the name of the file, if it cannot be written.
    """
    beside = Path(f"{path}.part")
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_whole(path: str | Path, text: str) -> None:
    """Write a text, whole or not at all; raises as `replacing` does."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_arrays(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an .npz archive, to the disk, whole or not at all; raises as `replacing` does."""
    named: dict[str, Any] = {**arrays}  # of numbers: there is nothing to pickle, and reading refuses what is
    with replacing(path) as beside, open(beside, "wb") as file:
        np.savez(file, **named)
        file.flush()
        os.fsync(file.fileno())


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read every array of an .npz file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is cut short or of another kind.
    """
    raw = Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # on damaged bytes zipfile and numpy raise a dozen different kinds
        # Of a file that it does not know NumPy says how to unpickle it: no advice for a file of unknown origin.
        why = "no archive" if "If you trust" in str(error) else error
        raise ValueError(f"{path} must be a whole .npz checkpoint; it is cut short or foreign ({why}).") from error
