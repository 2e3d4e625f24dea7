"""The process in which one answer runs.

It starts in an empty folder that goes away, ends with whatever it started, and has so many seconds in all. It speaks
in lines of JSON, of which each may be so long; how it ended is said in words.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from base64 import b64encode
from contextlib import suppress
from threading import Timer
from typing import Any, Self

from specsample.course.source import PACKAGE

LONGEST = 16 * 2**20  # characters of one thing said


class Ended(Exception):
    """An answer's process that ended before it had answered."""


class AnswerProcess:
    """A process in which one answer runs, in an empty folder that goes away, for so many seconds in all."""

    def __init__(self, seconds: int, megabytes: int) -> None:
        self.seconds, self.megabytes = seconds, megabytes
        self.unlimited: list[str] = []  # what the system did not let us limit
        self.is_late = False

    def __enter__(self) -> Self:
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        paths = os.pathsep.join([str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": paths}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "specsample.course.runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.folder.name,
            env=environment,
            start_new_session=True,
        )
        self.timer = Timer(self.seconds, self._end_late)
        self.timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()
        self.end()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):  # what was not sent yet has nobody left to read it
                pipe.close()  # type: ignore[union-attr]
        self.process.wait()
        self.folder.cleanup()

    def end(self) -> None:
        """End the process and whatever it started."""
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    def _end_late(self) -> None:
        """End the process because its time is over."""
        self.is_late = True
        self.end()

    def send(self, pickled: bytes) -> None:
        """Write one line."""
        try:
            self.process.stdin.write(b64encode(pickled) + b"\n")  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except OSError:
            raise self._ended() from None

    def read(self) -> dict[str, Any]:
        """Read one line."""
        line = self.process.stdout.readline(LONGEST)  # type: ignore[union-attr]
        if not line:
            raise self._ended()
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            self.end()
            raise Ended(f"the answer's process wrote {line[:40]!r} where only what the answer returns is read.")
        return said

    def _ended(self) -> Ended:
        """Say how the process ended."""
        self.end()
        status = self.process.wait()
        if self.is_late:
            return Ended(f"it does not end within {self.seconds} s.")
        if status == -int(signal.SIGKILL):
            return Ended("its process was ended by the system; did it use too much memory?")
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        return Ended(f"its process ended, with {how}, before it had answered.")
