"""The course: how notebooks are handed out, graded and opened.

Read `runner`, `source`, `student`, `grade`, `syllabus`.
"""
