"""Tables and paragraphs, as the scripts that write pages of the documentation share them.

Imported by the scripts beside it and, through them, by the tests of the pages.
"""

import textwrap

WIDTH = 118


def row(*cells):
    """Write one row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def table(header, rows):
    """Write a Markdown table."""
    return "\n".join(row(*cells) for cells in [header, ["---"] * len(header), *rows])


def wrapped(text):
    """Break the lines of paragraphs and lists again, now that the numbers are in them."""
    blocks = []
    for block in text.split("\n\n"):
        items = block.split("\n- ") if block.startswith("- ") else [block]
        is_prose = not block.startswith(("#", "|", "`" * 3, "!"))
        indent = "  " * block.startswith("- ")
        fill = textwrap.TextWrapper(WIDTH, subsequent_indent=indent, break_on_hyphens=False).fill
        blocks.append("\n- ".join(fill(" ".join(item.split())) if is_prose else item for item in items))
    return "\n\n".join(blocks).rstrip() + "\n"
