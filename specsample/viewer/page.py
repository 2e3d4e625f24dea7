"""How do record, style and script become one piece of HTML?

`fragment` is what a notebook shows, `page` a file of its own. Neither asks the network for anything.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from specsample.viewer.still import layers, summary

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def fragment(data: Mapping[str, Any]) -> str:
    """Write the viewer of a run as a piece of HTML, with a picture and a table where scripts may not run.

    Parameters
    ----------
    data : dict, from `record.describe`

    Returns
    -------
    str
    """
    record = as_script(data)
    mark = sha256(record.encode()).hexdigest()[:16]
    style, script = (
        files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("viewer.css", "viewer.js")
    )
    return (
        f'<div class="specsample-trace" data-specsample="{mark}">{layers(data)}</div>\n'
        f"<script>{script.strip()}({record}, {as_script(style)}, {as_script(mark)});</script>\n"
    )


def page(data: Mapping[str, Any], title: str) -> str:
    """Write the viewer of a run as a whole document.

    Parameters
    ----------
    data : dict, from `record.describe`
    title : str

    Returns
    -------
    str
    """
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<meta name="description" content="{escape(summary(data))}">\n'
        "<style>:root{color-scheme:light dark}body{margin:clamp(6px,2vw,28px);background:Canvas}</style>\n"
        f"{fragment(data)}</html>\n"
    )


def as_script(value: Any) -> str:
    """Write a value as JavaScript that no HTML parser takes for markup.

    Parameters
    ----------
    value : anything that JSON knows

    Returns
    -------
    str of ASCII without <, > and &

    Examples
    --------
    >>> as_script({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
