"""Hypothesis profiles: `ci` runs the same examples every time, `--hypothesis-profile thorough` searches on.

`mutants` is for `mutation_check.py`, which wants a quick no and not the smallest counterexample.
"""

from hypothesis import Phase, settings

settings.register_profile("ci", max_examples=300, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=5000, deadline=None)
settings.register_profile("mutants", max_examples=10, derandomize=True, deadline=None, phases=[Phase.generate])
settings.load_profile("ci")

collect_ignore_glob = ["measure_*.py"]  # scripts, one of which needs torch
