"""How do B sequences share every pass, although each keeps its own number of drafts?

Read `picking` and `verdicts` (one round's, in any array library) first, then `logits` (the same without a softmax of
every row), `passes` (texts of different lengths through one model), `loop` (generate) and `table` (a model to try it
on). Before this folder: `backend`; after it: `cuda`.
"""

from specsample.batched.logits import verify_logits
from specsample.batched.loop import generate, step
from specsample.batched.passes import BatchedContext, BatchedModel
from specsample.batched.picking import pick
from specsample.batched.table import BatchedTableModel
from specsample.batched.verdicts import Verdicts, verify

__all__ = [
    "pick",
    "verify",
    "verify_logits",
    "Verdicts",
    "BatchedModel",
    "BatchedContext",
    "BatchedTableModel",
    "step",
    "generate",
]
