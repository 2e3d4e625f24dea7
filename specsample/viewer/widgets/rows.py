"""Widgets of rows: to pick from one, to reshape one, to set p against q."""

from typing import Any

import numpy as np

from specsample.acceptance import overlap as overlap_of
from specsample.distributions import pick as pick_from
from specsample.strategies import decoding_strategy
from specsample.viewer.origins import COLORS
from specsample.viewer.text import Decode
from specsample.viewer.widgets.widget import GREY, Widget, labels_of, numbers, row_of

MOST_DRAGGED = 8  # tokens whose bars are wide enough for a finger
SHOWN = 12  # columns of a still picture
REPLACEMENTS = ("residual", "p", "q")  # what a refused draft may be replaced from


def pick(probs: Any, labels: Decode = None, *, u: float = 0.5) -> Widget:
    """Show how one uniform number picks a token: a slider moves u up the running sum.

    Parameters
    ----------
    probs : (V,) array, sums to 1, V <= 1000
    labels : V texts of the tokens, a function from token ids to text, or None for their numbers
    u : float in [0, 1), where the slider begins

    Returns
    -------
    Widget

    Examples
    --------
    >>> pick([0.25, 0.75], u=0.5)
    One number picks a token: u = 0.500 falls on the stretch of 1, from 0.250 to 1.000.
    """
    row = row_of(probs, "probs")
    names = labels_of(len(row), labels)
    # at the start: the stretch on which u falls
    token = pick_from(row, u)
    ends = np.cumsum(row)
    said = f"u = {u:.3f} falls on the stretch of {names[token][0]}, from {ends[token] - row[token]:.3f} "
    return Widget(
        "pick",
        "One number picks a token",
        "Every token owns a stretch of the line from 0 to 1, as long as its probability. Move u.",
        {"p": numbers(row), "texts": names, "start": {"u": u}},
        [(names[x][0], [(COLORS["bonus"] if x == token else GREY, row[x])]) for x in range(min(len(row), SHOWN))],
        f"{said}to {ends[token]:.3f}.",
    )


def strategies(probs: Any, labels: Decode = None, *, T: float = 1.0) -> Widget:
    """Show what temperature, top-k and top-p make of a row.

    Parameters
    ----------
    probs : (V,) array, sums to 1, V <= 1000
    labels : V texts of the tokens, a function from token ids to text, or None for their numbers
    T : float >= 0, the temperature at which the slider begins

    Returns
    -------
    Widget

    Examples
    --------
    >>> strategies([0.25, 0.75], T=0.5)
    Temperature, top-k and top-p: 2 of 2 tokens are kept; the likeliest has 0.900, and had 0.750.
    """
    row = row_of(probs, "probs")
    names = labels_of(len(row), labels)
    made = decoding_strategy(temperature=T)(row)
    likeliest = f"the likeliest has {made.max():.3f}, and had {row.max():.3f}"
    # the heaviest tokens of a large vocabulary
    order = np.argsort(-row, kind="stable")[:SHOWN] if len(row) > SHOWN else np.arange(len(row))
    return Widget(
        "strategies",
        "Temperature, top-k and top-p",
        "Each of the three maps a row to a row. Grey frames: the model's row. Bars: what is sampled from.",
        {"p": numbers(row), "texts": names, "start": {"T": T, "k": len(row), "mass": 1.0}},
        [(names[x][0], [(COLORS["bonus"], made[x])]) for x in order],
        f"{(made > 0).sum()} of {len(row)} tokens are kept; {likeliest}.",
    )


def overlap(target_probs: Any, draft_probs: Any, labels: Decode = None, *, replacement: str = "residual") -> Widget:
    """Show p and q as bars to drag, with their overlap, the residual and what comes out.

    Parameters
    ----------
    target_probs, draft_probs : (V,) arrays, each sums to 1, V <= 8
    labels : V texts of the tokens, a function from token ids to text, or None for their numbers
    replacement : str, from what a refused draft is replaced at the start: "residual", "p" or "q"

    Returns
    -------
    Widget

    Raises
    ------
    ValueError
        If the rows are no two distributions over the same 1 to 8 tokens, or there is no such replacement.

    Examples
    --------
    >>> overlap([0.5, 0.5], [0.25, 0.75])
    What p and q share: a draft is kept with probability β = Σ min(p, q) = 0.750.
    """
    p = row_of(target_probs, "target_probs")
    q = row_of(draft_probs, "draft_probs")
    if p.shape != q.shape or len(p) > MOST_DRAGGED:
        raise ValueError(
            f"target_probs and draft_probs must be two rows over the same tokens, at most {MOST_DRAGGED}; "
            f"got {len(p)} and {len(q)}. More bars than that cannot be dragged."
        )
    if replacement not in REPLACEMENTS:
        raise ValueError(f"replacement must be one of {', '.join(REPLACEMENTS)}; got {replacement!r}.")
    names = labels_of(len(p), labels)
    both = np.minimum(p, q)
    beta = float(overlap_of(p, q))
    # the still picture has the three parts of each column, as `figures.target_against_draft` has them
    colors = COLORS["accepted"], COLORS["drafted"], COLORS["correction"]
    stacked = zip(names, both, q - both, p - both)
    return Widget(
        "overlap",
        "What p and q share",
        "Drag the bars, or step through them with Tab and move them with the arrow keys.",
        {"p": numbers(p), "q": numbers(q), "texts": names, "start": {"replacement": replacement}},
        [(name[0], [*zip(colors, sizes)]) for name, *sizes in stacked],
        f"a draft is kept with probability β = Σ min(p, q) = {beta:.3f}.",
    )
