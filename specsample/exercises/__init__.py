"""The exercises: what is asked, what is wrong, and which mistake it is.

`check("03.2", my_residual)` says so. The library is the answer key, laws are exact, uniform numbers are scripted: no
answer passes or fails by luck. The units are one file for each notebook.

Read `showing`, `exercise`, `tables`, `grading`, `unit_00`, `unit_01`, `unit_02`, `unit_03`, `unit_04`, `unit_05`,
`unit_06`, `unit_07`, `unit_08`, `unit_09`, `unit_10`, `unit_11`.
"""

from specsample.exercises.exercise import Exercise, Mistake, NotYet, Passed
from specsample.exercises.grading import all_exercises, check, find

__all__ = ["check", "find", "all_exercises", "Exercise", "Mistake", "Passed", "NotYet"]
