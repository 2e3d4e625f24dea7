"""Lanes of pieces: what caches hold, who sits in a batch."""

from collections.abc import Mapping, Sequence
from typing import Any

from specsample.figures.style import CELLS, GREY, SERIES, axes, drawable
from specsample.viewer.origins import COLORS

Piece = tuple[str, float, str]  # what is written on it, how long it is, of which kind

KINDS: dict[str, dict[str, Any]] = {
    "text": {"fc": "#eeeeee", "ec": GREY},
    "match": {"fc": "#c8c8c8", "ec": "black"},
    **CELLS,
    "accepted": {**CELLS["accepted"], "ec": COLORS["accepted"]},  # neighbours are told apart
    "drafted": {"fc": "white", "ec": COLORS["drafted"], "hatch": "////"},
    "draft pass": {"fc": "white", "ec": COLORS["drafted"], "hatch": "////"},
    "target pass": {"fc": (SERIES[2], 0.25), "ec": SERIES[2]},
    "forgotten": {"fc": "white", "ec": COLORS["discarded"], "ls": (0, (2, 2))},
    "idle": {"fc": "white", "ec": "#bbbbbb", "hatch": "...."},
}
# a ground for letters, so that hatches do not run through them
BACK: dict[str, Any] = {"bbox": {"boxstyle": "round,pad=0.1", "fc": (1, 1, 1, 0.7), "ec": "none"}}


def lanes(rows: Mapping[str, Sequence[Piece]], *, xlabel: str = "", width: float = 8.0) -> Any:
    """Draw a lane for each name, and its pieces from left to right.

    Parameters
    ----------
    rows : by name, pieces (text, length, kind); a kind is one of `KINDS`, or "" for a gap
    xlabel : str, what lengths are measured in; without it the axis is left away
    width : float, of the figure, in inches

    Returns
    -------
    matplotlib Figure
    """
    from matplotlib.patches import Patch, Rectangle

    ax = axes(None, (width, 0.42 * len(rows) + (1.0 if xlabel else 0.6)))
    longest = max(sum(length for _, length, _ in pieces) for pieces in rows.values())
    for i, pieces in enumerate(rows.values()):
        start = 0.0
        for text, length, kind in pieces:
            if kind:
                ax.add_patch(Rectangle((start, i + 0.1), length, 0.8, lw=0.8, **KINDS[kind]))
                ax.text(start + length / 2, i + 0.5, drawable(text), ha="center", va="center", fontsize=8, **BACK)
            start += length
    ax.set(xlim=(0, longest), ylim=(len(rows), 0), xlabel=xlabel)
    ax.set_yticks([i + 0.5 for i in range(len(rows))], [*rows])
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", *([] if xlabel else ["bottom"])]].set_visible(False)
    if not xlabel:
        ax.set_xticks([])
    # the kinds that were drawn, above, where they hide nothing
    drawn = [kind for kind in KINDS if any(piece[2] == kind for pieces in rows.values() for piece in pieces)]
    handles = [Patch(label=kind, **KINDS[kind]) for kind in drawn]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=6, frameon=False, fontsize=9)
    return ax.figure
