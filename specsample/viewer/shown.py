"""How do Round and Trace show themselves? In a notebook below their cell, elsewhere in the browser.

Nothing of the viewer is loaded before something is shown.
"""

import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from specsample.viewer.text import Decode


STYLES = {"accepted": "green", "correction": "bold red", "bonus": "bold blue"}


class Shown:
    """Give a record its viewer; the record says what there is to show."""

    @abstractmethod
    def facts(self) -> tuple[Sequence[int], list[Mapping[str, Any]]]:
        """Return the prompt's tokens and the fields of each round, with `sources` and `n_tested`."""

    def render(self, decode: Callable[[list[int]], str]) -> Any:
        """Colour the emitted text by origin: accepted, correction, bonus.

        Parameters
        ----------
        decode : function from token ids to text

        Returns
        -------
        rich.text.Text
        """
        from rich.text import Text

        text = Text()
        for entry in self.facts()[1]:
            for token, source in zip(entry["emitted"], entry["sources"], strict=True):
                text.append(decode([token]), style=STYLES[source])
        return text

    def to_html(self, decode: "Decode" = None, *, title: str = "specsample: a run, step by step") -> str:
        """Write the viewer as one HTML document that needs no network.

        Parameters
        ----------
        decode : function from token ids to text, or the texts in the order of their ids, or None for numbers
        title : str

        Returns
        -------
        str
        """
        from specsample.viewer.page import page

        return page(self._described(decode), title)

    def show(self, decode: "Decode" = None) -> None:
        """Show the viewer: in a notebook here, elsewhere in the browser.

        Parameters
        ----------
        decode : function from token ids to text, or the texts in the order of their ids, or None for numbers
        """
        if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
            sys.modules["IPython"].display.display(self._bundle(decode), raw=True)
            return
        import webbrowser

        path = Path(mkdtemp(prefix="specsample-")) / "trace.html"
        path.write_text(self.to_html(decode), encoding="utf-8")
        webbrowser.open(path.as_uri())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show a record that a notebook's cell returns; its tokens are numbers, for it knows no tokenizer."""
        return self._bundle(None)

    def _bundle(self, decode: "Decode") -> dict[str, str]:
        """Write the record for a notebook, with and without HTML."""
        from specsample.viewer.page import fragment
        from specsample.viewer.still import summary, table

        data = self._described(decode)
        return {"text/html": fragment(data), "text/plain": f"{summary(data)}\n{table(data)}"}

    def _described(self, decode: "Decode") -> dict[str, Any]:
        """Collect what the viewer shows."""
        from specsample.viewer.record import describe

        return describe(*self.facts(), decode)
