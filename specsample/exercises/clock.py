"""A bound on the seconds that an answer may take.

How is a loop ended that never ends? On the main thread by an alarm, which also wakes what sleeps. Where there is none
(Windows, other threads, an alarm that is somebody else's) another thread raises in this one: that ends every loop of
Python, but not a call into C that does not return. In a browser there is neither: lines look at the clock.
"""

import ctypes
import signal
import sys
from collections.abc import Callable
from threading import Event, Lock, Thread, current_thread, get_ident, main_thread
from time import monotonic
from types import FrameType
from typing import Any

from specsample.conformance.watch import HAS_THREADS

AGAIN = 0.05  # seconds until it is raised once more: an answer may catch everything


class TooLong(BaseException):
    """What is raised in an answer when its time is over; no Exception, for answers catch those.

    Some catch everything: the line after it, where such an answer catches it, raises as well.
    """

    def __init__(self) -> None:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code not in (_by_alarm.__code__, _by_thread.__code__, _by_line.__code__):
            frame.f_trace = _again
            frame = frame.f_back
        sys.settrace(_again)


def _again(frame: FrameType, event: str, given: Any) -> Any:
    """Raise at the next line."""
    if event == "line":
        raise TooLong
    return _again


def within(seconds: float, function: Callable[[], Any]) -> Any:
    """Call a function, and raise TooLong in it once it has run for so long."""
    is_free = hasattr(signal, "setitimer") and not signal.getitimer(signal.ITIMER_REAL)[0]
    if not HAS_THREADS:
        return _by_line(seconds, function)
    by = _by_alarm if is_free and current_thread() is main_thread() else _by_thread
    return by(seconds, function)


def _by_alarm(seconds: float, function: Callable[[], Any]) -> Any:
    """Have the system send a signal."""

    def end(number: int, frame: FrameType | None) -> None:
        # not in the lines below, which put everything back
        if not is_over:
            raise TooLong

    is_over = False
    traced = sys.gettrace()
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        return function()
    finally:
        is_over = True
        sys.settrace(traced)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)


def _by_thread(seconds: float, function: Callable[[], Any]) -> Any:
    """Have another thread raise in this one."""
    raise_in: Callable[..., int] = ctypes.pythonapi.PyThreadState_SetAsyncExc
    me = ctypes.c_ulong(get_ident())
    running = [True]
    raising = Lock()
    is_over = Event()

    def watch() -> None:
        wait = seconds
        while not is_over.wait(wait):
            with raising:
                if running:
                    raise_in(me, ctypes.py_object(TooLong))
            wait = AGAIN

    traced = sys.gettrace()
    Thread(target=watch, daemon=True, name="clock of an answer").start()
    try:
        return function()
    finally:
        # it may be raised here as well, once; after that nothing is raised any more
        while running:
            try:
                with raising:
                    running.clear()
                    raise_in(me, None)  # what was raised too late
            except TooLong:
                pass
        sys.settrace(traced)
        is_over.set()


def _by_line(seconds: float, function: Callable[[], Any]) -> Any:
    """Have every line of Python look at the clock: once, so that an answer that catches everything goes on."""
    end = monotonic() + seconds

    def look(frame: FrameType, event: str, given: Any) -> Any:
        if monotonic() > end:
            raise TooLong
        return look

    traced = sys.gettrace()
    sys.settrace(look)
    try:
        return function()
    finally:
        sys.settrace(traced)
