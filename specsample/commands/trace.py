"""`specsample trace`: every round of a run, as JSON or as a page."""

import argparse
import sys
from functools import partial

from specsample.bench.race import race
from specsample.commands.sampling import add_model, add_sampling, continue_text, load_models, read_prompt
from specsample.files import write_whole
from specsample.speculative import generate

about = "continue a prompt and write every round down"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    add_sampling(add)
    add_model(add)
    add("--out", metavar="RUN.json", help="file to write, JSON")
    add("--html", metavar="RUN.html", help="file to write, a page to step through without a network")


def run(given: argparse.Namespace) -> None:
    """Continue one prompt and write every round, with all rows of p and q: as JSON, as a page to step through.

    Raises
    ------
    ValueError
        If no file is named.
    """
    if given.out is None and given.html is None:
        raise ValueError("trace needs --out RUN.json or --html RUN.html; got neither. Where should the rounds go?")
    if given.out == given.html:
        raise ValueError(f"--out and --html must name two files; got {given.out!r} for both.")
    # with all rows: what the pages show is p and q
    target, draft, _ = load_models(given)
    # a page has the race as well, for which the run is played several times; without drafts there is none, and nobody
    # waits for one of a model that is slow
    is_race = given.html is not None and not given.autoregressive and given.K != 0 and given.model is None
    run = race if is_race else generate
    played = continue_text(given, read_prompt(given, target), (target, draft), run=run, keep_rows=True)[1]
    trace = played.trace if is_race else played
    # where a run itself goes to standard output, nothing else does
    told = sys.stderr if "-" in (given.out, given.html) else sys.stdout
    for path, write in (
        (given.out, trace.to_json),
        (given.html, partial(played.to_html, target.tokenizer.decode)),
    ):
        if path == "-":
            print(write())
        elif path is not None:
            write_whole(path, write())
            print(f"{len(trace.rounds)} rounds, {len(trace.tokens)} tokens: {path}", file=told)
