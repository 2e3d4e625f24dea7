"""A map of the predicted speed-up, with measured points on it."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from specsample.figures.style import SERIES, axes
from specsample.theory import speedup

TASKS = {"EnDe": "translation (EnDe)", "CNNDM": "summaries (CNNDM)"}


def speedup_map(
    points: Mapping[str, tuple[float, float, float]] | None = None,
    *,
    K: int | None = None,
    verify_ratio: float = 1.0,
    ax: Any = None,
) -> Any:
    """Draw the predicted speed-up over (alpha, c) (Leviathan et al., theorem 3.8), with measured points on it.

    Parameters
    ----------
    points : (alpha, c, measured speed-up) by name: runs of your own, beside those of Leviathan et al.
    K : int >= 1, drafts a round, or None for the best of 0 to 20 at each point
    verify_ratio : float > 0, time of a target pass with K+1 rows / with one
    ax : matplotlib Axes, or None for a new figure

    Returns
    -------
    matplotlib Figure
    """
    from matplotlib.colors import LogNorm

    # the ground: theorem 3.8 at every point, for K drafts or the best of up to 20
    ax = axes(ax, (7.2, 4.6))
    alpha, c = np.meshgrid(np.linspace(0.3, 0.98, 120), np.geomspace(0.01, 1, 120))
    tried = [speedup(alpha, k, c, verify_ratio if k else 1) for k in ([K] if K is not None else range(21))]
    fastest = np.max(tried, axis=0)  # (120, 120)
    levels = [0.3, 0.5, 0.75, 1.0001, 1.25, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 20]
    ax.contourf(alpha, c, fastest, levels, cmap="Blues", norm=LogNorm(0.6, 20), extend="both")
    lines = ax.contour(alpha, c, fastest, levels, colors="#20435c", linewidths=0.6)
    ax.clabel(lines, fmt=lambda level: f"{level:.3g}×", fontsize=8)
    # what was measured: by Leviathan et al., and by the caller
    for (task, name), marker in zip(TASKS.items(), "os"):
        rows = _measured_by_leviathan(task)
        label = f"Leviathan et al.: {name}"
        ax.plot(*np.array(rows)[:, :2].T, marker, mfc="white", mec="black", ms=6, ls="", label=label)
        _annotate(ax, rows, below=marker == "s")
    for i, (name, row) in enumerate((points or {}).items()):
        ax.plot(*row[:2], "*PXD"[i % 4], color=SERIES[1], mec="black", ms=13, ls="", label=name)
        _annotate(ax, [row], weight="bold")
    which = "best K" if K is None else f"K = {K}"
    ax.set(xlabel="acceptance rate α", ylabel="cost ratio c (draft pass / target pass)", yscale="log")
    ax.set_title(f"predicted speed-up, {which}, ρ = {verify_ratio:g}; at the points: measured", fontsize=10)
    ax.legend(loc="upper left", fontsize=8)
    return ax.figure


def _measured_by_leviathan(task: str) -> list[tuple[float, float, float]]:
    """Read alpha, c and the measured speed-up of a task (Leviathan et al., arXiv 2211.17192, tables 2 and 4)."""
    figures = json.loads(files("specsample").joinpath("papers.json").read_text(encoding="utf-8"))["leviathan"]
    return [(row["alpha"], row["c"], row["empirical"]) for row in figures["tables2_4"] if row["task"] == task]


def _annotate(ax: Any, rows: Sequence[tuple[float, float, float]], *, below: bool = False, **style: Any) -> None:
    """Write the measured speed-up beside each point."""
    for alpha, c, measured in rows:
        ax.annotate(
            f"{measured:g}×", (alpha, c), (4, -11 if below else 5), textcoords="offset points", fontsize=8, **style
        )
