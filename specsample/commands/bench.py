"""`specsample bench`: passes, decoding and peers in one process.

Exit status: 0, or 130 after Ctrl-C. The JSON is written anew after each part, so that a run that is killed leaves a
whole file as well.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from specsample.bench.decode import measure_decoding, prompts_of
from specsample.bench.machine import describe_machine
from specsample.bench.passes import pass_times
from specsample.bench.peers import measure_peers
from specsample.bench.plot import draw
from specsample.bench.report import Results, show
from specsample.bench.shapes import SHAPES, models_of
from specsample.commands.sampling import at_least
from specsample.figures.style import check_matplotlib, write_svg
from specsample.strategies import temperature
from specsample.transformer.allocator import keep_freed_memory

about = "measure passes, decoding and the prediction"
KINDS = ("code", "prose")
TEMPERATURES = (0.0, 0.7, 1.0)
QUICK = {"max_K": 2, "max_new_tokens": 8, "prompts": 1, "repeats": 1, "max_rows": 3, "temperatures": [1.0]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    shapes = f"models whose passes are measured: {', '.join(SHAPES)} (default: pair)"
    add("--shapes", nargs="+", choices=SHAPES, default=["pair"], metavar="NAME", help=shapes)
    add(
        "--kinds",
        nargs="*",
        choices=KINDS,
        default=list(KINDS),
        help="texts for the pair; none: no decoding",
    )
    add("--temperatures", nargs="+", type=float, default=list(TEMPERATURES), help="of both models (default: 0 0.7 1)")
    add("--max-K", type=at_least(1), default=12, help="largest number of drafts a round (default: 12)")
    add("--max-rows", type=at_least(1), default=17, help="rows of the largest pass (default: 17)")
    add("--context", type=at_least(1), default=128, help="tokens read before the passes (default: 128)")
    add("--prompts", type=at_least(1), default=3, help="prompts of each kind (default: 3)")
    add("--max-new-tokens", type=at_least(4), default=256, help="tokens a prompt (default: 256)")
    add(
        "--repeats",
        type=at_least(1),
        default=5,
        help="of each run of decoding; passes get six times as many (default: 5)",
    )
    add("--seed", type=int, default=0, help="of the random numbers (default: 0)")
    add(
        "--peers",
        action="store_true",
        help="also measure Hugging Face and a loop without a cache",
    )
    add("--quick", action="store_true", help="a few seconds: shows that everything runs, measures nothing well")
    add("--json", metavar="OUT.json", help="write all numbers to a file, or to standard output: -")
    add("--plot", metavar="OUT.svg", help="write a figure; needs matplotlib")


def run(given: argparse.Namespace) -> int:
    """Run the command, and return its exit status.

    Raises
    ------
    ValueError
        If a figure is asked for and matplotlib is missing.
    """
    if given.plot:
        check_matplotlib()
    for T in given.temperatures:
        temperature(T)
    # small sizes in place of the defaults; what was asked for is refused here, not ignored
    if given.quick:
        asked = [name for name in QUICK if getattr(given, name) != getattr(_defaults(), name)]
        if asked:
            raise ValueError(f"--quick sets its own sizes: it cannot go with {', '.join(map(_option, asked))}.")
        vars(given).update(QUICK)
    keep_freed_memory()
    # what was asked for stands beside what was found
    settings = {name: value for name, value in vars(given).items() if name not in ("run", "command", "json", "plot")}
    results = Results(describe_machine(), settings)

    def save() -> None:
        if given.json not in (None, "-"):
            results.save(given.json)

    # saved after each part: a run that is killed leaves a whole file of what it had
    try:
        with _bar() as progress:
            for _ in _measure(given, results, progress):
                save()
        results.is_complete = True
    # what is in results is whole, and shown below
    except KeyboardInterrupt:
        pass
    save()
    if given.json == "-":
        Console(soft_wrap=True, highlight=False).print(results.to_json(), markup=False, end="")
    else:
        show(results, Console(highlight=False))
    if given.plot and (results.passes or results.decodings):
        write_svg(draw(results.passes, results.decodings), given.plot)
    return 0 if results.is_complete else 130


def _defaults() -> argparse.Namespace:
    """Read no arguments."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([])


def _option(name: str) -> str:
    """Write an argument as it is given."""
    return "--" + name.replace("_", "-")


def _measure(
    given: argparse.Namespace, results: Results, progress: Callable[[str, int], Callable[[], None]]
) -> Iterator[None]:
    """Fill the results in, and yield after each whole entry."""
    # passes of every shape, with everybody else's where they are asked for; then decoding
    for shape in given.shapes:
        models = models_of(shape)
        for name, model in models.items():
            repeats = 6 * given.repeats
            rows = range(1, given.max_rows + 1)
            tick = progress(f"passes, {name}", repeats * (given.max_rows + 1))
            times = pass_times(name, model, rows=rows, context=given.context, repeats=repeats, on_call=tick)
            results.passes.append(times)
            yield
        if given.peers:
            tick = progress(f"peers, {shape}", 0)
            (target, *drafter) = models.values()
            prompt = prompts_of("code", n=1)[0]
            size = {"max_new_tokens": min(64, given.max_new_tokens), "repeats": given.repeats}
            results.peers[shape] = measure_peers(target, *drafter, prompt_tokens=prompt, on_call=tick, **size)
            yield
    yield from _measure_pair(given, results, progress)


def _measure_pair(
    given: argparse.Namespace, results: Results, progress: Callable[[str, int], Callable[[], None]]
) -> Iterator[None]:
    """Measure decoding with the shipped pair, one kind and temperature after the other."""
    target, draft = models_of("pair").values()
    Ks = range(given.max_K + 1)
    for kind in given.kinds:
        prompts = prompts_of(kind, n=given.prompts)
        for T in given.temperatures:
            n_calls = given.repeats * (2 * len(Ks) + 4)
            size: dict[str, Any] = {name: getattr(given, name) for name in ("max_new_tokens", "repeats", "seed")}
            tick = progress(f"{kind}, T = {T:g}", n_calls)
            # T = 1 is the model as it is, without a transform
            size |= {"Ks": Ks, "transform": None if T == 1 else temperature(T), "label": (kind, T)}
            results.decodings.append(measure_decoding(prompts, target, draft, on_call=tick, **size))
            yield


@contextmanager
def _bar() -> Iterator[Callable[[str, int], Callable[[], None]]]:
    """Show progress on standard error; yield a function from a task's name and size to its `tick`."""
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    columns += [TimeElapsedColumn(), TimeRemainingColumn()]
    with ProgressBar(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2) as bar:

        def begin(name: str, total: int) -> Callable[[], None]:
            task = bar.add_task(name, total=total or None)
            return lambda: bar.advance(task)

        yield begin
