"""What a notebook shows of a check: a box with a mark, not a red error.

`check` raises, for what grades notebooks looks for errors. How can an exercise that nobody has tried look calm all
the same? The error is shown as a box, with a line of style that hides what JupyterLab paints below it; whatever knows
no such style shows the first line of the message there, in grey.
"""

import sys
from html import escape
from typing import Any

from specsample.viewer.origins import COLORS

# mark and colour: each has its meaning without the other
MARKS = {
    "passed": ("✓", COLORS["accepted"]),
    "wrong": ("✗", COLORS["rejected"]),
    "untried": ("○", COLORS["discarded"]),
}
OUTPUT = ".jp-OutputArea-child"
HIDDEN = f"<style>{OUTPUT}:has(.specsample-not-yet) ~ {OUTPUT} {{ display: none; }}</style>"
STYLE = "border-left: 4px solid {color}; padding: 0.2em 0.8em; white-space: pre-wrap; overflow-wrap: anywhere;"


def box(kind: str, said: str, help: str = "") -> str:
    """Write a message as HTML: its first line with the mark of its kind, the others as they are, where to turn.

    Examples
    --------
    >>> box("untried", "03.2 is not yet tried: p < q.").partition(";\\">")[2]
    '<b style="color: #767676">○ 03.2 is not yet tried: p &lt; q.</b></div>'
    """
    mark, color = MARKS[kind]
    first, newline, others = escape(said).partition("\n")
    head = f'<b style="color: {color}">{mark} {first}</b>'
    more = f'<span style="font-family: monospace">{newline}{others}</span>' if others else ""
    turn = f'<div style="color: {MARKS["untried"][1]}">{escape(help)}</div>' if help else ""
    return f'<div style="{STYLE.format(color=color)}">{head}{more}{turn}</div>'


def show_error(kind: str, said: str, help: str = "") -> list[str]:
    """Show a message in a notebook as a box; the lines that stand where a traceback would.

    In a terminal there is no box, and the lines are the message.
    """
    lines = said.splitlines()
    ipython = sys.modules.get("IPython")
    shell: Any = ipython and ipython.get_ipython()
    # only a kernel has a front end that can show HTML
    if getattr(shell, "kernel", None) is None:
        return lines
    html = f'<div class="specsample-not-yet">{box(kind, said, help)}</div>{HIDDEN}'
    shell.display_pub.publish({"text/plain": said, "text/html": html})
    # grey, where it is seen at all
    return [f"\x1b[90m{lines[0]}\x1b[0m"]
