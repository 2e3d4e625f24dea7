"""How is the course handed out, graded and opened?

Read `source` (one text file a notebook, with everything in it) first, then `student` (what students get), `grade`
and `runner` (what comes back, run by itself), `syllabus` and `command`. Before this folder: `exercises`.
"""
