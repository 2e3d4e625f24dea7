"""A submission's own process: it runs cells and reports each check.

    python -m specsample.course.runner < cells.json

Limits are set before anything of the submission runs. They keep accidents small and are no sandbox: the code of a
submission can do what its user may do.
"""

import json
import os
import sys
from typing import Any

from specsample.exercises import check


def main() -> None:
    """Read cells and limits from standard input; write one line of JSON a check to what was standard output."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    work = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a submission prints is nobody's verdict
    limit(work["megabytes"], work["seconds"])
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in work["cells"]:
        if cell["check"]:  # an answer may have defined another one
            namespace["check"] = check
        message = run_cell(cell["text"], namespace)
        if cell["check"]:
            report.write(json.dumps({"check": cell["check"], "message": message}) + "\n")
            report.flush()


def run_cell(text: str, namespace: dict[str, Any]) -> str:
    """Run one cell.

    Parameters
    ----------
    text : str
    namespace : dict, changed

    Returns
    -------
    str, empty or what went wrong
    """
    try:
        exec(compile(text, "<cell>", "exec"), namespace)
    except BaseException as error:  # SystemExit of a submission must not end the others' checks
        return str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    return ""


def limit(megabytes: int, seconds: int) -> None:
    """Limit the memory and the processor time of this process, where the system can."""
    try:
        import resource
    except ImportError:  # not on Windows, where only the clock of `grade` is left
        return
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


if __name__ == "__main__":
    main()
