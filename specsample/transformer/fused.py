"""Parameters that are made of a file's tensors when they are asked for.

Why not all at once? A model of 135 million weights is 540 MB in float32, and the fast pass lays out a copy of its
own. Made one by one the two never stand side by side. The embedding alone is kept, because every pass reads it.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from specsample.transformer.config import Config, shapes
from specsample.transformer.layers import Array

Shapes = Mapping[str, tuple[int, ...]]  # by a tensor's name


class FusedParams(Mapping[str, Array]):
    """The parameters that `config.shapes` names, read from tensors of a Llama's parts.

    Parameters
    ----------
    config : Config
    parts : mapping from the parameter's name, "N" in it for the layer, to the names of its parts, "N" in them too
    read : function from a part's name to its array; matrices are (out, in), and come out fused as (in, out) views
    """

    def __init__(self, config: Config, parts: Mapping[str, tuple[str, ...]], read: Callable[[str], Array]) -> None:
        self._read = read
        self._parts = part_names(config, parts)
        # shared by whoever packs the model, and so nobody's to change
        self._embedding = read(*self._parts["embedding"])
        self._embedding.flags.writeable = False

    def __getitem__(self, name: str) -> Array:
        """Read and fuse one parameter."""
        if name == "embedding":
            return self._embedding
        tensors = [self._read(part) for part in self._parts[name]]
        # matrices that read the same input become one, transposed; vectors have one part
        return tensors[0] if tensors[0].ndim == 1 else np.concatenate(tensors).T

    def __contains__(self, name: object) -> bool:
        """Look a name up without reading anything."""
        return name in self._parts

    def __iter__(self) -> Iterator[str]:
        """List the names."""
        return iter(self._parts)

    def __len__(self) -> int:
        """Count the parameters."""
        return len(self._parts)


def part_names(config: Config, parts: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """List the parts of every parameter, in the order of `config.shapes`."""
    names: dict[str, tuple[str, ...]] = {}
    for name in shapes(config):
        layer = name.split(".")[1] if name.startswith("layers.") else ""
        general = parts[name.replace(f".{layer}.", ".N.")]
        names[name] = tuple(part.replace("N", layer) for part in general)
    return names


def part_shapes(config: Config, parts: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
    """List what every part of a model must measure, by its name; matrices are (out, in)."""
    q = config.n_heads * config.head_dim
    kv = config.n_kv_heads * config.head_dim
    # where a fused matrix is cut; any other has one part
    cut = {"qkv": (q, kv, kv), "gate_up": (config.hidden, config.hidden)}
    whole = shapes(config)
    found: dict[str, tuple[int, ...]] = {}
    for name, names in part_names(config, parts).items():
        shape = whole[name] if name == "embedding" else whole[name][::-1]
        rows = cut.get(name.rpartition(".")[2], shape[:1])
        found |= {part: (n, *shape[1:]) for part, n in zip(names, rows, strict=True)}
    return found


def check_parts(expected: Shapes, found: Shapes) -> None:
    """Refuse a file whose tensors are not the parts of the model that its settings describe.

    Raises
    ------
    ValueError
        If a tensor is missing, of another shape, or one that this Transformer would not use.
    """
    if missing := sorted(expected.keys() - found.keys()):
        raise ValueError(f"tensor {missing[0]} is missing ({len(missing)} are). Is it part of a larger file?")
    if unknown := sorted(found.keys() - expected.keys()):
        raise ValueError(f"tensor {unknown[0]} is not part of a Llama as it is built here. Has it biases?")
    for name, shape in expected.items():
        if found[name] != shape:
            raise ValueError(f"tensor {name} must be {shape} to fit the settings; got {found[name]}.")
