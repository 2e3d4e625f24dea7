"""Record, style and script in one piece of HTML.

`fragment` is what a notebook shows, `page` a file of its own. Neither asks the network for anything.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from specsample.viewer.origins import properties
from specsample.viewer.still import layers, summary

HEADING = "Speculative sampling, step by step"
SCRIPTS = ("nodes", "pictures", "steps", "race", "viewer")  # one after the other, in one function
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def fragment(data: Mapping[str, Any], *, is_alone: bool = False) -> str:
    """Write the viewer of a run, from `record.describe`, with a picture and a table where scripts may not run.

    One that is alone on its page has the focus from the start, and every key of the page.
    """
    record = as_script(data)
    # by its mark the script finds its own place among several runs on one page
    mark = sha256(record.encode()).hexdigest()[:16]
    # the colours of the origins come first: the style sheet names them and states none
    style = properties() + _text_of("viewer.css")
    script = "\n".join(_text_of(f"{name}.js") for name in SCRIPTS)
    heading = f"<h1>{HEADING}</h1>" if is_alone else f"<p><strong>{HEADING}</strong></p>"
    return (
        f'<div class="specsample-trace" data-specsample="{mark}"{" data-alone" * is_alone}>'
        f"{heading}{layers(data)}</div>\n"
        f'<script>((run, style, mark) => {{\n"use strict";\n{script}}})'
        f"({record}, {as_script(style)}, {as_script(mark)});</script>\n"
    )


def page(data: Mapping[str, Any], title: str) -> str:
    """Write the viewer of a run as a whole document."""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<meta name="description" content="{escape(summary(data))}">\n'
        "<style>:root{color-scheme:light dark}body{margin:clamp(6px,2vw,28px);background:Canvas;"
        "font:15px/1.5 system-ui,sans-serif}pre{white-space:pre-wrap;overflow-wrap:anywhere}h1{font-size:1.4em}"
        "</style>\n"
        f"{fragment(data, is_alone=True)}</html>\n"
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
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
