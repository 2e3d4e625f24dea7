"""Other draft sources behind the same Protocol: anything with `start`, `extend` and `rollback` can draft.

Reading order, from knowing least to costing most: unigram, ngram, prompt_lookup, early_exit, head. Whatever drafts,
the text follows the target; the source only sets the speed. `docs/drafts.md` compares them on real text.
"""
