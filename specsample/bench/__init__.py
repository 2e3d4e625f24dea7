"""How fast is it here, and does the speed-up follow from the parts? Measured in one process, in turns.

Reading order: compare, clock, machine, shapes, passes, parts, decode, peers, plot, report, command.
"""

from specsample.bench.compare import Comparison, Costs, compare, pass_costs, predicted_speedup, timed

__all__ = ["Comparison", "Costs", "compare", "pass_costs", "predicted_speedup", "timed"]
