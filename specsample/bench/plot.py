"""How does the benchmark look? ρ against rows, and measured beside predicted speed-ups against K.

Before this file: `chart`; after it: `report`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from specsample.bench.chart import Panel, Series, write_svg
from specsample.bench.decode import ADAPTIVE, Decoding
from specsample.bench.passes import PassTimes


def plot(path: str | Path, passes: Sequence[PassTimes], decodings: Sequence[Decoding]) -> None:
    """Write one figure: left the curves of ρ, then the speed-ups at each temperature.

    Parameters
    ----------
    path : str or Path, an .svg
    passes : sequence of PassTimes
    decodings : sequence of Decoding
    """
    curves = [
        Series(times.model, [*times.seconds], [times.ratio(rows) for rows in times.seconds], i % 6)
        for i, times in enumerate(passes)
    ]
    panels = [Panel("what more rows cost", "rows of a pass", "ρ, time / time of 1 row", curves)] if curves else []
    for temperature in sorted({decoding.temperature for decoding in decodings}):
        found = [decoding for decoding in decodings if decoding.temperature == temperature]
        lines = [line for i, decoding in enumerate(found) for line in _lines(decoding, i)]
        title = f"T = {temperature:g}: measured (dots), predicted by position (line), by equation 1 (dotted)"
        panels.append(Panel(title, "drafts a round, K", "speed-up", lines, level=1.0))
    write_svg(path, panels)


def _lines(decoding: Decoding, colour: int) -> Iterator[Series]:
    """Draw measured and predicted speed-ups against K, and the adaptive K as a line across."""
    Ks = [key for key in decoding.runs if isinstance(key, int)]
    yield Series(f"{decoding.kind}", Ks, [decoding.measured(K) for K in Ks], colour, "dots")
    yield Series("", Ks, [decoding.by_position(K) for K in Ks], colour)
    yield Series("", Ks, [decoding.by_equation_1(K) for K in Ks], colour, "dotted")
    level = decoding.measured(ADAPTIVE)
    yield Series(f"{decoding.kind}, adaptive K", [Ks[0], Ks[-1]], [level, level], colour)
