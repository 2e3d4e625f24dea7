"""Several continuations of one text, read at once as a tree.

Every new token names its parent, and its row is the distribution after the path that leads to it, not after the
tokens that happen to stand before it. `context.tree()` gives such a reading where a model has one of its own (the
Transformer: one pass, with a mask by which a node sees its ancestors only); for every other model, tables of
fractions among them, `PathTree` reads path by path and gives the same rows. That is what the laws of tree verifiers
are enumerated with.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from specsample.distributions import Array
from specsample.language_model import Context, TransformedContext


class TreeContext(Protocol):
    """One model's reading of a text and of a tree that grows from its end."""

    def extend_tree(self, tokens: Sequence[int], parents: Sequence[int]) -> Array:
        """Read nodes; row i of the (n, V) answer is the distribution after the path to node i."""

    def keep_path(self, nodes: Sequence[int]) -> None:
        """Make one path, given from the top, part of the text, and forget the rest of the tree."""


def tree_of(context: Context) -> TreeContext:
    """Grow a tree from the end of what a context has read.

    Parameters
    ----------
    context : Context; one with a method `tree` reads all nodes in one pass

    Returns
    -------
    TreeContext; nodes count from 0 in the order in which they are read, and parent -1 is the text itself
    """
    # the strategy is applied to whatever tree the model itself grows
    if isinstance(context, TransformedContext):
        return TransformedTree(context, tree_of(context.context))
    tree: TreeContext = context.tree() if hasattr(context, "tree") else PathTree(context)
    return tree


class TransformedTree:
    """A tree of the model's own whose distributions are checked and transformed as its context says."""

    def __init__(self, context: TransformedContext, tree: TreeContext) -> None:
        self.context = context
        self.tree = tree

    def extend_tree(self, tokens: Sequence[int], parents: Sequence[int]) -> Array:
        """Read nodes; row i of the (n, V) answer is the transformed distribution after the path to node i."""
        return self.context.see(self.tree.extend_tree(tokens, parents), len(tokens))

    def keep_path(self, nodes: Sequence[int]) -> None:
        """Make one path part of the text, and forget the rest of the tree."""
        self.tree.keep_path(nodes)


class PathTree:
    """A tree for any context: each node is read along its own path, from the end of the text.

    Examples
    --------
    >>> from specsample.language_model import TableModel
    >>> tree = PathTree(TableModel(np.array([[0.5, 0.5], [1.0, 0.0]])).start())
    >>> tree.extend_tree([0, 1, 0], [-1, -1, 1])  # 0 and 1 are two continuations; the second goes on with 0
    array([[0.5, 0.5],
           [1. , 0. ],
           [0.5, 0.5]])
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.length = context.length
        self.tokens: list[int] = []
        self.parents: list[int] = []

    def extend_tree(self, tokens: Sequence[int], parents: Sequence[int]) -> Array:
        """Read nodes; row i of the (n, V) answer is the distribution after the path to node i."""
        first = len(self.tokens)
        self.tokens += tokens
        self.parents += parents
        # the context forgets one path before it reads the next
        return np.stack([self._read(path_to(node, self.parents)) for node in range(first, len(self.tokens))])

    def keep_path(self, nodes: Sequence[int]) -> None:
        """Make one path part of the text, and forget the rest of the tree."""
        self._read(nodes)
        # from here the next tree grows
        self.length = self.context.length
        self.tokens = []
        self.parents = []

    def _read(self, path: Sequence[int]) -> Any:
        """Read one path from the end of the text; give its last row."""
        self.context.rollback(self.length)
        rows = self.context.extend([self.tokens[node] for node in path]) if len(path) else [None]
        # a shape that is given beforehand has nothing to do with a source that declines
        if not len(rows):
            raise ValueError(
                "a tree of drafts must have a row after every node; got none. Does the source decline? "
                "Let another step in: drafts.declining.OrElse."
            )
        return rows[-1]


def path_to(node: int, parents: Sequence[int]) -> list[int]:
    """List the nodes from the top of the tree down to one of them.

    Parameters
    ----------
    node : int
    parents : sequence of int, the parent of each node, -1 at the top

    Returns
    -------
    list of int, `node` last; empty for -1

    Examples
    --------
    >>> path_to(3, [-1, 0, 0, 2])
    [0, 2, 3]
    """
    path: list[int] = []
    # up from the node; a parent stands before its child, so that this ends
    while node >= 0:
        path.append(node)
        if not -1 <= parents[node] < node:
            raise ValueError(f"parents must stand before their children; node {node} has parent {parents[node]}.")
        node = parents[node]
    return path[::-1]
