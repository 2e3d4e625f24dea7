"""A record shown in a notebook, in the browser, in a terminal.

`Round` and `Trace` call these functions with their facts: the tokens of the prompt, and the fields of each round.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from specsample.viewer.origins import STYLES
from specsample.viewer.page import fragment, page
from specsample.viewer.record import describe
from specsample.viewer.still import summary, table
from specsample.viewer.text import Decode, added

Times = Mapping[str, Any] | None  # of a race, or none
Facts = tuple[Sequence[int], Sequence[Mapping[str, Any]]]  # the prompt, and the rounds with what `Round.facts` adds


def render(facts: Facts, decode: Callable[[list[int]], str]) -> Any:
    """Colour the emitted text by origin: accepted, correction, bonus; as a `rich.text.Text`."""
    from rich.text import Text

    tokens = [token for entry in facts[1] for token in entry["emitted"]]
    sources = [source for entry in facts[1] for source in entry["sources"]]
    text = Text()
    for piece, source in zip(added(tokens, decode), sources, strict=True):
        text.append(piece, style=STYLES[source])
    return text


def to_html(facts: Facts, decode: Decode = None, *, title: str, times: Times = None) -> str:
    """Write the viewer as one HTML document that needs no network."""
    return page(describe(*facts, decode, times), title)


def show(facts: Facts, decode: Decode = None, times: Times = None) -> None:
    """Show the viewer: in a notebook here, elsewhere in the browser."""
    # asked of what is loaded already: whoever is no notebook need not wait for IPython
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        sys.modules["IPython"].display.display(bundle(facts, decode, times), raw=True)
        return
    import webbrowser

    # a file that stays: the browser may be slower than this process
    path = Path(mkdtemp(prefix="specsample-")) / "trace.html"
    path.write_text(to_html(facts, decode, title="specsample: a run, step by step", times=times), encoding="utf-8")
    webbrowser.open(path.as_uri())


def bundle(facts: Facts, decode: Decode, times: Times = None) -> dict[str, str]:
    """Write the record for a notebook, with and without HTML, by MIME type."""
    data = describe(*facts, decode, times)
    return {"text/html": fragment(data), "text/plain": f"{summary(data)}\n{table(data)}"}
