"""`specsample papers`: printed numbers beside recomputed ones."""

import argparse

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from specsample.papers import DATA, DIFFERS, FOLLOWS, ROUNDING, Figure, figures

about = "print the papers' numbers beside recomputed ones"
STYLES = {FOLLOWS: "green", ROUNDING: "yellow", DIFFERS: "bold red", DATA: "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("--differing", action="store_true", help="only the numbers that do not follow as printed")


def run(given: argparse.Namespace) -> int:
    """Print every table with what the equations give beside it."""
    found = figures()
    console = Console(highlight=False)
    # a table of the papers at a time, in their order
    for name in dict.fromkeys(figure.table for figure in found):
        rows = [f for f in found if f.table == name and not (given.differing and f.verdict in (FOLLOWS, DATA))]
        if rows:
            console.print(_drawn(name, rows))
    counts = {verdict: sum(f.verdict == verdict for f in found) for verdict in STYLES}
    console.print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    return 0


def _drawn(name: str, rows: list[Figure]) -> Table:
    """Draw one table."""
    table = Table(
        "", "printed", "recomputed", "", title=name, box=SIMPLE_HEAD, title_justify="left", title_style="bold"
    )
    for f in rows:
        ours = "" if f.recomputed is None else f"{float(f.recomputed):.{max(f.digits, 2)}f}"
        table.add_row(f.case, f"{float(f.printed):.{f.digits}f}", ours, f"[{STYLES[f.verdict]}]{f.verdict}[/]")
    return table
