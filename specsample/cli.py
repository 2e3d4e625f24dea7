"""The command `specsample`: its commands, errors and exit status.

Each command is a module of `commands`; nothing is computed here. What comes in wrong, a full disk and Ctrl-C end in
one line and a status.
"""

import argparse
import io
import os
import sys
from importlib.metadata import version
from pathlib import Path

from specsample.commands import bench, chat, check, course, demo, evaluate, generate, papers, plan, trace, train
from specsample.request import check_count

ABOUT = "Speculative sampling, step by step: show it, run it, judge a sampler, measure, predict, teach."
EPILOG = "Start with: specsample demo. What an argument means: specsample COMMAND --help."
COMMANDS = {
    "demo": demo,
    "generate": generate,
    "chat": chat,
    "trace": trace,
    "train": train,
    "check": check,
    "bench": bench,
    "papers": papers,
    "plan": plan,
    "course": course,
    "evaluate": evaluate,
}
FILES = ("out", "html", "report", "plot", "csv", "json")  # arguments that name a file to write


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, or None for those of the process

    Returns
    -------
    int, exit status: 0, 2 for bad input, 130 after Ctrl-C, 141 if output is no longer read; a check's is its verdict
    """
    # a terminal or a file that cannot show α gets a question mark: no command dies of a letter
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    given, unknown = parser().parse_known_args(arguments)
    # without a command there is one thing to say
    if given.command is None:
        parser().print_help()
        return 0
    refuse = vars(given).pop("refuse")
    # argparse itself would show the usage of no command
    if unknown:
        refuse(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        _check(given)
        status = int(COMMANDS[given.command].run(given) or 0)
        sys.stdout.flush()
        return status
    # the reader has seen enough, as in `specsample papers | head`; rich exits; 141 is what SIGPIPE gives in a shell
    except (BrokenPipeError, SystemExit):
        _close_output()
        return 141
    # bad input, or a file that cannot be written: one line that says which, without the number of the error
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        parts = (error.filename, error.strerror) if isinstance(error, OSError) else (error,)
        said = ": ".join(str(part) for part in parts if part) or str(error)
        print(f"specsample {given.command}: {said}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"specsample {given.command}: interrupted", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Describe the commands.

    Returns
    -------
    argparse.ArgumentParser; its answers hold `command`, the name, and `refuse`, which shows the usage of that command
    and a message
    """
    whole = argparse.ArgumentParser(prog="specsample", description=ABOUT, epilog=EPILOG)
    whole.add_argument("--version", action="version", version=f"specsample {version('specsample')}")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.about, description=module.about)
        module.add_arguments(command)
        command.set_defaults(refuse=command.error)
    return whole


def _check(given: argparse.Namespace) -> None:
    """Refuse before any work is done what would be refused after it: a seed below 0, a file in no folder."""
    check_count("seed", getattr(given, "seed", 0))
    for name in FILES:
        path = getattr(given, name, None)
        # "-" is standard output, and what `train` writes is a folder
        if isinstance(path, str) and path != "-" and given.command != "train":
            _check_writable(f"--{name}", path)


def _check_writable(name: str, path: str) -> None:
    """Refuse a file that cannot be written, before the work whose result it is to hold."""
    if not path:
        raise ValueError(f"{name} must name a file to write; got ''.")
    if Path(path).is_dir() or not Path(path).parent.is_dir():
        what = "a folder" if Path(path).is_dir() else f"a file in {Path(path).parent}, which is no folder"
        raise ValueError(f"{name} must name a file to write; got {path!r}, {what}.")


def _close_output() -> None:
    """Let nothing more be written to a pipe that nobody reads, at the interpreter's end above all."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
