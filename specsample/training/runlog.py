"""What a training run tells, and how it is interrupted.

`RunLog` writes log.jsonl, `progress_bar` shows the same numbers, `interruption` turns Ctrl-C into a flag. The loop
itself knows nothing of files, terminals or signals.
"""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

LOG_EVERY, SAVE_SECONDS = 50, 240.0


class StepReport(NamedTuple):
    """What a step reports: where the run stands, its loss in bits per character, the characters it learned from."""

    step: int
    steps: int
    bits: float
    characters: int


class RunLog:
    """The log of a run, log.jsonl, and its time, interruptions excluded.

    Parameters
    ----------
    path : Path, the file; lines from beyond `step` are dropped, so that a resumed run writes each line once
    step : int, where the run stands
    seconds : float, time spent so far
    """

    def __init__(self, path: Path, step: int, seconds: float) -> None:
        # lines from beyond the checkpoint are dropped: a resumed run writes them again
        lines = path.read_text().splitlines() if path.exists() and step else []
        path.write_text("".join(line + "\n" for line in lines if json.loads(line)["step"] <= step))
        self.path = path
        self.started = time.monotonic() - seconds
        self.saved = time.monotonic()
        self.reports: list[StepReport] = []
        self.since = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time spent on the run, in seconds."""
        return time.monotonic() - self.started

    def count(self, report: StepReport) -> None:
        """Take note of a step, and write a line every LOG_EVERY steps."""
        self.reports.append(report)
        if report.step % LOG_EVERY == 0:
            n = len(self.reports)
            speed = sum(r.characters for r in self.reports) / (time.monotonic() - self.since)
            rates = {"seconds": round(self.seconds, 1), "characters_per_second": round(speed)}
            self.write(step=report.step, bits=sum(r.bits for r in self.reports) / n, **rates)
            self.reports = []
            self.since = time.monotonic()

    def is_due(self) -> bool:
        """Say whether a checkpoint is due, and if so start waiting for the next."""
        is_due = time.monotonic() - self.saved > SAVE_SECONDS
        self.saved = time.monotonic() if is_due else self.saved
        return is_due

    def write(self, **record: Any) -> None:
        """Append one line of JSON."""
        with open(self.path, "a") as file:
            file.write(json.dumps({n: round(v, 4) if isinstance(v, float) else v for n, v in record.items()}) + "\n")


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """Turn Ctrl-C and a polite kill into a flag that is read between steps."""
    interrupted = threading.Event()
    # only the main thread may handle signals
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    # the handlers of before come back, whatever happens
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: interrupted.set()) for number in signals]
    try:
        yield interrupted
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[StepReport], None]]:
    """Show loss, speed and time left in the terminal.

    Parameters
    ----------
    title : str, what is trained

    Yields
    ------
    function of one StepReport, what `train` takes as on_step
    """
    from rich import progress

    note = progress.TextColumn("{task.fields[note]}")
    columns = (progress.TextColumn(title), progress.BarColumn(), progress.MofNCompleteColumn(), note)
    with progress.Progress(*columns, progress.TimeRemainingColumn()) as bar:
        task = bar.add_task(title, total=None, note="")
        started = time.monotonic()
        seen = 0

        def on_step(report: StepReport) -> None:
            nonlocal seen
            if not seen:  # a resumed run does not begin at 0
                bar.reset(task, completed=report.step, total=report.steps)
            seen += report.characters
            note = f"{report.bits:.3f} bits/char, {seen / (time.monotonic() - started):,.0f} char/s"
            bar.update(task, completed=report.step, total=report.steps, note=note)

        yield on_step
