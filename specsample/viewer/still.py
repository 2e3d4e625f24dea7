"""A picture of a run and a table in plain text, where no script may run.

Notebooks that nobody has trusted yet, terminals and mails show these.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from specsample.viewer.origins import COLORS

MARKS = {  # drawn over a cell, so that colour is not all that tells
    "accepted": "",
    "correction": "<path d='M{x} {y}m-4 4l8 -8' stroke='white' stroke-width='1.6'/>",
    "bonus": "<circle cx='{x}' cy='{y}' r='2' fill='white'/>",
}
TAGS = {"accepted": "span", "correction": "b", "bonus": "u"}  # seen where a style is dropped, too
LEGEND = {"accepted": "accepted drafts", "correction": "corrections, bold", "bonus": "bonus tokens, underlined"}
FIRST_ROUNDS = 40


def summary(data: Mapping[str, Any]) -> str:
    """Sum a run, from `record.describe`, up in one line."""
    if not data["rounds"]:
        return "an empty run: no round yet"
    seen = data["rounds"][-1]["so_far"]
    line = f"{seen['tokens']} tokens in {seen['rounds']} rounds (target passes): "
    line += f"{seen['tokens_per_target_pass']:.2f} tokens a pass, "
    line += f"{seen['accepted']} of {seen['tested']} tested drafts kept"
    return line + (f", α = {seen['acceptance_rate']:.3f}" if seen["tested"] else "")


def table(data: Mapping[str, Any]) -> str:
    """Write the first rounds down line by line: every draft with its p, q and u, and what became of it."""
    lines = ["round pos  token        q(x)   p(x)  accept    u"]
    for r, entry in enumerate(data["rounds"][:FIRST_ROUNDS], start=1):
        lines += _lines(r, entry, data["texts"])
    more = len(data["rounds"]) - FIRST_ROUNDS
    if more > 0:
        lines.append(f"... and {more} more rounds")
    return "\n".join(lines)


def _lines(r: int, entry: Mapping[str, Any], texts: Mapping[int, list[str]]) -> Iterable[str]:
    """Write one round down."""
    # the drafts: after as many numbers as were to draft come those that test them, used or not
    K = len(entry["drafts"])
    to_test = entry["u"][len(entry["u"]) // 2 :]
    n = entry["n_accepted"]
    fates = ["accepted"] * n + ["rejected"] * (entry["n_tested"] - n) + ["discarded"] * (K - entry["n_tested"])
    for i, (token, fate) in enumerate(zip(entry["drafts"], fates, strict=True)):
        numbers = f"{entry['q'][i]:6.3f} {entry['p'][i]:6.3f}  {entry['accept'][i]:6.3f}"
        yield f"{r:5} {i + 1:3}  {texts[token][0]:<10} {numbers} {to_test[i]:6.3f}  {fate}"
    if entry["n_declined"]:
        yield f"{r:5} {'':3}  {'':10} {'':23} {'':6}  {entry['n_declined']} declined"
    # the correction or bonus, which the last number picked; none where a stop token ended the text among the drafts
    if entry["sources"][-1] != "accepted":
        text = texts[entry["emitted"][-1]][0]
        yield f"{r:5} {len(entry['emitted']):3}  {text:<10} {'':23} {entry['u'][-1]:6.3f}  {entry['sources'][-1]}"


def times(data: Mapping[str, Any]) -> str:
    """Say how long both ways of decoding took; nothing where that was not measured."""
    if not data["times"]:
        return ""
    rounds = [measured for played in data["times"]["rounds"] for measured in played]
    seconds = [sum(map(sum, passes)) / 1000 for passes in (data["times"]["passes"], rounds)]
    return f"autoregressive {seconds[0]:.3f} s, speculative {seconds[1]:.3f} s ({data['times']['how']})"


def layers(data: Mapping[str, Any]) -> str:
    """Write picture and table as HTML that every sanitizer lets through."""
    words = escape(summary(data))
    measured = f"<p>{escape(times(data))}</p>" if data["times"] else ""
    legend = "; ".join(_colored(source, text) for source, text in LEGEND.items())
    # an image in its own address: a sanitizer that drops inline SVG keeps it
    image = b64encode(_strip(data["rounds"], words).encode()).decode()
    return (
        f"<p>{words}</p>{measured}<pre>{_text(data)}</pre><p>{legend}</p>"
        f'<img alt="{words}" src="data:image/svg+xml;base64,{image}">'
        f"<details><summary>Round by round, as text</summary><pre>{escape(table(data))}</pre></details>"
    )


def _text(data: Mapping[str, Any]) -> str:
    """Write the text of a run, each run of tokens of one origin in its element and colour."""
    tokens = [pair for entry in data["rounds"] for pair in zip(entry["emitted"], entry["sources"], strict=True)]
    parts = [escape("".join(data["texts"][token][1] for token in data["prompt"]))]
    for source, group in groupby(tokens, key=lambda pair: pair[1]):
        parts.append(_colored(source, "".join(data["texts"][token][1] for token, _ in group)))
    return "".join(parts)


def _colored(source: str, text: str) -> str:
    """Write a text in the element and the colour of an origin."""
    return f'<{TAGS[source]} style="color:{COLORS[source]}">{escape(text)}</{TAGS[source]}>'


def _strip(rounds: Sequence[Mapping[str, Any]], title: str) -> str:
    """Draw a run as SVG: a column a round, its emitted tokens from the bottom up."""
    top = max((len(entry["drafts"]) + 1 for entry in rounds), default=1)  # cells of the highest column, K+1
    tokens = ((r, k, source) for r, entry in enumerate(rounds) for k, source in enumerate(entry["sources"]))
    cells = "".join(_cell(r, top - 1 - k, source) for r, k, source in tokens)
    size = f"width='{12 * len(rounds) + 4}' height='{12 * top + 4}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img'><title>{title}</title>{cells}</svg>"


def _cell(column: int, row: int, source: str) -> str:
    """Draw one emitted token: a square of 10 pixels in a grid of 12, with its mark in the middle."""
    x = 2 + 12 * column
    y = 2 + 12 * row
    square = f"<rect x='{x}' y='{y}' width='10' height='10' rx='2' fill='{COLORS[source]}'/>"
    return square + MARKS[source].format(x=x + 5, y=y + 5)
