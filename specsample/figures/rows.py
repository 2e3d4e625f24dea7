"""Rows: one of p against one of q, and several side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.figures.style import SERIES, axes, drawable, legend_above, panels
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
    kept = _largest(np.maximum(p, q), top)
    rest = np.setdiff1d(np.arange(len(p)), kept)
    names = _names(labels, kept, rest)
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
    ax.set_xticks(x, names, fontfamily="monospace")
    ax.set(xlabel="token", ylabel="probability")
    legend_above(ax)
    return ax.figure


def side_by_side(rows: Mapping[str, Array], *, labels: Sequence[str] | None = None, top: int = 16) -> Any:
    """Draw rows over the same tokens in pictures of their own, on one scale.

    Parameters
    ----------
    rows : (V,) array by title
    labels : V texts of the tokens, or None for their numbers
    top : int, columns; where V is larger, those with the largest probability in any row, and one for the rest

    Returns
    -------
    matplotlib Figure
    """
    every = np.array([*rows.values()], float)  # (rows, V)
    kept = _largest(every.max(axis=0), top)
    rest = np.setdiff1d(np.arange(every.shape[1]), kept)
    columns = [_columns(row, kept, rest) for row in every]
    # a column is as wide as its name
    names = _names(labels, kept, rest)
    width = max(0.35, 0.15 * max(map(len, names)))
    pictures = panels(len(rows), (max(3.0, width * len(names)), 3.0))
    for ax, title, heights in zip(pictures, rows, columns, strict=True):
        x = np.arange(len(heights))
        ax.bar(x, heights, 0.72, color=SERIES[2])
        ax.set_xticks(x, names, fontfamily="monospace")
        ax.set(title=drawable(title), xlabel="token", ylabel="probability", ylim=(0, 1.05 * np.max(columns)))
    return pictures[0].figure


def _names(labels: Sequence[str] | None, kept: Array, rest: Array) -> list[str]:
    """Name the columns: texts or numbers of the tokens, and "rest" where there is one."""
    texts = [str(i) if labels is None else drawable(visible(labels[i])) for i in kept]
    return texts + ["rest"] * (len(rest) > 0)


def _largest(weight: Array, top: int) -> Array:
    """List the columns of the heaviest tokens: all in their own order where they fit, else the heaviest first."""
    return np.arange(len(weight)) if len(weight) <= top else np.argsort(-weight, kind="stable")[:top]


def _columns(row: Array, kept: Array, rest: Array) -> Array:
    """Take some entries of a row, and the sum of the rest as one more where there is a rest."""
    return np.append(row[kept], [row[rest].sum()] * (len(rest) > 0))
