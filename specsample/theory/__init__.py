"""The equations of the papers, one function each.

And what the papers leave out: positions, runs that are not independent, machines. All equations can be imported from
here; `rejection` is the classic method that the papers compare theirs with.

Read `rejection`, `rates`, `speed`, `runs`, `chains`, `roofline`, `machines`, `deployment`.
"""

from specsample.acceptance import overlap
from specsample.theory.chains import LongRun, contexts, long_run, round_chain, run_length_law, stationary, survival
from specsample.theory.rates import acceptance_rate, classic_acceptance, lenient_acceptance
from specsample.theory.roofline import (
    Device,
    Outlook,
    Shape,
    Work,
    break_even,
    is_memory_bound,
    outlook,
    pass_bytes,
    pass_operations,
    pass_seconds,
)
from specsample.theory.runs import accepted_law, expected_tokens_by_position, rates_by_position
from specsample.theory.speed import (
    best_K,
    expected_tokens,
    implied_alpha,
    improves,
    memory_traffic,
    operations,
    oracle_speedup,
    speedup,
)

__all__ = [  # in reading order; beta is `overlap`
    "overlap",
    "acceptance_rate",
    "classic_acceptance",
    "lenient_acceptance",
    "expected_tokens",
    "speedup",
    "improves",
    "operations",
    "best_K",
    "oracle_speedup",
    "memory_traffic",
    "implied_alpha",
    "accepted_law",
    "expected_tokens_by_position",
    "rates_by_position",
    "LongRun",
    "contexts",
    "run_length_law",
    "survival",
    "round_chain",
    "stationary",
    "long_run",
    "Shape",
    "Device",
    "Work",
    "Outlook",
    "pass_bytes",
    "pass_operations",
    "pass_seconds",
    "is_memory_bound",
    "outlook",
    "break_even",
]
