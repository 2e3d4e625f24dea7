"""One row of p against one row of q."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.figures.style import axes, drawable
from specsample.viewer.origins import COLORS
from specsample.viewer.text import visible


def target_against_draft(
    p: Array, q: Array, *, labels: Sequence[str] | None = None, top: int = 16, ax: Any = None
) -> Any:
    """Draw p against q, token by token: what both hold, what was drafted too often, and the residual.

    Parameters
    ----------
    p : (V,) array, the target's distribution
    q : (V,) array, the draft's distribution
    labels : V texts of the tokens, or None for their numbers
    top : int, columns; where V is larger, those with the largest max(p, q), and one for the rest
    ax : matplotlib Axes, or None for a new figure

    Returns
    -------
    matplotlib Figure
    """
    p = np.asarray(p, float)
    q = np.asarray(q, float)
    # the columns: all tokens of a small vocabulary; else the largest, and one for all others
    names = [drawable(visible(text)) for text in (labels if labels is not None else map(str, range(len(p))))]
    kept = _largest(np.maximum(p, q), top)
    rest = np.setdiff1d(np.arange(len(p)), kept)
    shared = np.minimum(p, q)
    both = _columns(shared, kept, rest)
    p_only = _columns(p - shared, kept, rest)
    q_only = _columns(q - shared, kept, rest)
    # three parts of a column, from its base up; of the many tokens of the rest some have p > q and some q > p
    ax = axes(ax, (max(5.0, 0.5 * len(both) + 2), 3.6))
    x = np.arange(len(both))
    too_often = {"color": "white", "edgecolor": COLORS["drafted"], "hatch": "////"}
    missing = {"color": "white", "edgecolor": COLORS["correction"], "hatch": "\\\\\\\\"}
    ax.bar(x, both, 0.72, color=COLORS["accepted"], label=f"min(p, q): overlap, {both.sum():.3f} in all")
    ax.bar(x, q_only, 0.72, bottom=both, label="q − p: drafted too often", **too_often)
    ax.bar(x, p_only, 0.72, bottom=both + q_only, label="p − q: the residual", **missing)
    ax.set_xticks(x, [names[i] for i in kept] + ["rest"] * (len(rest) > 0), fontfamily="monospace")
    ax.set(xlabel="token", ylabel="probability")
    ax.legend(frameon=False)
    return ax.figure


def _largest(weight: Array, top: int) -> Array:
    """List the columns of the heaviest tokens: all in their own order where they fit, else the heaviest first."""
    return np.arange(len(weight)) if len(weight) <= top else np.argsort(-weight, kind="stable")[:top]


def _columns(row: Array, kept: Array, rest: Array) -> Array:
    """Take some entries of a row, and the sum of the rest as one more where there is a rest."""
    return np.append(row[kept], [row[rest].sum()] * (len(rest) > 0))
