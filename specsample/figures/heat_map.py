"""The map of speed-ups over batch and context.

A cell's colour is its speed-up's, and hatches say that models and caches do not fit into memory. matplotlib draws it,
as all figures here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from specsample.figures.style import axes
from specsample.theory.deployment import Deployment

PALE, DEEP = "#ffffff", "#6aa0d8"  # at a speed-up of 1, and at the largest, on which dark words can still be read


def draw(deployment: Deployment, batches: Sequence[int], contexts: Sequence[int], *, title: str) -> Any:
    """Draw the map.

    Parameters
    ----------
    deployment : Deployment
    batches, contexts : sequences of int, rows and columns
    title : str
    """
    ax = axes(None, (0.72 * len(contexts) + 1.2, 0.42 * len(batches) + 1.5))
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.patches import Rectangle

    answers = [[deployment.answer(batch, context) for context in contexts] for batch in batches]
    speeds = np.array([[found.speedup for found in row] for row in answers])
    blues = LinearSegmentedColormap.from_list("pale to deep", [PALE, DEEP])
    norm = Normalize(1, max(1.01, speeds.max()))  # white is a speed-up of 1 also where nothing pays
    ax.pcolormesh(speeds, cmap=blues, norm=norm, edgecolors="#cccccc", linewidth=0.5)
    for (i, j), speed in np.ndenumerate(speeds):
        ax.text(j + 0.5, i + 0.5, f"{speed:.2f}\nK = {answers[i][j].K}", ha="center", va="center", fontsize=8)
        if not deployment.fits(batches[i], contexts[j]):
            ax.add_patch(Rectangle((j, i), 1, 1, fill=False, linewidth=0, edgecolor="#aaaaaa", hatch="///"))
    ax.set_xticks(np.arange(len(contexts)) + 0.5, contexts)
    ax.set_yticks(np.arange(len(batches)) + 0.5, batches)
    ax.set(xlabel="context, tokens of each sequence", ylabel="batch, sequences")
    ax.invert_yaxis()
    note = "speed-up at the best K; white: none; hatched: more memory than these devices have"
    ax.set_title(f"{title}\n{note}", fontsize=10, loc="left")
    return ax.figure
