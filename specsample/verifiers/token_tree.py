"""How is a whole tree of drafts drafted, and verified in one target pass?

A round of a tree of n drafts owns 2n+1 uniform numbers: n to draft, n to test, 1 to emit. Its shape is fixed before
anything is drawn: `parents[i]` is the node that node i continues, -1 the text. The draft model reads the tree level
by level, the target all of it at once; then the walk goes down from the top, at each node to the child that the
rule keeps, and ends where it keeps none. What it keeps is lossless by induction: behind any path the rule emits a
token with the law of p, whatever happened above. A chain is the tree in which every node has one child. Before this
file: `siblings` (which child?); after it: `multi_draft`, `kseq` and `tree`, which differ in shape and rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from specsample.distributions import Array, Uniforms, pick, uniforms
from specsample.language_model import Context
from specsample.trace import Round
from specsample.verifiers.siblings import Choose, Propose
from specsample.verifiers.tree_context import TreeContext, path_to, tree_of

Parents = tuple[int, ...]


@dataclass(frozen=True)
class TreeRound(Round):
    """Remember a round of a tree: the drafts are its nodes, and the accepted ones a path.

    Parameters
    ----------
    parents : (n,) tuple of int, -1 at the top
    path : (n_accepted,) tuple of int, the accepted nodes
    tested : tuple of int, the nodes that met their uniform number
    """

    parents: Parents = ()
    path: tuple[int, ...] = ()
    tested: tuple[int, ...] = ()

    @property
    def n_tested(self) -> int:
        """Drafts that met their uniform number."""
        return len(self.tested)

    @property
    def sources(self) -> tuple[str, ...]:
        """Origin of each emitted token: accepted, then bonus where the path ends in a leaf, else correction."""
        last = "correction" if (self.path[-1] if self.path else -1) in self.parents else "bonus"
        return (("accepted",) * self.n_accepted + (last,))[: len(self.emitted)]


class DraftTree(NamedTuple):
    """The drafts of a tree, and what each was drawn from."""

    parents: Parents  # (n,)
    tokens: list[int]  # (n,)
    proposals: list[Array]  # n rows of (V,)


class Walk(NamedTuple):
    """Where a walk has led."""

    path: list[int]
    tested: list[int]
    token: int


def chains(n_chains: int, K: int) -> Parents:
    """Lay out K drafts in a row, several times over, level by level.

    Parameters
    ----------
    n_chains : int >= 1
    K : int >= 0, drafts in each

    Returns
    -------
    (n_chains K,) tuple of int

    Raises
    ------
    ValueError
        If n_chains < 1.

    Examples
    --------
    >>> chains(2, 3)
    (-1, -1, 0, 1, 2, 3)
    """
    if n_chains < 1:
        raise ValueError(f"n_chains must be at least 1; got {n_chains}.")
    return tuple(max(-1, i - n_chains) if i >= n_chains else -1 for i in range(n_chains * K))


def cut(parents: Parents, depth: int) -> Parents:
    """Leave away the nodes below a depth: a path of d nodes emits d+1 tokens.

    Parameters
    ----------
    parents : (n,) tuple of int
    depth : int >= 0, nodes of the longest path that stays

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> cut((-1, 0, 1, -1, 3), 2)
    (-1, 0, -1, 2)
    """
    kept = [i for i in range(len(parents)) if len(path_to(i, parents)) <= depth]
    number = {node: i for i, node in enumerate([-1, *kept], start=-1)}
    return tuple(number[parents[i]] for i in kept)


def grow(
    drafter: TreeContext, unread: Sequence[int], parents: Parents, *, u: Sequence[Any], propose: Propose
) -> tuple[DraftTree, dict[int, int]]:
    """Draft a tree, one pass of the draft model a level.

    Parameters
    ----------
    drafter : TreeContext of the draft model
    unread : sequence of int, at least one: what the draft model has not read of the text
    parents : (n,) tuple of int
    u : n uniform numbers
    propose : from what a sibling is drawn

    Returns
    -------
    (DraftTree; dict from the nodes that have been read, -1 among them, to their numbers in the draft's own tree)
    """
    tokens, proposals, level = [0] * len(parents), [np.empty(0)] * len(parents), [-1] if parents else []
    q = {-1: drafter.extend_tree(unread, range(-1, len(unread) - 1))[-1]} if parents else {}
    place, n_read = {-1: len(unread) - 1} if parents else {}, len(unread)
    while level:
        children = [i for i, parent in enumerate(parents) if parent in level]
        for i in children:
            earlier = [tokens[j] for j in children if j < i and parents[j] == parents[i]]
            proposals[i] = propose(q[parents[i]], earlier)
            tokens[i] = pick(proposals[i], u[i])
        level = [i for i in children if i in parents]  # leaves have no one to draft for
        if level:
            rows = drafter.extend_tree([tokens[i] for i in level], [place[parents[i]] for i in level])
            place.update(zip(level, range(n_read, n_read + len(level)), strict=True))
            q.update(zip(level, rows, strict=True))
            n_read += len(level)
    return DraftTree(parents, tokens, proposals), place


def walk(drafts: DraftTree, target_probs: Array, *, u_accept: Sequence[Any], u_emit: Any, choose: Choose) -> Walk:
    """Go down from the top, at each node to the child that the rule keeps, and emit a token where it keeps none.

    Parameters
    ----------
    drafts : DraftTree
    target_probs : (n+1, V) array, the target's distribution behind the text, then behind each node
    u_accept : n uniform numbers
    u_emit : uniform number
    choose : the rule

    Returns
    -------
    Walk

    Notes
    -----
    Equal siblings (drawn with replacement) are one text: the walk goes on with the children of all of them.
    """
    here, path, tested = [-1], list[int](), list[int]()
    while True:
        at = [i for i, parent in enumerate(drafts.parents) if parent in here]
        p, siblings = target_probs[here[0] + 1], [drafts.tokens[i] for i in at]
        kept, rest = choose(p, siblings, [drafts.proposals[i] for i in at], [u_accept[i] for i in at])
        tested += at if kept is None else at[: kept + 1]
        if kept is None:
            return Walk(path, tested, pick(rest, u_emit))
        here = [i for i in at if drafts.tokens[i] == siblings[kept]]
        path.append(here[0])


def tree_round(
    tokens: list[int],
    target: Context,
    drafter: Context,
    *,
    room: int,
    rng: Uniforms,
    parents: Parents,
    propose: Propose,
    choose: Choose,
) -> Round:
    """Play one round: draft a tree, one target pass, walk, keep the path in both models.

    Parameters
    ----------
    tokens : list of int, everything so far
    target, drafter : Context of each model
    room : int >= 1, tokens that may still be emitted: the tree is cut to the depth room - 1
    rng : anything whose `random(n)` gives n uniform numbers
    parents : (n,) tuple of int
    propose : from what a sibling is drawn
    choose : which sibling is kept

    Returns
    -------
    TreeRound
    """
    parents, before = cut(parents, room - 1), (target.length, drafter.length)
    n, ours, theirs = len(parents), tree_of(target), tree_of(drafter)
    u, unread = uniforms(rng, 2 * n + 1), tokens[target.length :]
    m = len(unread)
    drafts, place = grow(theirs, tokens[drafter.length :], parents, u=u[:n], propose=propose)
    heads = [*range(-1, m - 1), *(m + parent if parent >= 0 else m - 1 for parent in parents)]
    p = ours.extend_tree([*unread, *drafts.tokens], heads)[m - 1 :]  # (n+1, V)
    path, tested, token = walk(drafts, p, u_accept=u[n : 2 * n], u_emit=u[2 * n], choose=choose)
    ours.keep_path([*range(m), *(m + i for i in path)])
    theirs.keep_path([*range(place.get(-1, -1) + 1), *(place[i] for i in path if i in place)])
    return TreeRound(
        draft_tokens=tuple(drafts.tokens),
        p_x=tuple(p[parent + 1, x] for parent, x in zip(parents, drafts.tokens, strict=True)),
        q_x=tuple(q[x] for q, x in zip(drafts.proposals, drafts.tokens, strict=True)),
        u=tuple(u),
        n_accepted=len(path),
        emitted=(*(drafts.tokens[i] for i in path), token),
        target_length=(before[0], target.length),
        draft_length=(before[1], drafter.length),
        parents=parents,
        path=tuple(path),
        tested=tuple(tested),
    )
