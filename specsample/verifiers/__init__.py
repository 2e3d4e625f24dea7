"""The other rules, one file each.

No rule imports another. Rules for K drafts in a row have the arguments of `speculative.verify`: `block` tests the
drafts together and keeps more, `lenient` and `typical` are lossy, `sampler_match` has no residual and `greedy` no
chance. `coupled` makes one text whatever drafts. Several drafts for one position make a tree: `tree_context` is how a
model reads one, `siblings` which one is kept, `token_tree` the round; `multi_draft` and `tree` are two shapes of it,
`kseq` is another rule for siblings, and `beam` is beam search. docs/verifiers.md ranks them.

Read `matching`, `block`, `lenient`, `typical`, `sampler_match`, `greedy`, `coupled`, `tree_context`, `siblings`,
`token_tree`, `multi_draft`, `kseq`, `tree`, `beam`.
"""
