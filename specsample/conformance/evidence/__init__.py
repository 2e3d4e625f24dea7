"""Evidence from samples: what n outputs say against a law.

Read `cells`, `formulas`, `dependence`, `fit`, `sizes`, `e_process`, `calibration`.
"""
