"""`specsample plan`: what to expect on a machine that is not here.

`specsample plan --target 70B --draft 4B --device h100 --batch 1..256 --context 2048` prints the table, `--plot` draws
the map. The times are lower bounds (a device at the figures of its data sheet); alpha is an input.
"""

import argparse
from itertools import product

from rich.console import Console
from rich.table import Table

from specsample.bench.tables import tables
from specsample.commands.sampling import at_least
from specsample.figures.heat_map import draw
from specsample.figures.style import check_matplotlib, write_svg
from specsample.theory import break_even, expected_tokens, is_memory_bound
from specsample.theory.deployment import Deployment
from specsample.theory.machines import device, known, nearest, shape

about = "predict the speed-up on a machine that is not here"
MAP_CONTEXTS = [2**i for i in range(7, 18)]  # 128 ... 131,072
LARGEST_BATCH = 4096  # up to which a break-even is looked for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command.

    Parameters
    ----------
    parser : argparse.ArgumentParser, of the command

    Examples
    --------
    >>> add_arguments(parser := argparse.ArgumentParser())
    >>> parser.parse_args(["--target", "70B", "--draft", "1B", "--device", "h100"]).alpha
    0.8
    """
    add = parser.add_argument
    add("--target", required=True, help="70B, a name such as llama-70b, or SIZE:LAYERS:WIDTH:KV_WIDTH")
    add("--draft", required=True, help="the same for the draft")
    add("--device", required=True, help=", ".join(known("devices")))
    add(
        "--count",
        type=at_least(1),
        help="devices that share each pass (default: the fewest, doubling, that hold everything)",
    )
    add("--batch", default="1..256", help="sequences: 8, or 1,8,64, or 1..256 for doubling (default: 1..256)")
    add("--context", default="2048", help="tokens of each sequence, written likewise (default: 2048)")
    add("--alpha", type=float, default=0.8, help="acceptance rate, to be measured (default: 0.8)")
    add("--K", type=int, help="drafts a round (default: the best of 0 to 16)")
    add("--bits", type=int, choices=(16, 8, 4), default=16, help="of a weight (default: 16)")
    add("--cache-bits", type=int, choices=(16, 8), default=16, help="of a cached number (default: 16)")
    add("--layer-us", type=float, default=0.0, help="microseconds a layer for launches and exchange (default: 0)")
    add("--plot", metavar="OUT.svg", help="draw the speed-up over batch and context; needs matplotlib")


def run(given: argparse.Namespace) -> int:
    """Print the table, and draw the map where a file is named.

    Parameters
    ----------
    given : argparse.Namespace, from a parser with `add_arguments`

    Returns
    -------
    int, exit status

    Raises
    ------
    ValueError
        If an argument makes no sense, or a map is asked for and matplotlib is missing.
    """
    # what makes no sense is refused before anything is printed
    batches = numbers(given.batch)
    contexts = numbers(given.context)
    if given.plot:
        check_matplotlib()
    if not 0 <= given.alpha <= 1:
        raise ValueError(f"alpha must lie in [0, 1]; got {given.alpha}.")
    deployment, count = _question(given, max(batches), max(contexts))
    # the table, what it says in words, and what was assumed
    console = Console(highlight=False, soft_wrap=True)
    title = (
        f"{given.target} with {given.draft} on {count} x {known('devices')[given.device]['name']}, α = {given.alpha}"
    )
    for table in predictions(deployment, batches, contexts, width=console.width, title=title):
        console.print(table)
    for line in [*remarks(deployment, contexts, max(batches)), *_assumptions(given)]:
        console.print(line, style="dim")
    if given.plot:
        write_svg(draw(deployment, batches, MAP_CONTEXTS, title=title), given.plot)
        console.print(f"map: {given.plot}")
    return 0


def numbers(text: str) -> list[int]:
    """Read "8", "1,8,64", or "1..256", which doubles.

    Returns
    -------
    list of int >= 1, growing

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> numbers("1..6"), numbers("8,2")
    ([1, 2, 4, 6], [2, 8])
    """
    # one number, several, or a range that doubles
    try:
        low, dots, high = text.partition("..")
        found = {int(part) for part in text.split(",")} if not dots else {int(low), int(high)}
    except ValueError:
        found = set()
    if not found or min(found) < 1:
        raise ValueError(f"a range must be written 8, or 1,8,64, or 1..256, from 1 on; got {text!r}.")
    if dots:
        found |= {n for i in range(64) if (n := min(found) << i) < max(found)}
    return sorted(found)


def predictions(
    deployment: Deployment, batches: list[int], contexts: list[int], *, width: int = 80, title: str = ""
) -> list[Table]:
    """Make the table, one row a batch and context; where a terminal is narrower, tables below each other."""
    columns = ("batch", "context", "ms", "c", "ρ", "K", "tokens", "speed-up", "tok/s", "limit", "GB")
    rows = [_row(deployment, batch, context) for context, batch in product(contexts, batches)]
    return tables(columns, rows, width=width, title=title, keys=2)


def remarks(deployment: Deployment, contexts: list[int], batch: int) -> list[str]:
    """Say up to which batch speculation pays at each context, and at which contexts at one batch."""
    lines: list[str] = []
    # at each context: how large a batch may be
    for context in contexts:
        last = break_even(lambda B: deployment.answer(B, context).speedup > 1, 1, LARGEST_BATCH)  # noqa: B023
        held = break_even(lambda B: deployment.fits(B, context), 1, 2**20) or 0  # noqa: B023
        pays = deployment.answer(1, context).speedup > 1
        until = f"up to a batch of {last}" if last else f"at every batch up to {LARGEST_BATCH}"
        says = f"speculation pays {until}" if pays else "speculation does not pay at a batch of 1"
        lines.append(f"at context {context}, {says}; memory holds a batch of {held}")
    # at the largest batch: how long a context must be, or may be
    change = break_even(lambda context: deployment.answer(batch, context).speedup > 1, 1, MAP_CONTEXTS[-1])
    if change:
        verb = "up to" if deployment.answer(batch, 1).speedup > 1 else "beyond"
        lines.append(f"at a batch of {batch}, speculation pays {verb} a context of {change}")
    return lines


def _row(deployment: Deployment, batch: int, context: int) -> list[str]:
    """Write one row of the table."""
    found = deployment.answer(batch, context)
    work = deployment.work(batch, context)
    is_read = is_memory_bound(deployment.target, found.K + 1, deployment.device, work)
    speed = batch * found.speedup / found.target_seconds
    tokens = expected_tokens(deployment.alpha, found.K)
    memory = f"{deployment.memory(batch, context) / 1e9:.0f}" + ("" if deployment.fits(batch, context) else " !")
    return [
        *(str(batch), str(context), f"{1e3 * found.target_seconds:.2f}", f"{found.cost_ratio:.3f}"),
        *(f"{found.verify_ratio:.2f}", str(found.K), f"{tokens:.2f}", f"{found.speedup:.2f}", f"{speed:.0f}"),
        *("memory" if is_read else "compute", memory),
    ]


def _question(given: argparse.Namespace, batch: int, context: int) -> tuple[Deployment, int]:
    """Gather what the arguments say; take as many devices as the largest batch and context need."""
    settings = {"bits": 8 if given.bits == 8 else 16, "layer_seconds": given.layer_us * 1e-6}
    models = shape(given.target), shape(given.draft)
    rest = given.alpha, given.K, given.bits / 8, given.cache_bits / 8
    count = 1 if given.count is None else given.count
    deployment = Deployment(*models, device(given.device, count=count, **settings), *rest)
    # without --count as many devices as hold everything, doubling
    while given.count is None and not deployment.fits(batch, context) and count < 1024:
        count *= 2
        deployment = deployment._replace(device=device(given.device, count=count, **settings))
    return deployment, count


def _assumptions(given: argparse.Namespace) -> list[str]:
    """Say what was assumed, and where the figures come from."""
    lines = [known("devices")[given.device]["source"]]
    # published shapes are quoted, others borrow the layers of the nearest one
    for text in (given.target, given.draft):
        if text in known("shapes"):
            lines.append(f"{text}: {known('shapes')[text]['source']}")
        elif ":" not in text:
            name = nearest(shape(text).parameters)
            lines.append(f"{text}: layers and widths as {name} ({known('shapes')[name]['source']})")
    lines.append(
        "ms: a one-row pass of the target, a lower bound; ρ: K+1 rows against 1; tokens: of a sequence, a round"
    )
    lines.append("limit: what the pass over K+1 rows waits for; GB: models and caches, ! where they do not fit")
    return lines
