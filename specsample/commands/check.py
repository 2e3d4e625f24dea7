"""`specsample check`: runs the kit on a function or program and reports.

Exit status: 0 PASS, 1 FAIL, 2 bad usage, 3 INCONCLUSIVE, 4 INVALID.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from specsample.commands.sampling import at_least
from specsample.commands.user_code import adapter_for, file_of
from specsample.conformance.adapters import Broken
from specsample.conformance.adapters.libraries import MODULES
from specsample.conformance.asking import Progress
from specsample.conformance.child import Died, end_with_parent, in_child
from specsample.conformance.ci import to_badge, to_junit, to_markdown
from specsample.conformance.kit import EPS, check
from specsample.conformance.report import EXIT_STATUS, Report
from specsample.conformance.report_html import to_page
from specsample.files import write_whole

ASKED = ("alpha", "eps", "power", "seed")  # of a report

about = "judge a sampler of your own: is its text the target's?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    add(
        "function",
        nargs="?",
        help="module:function; a function of the kind, or one without arguments that returns an adapter",
    )
    add(
        "--command",
        dest="program",
        metavar="PROGRAM",
        help="judge a program of any language instead, which speaks docs/wire.md",
    )
    kinds = ("verify", "step", "generate", "adapter")
    add("--kind", choices=kinds, required=True, help="what the function or the program does")
    add("--one", action="store_true", help="verify or step takes one sequence, not a batch")
    add("--batch", action="store_true", help="generate takes a batch of prompts, not one")
    add("--logits", action="store_true", help="verify wants logits, not probabilities")
    add("--ragged", action="store_true", help="verify takes requests that differ: n_drafts= and temperature= besides")
    said = "of the arrays that verify takes (default: numpy)"
    add("--library", dest="lib", choices=tuple(MODULES), default="numpy", help=said)
    add("--device", default="", metavar="NAME", help="on which they lie, as the library names it")
    add(
        "--probes",
        nargs="+",
        default=["standard"],
        metavar="NAME",
        help="probes of the pack (default: all)",
    )
    add("--eps", type=float, metavar="TV", help=f"total variation that a PASS excludes (default: {EPS})")
    add("--within", type=float, metavar="TV", help="a lossy sampler's declared total variation: is it kept?")
    add("--alpha", type=float, default=1e-6, metavar="P", help="chance that a lossless sampler fails (default: 1e-6)")
    add("--power", type=float, default=0.999, metavar="P", help="chance to find a deviation by eps (default: 0.999)")
    add("--budget", type=int, metavar="N", help="streams in all (default: as many as eps needs)")
    add("--seconds", type=float, metavar="S", help="on the clock; without --eps, PASS says which eps was reached")
    add("--time-limit", type=float, default=60.0, metavar="S", help="seconds for one call (default: 60)")
    add("--workers", type=at_least(1), default=1, metavar="N", help="processes (default: 1)")
    add("--seed", type=int, default=0, metavar="N", help="of the random numbers (default: 0)")
    add("--json", action="store_true", help="print the report as JSON")
    add("--report", metavar="OUT.html", help="write the report as HTML too")
    add("--summary", metavar="FILE", help="append the report to a file as Markdown, for the summary of a build")
    add("--junit", metavar="OUT.xml", help="write the verdict as JUnit's XML too")
    add("--badge", metavar="OUT.svg", help="write the verdict as a badge too")


def run(given: argparse.Namespace) -> int:
    """Run the command, and return its exit status: what is no verdict never looks like one.

    Raises
    ------
    ValueError
        If there is no such function, or an argument makes no sense.
    """
    # the sampler runs in a process of its own: what it prints never reaches our standard output, and a hang in native
    # code or a crash does not end the report
    try:
        try:
            found: Report = in_child(judge, given)
        except Died as error:
            settings = {name: getattr(given, name) for name in ASKED} | {"eps": given.eps or EPS}
            nothing: dict[str, Any] = {"optimal": "not measured", "probes": [], "diagnosis": None, "seconds": 0.0}
            name = given.function or given.program
            found = Report(name, given.kind, "INVALID", **settings, reasons=[str(error)], **nothing)
        write(found, given)
    # bad usage, and a reader that has gone: one line and a status of `cli`
    except (ValueError, TypeError, RuntimeError, BrokenPipeError):
        raise
    # everything else, a full disk among it
    except Exception as error:
        said = error if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
        print(f"specsample check: INVALID, no verdict was reached: {said}", file=sys.stderr)
        return EXIT_STATUS["INVALID"]
    return found.exit_status


def judge(given: argparse.Namespace) -> Report:
    """Run the kit on the function or the program that the arguments name.

    Raises
    ------
    ValueError
        If there is no such function, or an argument makes no sense.
    """
    adapter = adapter_for(given)
    with _executor(given.workers) as executor, _bar(adapter.name) as progress:
        return check(
            adapter,
            probes="standard" if given.probes == ["standard"] else given.probes,
            **{name: getattr(given, name) for name in (*ASKED, "budget", "seconds", "within", "time_limit")},
            expect="lossless" if given.within is None else "lossy",
            executor=executor,
            progress=progress,
        )


def write(found: Report, given: argparse.Namespace) -> None:
    """Print a report, and write it in each form for which a path is given."""
    if given.json:
        sys.stdout.write(found.to_json() + "\n")
    else:
        Console(highlight=False).print(found)
    if given.report is not None:
        write_whole(given.report, to_page(found))
    if given.junit is not None:
        write_whole(given.junit, to_junit(found, file=file_of(given.function) if given.function else ""))
    if given.badge is not None:
        write_whole(given.badge, to_badge(found))
    # a build has one summary, to which each of its commands adds a piece
    if given.summary is not None:
        with open(given.summary, "a", encoding="utf-8") as summary:
            summary.write(to_markdown(found) + "\n")


def _executor(workers: int) -> Any:
    """Make a process pool where more than one worker is wanted; forking a process with torch's threads may hang."""
    if workers <= 1:
        return nullcontext[Executor | None](None)
    from concurrent.futures import ProcessPoolExecutor  # a browser has none

    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=end_with_parent)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[Progress], None]]:
    """Show streams drawn and the evidence so far, on standard error."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    console = Console(stderr=True)
    with ProgressBar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{name}: contract", total=None)

        def show(at: Progress) -> None:
            said = f"{name}: {at.probe}, largest log E {at.log_e:.1f}"
            bar.update(task, total=at.needed, completed=at.streams, description=said)

        yield show
