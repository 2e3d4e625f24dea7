"""The kit that judges a sampler: exact laws, then evidence.

To judge a sampler of your own: `check(from_verify(my_verify))`, or `assert_lossless` in a test.

Read `laws`, `evidence`, `pack`, `make_probes`, `adapters`, `branches`, `watch`, `child`, `uniforms`,
`edges`, `chunks`, `contract`, `questions`, `asking`, `alone`, `families`, `pieces`,
`diagnosis`, `in_words`, `results`, `report_html`, `report`, `ci`, `kit`.
"""

from specsample.conformance.adapters import (
    from_command,
    from_engine,
    from_generate,
    from_models,
    from_seeded,
    from_step,
    from_torch,
    from_verify,
)
from specsample.conformance.kit import assert_lossless, check
from specsample.conformance.laws.exact import exact_law, explain, target_law, total_variation
from specsample.conformance.laws.lazy import LazyUniform
from specsample.conformance.laws.search import worst_case
from specsample.conformance.laws.wrong_samplers import WRONG as wrong_samplers
from specsample.conformance.report import Report

__all__ = [
    "LazyUniform",
    "exact_law",
    "target_law",
    "total_variation",
    "explain",
    "worst_case",
    "wrong_samplers",
    "from_verify",
    "from_step",
    "from_generate",
    "from_engine",
    "from_torch",
    "from_command",
    "from_seeded",
    "from_models",
    "check",
    "assert_lossless",
    "Report",
]
