"""Which shape should a tree of K drafts have?

Sequoia (Chen et al., arXiv 2402.12374). Suppose that the i-th sibling is the one that is kept with probability a_i,
wherever it stands. A path is kept with the product of its a's, and the tree's expected number of emitted tokens is
the sum of that product over all nodes, the text's end included (their section 3.1). So the best tree of n nodes
follows from the best smaller ones: with T(n, d) for a tree of n nodes, the top one included, and d levels below it,

    T(n, d) = 1 + max over n_1 + n_2 + ... = n - 1 of Σ a_i T(n_i, d - 1).

Siblings are drawn without replacement and tested by recursive rejection (their section 3.2), so a second try is
never spent on the token that was just rejected. `siblings` has the rule, `token_tree` the pass and the walk. A
chain of K drafts is one of the trees with K nodes, so that at equal target rows the best tree is expected to emit
at least as much, as far as the a's are right. Before this file: `kseq`; after it: `beam`.
"""

from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Unpack

from array_api_compat import array_namespace

from specsample.acceptance import accept_probability, residual
from specsample.batched.picking import pick
from specsample.batched.verdicts import Verdicts, at_tokens, check_batch
from specsample.distributions import Array
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
    a, depth = tuple(acceptance), n_nodes if depth is None else depth

    @cache
    def siblings(n: int, i: int, d: int) -> tuple[float, int]:
        """Best sum over siblings i, i+1, ... with n nodes and d levels in all, and the nodes of sibling i."""
        if n == 0 or d == 0 or i == len(a):
            return 0.0, 0
        options = (
            (a[i] * (1 + siblings(m - 1, 0, d - 1)[0]) + siblings(n - m, i + 1, d)[0], m) for m in range(1, n + 1)
        )
        return max(options, default=(0.0, 0))

    parents = list[int]()

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
    """Compute how many tokens a tree emits on average.

    Σ over the nodes, the top included, of Π a along the path (Chen et al., section 3.1).

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
    reached = list[float]()
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
    kept, offered = [0] * k, [0] * k
    for round in rounds:
        for parent in (-1, *round.path):
            children = [i for i, other in enumerate(round.parents) if other == parent][:k]
            for rank, child in enumerate(children):
                offered[rank] += 1
                kept[rank] += child in round.path
    return [a / max(n, 1) for a, n in zip(kept, offered, strict=True)]


def verify_batch(
    parents: Parents, draft_tokens: Array, proposals: Array, *, target_probs: Array, u_accept: Array, u_emit: Array
) -> Verdicts:
    """Verify B trees of one shape at once, in a loop over nodes only: what `token_tree.walk` does for one.

    Each row keeps the node where it stands and what is left of p there; a node is tested in the rows that stand at
    its parent. Siblings must differ, as drawn without replacement. Functions of the array-API standard only.

    Parameters
    ----------
    parents : (n,) tuple of int, the shape that all rows share
    draft_tokens : (B, n) int array
    proposals : (B, n, V) array, what each node was drawn from
    target_probs : (B, n+1, V) array, the target's distribution behind the text, then behind each node
    u_accept : (B, n) array of uniform numbers
    u_emit : (B,) array of uniform numbers

    Returns
    -------
    Verdicts(n_accepted (B,), token (B,)), int arrays

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.full((1, 3, 2), 0.5), np.array([[[1.0, 0.0], [0.0, 1.0]]])  # siblings 0 and 1, in this order
    >>> u = {"u_accept": np.array([[0.6, 0.6]]), "u_emit": np.array([0.9])}
    >>> verify_batch((-1, -1), np.array([[0, 1]]), q, target_probs=p, **u)  # 0 is refused, then 1 is what is left
    Verdicts(n_accepted=array([1]), token=array([1]))
    """
    q, p, x = proposals, target_probs, draft_tokens
    n_drafts, n = check_batch(x, q, p, u_accept=u_accept, u_emit=u_emit)
    xp = array_namespace(p)
    q_x, left, n_accepted = at_tokens(q, x), p[:, 0, :], xp.zeros_like(n_drafts)
    here = n_accepted - 1
    for i in range(n):
        is_here = here == parents[i]
        a = accept_probability(at_tokens(left[:, None, :], x[:, i : i + 1])[:, 0], q_x[:, i])
        is_kept = xp.logical_and(is_here, u_accept[:, i] < a)
        left = xp.where(is_here[:, None], residual(left, q[:, i, :]), left)
        left = xp.where(is_kept[:, None], p[:, i + 1, :], left)
        here, n_accepted = xp.where(is_kept, i, here), n_accepted + xp.astype(is_kept, n_accepted.dtype)
    return Verdicts(n_accepted, pick(left, u_emit))


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

    Parameters
    ----------
    prompt_tokens : sequence of int, at least one
    target_model, draft_model : LanguageModel
    K : int >= 0, drafts a round, as for a chain: the best tree of K nodes for `ACCEPTANCE`; not used with `parents`
    parents : tuple of int or None, a shape of your own: the parent of each node, -1 at the top
    **request : max_new_tokens, rng, transform, draft_transform, stop, as for `speculative.generate`

    Returns
    -------
    (list of int, the new tokens; Trace of TreeRound)

    Raises
    ------
    ValueError
        If the request cannot be served, or a node has more children than there are tokens.

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
    if any(shape.count(parent) > V for parent in {*shape}):
        raise ValueError(f"a node must have at most V = {V} children, which are all different; got parents {shape}.")
    play = partial(tree_round, parents=shape, propose=without_replacement, choose=recursive_rejection)
    return play_all(prompt_tokens, target_model, draft_model, play=play, **request)
