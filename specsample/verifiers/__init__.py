"""Which other rules are there, what do they buy, and what do they cost?

One file a rule; no rule imports another. Read `acceptance` and `speculative` first, then `rounds`, the loop that
they share. Rules for K drafts in a row have the arguments of `speculative.verify`: `block` (test the drafts
together, keep more), `lenient` and `typical` (lossy), `sampler_match` (no residual), `greedy` (no chance).
`coupled` makes one text whatever drafts. Several drafts for one position make a tree: `tree_context` (how a model
reads one), `siblings` (which one is kept), `token_tree` (the round); `multi_draft` and `tree` are two shapes of it,
`kseq` is another rule for siblings, and `beam` is beam search. docs/verifiers.md ranks them.
"""
