"""The round of a tree of drafts, verified in one target pass.

A round of a tree of n drafts owns 2n+1 uniform numbers: n to draft, n to test, 1 to emit. Its shape is fixed before
anything is drawn: `parents[i]` is the node that node i continues, -1 the text. The draft model reads the tree level
by level, the target all of it at once; then the walk goes down from the top, at each node to the child that the rule
keeps, and ends where it keeps none. What it keeps is lossless by induction: after any path the rule emits a token
with the law of p, whatever happened above. A chain is the tree in which every node has one child.
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
    """A round of a tree: the drafts are its nodes, and the accepted ones a path."""

    parents: Parents = ()  # (n,), -1 at the top
    path: tuple[int, ...] = ()  # (n_accepted,), the accepted nodes
    tested: tuple[int, ...] = ()  # the nodes that met their uniform number

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
    # nodes are numbered again in the same order, so that parents still stand before their children
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
    # a round without drafts asks nothing of the draft model
    if not parents:
        return DraftTree(parents, [], []), {}
    # the rest of the text is read first, as a chain: its last row is q where the top of the tree is drawn from
    q = {-1: drafter.extend_tree(unread, range(-1, len(unread) - 1))[-1]}  # node -> (V,)
    place = {-1: len(unread) - 1}
    n_read = len(unread)
    tokens = [0] * len(parents)
    proposals = [np.empty(0)] * len(parents)
    level = [-1]
    while level:
        # x_i ~ q_i, one after the other: without replacement (Sequoia, section 3.2) q_i depends on those before
        children = [i for i, parent in enumerate(parents) if parent in level]
        for i in children:
            earlier = [tokens[j] for j in children if j < i and parents[j] == parents[i]]
            proposals[i] = propose(q[parents[i]], earlier)
            tokens[i] = pick(proposals[i], u[i])
        # q after each node that has children, all in one pass; leaves have no one to draft for
        level = [i for i in children if i in parents]
        if level:
            rows = drafter.extend_tree([tokens[i] for i in level], [place[parents[i]] for i in level])
            place.update(zip(level, range(n_read, n_read + len(level)), strict=True))
            q.update(zip(level, rows, strict=True))
            n_read += len(level)
    return DraftTree(parents, tokens, proposals), place


def walk(drafts: DraftTree, target_probs: Array, *, u_accept: Sequence[Any], u_emit: Any, choose: Choose) -> Walk:
    """Go down from the top, at each node to the child that the rule keeps, and emit a token where it keeps none.

    Multi-step speculative sampling (SpecInfer, section 4.3), with the rule as an argument.

    Parameters
    ----------
    drafts : DraftTree
    target_probs : (n+1, V) array, the target's distribution after the text, then after each node
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
    here = [-1]
    path: list[int] = []
    tested: list[int] = []
    while True:
        # the children of where the walk stands, and the one that the rule keeps, if any
        at = [i for i, parent in enumerate(drafts.parents) if parent in here]
        p = target_probs[here[0] + 1]
        siblings = [drafts.tokens[i] for i in at]
        kept, rest = choose(p, siblings, [drafts.proposals[i] for i in at], [u_accept[i] for i in at])
        tested += at if kept is None else at[: kept + 1]
        # none, for a leaf has no children or all were rejected: what the rule left of p emits the round's last token
        if kept is None:
            return Walk(path, tested, pick(rest, u_emit))
        # one node is written down, but equal siblings are all stood at
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

    Parameters: as for `rounds.play_step`.

    Parameters
    ----------
    parents : (n,) tuple of int
    propose : from what a sibling is drawn
    choose : which sibling is kept

    Returns
    -------
    TreeRound
    """
    before = (target.length, drafter.length)
    # a path of room - 1 nodes and the token after it fill the text
    parents = cut(parents, room - 1)
    n = len(parents)
    u = uniforms(rng, 2 * n + 1)
    # both models' trees grow from the end of what they have read: asked now, for a draft may make its target read on
    ours = tree_of(target)
    theirs = tree_of(drafter)
    unread = tokens[target.length :]
    m = len(unread)
    # draft: x_i ~ q_i for all n nodes
    drafts, place = grow(theirs, tokens[drafter.length :], parents, u=u[:n], propose=propose)
    # one target pass reads the m unread tokens of the text, as a chain, and the tree that hangs from the last of them
    heads = [*range(-1, m - 1), *(m + parent if parent >= 0 else m - 1 for parent in parents)]
    p = ours.extend_tree([*unread, *drafts.tokens], heads)[m - 1 :]  # (n+1, V)
    # verify: one path of the tree, and one token after it
    path, tested, token = walk(drafts, p, u_accept=u[n : 2 * n], u_emit=u[2 * n], choose=choose)
    # the path becomes text in both models; the draft has read no leaf, and nothing at all where nothing was drafted
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
