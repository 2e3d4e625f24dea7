"""An answer's own process: it runs the cells and does as it is asked.

    python -m specsample.course.runner

What may be believed of such a process? What an answer returns, for that is the answer; nothing else. No case's right
result is here, no verdict is made here, and whoever writes between the lines only spoils their own answer. Limits are
set before anything of the submission runs. They keep accidents small and are no sandbox: the code of a submission can
do what its user may do.
"""

import io
import json
import linecache
import os
import pickle
import sys
from base64 import b64decode
from collections.abc import Callable
from inspect import signature
from types import ModuleType
from typing import Any

from specsample.conformance.laws.lazy import LazyUniform
from specsample.course.values import to_json
from specsample.exercises.asking import differ
from specsample.exercises.laws import Cut
from specsample.exercises.lines import line_of

CLOSED = "specsample.exercises is closed while answers are graded: it holds the model answers"


# what a notebook has and a script has not, and what nobody is there to answer
NOTEBOOK: dict[str, Any] = {"display": lambda *_, **__: None, "input": lambda *_: ""}


class Channel:
    """The pipes from and to the grader: pickles come in, for the grader is trusted, and JSON goes out."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    def send(self, message: dict[str, Any]) -> None:
        """Write one line."""
        self.outgoing.write(json.dumps(message) + "\n")
        self.outgoing.flush()

    def receive(self) -> Any:
        """Read one line: what the grader says."""
        return self.load(self.incoming.readline())

    def load(self, line: bytes) -> Any:
        """Read a pickle in which a tape and its uniform numbers stay with the grader."""
        unpickler = pickle.Unpickler(io.BytesIO(b64decode(line)))
        unpickler.persistent_load = lambda id: {"Tape": LentTape, "LazyUniform": LentUniform}[id[0]](self, id[1])  # type: ignore[method-assign]
        return unpickler.load()

    def ask(self, **question: Any) -> Any:
        """Ask the grader for something of a tape's; what is raised there is raised here."""
        self.send({"asked": question})
        value, error = self.receive()
        if error is not None:
            raise error
        return value


class LentTape:
    """A tape of the grader's."""

    def __init__(self, channel: Channel, number: int) -> None:
        self.channel, self.number = channel, number

    def random(self, size: Any = None) -> Any:
        """Draw as the tape there does."""
        return self.channel.ask(tape=self.number, size=to_json(size))


class LentUniform(LazyUniform):
    """A uniform number of the grader's: it is compared there."""

    __slots__ = ("channel", "number")

    def __init__(self, channel: Channel, number: int) -> None:
        self.channel, self.number = channel, number

    def __repr__(self) -> str:
        return "LazyUniform"

    def __lt__(self, other: Any) -> Any:
        return self._compared("<", other)

    def __le__(self, other: Any) -> Any:
        return self._compared("<=", other)

    def __gt__(self, other: Any) -> Any:
        return self._compared(">", other)

    def __ge__(self, other: Any) -> Any:
        return self._compared(">=", other)

    def _compared(self, sign: str, other: Any) -> Any:
        """Ask for a comparison; with itself too."""
        other = {"lent": other.number} if isinstance(other, LentUniform) else to_json(other)
        return self.channel.ask(uniform=self.number, sign=sign, other=other)


def main() -> None:
    """Serve one answer until the grader ends."""
    # what a submission prints or reads is nobody's business
    channel = Channel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w", encoding="utf-8"))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    work = channel.receive()
    channel.send({"unlimited": limit(work["megabytes"], work["seconds"])})
    # our cells, before the door is closed; then theirs, the answer's last line decides
    namespace: dict[str, Any] = {"__name__": "__main__", **NOTEBOOK}
    for text in work["ours"]:
        run_cell(text, namespace)
    close_exercises(namespace)
    raised: dict[str, Any] = {}
    for text, is_answer in work["theirs"]:
        error = run_cell(text, namespace)
        raised = error if is_answer else raised
    if work["name"] not in namespace or raised:
        channel.send(raised or {"missing": work["name"]})
        return
    answer = namespace[work["name"]]
    channel.send(_described(answer))
    while callable(answer):
        serve(channel, answer)


def serve(channel: Channel, answer: Callable[..., Any]) -> None:
    """Call an answer once, as the grader asks, and say what came of it."""
    line = channel.incoming.readline()
    if not line:
        os._exit(0)
    arguments, named = channel.load(line)
    before, _ = channel.load(line)
    try:
        made = answer(*arguments, **named)
        reply: dict[str, Any] = {"made": {"lent": made.number} if isinstance(made, LentUniform) else to_json(made)}
    except BaseException as error:  # SystemExit of an answer ends nothing
        reply = said_of(error)
    changed = [i for i, both in enumerate(zip(before, arguments, strict=True)) if differ(*both)]
    channel.send(reply | {"changed": [[i, to_json(arguments[i])] for i in changed]})


def run_cell(text: str, namespace: dict[str, Any]) -> dict[str, Any]:
    """Run one cell.

    Parameters
    ----------
    text : str
    namespace : dict, changed

    Returns
    -------
    dict, empty or what was raised
    """
    # messages show lines of this text
    name = f"<cell {len(linecache.cache)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    try:
        exec(compile(text, name, "exec"), namespace)
    except BaseException as error:  # SystemExit of a submission must not end the others' checks
        return said_of(error)
    return {}


def said_of(error: BaseException) -> dict[str, Any]:
    """Write an error: its type, its message, the student's line."""
    kind = "Cut" if isinstance(error, Cut) else type(error).__name__
    at = f"line {error.lineno} of your cell" if isinstance(error, SyntaxError) else line_of(error)
    return {"raised": kind, "said": str(error)[:2000], "at": at}


def close_exercises(namespace: dict[str, Any]) -> None:
    """Take the model answers out of reach of what is written without malice; `check` and `hint` say nothing here."""
    from specsample import course, exercises

    closed = _Closed(exercises.__name__)
    closed.check = lambda *_, **__: None  # type: ignore[attr-defined]
    for name in course.__all__:
        namespace[name] = closed.check
        setattr(course, name, closed.check)
    for name in [name for name in sys.modules if name.startswith(exercises.__name__)]:
        sys.modules[name] = closed
    import specsample

    specsample.exercises = closed


class _Closed(ModuleType):
    """What stands for the exercises."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{CLOSED}; {name} was asked for.") if name.startswith("__") else ImportError(CLOSED)


def _described(answer: Any) -> dict[str, Any]:
    """Say what an answer is: a function and its arguments, or a value."""
    if not callable(answer):
        return {"value": to_json(answer)}
    try:
        parameters = [[x.name, x.kind.name, x.default is not x.empty] for x in signature(answer).parameters.values()]
    except (TypeError, ValueError):  # no signature to be had
        parameters = None
    where = f"{getattr(answer, '__module__', '')}.{getattr(answer, '__qualname__', '')}"
    return {"function": where, "parameters": parameters}


def limit(megabytes: int, seconds: int) -> list[str]:
    """Limit the memory and the processor time of this process; name what the system does not let us limit."""
    try:
        import resource
    except ImportError:  # Windows
        return ["memory", "processor time"]
    unlimited = []
    for name, kind, most in (
        ("memory", resource.RLIMIT_AS, megabytes * 2**20),
        ("processor time", resource.RLIMIT_CPU, seconds + 1),
    ):
        try:
            # a lower limit of the system's own stays
            hard = resource.getrlimit(kind)[1]
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (least, least))
        except (ValueError, OSError):
            unlimited.append(name)
    return unlimited


if __name__ == "__main__":
    main()
