"""How does the speed-up look over batch and context? A map as SVG text, without any plotting library.

A cell holds the speed-up and the K that gives it; its colour is the speed-up's, and hatches say that models and
caches do not fit into memory. Before this file: `question`; after it: `command`.
"""

from html import escape
from typing import NamedTuple

SIZE, LEFT, TOP = (64, 36), 90, 60  # pixels: a cell, and the room for axes
PALE, DEEP = (255, 255, 255), (33, 102, 172)  # at a speed-up of 1, and at the largest
STYLE = "text{font:12px sans-serif;fill:#111}.small{font-size:10px}.bold{font-weight:bold}"
HATCH = (
    '<pattern id="full" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="2" height="6" fill="#888" fill-opacity=".55"/></pattern>'
)


class Cell(NamedTuple):
    """One batch and context: the best K, its speed-up, and whether models and caches fit into memory."""

    batch: int
    context: int
    K: int
    speedup: float
    fits: bool


def draw(cells: list[Cell], *, title: str) -> str:
    """Draw the map.

    Parameters
    ----------
    cells : list of Cell, one for each batch and context
    title : str

    Returns
    -------
    str, an SVG document; the same cells give the same text
    """
    batches, contexts = sorted({c.batch for c in cells}), sorted({c.context for c in cells})
    width, height = LEFT + SIZE[0] * len(contexts) + 20, TOP + SIZE[1] * len(batches) + 70
    largest = max([1.01, *(c.speedup for c in cells)])
    body = [
        _text(10, 22, title, "bold"),
        _text(10, 42, "speed-up at the best K, over batch (down) and context (right)"),
    ]
    body += [_cell(c, contexts.index(c.context), batches.index(c.batch), largest) for c in cells]
    body += [_text(LEFT - 40, TOP + SIZE[1] * i + 22, str(batch)) for i, batch in enumerate(batches)]
    foot = TOP + SIZE[1] * len(batches)
    body += [_text(LEFT + SIZE[0] * i + 8, foot + 18, str(context)) for i, context in enumerate(contexts)]
    body.append(_text(10, foot + 46, "white: no speed-up; hatched: more memory than these devices have", "small"))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    )
    parts = [head, f"<title>{escape(title)}</title><style>{STYLE}</style><defs>{HATCH}</defs>"]
    return "\n".join([*parts, f'<rect width="{width}" height="{height}" fill="#fff"/>', *body, "</svg>", ""])


def _cell(cell: Cell, column: int, row: int, largest: float) -> str:
    """Draw one cell."""
    x, y = LEFT + SIZE[0] * column, TOP + SIZE[1] * row
    share = (cell.speedup - 1) / (largest - 1) * 0.75 if cell.speedup > 1 else 0.0  # dark text stays readable
    colour = ",".join(str(round(pale + share * (deep - pale))) for pale, deep in zip(PALE, DEEP, strict=True))
    box = f'<rect x="{x}" y="{y}" width="{SIZE[0]}" height="{SIZE[1]}" stroke="#ccc" '
    drawn = [box + f'fill="rgb({colour})"/>', *([] if cell.fits else [box + 'fill="url(#full)"/>'])]
    return "".join(
        [*drawn, _text(x + 8, y + 16, f"{cell.speedup:.2f}"), _text(x + 8, y + 29, f"K = {cell.K}", "small")]
    )


def _text(x: int, y: int, words: str, kind: str = "") -> str:
    """Write words at a place."""
    return f'<text x="{x}" y="{y}"' + (f' class="{kind}"' if kind else "") + f">{escape(words)}</text>"
