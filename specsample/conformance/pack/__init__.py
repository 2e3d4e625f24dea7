"""The questions that ship: how `probes.json` is made and read.

Read `packed`, `large_laws`, `design`, `plans`.
"""
