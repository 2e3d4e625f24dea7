"""What can each command be asked for? Names, defaults and one line of help for every argument.

The commands with a folder of their own describe themselves there. Before this file: the commands; after it: `cli`.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from specsample import papers
from specsample.backend import LIBRARIES
from specsample.commands import bench, check, course, plan

Run = Callable[[argparse.Namespace], int | None]
ABOUT = "Speculative sampling, step by step: show it, run it, judge a sampler, measure, predict, teach."
EPILOG = "Start with: specsample demo. What an argument means: specsample COMMAND --help."
IN_LIBRARY = "decode in batched form in this array library (default: NumPy, the text of the paper)"


def parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """Describe the commands.

    Parameters
    ----------
    runs : dict from a command's name to the function that runs it, given the parsed arguments

    Returns
    -------
    argparse.ArgumentParser; its answers hold `command`, the name, `run`, the function, and `refuse`, which shows the
    usage of that command and a message
    """
    whole = argparse.ArgumentParser(prog="specsample", description=ABOUT, epilog=EPILOG)
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add = _command(commands, runs, "demo", "generate code and prose with the pair of the package").add_argument
    add("--K", type=int, default=5, metavar="N", help="drafts a round (default: 5)")
    add("--max-new-tokens", type=int, default=200, metavar="N", help="tokens a prompt (default: 200)")
    add("--temperature", type=float, default=1.0, metavar="T", help="of both models; 0 is greedy (default: 1)")
    add("--seed", type=int, default=0, metavar="N", help="of the random numbers (default: 0)")
    add("--no-times", action="store_true", help="print only what a seed determines")
    add("--backend", choices=LIBRARIES, help=IN_LIBRARY)
    add = _add_sampling(_command(commands, runs, "generate", "continue a prompt"))
    add("--backend", choices=LIBRARIES, help=IN_LIBRARY)
    add("--json", action="store_true", help="print one JSON object with text and counters")
    add("--stream", action="store_true", help="print only the new text, each round as it finishes")
    add("--stop-string", action="append", default=[], metavar="TEXT", help="end before it; repeatable; --stream")
    add = _add_sampling(_command(commands, runs, "trace", "continue a prompt and write every round down"))
    add("--out", metavar="RUN.json", help="file to write, JSON")
    add("--html", metavar="RUN.html", help="file to write, a page to step through without a network")
    add = _command(commands, runs, "train", "train a model on the text that comes with Python").add_argument
    add("--preset", choices=("tiny", "draft", "target"), required=True, help="sizes and steps")
    add("--out", required=True, metavar="FOLDER", help="folder of the run")
    add("--teacher", metavar="FILE.npz", help="checkpoint of a target to distil from")
    add("--seed", type=int, default=0, metavar="N", help="of the random numbers (default: 0)")
    add("--resume", action="store_true", help="go on from the folder's checkpoint")
    check.add_arguments(_command(commands, runs, "check", "judge a sampler of your own: is its text the target's?"))
    bench.add_arguments(_command(commands, runs, "bench", "measure passes, decoding and the prediction"))
    papers.add_arguments(_command(commands, runs, "papers", "print the papers' numbers beside recomputed ones"))
    plan.add_arguments(_command(commands, runs, "plan", "predict the speed-up on a machine that is not here"))
    course.add_arguments(_command(commands, runs, "course", "hand out, grade or open the notebooks"))
    add = _command(commands, runs, "evaluate", "measure a pair on held-out text, as JSON").add_argument
    add("--target", metavar="FILE.npz", help="checkpoint, with --draft (default: the pair of the package)")
    add("--draft", metavar="FILE.npz", help="checkpoint, with --target")
    add("--limit", type=int, metavar="N", help="characters of each kind (default: all)")
    add("--ngrams", action="store_true", help="also train and measure n-gram models")
    return whole


def _command(commands: Any, runs: Mapping[str, Run], name: str, text: str) -> argparse.ArgumentParser:
    """Add one command."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=runs[name], refuse=command.error)
    return command


def _add_sampling(command: argparse.ArgumentParser) -> Callable[..., Any]:
    """Add what `generate` and `trace` share; give back what adds more."""
    add = command.add_argument
    add("--prompt", required=True, metavar="TEXT", help="text to continue, or -: read standard input")
    add("--max-new-tokens", type=int, default=200, metavar="N", help="tokens to add (default: 200)")
    add("--K", type=int, default=5, metavar="N", help="drafts a round (default: 5)")
    add("--temperature", type=float, default=1.0, metavar="T", help="of both models; 0 is greedy (default: 1)")
    add("--top-k", type=int, metavar="N", help="keep the N most likely tokens")
    add("--top-p", type=float, metavar="P", help="keep the most likely tokens that hold P together")
    add("--min-p", type=float, metavar="P", help="keep tokens P times as likely as the likeliest, or more")
    add("--typical-p", type=float, metavar="P", help="keep the tokens of most usual surprise that hold P")
    add("--seed", type=int, default=0, metavar="N", help="of the random numbers (default: 0)")
    add("--autoregressive", action="store_true", help="the baseline: K = 0")
    return add


def check_writable(name: str, path: str) -> None:
    """Refuse a file that cannot be written, before the work whose result it is to hold.

    Parameters
    ----------
    name : str, how the message calls it
    path : str

    Raises
    ------
    ValueError
        If it is a folder, or lies in none.

    Examples
    --------
    >>> check_writable("--out", "run.json")
    """
    if Path(path).is_dir() or not Path(path).parent.is_dir():
        what = "a folder" if Path(path).is_dir() else f"a file in {Path(path).parent}, which is no folder"
        raise ValueError(f"{name} must name a file to write; got {path!r}, {what}.")
