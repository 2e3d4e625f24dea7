"""Is an answer right, and if not, which mistake is it? `check("03.2", my_residual)` says so.

The library is the answer key, laws are exact, uniform numbers are scripted: no answer passes or fails by luck. Read
`exercise` (what is asked, what comes back), `showing` (how numbers are compared and written), then the units, one
file for each notebook. Before this folder: `conformance`; after it: `course`.
"""

from specsample.exercises.exercise import Exercise, Mistake, NotYet, Passed
from specsample.exercises.grading import all_exercises, check, find

__all__ = ["check", "find", "all_exercises", "Exercise", "Mistake", "Passed", "NotYet"]
