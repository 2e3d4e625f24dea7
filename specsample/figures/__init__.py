"""The figures that notebooks and pages share, drawn with matplotlib.

Every function returns a matplotlib Figure; given `ax`, it draws there. `viewer` is the interactive counterpart.

Read `style`, `heat_map`, `grids`, `lanes`, `rows`, `runs`, `speed`, `trees`.
"""

from specsample.figures.grids import grids
from specsample.figures.lanes import lanes
from specsample.figures.rows import side_by_side, target_against_draft
from specsample.figures.runs import acceptance_by_position, tokens_per_pass, trace_strip
from specsample.figures.speed import speedup_map
from specsample.figures.trees import draft_trees

__all__ = [
    "target_against_draft",
    "side_by_side",
    "acceptance_by_position",
    "tokens_per_pass",
    "speedup_map",
    "trace_strip",
    "draft_trees",
    "grids",
    "lanes",
]
