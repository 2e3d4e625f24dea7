"""How is a line chart drawn without a plotting library? As an SVG of lines, dots and words.

Before this file: `peers`; after it: `plot`.
"""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460.0, 320.0, 52.0, 12.0, 58.0, 42.0  # of one panel, in pixels


class Series(NamedTuple):
    """One line: points, and how it is drawn."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 0  # index into COLOURS
    style: str = "line"  # or "dots", "dotted"


class Panel(NamedTuple):
    """One chart: series over axes with names."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    is_logarithmic: bool = False  # the x axis
    level: float | None = None  # a thin line across


def write_svg(path: str | Path, panels: Sequence[Panel]) -> None:
    """Write panels side by side.

    Parameters
    ----------
    path : str or Path
    panels : sequence of Panel
    """
    Path(path).write_text(to_svg(panels), encoding="utf-8")


def to_svg(panels: Sequence[Panel]) -> str:
    """Draw panels side by side.

    Parameters
    ----------
    panels : sequence of Panel

    Returns
    -------
    str, an SVG document
    """
    width = WIDTH * len(panels)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {HEIGHT:g}" width="{width:g}" '
    style = 'font-family="sans-serif" font-size="11" fill="#222"><rect width="100%" height="100%" fill="#fff"/>'
    parts = [f'<g transform="translate({WIDTH * i:g} 0)">{_panel(panel)}</g>' for i, panel in enumerate(panels)]
    return "\n".join([head + style, *parts, "</svg>\n"])


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Choose round numbers between two limits.

    Parameters
    ----------
    low, high : float, low < high
    n : int, about how many

    Returns
    -------
    list of float

    Examples
    --------
    >>> ticks(0, 17)
    [0.0, 5.0, 10.0, 15.0]
    """
    rough = (high - low) / n
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _panel(panel: Panel) -> str:
    """Draw one panel at the origin."""
    points = [(x, y) for line in panel.series for x, y in zip(line.x, line.y) if math.isfinite(y)]
    xs, top = [x for x, _ in points] or [0.0, 1.0], 1.08 * max([y for _, y in points] or [1.0])
    low, high = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1

    def at(x: float, y: float) -> tuple[float, float]:
        share = math.log(x / low) / math.log(high / low) if panel.is_logarithmic else (x - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)

    x_ticks = sorted({*panel.series[0].x}) if panel.is_logarithmic and panel.series else ticks(low, high)
    out = [_text(WIDTH / 2, 16, panel.title, "middle"), _text(WIDTH / 2, HEIGHT - 8, panel.x_label, "middle")]
    out.append(f'<g transform="rotate(-90 12 {HEIGHT / 2:g})">{_text(12, HEIGHT / 2, panel.y_label, "middle")}</g>')
    for tick in ticks(0, top):
        out += [
            _line(at(low, tick), at(high, tick), "#ddd"),
            _text(LEFT - 6, at(low, tick)[1] + 4, f"{tick:g}", "end"),
        ]
    for tick in x_ticks:
        out.append(_text(at(tick, 0)[0], HEIGHT - BOTTOM + 15, f"{tick:,g}", "middle"))
    if panel.level is not None:
        out.append(_line(at(low, panel.level), at(high, panel.level), "#666"))
    for line in panel.series:
        out.append(_series(line, [at(x, y) for x, y in zip(line.x, line.y) if math.isfinite(y)]))
    for i, line in enumerate(line for line in panel.series if line.label):
        place = LEFT + 4 + (i % 2) * 150, 32 + 13 * (i // 2)
        out.append(f'<g fill="{COLOURS[line.colour]}">{_text(*place, line.label, "start")}</g>')
    return "\n".join(out)


def _series(line: Series, points: Sequence[tuple[float, float]]) -> str:
    """Draw a line, a dotted line, or dots."""
    colour, places = COLOURS[line.colour], " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    if line.style == "dots":
        return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    dashes = ' stroke-dasharray="2 3"' if line.style == "dotted" else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>'


def _line(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    """Draw a straight line."""
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    """Write words."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
