"""Tables as squares: masks, attention weights, tests that passed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.figures.style import SERIES, drawable, panels
from specsample.viewer.text import visible

MOST = 150  # squares, up to which each has its number written in it


def grids(
    tables: Mapping[str, Array],
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    axes: tuple[str, str] = ("", ""),
) -> Any:
    """Draw tables of numbers from 0 to 1, or of booleans, side by side: the larger a number, the darker its square.

    Parameters
    ----------
    tables : (n, m) array by title
    rows, columns : texts of the rows and of the columns, or None for their numbers
    axes : (str, str), what the rows are and what the columns are

    Returns
    -------
    matplotlib Figure
    """
    sizes = [np.shape(table) for table in tables.values()]
    n, m = (max(size[i] for size in sizes) for i in (0, 1))
    pictures = panels(len(tables), (max(2.6, 0.36 * m + 1.2), max(2.2, 0.36 * n + 1.0)))
    for ax, (title, table) in zip(pictures, tables.items(), strict=True):
        values = np.asarray(table, float)
        _squares(ax, values, is_boolean=np.asarray(table).dtype == bool)
        _name(ax, values.shape, rows=rows, columns=columns)
        ax.set(ylabel=axes[0], xlabel=axes[1])
        ax.set_title(drawable(title), fontsize=10)
    return pictures[0].figure


def _squares(ax: Any, values: Array, *, is_boolean: bool) -> None:
    """Draw one table, with its numbers where there is room."""
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("white to dark", ["#ffffff", SERIES[2]])
    ax.pcolormesh(values, cmap=shades, vmin=0, vmax=1, edgecolors="#bbbbbb", linewidth=0.5)
    ax.invert_yaxis()
    ax.set_aspect("equal")
    if values.size > MOST:
        return
    for (i, j), value in np.ndenumerate(values):
        # a mark for True: colour is never all that tells
        text = ("✓" if value else "") if is_boolean else f"{value:.2f}".removeprefix("0") if value else "0"
        color = "white" if value > 0.6 else "black"
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=8, color=color)


def _name(ax: Any, shape: tuple[int, ...], *, rows: Sequence[str] | None, columns: Sequence[str] | None) -> None:
    """Write rows and columns beside their squares."""
    n, m = shape
    family = "sans-serif" if rows is None and columns is None else "monospace"
    ax.set_xticks(
        np.arange(m) + 0.5, [drawable(visible(x)) for x in columns or map(str, range(m))], fontfamily=family
    )
    ax.set_yticks(np.arange(n) + 0.5, [drawable(visible(x)) for x in rows or map(str, range(n))], fontfamily=family)
    ax.tick_params(length=0, labelsize=8)
    ax.xaxis.set_label_position("top")
    ax.xaxis.tick_top()
