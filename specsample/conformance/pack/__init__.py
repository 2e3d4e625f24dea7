"""The questions that ship: how `probes.json` is made and read.

Read `probe_pack`, `probe_laws`, `probe_design`, `probe_plans`.
"""
