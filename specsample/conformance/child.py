"""A process of its own for a check: what ends it ends nobody else."""

import faulthandler
import os
import signal
from collections.abc import Callable
from multiprocessing import get_context, parent_process
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from specsample.conformance.adapters import Broken
from specsample.conformance.adapters.program import end_all
from specsample.conformance.watch import STACKS, stack_file, stack_in, too_long


class Died(Broken):
    """The process of a sampler came to an end."""


def in_child(fn: Callable[..., Any], *given: Any) -> Any:
    """Run a function on the main thread of a process of its own, which may hang or die.

    Parameters
    ----------
    fn : function at the top of a module
    *given : its arguments

    Returns
    -------
    what it returns

    Raises
    ------
    Died
        If the process was ended, or died; what `fn` itself raises is raised here.
    """
    context = get_context("spawn")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stacks"
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(theirs, str(path), fn, given))
        process.start()
        theirs.close()
        # its answer, or its death; a pipe may outlive it in processes of its own
        try:
            while process.is_alive() and not ours.poll(0.1):
                pass
            is_error, answer = ours.recv() if ours.poll() else (True, None)
        except EOFError:
            is_error, answer = True, None
        finally:
            _end(process)
        if answer is None:
            raise Died(_death(process.exitcode, stack_in(path)))
    if is_error:
        raise answer
    return answer


def _child(pipe: Any, path: str, fn: Callable[..., Any], given: tuple[Any, ...]) -> None:
    """Run a function and send its answer; what it prints goes to standard error."""
    os.environ[STACKS] = path
    faulthandler.enable(stack_file()[0])
    os.dup2(2, 1)
    end_with_parent()
    try:
        answer = (False, fn(*given))
    except KeyboardInterrupt:
        return
    except Exception as error:
        # a type of the user's may not be known there
        is_known = type(error).__module__ == "builtins" or isinstance(error, Broken)
        answer = (True, error if is_known else Broken(f"{type(error).__name__}: {error}"))
    pipe.send(answer)


def end_with_parent() -> None:
    """Have this process end when the one that started it does: nobody waits any longer."""
    Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    """Wait until the process that asked is gone; take the programs along that this one has started."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    end_all()
    os._exit(1)


def _end(process: Any) -> None:
    """Let a process end by itself, then ask it to, then end it."""
    process.join(1)
    if process.is_alive():
        os.kill(process.pid, signal.SIGINT)
        process.join(2)
    if process.is_alive():
        process.kill()
        process.join()


def _death(status: int | None, stack: str) -> str:
    """Say how a process came to its end."""
    if stack.startswith("Timeout"):
        return f"{too_long('its time limit')} It hung in native code and was ended; where it stood:\n{stack}"
    said = f"the process in which the sampler ran died (status {status}): native code crashed, or it was ended."
    return f"{said} Where it stood:\n{stack}" if stack else said
