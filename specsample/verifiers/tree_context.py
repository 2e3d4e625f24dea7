"""How does a model read several continuations of one text at once?

As a tree: every new token names its parent, and its row is the distribution after the path that leads to it, not
after the tokens that happen to stand before it. `context.tree()` gives such a reading where a model has one of its
own (the Transformer: one pass, with a mask by which a node sees its ancestors only); for every other model, tables
of fractions among them, `PathTree` reads path by path and gives the same rows. That is what the laws of tree
verifiers are enumerated with. Before this file: `rounds`; after it: `siblings`.
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
    if isinstance(context, TransformedContext):
        return TransformedTree(context, tree_of(context.context))
    tree: TreeContext = context.tree() if hasattr(context, "tree") else PathTree(context)
    return tree


class TransformedTree:
    """A tree whose distributions are checked and transformed.

    Parameters
    ----------
    context : TransformedContext, which says how
    tree : TreeContext of the model itself
    """

    def __init__(self, context: TransformedContext, tree: TreeContext) -> None:
        self.context, self.tree = context, tree

    def extend_tree(self, tokens: Sequence[int], parents: Sequence[int]) -> Array:
        """Read nodes; row i of the (n, V) answer is the transformed distribution after the path to node i."""
        return self.context.see(self.tree.extend_tree(tokens, parents), len(tokens))

    def keep_path(self, nodes: Sequence[int]) -> None:
        """Make one path part of the text, and forget the rest of the tree."""
        self.tree.keep_path(nodes)


class PathTree:
    """A tree for any context: each node is read along its own path, from the end of the text.

    Parameters
    ----------
    context : Context

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
        self.context, self.length = context, context.length
        self.tokens, self.parents = list[int](), list[int]()

    def extend_tree(self, tokens: Sequence[int], parents: Sequence[int]) -> Array:
        """Read nodes; row i of the (n, V) answer is the distribution after the path to node i."""
        first = len(self.tokens)
        self.tokens, self.parents = [*self.tokens, *tokens], [*self.parents, *parents]
        return np.stack([self._read(path_to(node, self.parents)) for node in range(first, len(self.tokens))])

    def keep_path(self, nodes: Sequence[int]) -> None:
        """Make one path part of the text, and forget the rest of the tree."""
        self._read(nodes)
        self.tokens, self.parents, self.length = [], [], self.context.length

    def _read(self, path: Sequence[int]) -> Any:
        """Read one path from the end of the text; give its last row."""
        self.context.rollback(self.length)
        return self.context.extend([self.tokens[node] for node in path])[-1] if len(path) else None


def path_to(node: int, parents: Sequence[int]) -> list[int]:
    """List the nodes from the top of the tree down to one of them.

    Parameters
    ----------
    node : int
    parents : sequence of int, the parent of each node, -1 at the top

    Returns
    -------
    list of int, `node` last; empty for -1

    Raises
    ------
    ValueError
        If a parent does not stand before its child.

    Examples
    --------
    >>> path_to(3, [-1, 0, 0, 2])
    [0, 2, 3]
    """
    path = list[int]()
    while node >= 0:
        path.append(node)
        if not -1 <= parents[node] < node:
            raise ValueError(f"parents must stand before their children; node {node} has parent {parents[node]}.")
        node = parents[node]
    return path[::-1]
