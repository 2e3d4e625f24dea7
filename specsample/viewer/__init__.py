"""How does one step through a run? One self-contained piece of HTML for notebooks, files and pages.

It shows what the sampler recorded and computes nothing of its own. `trace` hands it plain records.
"""
