"""The run of drafts that are the target's own tokens.

What `greedy`, `sampler_match` and `coupled` share: they differ in how the target comes to a token of its own.
"""

from collections.abc import Callable, Sequence

from specsample.speculative import Verdict


def matching_run(draft_tokens: Sequence[int], own_token: Callable[[int], int]) -> Verdict:
    """Keep the leading run of drafts that are the target's own tokens, and emit its own token after them.

    Parameters
    ----------
    draft_tokens : (K,) sequence of int
    own_token : function from a row in 0 ... K to the target's own token there; asked in order, to the first mismatch

    Returns
    -------
    Verdict

    Examples
    --------
    >>> matching_run([7, 8, 9], [7, 8, 5, 6].__getitem__)
    Verdict(n_accepted=2, token=5)
    """
    for n, x in enumerate(draft_tokens):
        own = own_token(n)
        if own != x:
            return Verdict(n, own)
    return Verdict(len(draft_tokens), own_token(len(draft_tokens)))
