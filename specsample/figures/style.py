"""Colours, axes and files of the figures.

Origins of tokens have the colours of `viewer.origins`; runs side by side have those of Okabe and Ito, which people
with colour-blindness tell apart. Hatches, edges and markers say the same again. matplotlib is imported when a figure
is drawn.
"""

from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from specsample.files import write_whole
from specsample.viewer.origins import COLORS

SERIES = ("#009E73", "#D55E00", "#0072B2", "#332288")  # which of several runs: no meaning of their own
GREY = "#767676"  # what a measurement is held against
CELLS: dict[str, dict[str, Any]] = {  # an emitted token's face, a quarter of its origin's colour, and edge
    "accepted": {"fc": (COLORS["accepted"], 0.25), "ec": "none"},
    "correction": {"fc": (COLORS["correction"], 0.25), "ec": COLORS["correction"]},
    "bonus": {"fc": (COLORS["bonus"], 0.25), "ec": COLORS["bonus"], "ls": (0, (1, 1))},
}


def axes(ax: Any, size: tuple[float, float]) -> Any:
    """Take the given axes, or those of a new figure of a width and height in inches."""
    return panels(1, size)[0] if ax is None else ax


def panels(n: int, size: tuple[float, float], *, columns: int | None = None) -> list[Any]:
    """Make a new figure of n axes, each of a width and height in inches, in one row or in rows of `columns`."""
    check_matplotlib()
    from matplotlib import pyplot

    columns = columns or n
    rows = n // columns
    inches = (columns * size[0], rows * size[1])
    figure, axes = pyplot.subplots(rows, columns, figsize=inches, layout="constrained", squeeze=False)
    # it belongs to whoever gets it: left open, a notebook would show it a second time below the cell
    pyplot.close(figure)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return [*axes.flat]


def legend_above(ax: Any) -> None:
    """Put the legend over the axes, where it hides nothing that is drawn."""
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)


def check_matplotlib() -> None:
    """Refuse to draw without matplotlib, before anything long is computed."""
    if find_spec("matplotlib") is None:
        raise ValueError("a figure needs matplotlib: pip install matplotlib, or here pip install -e '.[notebooks]'")


def write_svg(figure: Any, path: str | Path) -> None:
    """Write a figure with its words as text; the same figure gives the same file."""
    from matplotlib import rc_context

    # no date and no random ids, so that a page built twice does not change
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "specsample"}):
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    write_whole(path, text.getvalue())


def drawable(text: str) -> str:
    """Keep matplotlib from taking `$` for the beginning of mathematics."""
    return text.replace("$", r"\$")
