"""Several chains of drafts, verified in one target pass.

What do several drafts for the same text buy? n chains of K drafts, all verified in one target pass by recursive
rejection (`siblings`). At a position where several chains have agreed with the text so far, their next drafts are
siblings: where the first is rejected there is a second try, and a chain that is left behind is out for the rest of
the round.

Drawn with replacement the chains are independent samples of the draft model, equal ones included, as in SpecInfer
(Miao et al., arXiv 2305.09781) and SpecTr's "k i.i.d. drafts". Without replacement (`distinct`) their first tokens
differ, so that no try is wasted on a token that was rejected already; after it each is on its own. The trap: with
a second try at the original p instead of the residual, every token passes too easily and the text leans towards the
draft (SpecTr, arXiv 2310.15141). With one chain this is the token rule.
"""

from collections.abc import Sequence
from functools import partial
from typing import Unpack

from specsample.language_model import LanguageModel
from specsample.request import Request, check_K
from specsample.rounds import play_all
from specsample.trace import Trace
from specsample.verifiers.siblings import recursive_rejection, with_replacement, without_replacement
from specsample.verifiers.token_tree import chains, tree_round


def generate(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    n_chains: int = 2,
    distinct: bool = False,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Generate text with several chains of drafts a round, verified in one target pass.

    Parameters and Returns: as for `speculative.generate`; a round is a TreeRound.

    Parameters
    ----------
    K : int >= 0, drafts in each chain, shortened where fewer tokens are left
    n_chains : int >= 1; a target pass reads n_chains K + 1 rows
    distinct : bool, draw the first tokens of the chains without replacement; at most V chains then
    **request : max_new_tokens, rng, transform, draft_transform, stop

    Raises
    ------
    ValueError
        If more than V chains are to be distinct.

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> generate([0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    check_K(K)
    if distinct and n_chains > target_model.vocab_size:
        raise ValueError(f"n_chains must be at most V = {target_model.vocab_size} to be distinct; got {n_chains}.")
    # only the chains' first tokens are siblings from the start: further down each node has one child
    propose = without_replacement if distinct else with_replacement
    play = partial(tree_round, parents=chains(n_chains, K), propose=propose, choose=recursive_rejection)
    return play_all(prompt_tokens, target_model, draft_model, play=play, **request)
