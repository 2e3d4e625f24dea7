"""What does it look like? The figures that the notebooks and the documentation share, drawn with matplotlib.

Every function returns a matplotlib Figure; given `ax`, it draws there. `viewer` is the interactive counterpart.
"""

from specsample.figures.rows import target_against_draft
from specsample.figures.runs import acceptance_by_position, tokens_per_pass, trace_strip
from specsample.figures.speed import speedup_map

__all__ = [
    "target_against_draft",
    "acceptance_by_position",
    "tokens_per_pass",
    "speedup_map",
    "trace_strip",
]
