"""How do B sequences share every pass, although each keeps its own number of drafts?

Read `verdicts` (one round's, in any array library) first, then `passes` (texts of different lengths through one
model), `loop` (generate) and `table` (a model to try it on). Before this folder: `backend`; after it: `cuda`.
"""

from specsample.batched.loop import generate, step
from specsample.batched.passes import BatchedContext, BatchedModel
from specsample.batched.table import BatchedTableModel
from specsample.batched.verdicts import Verdicts, pick, verify

__all__ = ["pick", "verify", "Verdicts", "BatchedModel", "BatchedContext", "BatchedTableModel", "step", "generate"]
