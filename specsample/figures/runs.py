"""Whole runs: acceptance by position, tokens a pass, the text by origin."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.figures.style import CELLS, GREY, SERIES, axes, drawable, legend_above
from specsample.theory import expected_tokens
from specsample.trace import Trace
from specsample.viewer.text import running


def acceptance_by_position(traces: Mapping[str, Trace] | Sequence[Trace] | Trace, *, ax: Any = None) -> Any:
    """Draw the acceptance rate at each of the K positions of a round: accepted / tested there, with 95 % intervals.

    Parameters
    ----------
    traces : Trace, or several as a list (taken together), or by name (side by side)
    ax : matplotlib Axes, or None for a new figure

    Returns
    -------
    matplotlib Figure
    """
    named = traces if isinstance(traces, Mapping) else {"": traces}
    ax = axes(ax, (5.5, 3.6))
    for i, (name, given) in enumerate(named.items()):
        # count, position by position: a draft is tested only if all before it in its round were accepted
        several = [given] if isinstance(given, Trace) else given
        rounds = [played for trace in several for played in trace.rounds]
        K = max((played.K for played in rounds), default=0)
        tested = np.array([sum(played.n_tested > k for played in rounds) for k in range(K)])
        accepted = np.array([sum(played.n_accepted > k for played in rounds) for k in range(K)])
        rate = accepted / np.maximum(tested, 1)
        low, high = _wilson(accepted, tested)
        # the marks of several runs stand side by side at each position
        color = SERIES[i % 4]
        x = np.arange(1, K + 1) + 0.12 * (i - (len(named) - 1) / 2)
        ax.errorbar(x, rate, [rate - low, high - rate], fmt="os^D"[i % 4], color=color, capsize=3, label=name or None)
        # one rate for all positions is what the papers' equations take
        alpha = accepted.sum() / max(tested.sum(), 1)
        note = f"{name} all positions: α = {alpha:.3f}".strip()
        ax.axhline(alpha, color=color, lw=1, ls=("--", ":", "-.", "-")[i % 4], label=note)
        ax.set_xticks(range(1, K + 1))
    ax.set(xlabel="position of the draft in its round", ylabel="accepted / tested", ylim=(0, 1.02))
    legend_above(ax)
    return ax.figure


def tokens_per_pass(traces: Mapping[int, Trace], *, alpha: float | None = None, ax: Any = None) -> Any:
    """Draw tokens per target pass against K: measured, predicted by equation 1, and the bounds 1 and K + 1.

    Parameters
    ----------
    traces : Trace by K, the drafts of a round
    alpha : float in [0, 1], acceptance rate for the prediction, or None for that of all traces together
    ax : matplotlib Axes, or None for a new figure

    Returns
    -------
    matplotlib Figure
    """
    if alpha is None:
        tested = sum(trace.tested for trace in traces.values())
        alpha = sum(trace.accepted for trace in traces.values()) / max(tested, 1)
    Ks = sorted(traces)
    measured = [traces[K].tokens_per_target_pass for K in Ks]
    # the prediction is drawn at every K up to the largest, with the bounds between which every run lies
    every = list(range(max(Ks, default=0) + 1))
    predicted = [expected_tokens(alpha, K) for K in every]
    ax = axes(ax, (5.5, 3.6))
    ax.plot(every, [K + 1 for K in every], color=GREY, ls=":", label="all accepted: K + 1")
    ax.plot(every, predicted, color=SERIES[2], ls="--", label=f"equation 1 at α = {alpha:.3f}")
    ax.plot(Ks, measured, "o", color=SERIES[1], label="measured")
    ax.axhline(1, color=GREY, lw=1, label="autoregressive: 1")
    top = max([*predicted, *measured])
    ax.set(xlabel="K, drafts a round", ylabel="tokens per target pass", ylim=(0, top * 1.35))
    legend_above(ax)
    return ax.figure


def trace_strip(trace: Trace, decode: Callable[[list[int]], str], *, width: int = 80, ax: Any = None) -> Any:
    """Draw the emitted text each token framed by its origin, with a bar where a round ends.

    Parameters
    ----------
    trace : Trace
    decode : function from token ids to text
    width : int, characters a line
    ax : matplotlib Axes, or None for a new figure

    Returns
    -------
    matplotlib Figure
    """
    from matplotlib.patches import Patch, Rectangle

    texts = [drawable(running(decode([token])).replace("\t", "")) for token in trace.tokens]  # a tab has no glyph
    cells, n_lines = _lay_out(texts, width)
    ax = axes(ax, (0.105 * width + 0.2, 0.24 * n_lines + 0.5))
    # a cell a token, and a bar after the last one of a round
    ends = set(np.cumsum([len(played.emitted) for played in trace.rounds]).tolist())
    for i, ((line, column, text), source) in enumerate(zip(cells, trace.sources, strict=True)):
        ax.add_patch(Rectangle((column + 0.06, line), len(text) - 0.12, 0.86, **CELLS[source]))
        ax.text(column + len(text) / 2, line + 0.46, text, ha="center", va="center", family="monospace", fontsize=9)
        if i + 1 in ends:
            ax.plot([column + len(text)] * 2, [line, line + 0.86], color="black", lw=1.2)
    ax.set(xlim=(-0.5, width + 0.5), ylim=(n_lines, 0))
    ax.axis("off")
    handles = [Patch(label=name, **look) for name, look in CELLS.items()]
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 0), ncols=3, frameon=False, fontsize=9)
    return ax.figure


def _lay_out(texts: Sequence[str], width: int) -> tuple[list[tuple[int, int, str]], int]:
    """Break texts into lines after `width` characters and at newlines: each with line and column; how many lines."""
    cells: list[tuple[int, int, str]] = []
    line = 0
    column = 0
    for text in texts:
        seen = text.rstrip("\n")
        # a token is never split: it begins a new line where it would stick out of this one
        if column + len(seen) > width:
            line += 1
            column = 0
        cells.append((line, column, seen))
        column += len(seen)
        if text.endswith("\n"):
            line += 1
            column = 0
    return cells, line + 1


def _wilson(successes: Array, trials: Array, z: float = 1.96) -> tuple[Array, Array]:
    """Compute Wilson's interval for a rate; 0 to 1 where nothing was tried."""
    n = np.maximum(trials, 1e-12)
    rate = successes / n
    room = z * z / n
    # the two rates p with |rate - p| = z sqrt(p (1 - p) / n)
    middle = (rate + room / 2) / (1 + room)
    half = np.sqrt(room * (rate * (1 - rate) + room / 4)) / (1 + room)
    return middle - half, middle + half
