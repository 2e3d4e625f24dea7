"""The figure of a benchmark.

ρ against rows, and measured beside predicted speed-ups against K.
"""

from collections.abc import Sequence
from typing import Any

from specsample.bench.decode import ADAPTIVE, Decoding
from specsample.bench.passes import PassTimes
from specsample.figures.style import GREY, SERIES, panels


def draw(passes: Sequence[PassTimes], decodings: Sequence[Decoding]) -> Any:
    """Draw one figure: left the curves of ρ, then the speed-ups at each temperature.

    Parameters
    ----------
    passes : sequence of PassTimes
    decodings : sequence of Decoding, of both at least one
    """
    temperatures = sorted({decoding.temperature for decoding in decodings})
    axes = panels(bool(passes) + len(temperatures), (4.6, 3.4))
    if passes:
        for i, times in enumerate(passes):
            ratios = [times.ratio(rows) for rows in times.seconds]
            axes[0].plot([*times.seconds], ratios, color=SERIES[i % 4], label=times.model)
        axes[0].set(xlabel="rows of a pass", ylabel="ρ, time / time of 1 row", ylim=(0, None))
        axes[0].set_title("what more rows cost", fontsize=10)
        axes[0].legend(frameon=False)
    for ax, temperature in zip(axes[bool(passes) :], temperatures, strict=True):
        _draw_speedups(ax, [decoding for decoding in decodings if decoding.temperature == temperature])
        ax.set_title(
            f"T = {temperature:g}: measured (dots), predicted by\nposition (line), by equation 1 (dotted)",
            fontsize=10,
        )
    for ax in axes:
        ax.xaxis.get_major_locator().set_params(integer=True)
    return axes[0].figure


def _draw_speedups(ax: Any, decodings: Sequence[Decoding]) -> None:
    """Draw measured and predicted speed-ups against K, and the adaptive K as a line across."""
    for decoding, color in zip(decodings, SERIES * len(decodings)):
        Ks = [key for key in decoding.runs if isinstance(key, int)]
        ax.plot(Ks, [decoding.measured(K) for K in Ks], "o", color=color, label=decoding.kind)
        ax.plot(Ks, [decoding.by_position(K) for K in Ks], color=color)
        ax.plot(Ks, [decoding.by_equation_1(K) for K in Ks], ":", color=color)
        ax.axhline(decoding.measured(ADAPTIVE), color=color, lw=1, ls="--", label=f"{decoding.kind}, adaptive K")
    ax.axhline(1, color=GREY, lw=1)
    ax.set(xlabel="drafts a round, K", ylabel="speed-up", ylim=(0, None))
    ax.legend(frameon=False, loc="lower right")
