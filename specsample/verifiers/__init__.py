"""Which other rules keep the target's law, and what do they buy?

One file a rule, each with a `verify` of the same shape as `speculative.verify`. Read `acceptance` and `speculative`
first; then `block` (test the drafts together, accept more).
"""
