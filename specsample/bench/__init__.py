"""Measuring: how fast it is here, and whether its parts explain it.

In one process, in turns.

Read `clock`, `compare`, `machine`, `race`, `parts`, `decode`, `passes`, `peers`, `plot`, `quality`, `tables`,
`report`, `shapes`.
"""

from specsample.bench.compare import Comparison, Costs, compare, pass_costs, predicted_speedup, timed

__all__ = ["Comparison", "Costs", "compare", "pass_costs", "predicted_speedup", "timed"]
