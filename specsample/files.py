"""Files that are whole, or not there."""

import os
from pathlib import Path


def write_whole(path: str | Path, text: str) -> None:
    """Write a text beside its file and rename it: a full disk or Ctrl-C leaves what was there before.

    Raises
    ------
    OSError
        With the name of the file, if it cannot be written.
    """
    beside = Path(f"{path}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
