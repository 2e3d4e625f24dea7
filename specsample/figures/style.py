"""Which colours do the figures have, whose axes do they draw on, and how do they become files?

Colours are those of Okabe and Ito, which people with colour-blindness tell apart; hatches, edges and markers say the
same again. matplotlib is imported when a figure is drawn. Read `trace` and `theory` before.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

ACCEPTED, DRAFTED, RESIDUAL, MEASURED, GREY = "#009E73", "#D55E00", "#0072B2", "#332288", "#767676"
SERIES = (ACCEPTED, DRAFTED, RESIDUAL, MEASURED)
ORIGIN = {  # face, edge and line style of a token's cell
    "accepted": ("#BFE6D9", "none", "-"),
    "correction": ("#D3E6F5", RESIDUAL, "-"),
    "bonus": ("#F3DCEA", "#8F3D74", (0, (1, 1))),
}


def axes(ax: Any, size: tuple[float, float]) -> Any:
    """Take the given axes, or those of a new figure.

    A new figure belongs to whoever gets it: a notebook shows it once, as the value of its cell.

    Parameters
    ----------
    ax : matplotlib Axes or None
    size : (float, float), width and height in inches

    Returns
    -------
    matplotlib Axes
    """
    return panels(1, size)[0] if ax is None else ax


def panels(n: int, size: tuple[float, float], *, columns: int | None = None) -> list[Any]:
    """Make a new figure of several axes side by side, or in rows.

    Parameters
    ----------
    n : int >= 1
    size : (float, float), width and height of each in inches
    columns : int >= 1, a divisor of n, or None for one row

    Returns
    -------
    list of n matplotlib Axes
    """
    check_matplotlib()
    from matplotlib import pyplot

    columns = columns or n
    rows = n // columns
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(columns * size[0], rows * size[1]), layout="constrained", squeeze=False
    )
    pyplot.close(figure)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return [*axes.flat]


def check_matplotlib() -> None:
    """Refuse to draw without matplotlib, before anything long is computed.

    Raises
    ------
    ValueError
        If matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ValueError("a figure needs matplotlib: pip install matplotlib, or the extra 'specsample[notebooks]'")


def write_svg(figure: Any, path: str | Path) -> None:
    """Write a figure with its words as text; the same figure gives the same file.

    Parameters
    ----------
    figure : matplotlib Figure
    path : str or Path
    """
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "specsample"}):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def drawable(text: str) -> str:
    """Keep matplotlib from taking `$` for the beginning of mathematics.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    return text.replace("$", r"\$")
