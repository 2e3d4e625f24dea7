"""Answers that run elsewhere and are judged here.

How can a mark not be forged by the code that is marked? The judge, the cases and the key stay in this process. In the
answer's own process there is only the answer: it is called with a case's arguments and says what it returns. Tapes
stay here too, and so do their uniform numbers, which are compared here.
"""

import builtins
import io
import json
import operator
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from inspect import Parameter, Signature
from math import prod
from threading import Timer
from typing import Any, Self

import numpy as np

from specsample.conformance.laws.lazy import LazyUniform
from specsample.course.source import PACKAGE
from specsample.course.values import MOST, from_json
from specsample.exercises.laws import Cut, Tape

LONGEST = 16 * 2**20  # characters of one thing said
KINDS = ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD", "VAR_POSITIONAL", "KEYWORD_ONLY", "VAR_KEYWORD")
SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Ended(Exception):
    """An answer's process that ended before it had answered."""


class CellError(Exception):
    """What an answer's cell raised, with its line."""


class AnswerProcess:
    """A process in which one answer runs, in an empty folder that goes away, for so many seconds in all."""

    def __init__(self, seconds: int, megabytes: int) -> None:
        self.seconds, self.megabytes = seconds, megabytes
        self.unlimited: list[str] = []  # what the system did not let us limit
        self.is_late = False
        self.lent: list[Any] = []  # tapes and uniform numbers of the call that runs

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

    def answer(self, ours: Iterable[str], theirs: Iterable[tuple[str, bool]], name: str) -> Any:
        """Run cells there and take an answer.

        Parameters
        ----------
        ours : of str, cells of our notebook
        theirs : of (str, bool), cells of the student's, and whether it is the answer's
        name : str

        Returns
        -------
        a value; a function that is called there; None if the name is not defined

        Raises
        ------
        CellError
            If the answer's cell raised an error.
        Ended
            If the process ended.
        """
        self._send({"ours": list(ours), "theirs": list(theirs), "name": name, **self._limits()})
        self.unlimited = [str(x) for x in self._read().get("unlimited", [])]
        said = self._read()
        if "raised" in said:
            at = f"\n  at:       {said['at']}" if said.get("at") else ""
            raise CellError(f"its cell raises {said['raised']}: {said.get('said')}{at}")
        if "function" in said:
            return self._function(said)
        try:
            return from_json(said.get("value"))
        except ValueError as error:
            raise CellError(f"its value cannot be read: {error}") from error

    def _limits(self) -> dict[str, int]:
        """Name the limits."""
        return {"seconds": self.seconds, "megabytes": self.megabytes}

    def _function(self, said: dict[str, Any]) -> Callable[..., Any]:
        """Make the function that stands for the answer's."""

        def answer(*arguments: Any, **named: Any) -> Any:
            return self._call(arguments, named)

        answer.__qualname__ = str(said["function"])
        answer.__signature__ = _signature(said.get("parameters"))  # type: ignore[attr-defined]
        return answer

    def _call(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call the answer there; a call that is broken off here ends the process."""
        self.lent = []
        is_over = False
        try:
            self._send((arguments, named))
            while "asked" in (said := self._read()):
                self._send(self._lend(said["asked"]))
            # what it changed there is changed here, to be seen
            for i, value in said.get("changed", []):
                whole = ... if isinstance(arguments[i], np.ndarray) else slice(None)
                arguments[i][whole] = from_json(value)
            is_over = True
        finally:
            if not is_over:
                self.end()
        if "raised" in said:
            raise _error(said)
        made = said.get("made")
        return self.lent[made["lent"]] if isinstance(made, dict) and "lent" in made else from_json(made)

    def _lend(self, asked: dict[str, Any]) -> tuple[Any, BaseException | None]:
        """Draw from a tape, or compare a uniform number: the value, or what was raised."""
        try:
            if "tape" in asked:
                size = from_json(asked["size"])
                if prod(np.atleast_1d(1 if size is None else size).tolist()) > MOST:
                    raise ValueError(f"at most {MOST} numbers are drawn at once.")
                return self.lent[asked["tape"]].random(size), None
            other = asked["other"]
            is_lent = isinstance(other, dict) and "lent" in other
            other = self.lent[other["lent"]] if is_lent else from_json(other)
            return SIGNS[asked["sign"]](self.lent[asked["uniform"]], other), None
        except (Exception, Cut) as error:
            return None, error

    def _send(self, message: Any) -> None:
        """Write one line."""
        written = io.BytesIO()
        _Pickler(written, self.lent).dump(message)
        try:
            self.process.stdin.write(b64encode(written.getvalue()) + b"\n")  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except OSError:
            raise self._ended() from None

    def _read(self) -> dict[str, Any]:
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


class _Pickler(pickle.Pickler):
    """Pickles arguments; tapes and uniform numbers stay here."""

    def __init__(self, file: Any, lent: list[Any]) -> None:
        super().__init__(file)
        self.lent = lent

    def persistent_id(self, value: Any) -> tuple[str, int] | None:
        """Number what is lent."""
        if not isinstance(value, Tape | LazyUniform):
            return None
        self.lent.append(value)
        return type(value).__name__, len(self.lent) - 1


def _error(said: dict[str, Any]) -> BaseException:
    """Make what is raised here of what was raised there."""
    name = str(said["raised"])
    if name == "Cut":
        return Cut()
    # no exit and no interrupt of the answer's is ours
    known = getattr(builtins, name, None)
    is_known = isinstance(known, type) and issubclass(known, Exception)
    kind: Any = known if is_known else type(name if name.isidentifier() else "Exception", (Exception,), {})
    try:
        raised: BaseException = kind(str(said["said"]))
    except TypeError:  # one that takes more, such as UnicodeDecodeError
        raised = ValueError(str(said["said"]))
    raised.at_line = str(said.get("at", ""))  # type: ignore[attr-defined]
    return raised


def _signature(parameters: Any) -> Signature | None:
    """Read the arguments that a function takes; None if they are not known or make no sense."""
    try:
        kinds = {kind: getattr(Parameter, kind) for kind in KINDS}
        made = [Parameter(n, kinds[k], default=None if has else Parameter.empty) for n, k, has in parameters]
        return Signature(made)
    except (TypeError, ValueError, KeyError):
        return None
