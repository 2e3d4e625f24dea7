"""Exercises that say what is wrong with an answer.

`check("03.2", my_residual)` names the mistake where it is a known one. The library is the answer key, laws are exact,
uniform numbers are scripted: no answer passes or fails by luck. A unit is a file for one notebook; its exercises are
numbered as they stand there.

Read `showing`, `boxes`, `exercise`, `clock`, `lines`, `asking`, `slips`, `undoing`, `grading`, `tables`, `laws`,
`scripted`, `wrong_picks`, `wrong_tests`, `wrong_tokens`, `wrong_rounds`, `wrong_loops`, `wrong_losses`,
`on_positions`, `on_sources`, `on_trees`, `on_siblings`, `on_judging`, `on_batches`, `on_heads`, `on_words`,
`on_costs`, `unit_00`, `unit_01`, `unit_02`, `unit_03`, `unit_04`, `unit_05`, `unit_06`, `unit_07`, `unit_08`,
`unit_09`, `unit_10`, `unit_11`, `unit_12`.
"""

from specsample.exercises.exercise import Exercise, Mistake, NotYet, Passed
from specsample.exercises.grading import all_exercises, check, find

__all__ = ["check", "find", "all_exercises", "Exercise", "Mistake", "Passed", "NotYet"]
