"""Other draft sources, from knowing least to costing most.

Anything with `start`, `extend` and `rollback` can draft. Whatever drafts, the text follows the target; the source
only sets the speed. `docs/drafts.md` compares them on real text.

Read `unigram`, `ngram`, `prompt_lookup`, `declining`, `early_exit`, `head`, `head_lm`, `layer_head`,
`layer_head_lm`.
"""
