"""Other draft sources: anything with `start`, `extend` and `rollback` can draft.

From knowing least to costing most. Whatever drafts, the text follows the target; the source only sets the speed.
`docs/drafts.md` compares them on real text.

Read `unigram`, `ngram`, `prompt_lookup`, `early_exit`, `head`, `head_lm`.
"""
