"""Record, style and script in one piece of HTML.

`fragment` is what a notebook shows, `page` a file of its own. Neither asks the network for anything.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib import resources
from typing import Any

from specsample.viewer.origins import properties
from specsample.viewer.still import layers, summary

HEADING = "Speculative sampling, step by step"
FILES = ("base.css", "viewer.css", "nodes.js", "pictures.js", "steps.js", "race.js", "viewer.js")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def fragment(data: Mapping[str, Any], *, is_alone: bool = False) -> str:
    """Write the viewer of a run, from `record.describe`, with a picture and a table where scripts may not run.

    One that is alone on its page has the focus from the start, and every key of the page.
    """
    heading = f"<h1>{HEADING}</h1>" if is_alone else f"<p><strong>{HEADING}</strong></p>"
    return piece("trace", data, heading + layers(data), files=FILES, is_alone=is_alone)


def page(data: Mapping[str, Any], title: str) -> str:
    """Write the viewer of a run as a whole document."""
    return document(fragment(data, is_alone=True), title=title, about=summary(data))


def piece(kind: str, record: Any, still: str, *, files: Sequence[str], is_alone: bool = False) -> str:
    """Put a record and what shows it into one piece of HTML.

    Parameters
    ----------
    kind : str, of what it is: "trace", "widget"
    record : what JSON can hold; the script calls it `run`
    still : str, HTML to be seen where the script may not run
    files : of str, style sheets and scripts in this folder, one after the other
    is_alone : bool, there is nothing else on the page

    Returns
    -------
    str
    """
    given = as_script(record)
    # by its mark the script finds its own place among several pieces on one page
    mark = sha256(given.encode()).hexdigest()[:16]
    # the colours of the origins come first: the style sheets name them and state none
    style = properties() + "\n".join(_text_of(name) for name in files if name.endswith(".css"))
    script = "\n".join(_text_of(name) for name in files if name.endswith(".js"))
    return (
        f'<div class="specsample-{kind}" data-specsample="{mark}"{" data-alone" * is_alone}>{still}</div>\n'
        f'<script>((run, style, mark) => {{\n"use strict";\n{script}}})'
        f"({given}, {as_script(style)}, {as_script(mark)});</script>\n"
    )


def document(body: str, *, title: str, about: str) -> str:
    """Make one piece of HTML a whole document, which asks no network for anything."""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<meta name="description" content="{escape(about)}">\n'
        "<style>:root{color-scheme:light dark}body{margin:clamp(6px,2vw,28px);background:Canvas;"
        "font:15px/1.5 system-ui,sans-serif}pre{white-space:pre-wrap;overflow-wrap:anywhere}h1{font-size:1.4em}"
        f"</style>\n{body}</html>\n"
    )


def as_script(value: Any) -> str:
    """Write a value that JSON knows as JavaScript in ASCII that no HTML parser takes for markup.

    Examples
    --------
    >>> as_script({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    # the three characters that begin markup; within a JavaScript string the escapes mean the same
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text_of(name: str) -> str:
    """Read a file that lies beside this one."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
