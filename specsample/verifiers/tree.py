"""Sequoia: the best shape of a tree of K drafts.

Sequoia (Chen et al., arXiv 2402.12374). Suppose that the i-th sibling is the one that is kept with probability a_i,
wherever it stands. A path is kept with the product of its a's, and the tree's expected number of emitted tokens is
the sum of that product over all nodes, the text's end included (their section 3.1). So the best tree of n nodes
follows from the best smaller ones: with T(n, d) for a tree of n nodes, the top one included, and d levels below it,

    T(n, d) = 1 + max over n_1 + n_2 + ... = n - 1 of Σ a_i T(n_i, d - 1).

Siblings are drawn without replacement and tested by recursive rejection (their section 3.2), so a second try is never
spent on the token that was just rejected. `siblings` has the rule, `token_tree` the pass and the walk. A chain of K
drafts is one of the trees with K nodes, so that at equal target rows the best tree is expected to emit at least as
much, as far as the a's are right.
"""

from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Unpack

from specsample.language_model import LanguageModel
from specsample.request import Request, check_K
from specsample.rounds import play_all
from specsample.trace import Trace
from specsample.verifiers.siblings import recursive_rejection, without_replacement
from specsample.verifiers.token_tree import Parents, TreeRound, tree_round

ACCEPTANCE = (0.8, 0.09, 0.03)  # of the first, second and third sibling, about those of the shipped pair


def best_tree(n_nodes: int, acceptance: Sequence[float], depth: int | None = None) -> Parents:
    """Find the tree that emits most on average, by dynamic programming.

    Parameters
    ----------
    n_nodes : int >= 0, drafts; the target reads n_nodes + 1 rows
    acceptance : (k,) sequence, a_i: how often the i-th sibling is the one that is kept; no node has more children
    depth : int >= 0 or None, drafts on the longest path

    Returns
    -------
    (n_nodes,) tuple of int, the parent of each node, -1 at the top; fewer where depth and k leave no room

    Examples
    --------
    >>> best_tree(3, (0.9, 0.05)), best_tree(3, (0.4, 0.3))
    ((-1, 0, 1), (-1, 0, -1))
    """
    a = tuple(acceptance)
    depth = n_nodes if depth is None else depth

    # the recursion of section 3.1, with the siblings' sum taken one sibling at a time
    @cache
    def siblings(n: int, i: int, d: int) -> tuple[float, int]:
        """Best sum over siblings i, i+1, ... with n nodes and d levels in all, and the nodes of sibling i."""
        if n == 0 or d == 0 or i == len(a):
            return 0.0, 0
        # sibling i has m nodes, itself and m - 1 below it; the siblings after it share the rest
        options = (
            (a[i] * (1 + siblings(m - 1, 0, d - 1)[0]) + siblings(n - m, i + 1, d)[0], m) for m in range(1, n + 1)
        )
        return max(options, default=(0.0, 0))

    # the table holds values; the shape is read off it from the top down
    parents: list[int] = []

    def plant(parent: int, n: int, i: int, d: int) -> None:
        """Write down sibling i and what hangs below it, then the siblings after it."""
        m = siblings(n, i, d)[1]
        if m:
            parents.append(parent)
            plant(len(parents) - 1, m - 1, 0, d - 1)
            plant(parent, n - m, i + 1, d)

    plant(-1, n_nodes, 0, depth)
    return tuple(parents)


def expected_tokens(parents: Parents, acceptance: Sequence[float]) -> float:
    """Sum Π a along the path over all nodes, the top included: the tokens a tree emits (Chen et al., section 3.1).

    Parameters
    ----------
    parents : (n,) tuple of int
    acceptance : (k,) sequence, a_i

    Returns
    -------
    float, tokens a target pass

    Examples
    --------
    >>> expected_tokens((-1, 0, -1), (0.5, 0.25))
    2.0
    """
    # how often each node is reached: as often as its parent, times the a of its rank among the siblings
    reached: list[float] = []
    for i, parent in enumerate(parents):
        rank = parents[:i].count(parent)
        reached.append((reached[parent] if parent >= 0 else 1.0) * acceptance[rank])
    return 1.0 + sum(reached)


def measured_acceptance(rounds: Iterable[TreeRound], k: int) -> list[float]:
    """Count how often the i-th sibling was the one that was kept, where there were at least i.

    Parameters
    ----------
    rounds : TreeRounds
    k : int >= 1, siblings

    Returns
    -------
    list of k floats, a_i; 0 where no node had so many children

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> _, trace = generate([0], other, other, parents=(-1, -1), max_new_tokens=4, rng=np.random.default_rng(0))
    >>> measured_acceptance(trace.rounds, 2)
    [1.0, 0.0]
    """
    kept = [0] * k
    offered = [0] * k
    for played in rounds:
        # only where the walk has been: what hangs below a rejected node says nothing
        for parent in (-1, *played.path):
            children = [i for i, other in enumerate(played.parents) if other == parent][:k]
            for rank, child in enumerate(children):
                offered[rank] += 1
                kept[rank] += child in played.path
    return [a / max(n, 1) for a, n in zip(kept, offered, strict=True)]


def generate(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    parents: Parents | None = None,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Generate text with a tree of drafts a round, drawn without replacement and verified in one target pass.

    Parameters and Returns: as for `speculative.generate`; a round is a TreeRound.

    Parameters
    ----------
    K : int >= 0, drafts a round, as for a chain: the best tree of K nodes for `ACCEPTANCE`; not used with `parents`
    parents : tuple of int or None, a shape of your own: the parent of each node, -1 at the top
    **request : max_new_tokens, rng, transform, draft_transform, stop

    Raises
    ------
    ValueError
        If a node has more children than there are tokens.

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> generate([0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0))[0]
    [1, 0, 1, 0]
    """
    V = target_model.vocab_size
    check_K(K)
    shape = best_tree(K, ACCEPTANCE[:V]) if parents is None else parents
    # without replacement V siblings use up the vocabulary
    if any(shape.count(parent) > V for parent in {*shape}):
        raise ValueError(f"a node must have at most V = {V} children, which are all different; got parents {shape}.")
    play = partial(tree_round, parents=shape, propose=without_replacement, choose=recursive_rejection)
    return play_all(prompt_tokens, target_model, draft_model, play=play, **request)
