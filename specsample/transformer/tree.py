"""How does a Transformer read a tree of continuations in one pass?

Two things differ from a chain: a node sees the text and its own ancestors instead of everything before it, and its
position is its depth, not its place in the input. The text stays in its memory, untouched; keys and values of the
tree lie beside it until one path is kept, so that a tree may be wider than the memory is long. (SpecInfer, arXiv
2305.09781, section 4.2: topology-aware causal mask.) Read `inference.py` before, whose pass this is with another
mask, then `lm.py`.
"""

from collections.abc import Sequence

import numpy as np

from specsample.transformer.cache import check_fits
from specsample.transformer.inference import Memory, PackedModel, _gated, _normed, _store
from specsample.transformer.layers import Array
from specsample.transformer.linear import product


class TreeMemory:
    """Remember keys and values of a tree that grows from the end of a text.

    Parameters
    ----------
    model : PackedModel
    memory : Memory of the text

    Attributes
    ----------
    seen : bool array, a row and a column for each node
        Which nodes each node sees: its ancestors and itself.
    """

    def __init__(self, model: PackedModel, memory: Memory) -> None:
        self.model, self.memory = model, memory
        self.forget()

    def forget(self) -> None:
        """Begin an empty tree."""
        self.seen = np.zeros((0, 0), bool)
        self.keys = [keys[..., :0] for keys in self.memory.keys]  # a layer's: (Hkv, Dh, n)
        self.values = [values[..., :0, :] for values in self.memory.values]  # (Hkv, n, Dh)

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
        first = len(self.seen)
        seen = np.pad(self.seen, (0, len(parents)))
        for i, parent in enumerate(parents, first):
            if not -1 <= parent < i:
                raise ValueError(f"parents must be -1 or stand before their children; node {i} has {parent}.")
            seen[i] = seen[parent] if parent >= 0 else False
            seen[i, i] = True
        depths = seen[first:].sum(axis=1)
        check_fits(self.memory.length, int(depths.max(initial=0)), self.model.config.max_length)
        self.seen = seen
        return seen[first:], self.memory.length + depths - 1

    def append(self, layer: int, keys: Array, values: Array) -> None:
        """Remember a layer's keys (Hkv, Dh, n) and values (Hkv, n, Dh) of new nodes."""
        self.keys[layer] = np.concatenate([self.keys[layer], keys], axis=2)
        self.values[layer] = np.concatenate([self.values[layer], values], axis=1)

    def keep_path(self, nodes: Sequence[int]) -> None:
        """Copy one path behind the text, and forget the tree.

        Parameters
        ----------
        nodes : sequence of int, a path from the top
        """
        path, memory = np.array(nodes, np.int64), self.memory
        new = slice(memory.length, memory.length + len(path))
        for layer, (keys, values) in enumerate(zip(self.keys, self.values, strict=True)):
            memory.keys[layer][..., new] = keys[..., path]
            memory.values[layer][:, new] = values[:, path]
        memory.length = new.stop
        self.forget()


def tree_logits(tree: TreeMemory, tokens: np.ndarray, parents: Sequence[int]) -> Array:
    """Read n nodes and return the logits of the token after the path to each.

    Parameters
    ----------
    tree : TreeMemory, extended by n nodes
    tokens : (n,) int array
    parents : (n,) sequence of int, -1 for the text

    Returns
    -------
    (n, V) array
    """
    model, config = tree.model, tree.model.config
    seen, positions = tree.grow(parents)
    x, turns = model.embedding[tokens], model.turns[positions]  # (n, D), (n, 1, Dh/2)
    bias = np.where(seen, 0, -np.inf).astype(x.dtype)[:, None, :]
    keys = np.empty((config.n_kv_heads, config.head_dim, len(tokens)), x.dtype)
    values = np.empty((config.n_kv_heads, len(tokens), config.head_dim), x.dtype)
    for i, layer in enumerate(model.layers):
        qkv = product(_normed(x, config.norm_eps), layer.qkv)
        q = _store(config, qkv, turns, keys=keys, values=values)
        tree.append(i, keys, values)
        x += product(_attend(q, tree, i, bias=bias), layer.out)
        gate_up = product(_normed(x, config.norm_eps), layer.gate_up)
        x += product(_gated(gate_up, config.hidden), layer.down)
    return product(_normed(x, config.norm_eps), model.head)


def _attend(q: Array, tree: TreeMemory, layer: int, *, bias: Array) -> Array:
    """Let n rows of queries (Hkv, n G, Dh) attend to the whole text and to the nodes that they see; (n, D)."""
    n, m, n_kv = len(bias), tree.memory.length, len(q)
    past_keys, past_values = tree.memory.keys[layer][..., :m], tree.memory.values[layer][:, :m]
    probs = np.concatenate([q @ past_keys, q @ tree.keys[layer]], axis=-1)  # (Hkv, n G, m + all nodes)
    probs.reshape(n_kv, n, -1, probs.shape[-1])[..., m:] += bias
    probs -= probs.max(axis=-1, keepdims=True)
    np.exp(probs, out=probs)
    heads = probs[..., :m] @ past_values + probs[..., m:] @ tree.values[layer]
    heads /= probs.sum(axis=-1, keepdims=True)
    merged: Array = heads.reshape(n_kv, n, -1).transpose(1, 0, 2).reshape(n, -1)
    return merged
