"""Evidence from samples: what n outputs say against a law.

Read `cells`, `formulas`, `dependence`, `fit`, `sizes`, `bounds`, `e_process`, `calibration`.
"""
