"""A widget: what it starts from, and how it is shown.

The numbers at the start are the library's; the script moves them with the sliders, and a test holds what it makes of
them against the library again.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from specsample.distributions import Array, check_probs
from specsample.viewer.origins import COLORS
from specsample.viewer.page import document, piece
from specsample.viewer.text import Decode, texts, visible

FILES = ("base.css", "widgets/widgets.css", "nodes.js", "pictures.js", "widgets/sliders.js")
GREY = COLORS["discarded"]  # of letters and of bars without an origin
HIGH = 120  # of a still picture's largest column, pixels
MOST = 1000  # tokens of a row that goes into a page whole

Column = tuple[str, Sequence[tuple[str, float]]]  # a name, and coloured sizes from the base up


@dataclass(frozen=True)
class Widget:
    """A picture with sliders; the last line of a cell shows it.

    name : of its script
    title, lead : what it is, and what to do with it
    run : what the script starts from
    columns : of the still picture
    said : what is true at the start, in words
    """

    name: str
    title: str
    lead: str
    run: Mapping[str, Any]
    columns: Sequence[Column]
    said: str

    def __repr__(self) -> str:
        return f"{self.title}: {self.said}"

    def _repr_html_(self) -> str:
        """Write the widget for a notebook."""
        record = {"title": self.title, "lead": self.lead, **self.run}
        return piece("widget", record, self.still(), files=(*FILES, f"widgets/{self.name}.js", "widgets/show.js"))

    def to_html(self) -> str:
        """Write the widget as one HTML document that needs no network."""
        return document(self._repr_html_(), title=self.title, about=self.said)

    def still(self) -> str:
        """Write where the sliders begin as HTML that every sanitizer lets through: a picture, and words."""
        image = b64encode(_bars(self.columns).encode()).decode()
        words = escape(self.said)
        return (
            f"<p><strong>{escape(self.title)}</strong></p><p>{words}</p>"
            f'<img alt="{words}" src="data:image/svg+xml;base64,{image}">'
        )


def row_of(probs: Any, name: str) -> Array:
    """Take a distribution of any numbers as floats.

    Parameters
    ----------
    probs : (V,) array or sequence of numbers, sums to 1
    name : str, how a message calls it

    Returns
    -------
    (V,) array of float64

    Raises
    ------
    ValueError
        If it is no distribution over 1 to 1000 tokens.

    Examples
    --------
    >>> row_of([1, 0], "p")
    array([1., 0.])
    """
    row = np.asarray(probs).astype(np.float64)
    if row.ndim != 1 or not 0 < len(row) <= MOST:
        raise ValueError(
            f"{name} must be one row of at most {MOST} probabilities; got shape {row.shape}. "
            "A widget carries the whole row: take the most likely tokens of a large vocabulary."
        )
    return check_probs(row, name)


def labels_of(n: int, labels: Decode) -> list[list[str]]:
    """Name n tokens by their texts, or by their numbers: each in a list of its own, as `run.texts` is read."""
    return [[visible(text)] for text in (texts(range(n), labels) if labels is not None else map(str, range(n)))]


def numbers(row: Iterable[Any]) -> list[float]:
    """Take numbers as floats that JSON writes in full."""
    return [float(value) for value in row]


def _bars(columns: Sequence[Column]) -> str:
    """Draw stacked columns as SVG, without a style sheet."""
    most = max(sum(size for _, size in parts) for _, parts in columns) or 1
    drawn: list[str] = []
    for i, (name, parts) in enumerate(columns):
        x = 8 + 40 * i
        y = 8.0 + HIGH
        for color, size in parts:
            high = HIGH * size / most
            y -= high
            drawn.append(f"<rect x='{x}' y='{y:.2f}' width='26' height='{high:.2f}' fill='{color}'/>")
        middle = f"x='{x + 13}' text-anchor='middle' fill='{GREY}'"
        drawn.append(f"<text {middle} y='{HIGH + 24}' font-family='monospace' font-size='13'>{escape(name)}</text>")
    extent = f"width='{16 + 40 * len(columns)}' height='{HIGH + 34}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {extent} role='img'>{''.join(drawn)}</svg>"
