"""A race on one screen: a target pass a token, or speculative sampling.

Each lane has a clock of its own, and the lane that is behind takes the next step: both stand where each would stand
with the processor to itself. Drawing counts for neither, and a race that would be over before one sees it is shown
slower, by a factor that is said.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from specsample.bench import timed
from specsample.streaming import generate_stream
from specsample.trace import Trace
from specsample.transformer.lm import TransformerLM

WIDE = 100  # columns from which on the lanes stand side by side
LINES = 14  # of text in a lane, at most
FRAMES = 20  # a second, at most
PACED = 5  # steps
SHOWN = 4.0  # seconds in which the slower lane arrives, at least


@dataclass
class Lane:
    """One way of decoding, and how far it has come.

    Parameters
    ----------
    name : str
    rounds : iterator over lists of int, which fills the trace
    trace : Trace
    total : int, tokens at the finish
    text : function without arguments, the Text so far
    seconds : float, the lane's own clock
    is_done : bool
    """

    name: str
    rounds: Iterator[list[int]]
    trace: Trace
    total: int
    text: Callable[[], Text]
    seconds: float = 0.0
    is_done: bool = False

    def step(self) -> None:
        """Play one round, by the lane's own clock."""
        _, seconds = timed(lambda: next(self.rounds, None))
        self.is_done = len(self.trace.tokens) >= self.total
        self.seconds += seconds

    def panel(self, width: int, height: int) -> Panel:
        """Draw the newest lines, and how fast they came."""
        n = len(self.trace.tokens)
        state = f"finished in {self.seconds:.2f} s" if self.is_done else f"{n} of {self.total} tokens"
        rate = f"{n / self.seconds:.0f} tokens/s" if self.seconds else "0 tokens/s"
        lines = self.text().wrap(Console(width=width), width - 4)
        newest = Text("\n").join(lines[-height:])
        return Panel(newest, title=self.name, subtitle=f"{state}, {rate}", height=height + 2)


def lane(prompt: str, target: TransformerLM, draft: TransformerLM, *, K: int, seed: int, **settings: Any) -> Lane:
    """Make a lane; the one without drafts is the baseline.

    Parameters
    ----------
    prompt : str
    target, draft : TransformerLM
    K : int >= 0, drafts a round
    seed : int
    **settings : passed on to `generate_stream`: max_new_tokens, transform

    Returns
    -------
    Lane
    """
    tokens = target.tokenizer.encode(prompt)
    decode = target.tokenizer.decode
    trace = Trace(tuple(tokens))
    rng = np.random.default_rng(seed)
    rounds = generate_stream(tokens, target, draft, K=K, rng=rng, trace=trace, **settings)

    def text() -> Text:
        # without drafts there is one origin, and nothing to tell by colours
        new = trace.render(decode) if K else Text(decode(trace.tokens))
        return Text.assemble((prompt, "dim"), new)

    name = f"speculative: up to {K + 1} tokens a target pass" if K else "autoregressive: one target pass a token"
    return Lane(name, rounds, trace, settings["max_new_tokens"], text)


def run_race(console: Console, lanes: list[Lane]) -> None:
    """Run lanes against each other and draw them as they go.

    Parameters
    ----------
    console : rich Console, a terminal
    lanes : list of Lane, changed; the first is the slowest
    """
    # the first step of each reads the prompt; the next ones of the slowest tell the pace
    for one in lanes:
        one.step()
    read_seconds = lanes[0].seconds
    for _ in range(PACED):
        lanes[0].step()
    pace = (lanes[0].seconds - read_seconds) / PACED
    slower = max(1.0, SHOWN / (pace * lanes[0].total))
    said = f"each lane has its own clock; shown {slower:.0f} times slower than they run" if slower >= 2 else ""
    began = time.perf_counter() - slower * max(one.seconds for one in lanes)
    drawn = 0.0
    with Live(console=console, auto_refresh=False) as live:
        while racing := [one for one in lanes if not one.is_done]:
            behind = min(racing, key=lambda one: one.seconds)
            behind.step()
            # not before its time on the screen
            time.sleep(max(0.0, began + behind.seconds * slower - time.perf_counter()))
            if time.perf_counter() - drawn > 1 / FRAMES:
                live.update(drawing(console, lanes, said), refresh=True)
                drawn = time.perf_counter()
        # the finish stays on the screen
        live.update(drawing(console, lanes, said), refresh=True)


def drawing(console: Console, lanes: list[Lane], said: str) -> Group:
    """Draw the lanes beside each other where there is room, else below each other.

    Parameters
    ----------
    console : rich Console
    lanes : list of Lane
    said : str, a line below them

    Returns
    -------
    rich Group, no higher than the screen
    """
    is_wide = console.width >= WIDE
    width = console.width // len(lanes) if is_wide else console.width
    # frames and the line below need room as well
    room = (console.height - 2) // (1 if is_wide else len(lanes)) - 2
    panels = [one.panel(width, max(1, min(LINES, room))) for one in lanes]
    if not is_wide:
        return Group(*panels, Text(said, "dim"))
    side_by_side = Table.grid(expand=True)
    for _ in lanes:
        side_by_side.add_column(ratio=1)
    side_by_side.add_row(*panels)
    return Group(side_by_side, Text(said, "dim"))
