"""Does speculative sampling pay on a machine that is not here? A table and a map, from `theory.roofline`.

Read `question`, `heat_map`, `command`. Before this file: `theory`.
"""

from specsample.plan.command import add_arguments, run

__all__ = ["add_arguments", "run"]
