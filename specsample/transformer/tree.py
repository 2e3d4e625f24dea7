"""A tree of continuations, read in one pass.

Two things differ from a chain: a node sees the text and its own ancestors instead of everything before it, and its
position is its depth, not its place in the input. The text stays in its memory, untouched; keys and values of the
tree lie beside it until one path is kept, so that a tree may be wider than the memory is long. (SpecInfer, arXiv
2305.09781, section 4.2: topology-aware causal mask.)
"""

from collections.abc import Sequence

import numpy as np

from specsample.transformer.cache import check_fits
from specsample.transformer.inference import FastCache, PackedModel, fast_pass, store
from specsample.transformer.layers import Array


class FastTreeCache:
    """Keys and values of a tree that grows from the end of a text.

    Parameters
    ----------
    model : PackedModel
    cache : FastCache of the text

    Attributes
    ----------
    seen : bool array, a row and a column for each node, which nodes each node sees: its ancestors and itself
    """

    def __init__(self, model: PackedModel, cache: FastCache) -> None:
        self.model, self.cache = model, cache
        self.forget()

    def forget(self) -> None:
        """Begin an empty tree."""
        self.seen = np.zeros((0, 0), bool)
        self.keys = [keys[..., :0] for keys in self.cache.keys]  # a layer's: (Hkv, Dh, n)
        self.values = [values[..., :0, :] for values in self.cache.values]  # (Hkv, n, Dh)

    def grow(self, parents: Sequence[int]) -> tuple[Array, Array]:
        """Add nodes; say what each of the new ones sees, and where it stands.

        Parameters
        ----------
        parents : (n,) sequence of int, -1 for the text, else a node before this one

        Returns
        -------
        (n, all nodes) bool array; (n,) int array of positions

        Raises
        ------
        ValueError
            If a parent is not before its child, or a position does not fit in max_length.
        """
        # a node sees what its parent sees, and itself
        first = len(self.seen)
        seen = np.pad(self.seen, (0, len(parents)))
        for i, parent in enumerate(parents, first):
            if not -1 <= parent < i:
                raise ValueError(f"parents must be -1 or stand before their children; node {i} has {parent}.")
            seen[i] = seen[parent] if parent >= 0 else False
            seen[i, i] = True
        # so its depth is the number of nodes that it sees
        depths = seen[first:].sum(axis=1)
        check_fits(self.cache.length, int(depths.max(initial=0)), self.model.config.max_length)
        self.seen = seen
        return seen[first:], self.cache.length + depths - 1

    def append(self, layer: int, keys: Array, values: Array) -> None:
        """Remember a layer's keys (Hkv, Dh, n) and values (Hkv, n, Dh) of new nodes."""
        self.keys[layer] = np.concatenate([self.keys[layer], keys], axis=2)
        self.values[layer] = np.concatenate([self.values[layer], values], axis=1)

    def keep_path(self, nodes: Sequence[int]) -> None:
        """Copy one path to the end of the text, and forget the tree.

        Parameters
        ----------
        nodes : sequence of int, a path from the top
        """
        path = np.array(nodes, np.int64)
        cache = self.cache
        new = slice(cache.length, cache.length + len(path))
        for layer, (keys, values) in enumerate(zip(self.keys, self.values, strict=True)):
            cache.keys[layer][..., new] = keys[..., path]
            cache.values[layer][:, new] = values[:, path]
        cache.length = new.stop
        self.forget()


def tree_logits(tree: FastTreeCache, tokens: np.ndarray, parents: Sequence[int]) -> Array:
    """Read n nodes and return the logits of the token after the path to each.

    Parameters
    ----------
    tree : FastTreeCache, extended by n nodes
    tokens : (n,) int array
    parents : (n,) sequence of int, -1 for the text

    Returns
    -------
    (n, V) array
    """
    model, config = tree.model, tree.model.config
    seen, positions = tree.grow(parents)
    turns = model.turns[positions]  # (n, 1, Dh/2): a node stands where its depth says
    bias = np.where(seen, 0, -np.inf).astype(model.embedding.dtype)[:, None, :]
    keys = np.empty((config.n_kv_heads, config.head_dim, len(tokens)), bias.dtype)
    values = np.empty((config.n_kv_heads, len(tokens), config.head_dim), bias.dtype)

    # every node sees the whole text, its ancestors and itself
    def attend(i: int, qkv: np.ndarray) -> Array:
        q = store(config, qkv, turns, keys=keys, values=values)
        tree.append(i, keys, values)
        return _attend(q, tree, i, bias=bias)

    return fast_pass(model, model.embedding[tokens], attend)


def _attend(q: Array, tree: FastTreeCache, layer: int, *, bias: Array) -> Array:
    """Let n rows of queries (Hkv, n G, Dh) attend to the whole text and to the nodes that they see; (n, D)."""
    n = len(bias)
    m = tree.cache.length
    n_kv = len(q)
    past_keys = tree.cache.keys[layer][..., :m]
    past_values = tree.cache.values[layer][:, :m]
    # the text is seen by all; the bias hides other branches
    probs = np.concatenate([q @ past_keys, q @ tree.keys[layer]], axis=-1)  # (Hkv, n G, m + all nodes)
    probs.reshape(n_kv, n, -1, probs.shape[-1])[..., m:] += bias
    probs -= probs.max(axis=-1, keepdims=True)
    np.exp(probs, out=probs)
    heads = probs[..., :m] @ past_values + probs[..., m:] @ tree.values[layer]
    heads /= probs.sum(axis=-1, keepdims=True)
    merged: Array = heads.reshape(n_kv, n, -1).transpose(1, 0, 2).reshape(n, -1)
    return merged
