"""The course: how notebooks are handed out, graded and opened.

Read `source`, `student`, `submission`, `program`, `values`, `runner`, `process`, `answers`, `borrowed`, `grade`,
`gradebook`, `progress`, `syllabus`.
"""
