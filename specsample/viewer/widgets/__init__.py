"""Pictures with sliders: an idea to play with.

Each function makes a `Widget`, which a notebook shows where it stands, without a kernel, a network or a library:
`widgets.overlap(p, q)`. Without scripts it is a picture of where the sliders begin.

Read `widget`, `rows`, `rounds`, `speed`.
"""

from specsample.viewer.widgets.rounds import one_round
from specsample.viewer.widgets.rows import overlap, pick, strategies
from specsample.viewer.widgets.speed import speed
from specsample.viewer.widgets.widget import Widget

__all__ = ["Widget", "pick", "strategies", "overlap", "one_round", "speed"]
