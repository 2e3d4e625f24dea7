"""Trees of drafts: which node hangs below which."""

from collections.abc import Mapping, Sequence
from typing import Any

from specsample.figures.style import GREY, drawable, panels
from specsample.viewer.origins import COLORS


def draft_trees(shapes: Mapping[str, Sequence[int]]) -> Any:
    """Draw trees of drafts side by side, from the text at the top to the last drafts at the bottom.

    Parameters
    ----------
    shapes : sequence of int by title: of each node the number of the node above it, -1 for the text

    Returns
    -------
    matplotlib Figure
    """
    axes = panels(len(shapes), (2.6, 3.2))
    for ax, (title, parents) in zip(axes, shapes.items(), strict=True):
        places = _places(parents)
        for node, parent in enumerate(parents):
            ax.plot(*zip(places[parent], places[node], strict=True), color=GREY, lw=1, zorder=1)
        for node, (x, y) in places.items():
            edge = GREY if node < 0 else COLORS["drafted"]
            look = {"boxstyle": "round" if node < 0 else "circle", "fc": "white", "ec": edge}
            ax.text(x, y, "text" if node < 0 else str(node), ha="center", va="center", fontsize=9, bbox=look)
        width = max(x for x, _ in places.values())
        depth = max(y for _, y in places.values())
        ax.set(xlim=(-0.7, width + 0.7), ylim=(depth + 0.5, -0.5))
        ax.set_title(drawable(title), fontsize=10)
        ax.axis("off")
    return axes[0].figure


def _places(parents: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Give every node a column and a depth: no two nodes one place, and each in the middle above what hangs below."""
    places: dict[int, tuple[float, float]] = {}

    def place(node: int, depth: int, column: int) -> int:
        """Place a node and all below it from a column on; the next free column."""
        free = column
        for child in (i for i, parent in enumerate(parents) if parent == node):
            free = place(child, depth + 1, free)
        free = max(free, column + 1)
        places[node] = ((column + free - 1) / 2, depth)
        return free

    place(-1, 0, 0)
    return places
