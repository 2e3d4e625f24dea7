"""Is a sampler right? Exact laws for what can be enumerated, statistics for what cannot.

Read `lazy` first (a uniform number that forks when it is compared), then `exact` (the law of a sampler's output).
"""

from specsample.conformance.exact import exact_law, explain, target_law, total_variation
from specsample.conformance.lazy import LazyUniform

__all__ = ["LazyUniform", "exact_law", "target_law", "total_variation", "explain"]
