"""The same rule for B sequences that share every pass.

Each sequence keeps its own number of drafts. `logits` does without a softmax of every row; `table` is a model to try
the others on, and `side_by_side` lets any model of one text draft for a batch.

Read `picking`, `verdicts`, `logits`, `passes`, `loop`, `table`, `side_by_side`.
"""

from specsample.batched.logits import verify_logits
from specsample.batched.loop import generate, step
from specsample.batched.passes import BatchedContext, BatchedModel
from specsample.batched.picking import pick
from specsample.batched.side_by_side import SideBySide
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
    "SideBySide",
    "step",
    "generate",
]
