"""What is left where scripts are not allowed? A picture of the run and a table in plain text.

Notebooks that nobody has trusted yet, terminals and mails show these. Before this file: `record`.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

COLORS = {"accepted": "#1f9e78", "correction": "#2f78c4", "bonus": "#a0569b"}
MARKS = {"accepted": "", "correction": "<path d='M{x} {y}l8 -8' stroke='white' stroke-width='1.6'/>"} | {
    "bonus": "<circle cx='{cx}' cy='{cy}' r='2' fill='white'/>"
}
FIRST_ROUNDS = 40


def summary(data: Mapping[str, Any]) -> str:
    """Sum a run up in one line.

    Parameters
    ----------
    data : dict, from `record.describe`

    Returns
    -------
    str
    """
    if not data["rounds"]:
        return "an empty run: no round yet"
    seen = data["rounds"][-1]["so_far"]
    line = f"{seen['tokens']} tokens in {seen['rounds']} rounds (target passes): "
    line += f"{seen['tokens_per_target_pass']:.2f} tokens a pass, "
    line += f"{seen['accepted']} of {seen['tested']} tested drafts kept"
    return line + (f", α = {seen['acceptance_rate']:.3f}" if seen["tested"] else "")


def table(data: Mapping[str, Any]) -> str:
    """Write a run down line by line: every draft with its p, q and u, and what became of it.

    Parameters
    ----------
    data : dict, from `record.describe`

    Returns
    -------
    str, of the first 40 rounds
    """
    lines = ["round pos  token        q(x)   p(x)  accept    u"]
    for r, entry in enumerate(data["rounds"][:FIRST_ROUNDS], start=1):
        lines += _lines(r, entry, data["texts"])
    more = len(data["rounds"]) - FIRST_ROUNDS
    return "\n".join([*lines, *([f"... and {more} more rounds"] if more > 0 else [])])


def _lines(r: int, entry: Mapping[str, Any], texts: Mapping[int, list[str]]) -> Iterable[str]:
    """Write one round down."""
    for i, token in enumerate(entry["drafts"]):
        fate = "discarded" if i >= entry["n_tested"] else "accepted" if i < entry["n_accepted"] else "rejected"
        numbers = f"{entry['q'][i]:6.3f} {entry['p'][i]:6.3f}  {entry['accept'][i]:6.3f}"
        u = entry["u"][len(entry["drafts"]) + i]
        yield f"{r:5} {i + 1:3}  {texts[token][0]:<10} {numbers} {u:6.3f}  {fate}"
    if entry["sources"][-1] != "accepted":
        i, token = len(entry["emitted"]), entry["emitted"][-1]
        yield f"{r:5} {i:3}  {texts[token][0]:<10} {'':23} {entry['u'][-1]:6.3f}  {entry['sources'][-1]}"


def strip(data: Mapping[str, Any]) -> str:
    """Draw a run as columns, a round each, the emitted tokens from the bottom up.

    Parameters
    ----------
    data : dict, from `record.describe`

    Returns
    -------
    str, SVG
    """
    rounds = data["rounds"]
    top = max((len(entry["drafts"]) + 1 for entry in rounds), default=1)
    cells = "".join(_cell(r, k, top, source) for r, e in enumerate(rounds) for k, source in enumerate(e["sources"]))
    size = f"width='{12 * len(rounds) + 4}' height='{12 * top + 4}'"
    title = f"<title>{escape(summary(data))}</title>"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img'>{title}{cells}</svg>"


def _cell(r: int, k: int, top: int, source: str) -> str:
    """Draw one emitted token; a stroke marks corrections and a dot bonuses, so that colour is not all."""
    x, y = 2 + 12 * r, 2 + 12 * (top - 1 - k)
    rect = f"<rect x='{x}' y='{y}' width='10' height='10' rx='2' fill='{COLORS[source]}'/>"
    return rect + MARKS[source].format(x=x + 1, y=y + 9, cx=x + 5, cy=y + 5)


def layers(data: Mapping[str, Any]) -> str:
    """Write picture and table as HTML that every sanitizer lets through.

    Parameters
    ----------
    data : dict, from `record.describe`

    Returns
    -------
    str
    """
    image = b64encode(strip(data).encode()).decode()
    words = escape(summary(data))
    return (
        f'<p>{words}</p><img alt="{words}" src="data:image/svg+xml;base64,{image}">'
        f"<details><summary>Round by round, as text</summary><pre>{escape(table(data))}</pre></details>"
    )
