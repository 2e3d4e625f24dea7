"""The report in a notebook, or in a file for the browser."""

from html import escape
from typing import Any

from specsample.conformance.diagnosis import diagnosis_lines

HEADS = ("probe", "asks", "streams", "log E", "rejects at")  # of `ProbeResult.row`


def to_html(given: Any) -> str:
    """Write a report as a piece of HTML, for a notebook or a file."""
    colour = {"PASS": "#1a7f37", "FAIL": "#cf222e", "INCONCLUSIVE": "#9a6700", "INVALID": "#8250df"}[given.verdict]
    head = f'<p><b style="color:{colour}">{given.verdict}</b> {escape(given.sampler)} ({given.kind})</p>'
    # everything that comes from outside is escaped
    items = "".join(f"<li>{escape(line).replace(chr(10), '<br>')}</li>" for line in given.reasons)
    heads = "".join(f"<th align='left'>{name}</th>" for name in HEADS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in each.row) + "</tr>" for each in given.asked
    )
    lines = "".join(f"<p>{escape(line)}</p>" for line in diagnosis_lines(given.diagnosis))
    table = f"<table cellpadding='4'><tr>{heads}</tr>{rows}</table><p>{given.not_asked}</p>" if rows else ""
    tail = f"<p>OPTIMAL: {escape(given.optimal)}</p>"
    style = "font-family: system-ui, sans-serif; max-width: 60rem; line-height: 1.4"
    return f'<div style="{style}">{head}<p>{escape(given.meaning)}</p><ul>{items}</ul>{table}{lines}{tail}</div>'
