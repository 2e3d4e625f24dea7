"""How does one row of p stand against one row of q?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.figures.style import ACCEPTED, DRAFTED, RESIDUAL, axes, drawable
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
    p, q = np.asarray(p, float), np.asarray(q, float)
    names = [drawable(visible(text)) for text in (labels if labels is not None else map(str, range(len(p))))]
    kept = _largest(np.maximum(p, q), top)
    rest = np.setdiff1d(np.arange(len(p)), kept)
    both, p_only, q_only = (
        _columns(row, kept, rest) for row in (np.minimum(p, q), p - np.minimum(p, q), q - np.minimum(p, q))
    )
    ax = axes(ax, (max(5.0, 0.5 * len(both) + 2), 3.6))
    x = np.arange(len(both))
    ax.bar(x, both, 0.72, color=ACCEPTED, label=f"min(p, q): overlap, {both.sum():.3f} in all")
    ax.bar(
        x, q_only, 0.72, bottom=both, color="white", edgecolor=DRAFTED, hatch="////", label="q − p: drafted too often"
    )
    ax.bar(  # above both: of the many tokens of the rest some have p > q and some q > p
        x,
        p_only,
        0.72,
        bottom=both + q_only,
        color="white",
        edgecolor=RESIDUAL,
        hatch="\\\\\\\\",
        label="p − q: the residual",
    )
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
