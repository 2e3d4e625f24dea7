"""The line of a student's at which something was raised."""

import re
from linecache import getline
from pathlib import Path
from sysconfig import get_paths
from textwrap import shorten
from traceback import extract_tb

# what nobody who answers has written: this package, the standard library, installed packages
OURS = tuple({str(Path(__file__).parents[1]), *(get_paths()[name] for name in ("stdlib", "platstdlib", "purelib"))})
CELL = re.compile(r"ipykernel_\d+|<ipython-input|<cell")


def line_of(error: BaseException) -> str:
    """Name the innermost line of an error's that is the student's, with its text; empty if there is none."""
    # raised in another process, which saw the line
    if isinstance(at := getattr(error, "at_line", None), str):
        return at
    frames = [frame for frame in extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    if not frames:
        return ""
    last = frames[-1]
    where = "your cell" if CELL.search(last.filename) else Path(last.filename).name
    text = shorten((last.line or getline(last.filename, last.lineno or 0)).strip(), 100, placeholder=" ...")
    return f"line {last.lineno} of {where}" + (f": {text}" if text else "")


def _is_ours(filename: str) -> bool:
    """Say whether a file is none of the student's."""
    return filename.startswith(OURS) or filename.startswith("<frozen") or "site-packages" in filename
