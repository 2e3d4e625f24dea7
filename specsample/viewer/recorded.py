"""Runs that were recorded: to step through without their model.

A trace with its rows holds V numbers a row, 49,152 for a real model. What the viewer draws of them is little, and is
kept here as JSON, with the texts of the tokens that occur and a note on how the run was made
(`docs/make_recorded_runs.py`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from specsample.files import write_whole
from specsample.trace import Round, Trace
from specsample.viewer.page import fragment
from specsample.viewer.record import describe
from specsample.viewer.still import summary, table

RUNS = Path(__file__).parents[1] / "pretrained" / "runs"


class Recorded(NamedTuple):
    """A run of a model that need not be here; a notebook shows it as the viewer."""

    about: Mapping[str, Any]  # how it was made
    data: Mapping[str, Any]  # as `record.describe` makes it

    @property
    def trace(self) -> Trace:
        """The run itself, without rows, for counters and figures."""
        rounds = [_round(entry) for entry in self.data["rounds"]]
        return Trace(tuple(self.data["prompt"]), rounds)

    def decode(self, tokens: Sequence[int]) -> str:
        """Join the texts of tokens that occur in this run, with line ends marked."""
        return "".join(self.data["texts"][token][1] for token in tokens)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the viewer in a notebook."""
        return {"text/html": fragment(self.data), "text/plain": f"{summary(self.data)}\n{table(self.data)}"}


def load_run(name: str | Path) -> Recorded:
    """Read a run that was recorded.

    Parameters
    ----------
    name : "code", "question" or "editing", which SmolLM2 wrote and the package brings, or a path

    Returns
    -------
    Recorded

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> load_run("code").about["temperature"]
    0.7
    """
    path = RUNS / f"{name}.json" if isinstance(name, str) and not Path(name).suffix else Path(name)
    read = json.loads(path.read_text(encoding="utf-8"))
    # JSON knows no numbers as keys
    texts = {int(token): text for token, text in read["data"]["texts"].items()}
    return Recorded(read["about"], read["data"] | {"texts": texts})


def save_run(path: str | Path, trace: Trace, decode: Callable[[list[int]], str], **about: Any) -> None:
    """Write what the viewer shows of a run, with a note on how it was made.

    Parameters
    ----------
    path : str or Path
    trace : Trace, recorded with its rows
    decode : function from token ids to text
    **about : what is to be remembered
    """
    data = describe(*trace.facts(), decode)
    write_whole(path, json.dumps({"about": about, "data": data}, ensure_ascii=False, separators=(",", ":")) + "\n")


def _round(entry: Mapping[str, Any]) -> Round:
    """Rebuild a round without its rows."""
    return Round(
        tuple(entry["drafts"]),
        tuple(entry["p"]),
        tuple(entry["q"]),
        tuple(entry["u"]),
        entry["n_accepted"],
        tuple(entry["emitted"]),
        tuple(entry["target_length"]),
        tuple(entry["draft_length"]),
    )
