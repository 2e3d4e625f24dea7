"""Is a sampler right? Exact laws for what can be enumerated, statistics for what cannot.

To judge a sampler of your own: `check(from_verify(my_verify))`, or `assert_lossless` in a test. The reading order:
exact laws (from `lazy`, a uniform number that forks when it is compared, to `search`), evidence from samples
(`evidence` to `calibration`), the questions that the kit asks and how they were made (`cells` to `make_probes`), and
the kit itself (`adapters` to `command`). Before this folder: `verifiers`; after it: `transformer`.
"""

from specsample.conformance.adapters import from_engine, from_generate, from_step, from_torch, from_verify
from specsample.conformance.exact import exact_law, explain, target_law, total_variation
from specsample.conformance.kit import assert_lossless, check
from specsample.conformance.lazy import LazyUniform
from specsample.conformance.report import Report

__all__ = [
    "LazyUniform",
    "exact_law",
    "target_law",
    "total_variation",
    "explain",
    "from_verify",
    "from_step",
    "from_generate",
    "from_engine",
    "from_torch",
    "check",
    "assert_lossless",
    "Report",
]
