"""The size of a Transformer, and the parameters that follow from it.

Parameters are a flat dict of arrays. Matrices that read the same input are fused, so that a pass over one token is
few products.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Config:
    """The size of a model."""

    vocab_size: int  # V
    width: int  # D
    n_layers: int  # L
    n_heads: int  # H query heads ...
    n_kv_heads: int  # ... share Hkv heads of keys and values, in groups of H / Hkv
    hidden: int  # F, the width inside the SwiGLU
    max_length: int  # positions that a cache holds
    tied: bool = True  # whether the output head is the embedding, transposed
    rope_theta: float = 10000.0  # base of the rotary frequencies
    norm_eps: float = 1e-5  # ε of the norms

    def __post_init__(self) -> None:
        sizes = ("vocab_size", "width", "n_layers", "n_heads", "n_kv_heads", "hidden", "max_length")
        for name in sizes:
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a positive integer; got {getattr(self, name)!r}.")
        if self.width % self.n_heads or self.head_dim % 2:
            raise ValueError(
                "width must be n_heads times an even head size (rotary turns pairs); "
                f"got width {self.width} and n_heads {self.n_heads}."
            )
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                "n_heads must be a multiple of n_kv_heads, so that groups are equal; "
                f"got {self.n_heads} and {self.n_kv_heads}."
            )

    @property
    def head_dim(self) -> int:
        """Return Dh = D / H."""
        return self.width // self.n_heads


def shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter by its name: matrices first, then the norms' vectors."""
    c = config
    vectors: dict[str, tuple[int, ...]] = {}
    matrices: dict[str, tuple[int, ...]] = {}
    matrices["embedding"] = (c.vocab_size, c.width)
    if not c.tied:
        matrices["head"] = (c.width, c.vocab_size)
    for layer in range(c.n_layers):
        at = f"layers.{layer}."
        matrices[at + "qkv"] = (c.width, (c.n_heads + 2 * c.n_kv_heads) * c.head_dim)
        matrices[at + "out"] = (c.width, c.width)
        matrices[at + "gate_up"] = (c.width, 2 * c.hidden)
        matrices[at + "down"] = (c.hidden, c.width)
        vectors[at + "norm_attention"] = vectors[at + "norm_mlp"] = (c.width,)
    return matrices | vectors | {"norm": (c.width,)}


def n_params(config: Config) -> int:
    """Count the numbers that a model learns.

    Parameters
    ----------
    config : Config

    Returns
    -------
    int

    Examples
    --------
    >>> config = Config(vocab_size=5, width=4, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=16)
    >>> n_params(config)  # embedding 20, attention 32 + 16, MLP 64 + 32, norms 12
    176
    """
    return sum(int(np.prod(shape)) for shape in shapes(config).values())


def init_params(config: Config, rng: np.random.Generator, dtype: Any = np.float32) -> dict[str, np.ndarray]:
    """Draw parameters: norms 1, matrices N(0, 0.02²), those that write to the residual smaller by √(2L).

    Parameters
    ----------
    config : Config
    rng : numpy.random.Generator
    dtype : float type

    Returns
    -------
    dict of arrays, in the order of `shapes`

    Examples
    --------
    >>> init_params(Config(5, 4, 1, 2, 1, 8, 16), np.random.default_rng(0))["embedding"].shape
    (5, 4)
    """
    params = {}
    # what writes to the residual stream is smaller, so that the stream's variance does not grow with depth
    for name, shape in shapes(config).items():
        std = 0.02 / (2 * config.n_layers) ** 0.5 if name.endswith(("out", "down")) else 0.02
        drawn = np.ones(shape) if len(shape) == 1 else rng.standard_normal(shape) * std
        params[name] = drawn.astype(dtype)
    return params
