"""A program of any language that answers a line with a line.

It is started when it is first asked, in a session of its own, and ended with all that it has started: after a check,
after whatever goes wrong, and when nobody is left to ask. One loop writes, reads and empties its standard error, so
that neither side can wait for the other for ever.
"""

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakSet, finalize

from specsample.conformance.adapters.adapter import Broken

TICK = 0.2  # seconds between two looks at whether the time is over
CHUNK = 1 << 16  # bytes read at once
NOISE = 1 << 22  # bytes on standard error before an answer, at most
KEPT = 2000  # bytes of standard error, for messages
SHOWN = 120  # bytes of a line, for messages
GRACE = 0.5  # seconds to end by itself, once its input has ended
RUNNING: "WeakSet[Program]" = WeakSet()


class Program:
    """A program, running or not.

    Parameters
    ----------
    command : sequence of str, the program and its arguments
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = tuple(command)
        self.process: subprocess.Popen[bytes] | None = None
        self.ending: Callable[[], Any] | None = None
        self.unsent = memoryview(b"")
        self.read = bytearray()
        self.words = b""  # the end of its standard error
        self.noise = 0  # bytes of that since it was last asked
        self.asked = b""  # the beginning of what it was last asked

    def start(self) -> None:
        """Start it.

        Raises
        ------
        Broken
            If the system cannot.
        """
        # a session of its own: what it starts ends with it, and Ctrl-C reaches us alone
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        try:
            self.process = subprocess.Popen(self.command, bufsize=0, start_new_session=True, **pipes)
        except OSError as error:
            raise Broken(
                f"the program cannot be started: {error}. Does a script begin with #! and a path?"
            ) from error
        # also when nobody holds it any more, and at the end of this process
        self.ending = finalize(self, _end, self.process)
        RUNNING.add(self)
        for pipe in _pipes(self.process):
            os.set_blocking(pipe.fileno(), False)
        self.read.clear()
        self.words = b""

    def end(self) -> None:
        """End it, if it runs: its input first, and then all of its session."""
        self.process = None
        if self.ending is not None:
            self.ending()

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            _kill(self.process)
        self.end()

    def last_words(self) -> str:
        """Say what it was asked last, and what it last wrote."""
        said = f"It had been asked {shown(self.asked)}."
        # part of an answer, which has no end, or is not sent off
        if self.read and b"\n" not in self.read:
            said = f"{said} It had answered {shown(self.read)}, without a newline."
        words = self.words.decode(errors="replace").rstrip()
        return f"{said} On standard error it wrote:\n{words}" if words else said

    def exchange(self, line: bytes, most: int) -> bytes:
        """Send a line, and read the line that answers it.

        Parameters
        ----------
        line : bytes, without its end
        most : int, bytes of the answer

        Raises
        ------
        Broken
            If the program ends, speaks unasked, or floods its output.
        """
        assert self.process is not None
        self.unsent = memoryview(line + b"\n")
        self.noise = 0
        self.asked = line[: SHOWN + 1]
        with selectors.DefaultSelector() as ready:
            acts = {
                self._send: selectors.EVENT_WRITE,
                self._receive: selectors.EVENT_READ,
                self._hear: selectors.EVENT_READ,
            }
            for pipe, (act, event) in zip(_pipes(self.process), acts.items()):
                ready.register(pipe, event, act)
            # whatever is ready next; whoever looks at the clock interrupts here
            while (at := self.read.find(b"\n")) < 0:
                if len(self.read) > most:
                    raise Broken(f"the program must end its answer within {most:,} bytes by a newline.")
                events = ready.select(TICK)
                for key, _ in events:
                    if not key.data(key.fd):
                        ready.unregister(key.fileobj)
                # what it has started may hold its output open
                if not events and self.process.poll() is not None:
                    raise Broken(self._death())
        answer = bytes(self.read[:at])
        del self.read[: at + 1]
        # a line for a line: what comes before the question is over, or after its answer, belongs to no question
        if self.unsent or self.read:
            early = shown(answer) if self.unsent else shown(self.read)
            raise Broken(f"the program must read a line, and answer with one; it wrote one more: {early}.")
        return answer

    def _send(self, fd: int) -> bool:
        """Write what fits into the pipe; whether more is left."""
        try:
            self.unsent = self.unsent[os.write(fd, self.unsent) :]
        # it reads no more: what it still says tells why
        except BrokenPipeError:
            self.unsent = memoryview(b"")
        return bool(self.unsent)

    def _receive(self, fd: int) -> bool:
        """Read what has come; the end of it is the program's."""
        chunk = os.read(fd, CHUNK)
        if not chunk:
            raise Broken(self._death())
        self.read += chunk
        return True

    def _hear(self, fd: int) -> bool:
        """Read standard error, and keep its end; whether more may come."""
        chunk = os.read(fd, CHUNK)
        self.words = (self.words + chunk)[-KEPT:]
        self.noise = self.noise + len(chunk)
        if self.noise > NOISE:
            raise Broken(f"the program wrote more than {NOISE:,} bytes on standard error before it answered.")
        return bool(chunk)

    def _death(self) -> str:
        """Say how it came to its end, and read its last words."""
        assert self.process is not None
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        with suppress(BlockingIOError):
            while self._hear(_pipes(self.process)[2].fileno()):
                pass
        status = self.process.returncode
        if status is None:
            return "the program closed its standard output, and still runs."
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
        return f"the program ended {how}; it must read on until its input ends."


def shown(line: bytes | bytearray) -> str:
    """Quote the beginning of a line."""
    text = bytes(line).partition(b"\n")[0]
    return repr(text[:SHOWN].decode(errors="replace")) + (" ..." if len(text) > SHOWN else "")


def end_all() -> None:
    """Kill every program that this process has started."""
    for program in list(RUNNING):
        program.kill()


def _pipes(process: "subprocess.Popen[bytes]") -> tuple[Any, Any, Any]:
    """List what it reads and what it writes."""
    return process.stdin, process.stdout, process.stderr


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let a program end by itself, for it reads to the end of its input; then kill it."""
    try:
        _pipes(process)[0].close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    # what it has started too
    finally:
        _kill(process)
        process.wait()
        for pipe in _pipes(process):
            pipe.close()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill all processes of a program's session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
