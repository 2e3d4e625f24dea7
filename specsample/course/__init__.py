"""The course: how notebooks are handed out, graded and opened.

Read `source`, `student`, `submission`, `hints`, `program`, `values`, `runner`, `process`, `answers`, `borrowed`,
`grade`, `gradebook`, `progress`, `syllabus`.
"""

from specsample.course.hints import answer, hint
from specsample.exercises import check

__all__ = ["check", "hint", "answer"]  # what a notebook needs
