"""A watch over a function that may hang, raise or die.

The user's function runs on the thread that asks, the main one as a rule: event loops, signal handlers and contexts
of a thread work as they do by hand. A thread beside it looks at the clock. A call that lasts too long is interrupted.
One that native code keeps from being interrupted is met by `faulthandler`, which needs no interpreter: it writes
where the call stands and, in a process of ours (`child`), ends the process. A browser has one thread and no signals:
there each line of the function looks at the clock itself.
"""

import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ctypes import c_ulong, py_object, pythonapi
from functools import cache, partial
from itertools import takewhile
from pathlib import Path
from threading import Event, Thread, current_thread, get_ident, main_thread
from time import monotonic
from types import FrameType
from typing import Any, TypeVar

from specsample.conformance.adapters import Broken, LastCall

T = TypeVar("T")
GRACE = 2.0  # seconds from the interruption to the end that needs no interpreter
STACKS = "SPECSAMPLE_STACKS"  # names the file for stacks, in a process that may be ended
FRAMES = 4  # of the user's, shown in a message
HAS_THREADS = sys.platform != "emscripten"


class Hung(BaseException):
    """Raised inside a call that lasts too long; no `except Exception` holds it."""


def guarded(draw: Callable[[], T], time_limit: float, last: LastCall) -> T:
    """Run a sampler; turn everything that goes wrong into Broken, but for Ctrl-C.

    Parameters
    ----------
    draw : function without arguments
    time_limit : float, seconds on the clock for one call of the user's function; times `last.patience`
    last : LastCall, in which the sampler notes when that call began

    Raises
    ------
    Broken
        If it raises, or a call lasts too long.
    """
    last.begin((), {})
    try:
        with _interrupted(last, time_limit) if HAS_THREADS else _line_by_line(last, time_limit):
            return draw()
    except (Broken, KeyboardInterrupt):
        raise
    except Hung as error:
        first = f" times {last.patience:g}, the first call" if last.patience > 1 else ""
        raise Broken(_with_frames(too_long(f"time_limit = {time_limit:g} s{first}"), error)) from error
    # SystemExit too: it is reported, never swallowed
    except BaseException as error:
        raise _as_broken(error, last) from error


@contextmanager
def _interrupted(last: LastCall, limit: float) -> Iterator[None]:
    """Raise Hung in the body as soon as a call lasts longer than the limit."""
    done = Event()
    is_main = current_thread() is main_thread() and hasattr(signal, "pthread_kill")

    def alarm(*given: Any) -> None:
        # late signals, and those of somebody else's timer
        if not done.is_set() and monotonic() - last.at > limit * last.patience:
            raise Hung
        if callable(before):
            before(*given)

    # a signal also ends what waits for the system; other threads are told at their next line of Python
    before = signal.signal(signal.SIGALRM, alarm) if is_main else None
    look = partial(_watch, done, last, limit, thread=get_ident(), is_main=is_main)
    watch = Thread(target=look, daemon=True, name="watch")
    # here first: the body may keep the interpreter before the other thread has had its turn
    _end_after(limit * last.patience)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()
        faulthandler.cancel_dump_traceback_later()
        if is_main:
            signal.signal(signal.SIGALRM, before)


@contextmanager
def _line_by_line(last: LastCall, limit: float) -> Iterator[None]:
    """Raise Hung in the body at the first line that begins after the limit; a call into C is not ended."""

    def look(frame: FrameType, event: str, given: Any) -> Any:
        if monotonic() - last.at > limit * last.patience:
            raise Hung
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


def _watch(done: Event, last: LastCall, limit: float, *, thread: int, is_main: bool) -> None:
    """Look at the clock until all is done."""
    while not done.wait(min(1.0, limit / 4)):
        left = limit * last.patience - (monotonic() - last.at)
        # native code that keeps the interpreter keeps this thread too: then nobody puts the end off
        if left > 0:
            _end_after(left)
        elif is_main:
            signal.pthread_kill(thread, signal.SIGALRM)
        else:
            pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread), py_object(Hung))


def _end_after(left: float) -> None:
    """Write where all stands once the time and the grace are over, and end the process if it is ours."""
    file, may_end = stack_file()
    # a standard error that is no file cannot be written without the interpreter
    with suppress(AttributeError, RuntimeError, ValueError, OSError):
        faulthandler.dump_traceback_later(left + GRACE, exit=may_end, file=file)


@cache
def stack_file() -> tuple[Any, bool]:
    """Open the file for stacks; whether the process may be ended, which is so where it is ours."""
    path = os.environ.get(STACKS)
    return (open(path, "a"), True) if path else (sys.__stderr__, False)


def stacks() -> str:
    """Read where a process of ours stood when it was ended, or ""."""
    return stack_in(Path(os.environ.get(STACKS, "")))


def stack_in(path: Path) -> str:
    """Read what `faulthandler` wrote: a line that says why, and the user's frames of the thread that it hung on."""
    text = path.read_text(errors="replace") if path.is_file() else ""
    # the main thread comes last; behind the user's frames stand ours
    frames = text.partition("\n\nExtension modules")[0].rpartition("hread 0x")[2].splitlines()[1:]
    users = takewhile(lambda frame: f'"{Path(__file__).parent}' not in frame, frames)
    return "\n".join([*text.splitlines()[:1], *users])


def too_long(limit: str) -> str:
    """Say that a call lasts too long."""
    return (
        f"the sampler did not return within {limit}. Does it loop until a residual of mass 0 gives a token? If it is "
        "only slow, raise time_limit or lower the adapter's batch. The clock on the wall counts: a process that was "
        "suspended looks the same."
    )


def _as_broken(error: BaseException, last: LastCall) -> Broken:
    """Describe an exception of the user's code, with the end of its traceback."""
    named = [f"{name}={_described(each)}" for name, each in last.named.items()]
    arguments = ", ".join([*map(_described, last.given), *named])
    said = (
        f"the sampler raised {type(error).__name__}: {error}. It was called with ({arguments}); call it once by hand "
        "with the like. If it takes one sequence and not a batch, or the other way round, tell the adapter."
    )
    # what only a tensor has, asked of an array
    if any(word in str(error) for word in ("'numpy.", "Tensor")) and isinstance(error, AttributeError | TypeError):
        said += " It got NumPy arrays; does it want torch's tensors? Then it is `--library torch`, or `from_torch`."
    return Broken(_with_frames(said, error))


def _with_frames(said: str, error: BaseException) -> str:
    """Append the last frames of a traceback that are the user's."""
    ours = str(Path(__file__).parent)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    where = "".join(traceback.format_list(frames[-FRAMES:])).rstrip()
    # who waited for a program has noted what that was doing
    where = "\n".join(getattr(error, "__notes__", [where]))
    return f"{said}\n{where}" if where else said


def _described(value: Any) -> str:
    """Describe an argument: an array by its dtype and shape."""
    if hasattr(type(value), "shape") and hasattr(type(value), "dtype"):
        return f"{value.dtype} {tuple(value.shape)}"
    if isinstance(value, (int, list, tuple, str)) and len(repr(value)) < 40:
        return repr(value)
    return type(value).__name__ + (f" of {len(value)}" if isinstance(value, (list, tuple)) else "")
