"""Answers that run elsewhere and are judged here.

How can a mark not be forged by the code that is marked? The judge, the cases and the key stay in this process. In the
answer's own process there is only the answer: it is called with a case's arguments and says what it returns. Tapes
stay here too, and so do their uniform numbers, which are compared here.
"""

import builtins
import io
import operator
import pickle
from collections.abc import Callable, Iterable
from inspect import Parameter, Signature
from math import prod
from typing import Any

import numpy as np

from specsample.conformance.laws.lazy import LazyUniform
from specsample.course.process import AnswerProcess
from specsample.course.values import MOST, from_json
from specsample.exercises.laws import Cut, Tape

KINDS = ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD", "VAR_POSITIONAL", "KEYWORD_ONLY", "VAR_KEYWORD")
SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class CellError(Exception):
    """What an answer's cell raised, with its line."""


def take_answer(process: AnswerProcess, name: str, ours: Iterable[str], theirs: Iterable[tuple[str, bool]]) -> Any:
    """Run cells in a process of their own and take the answer that they define.

    Parameters
    ----------
    process : AnswerProcess
    name : str
    ours : of str, cells of our notebook
    theirs : of (str, bool), cells of the student's, and whether it is the answer's

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
    limits = {"seconds": process.seconds, "megabytes": process.megabytes}
    process.send(pickle.dumps({"ours": list(ours), "theirs": list(theirs), "name": name, **limits}))
    process.unlimited = [str(x) for x in process.read().get("unlimited", [])]
    said = process.read()
    if "raised" in said:
        at = f"\n  at:       {said['at']}" if said.get("at") else ""
        raise CellError(f"its cell raises {said['raised']}: {said.get('said')}{at}")
    if "function" in said:
        return _function(process, said)
    try:
        return from_json(said.get("value"))
    except ValueError as error:
        raise CellError(f"its value cannot be read: {error}") from error


def _function(process: AnswerProcess, said: dict[str, Any]) -> Callable[..., Any]:
    """Make the function that stands for the answer's."""

    def answer(*arguments: Any, **named: Any) -> Any:
        return Call(process).result(arguments, named)

    answer.__qualname__ = str(said["function"])
    answer.__signature__ = _signature(said.get("parameters"))  # type: ignore[attr-defined]
    return answer


class Call:
    """One call of an answer, and the tapes and uniform numbers that are lent to it."""

    def __init__(self, process: AnswerProcess) -> None:
        self.process = process
        self.lent: list[Any] = []

    def result(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call the answer; a call that is broken off here ends its process."""
        is_over = False
        try:
            self._send((arguments, named))
            while "asked" in (said := self.process.read()):
                self._send(self._lend(said["asked"]))
            # what it changed there is changed here, to be seen
            for i, value in said.get("changed", []):
                whole = ... if isinstance(arguments[i], np.ndarray) else slice(None)
                arguments[i][whole] = from_json(value)
            is_over = True
        finally:
            if not is_over:
                self.process.end()
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
        """Write one line, and keep what is lent."""
        written = io.BytesIO()
        _Pickler(written, self.lent).dump(message)
        self.process.send(written.getvalue())


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
