"""The models that are measured.

The shipped pair, and published shapes with random weights: time does not ask what the weights are for.
"""

import numpy as np

from specsample.transformer.config import Config, shapes
from specsample.transformer.lm import TransformerLM, load_pair

# GPT-2's own MLP is two 768 × 3,072 matrices; three of 768 × 2,048 hold as many numbers, so bytes and products agree.
RANDOM = {
    "six-layers": Config(96, width=256, n_layers=6, n_heads=8, n_kv_heads=8, hidden=688, max_length=1024),
    "gpt2-124m": Config(50257, width=768, n_layers=12, n_heads=12, n_kv_heads=12, hidden=2048, max_length=1024),
    "llama-135m": Config(49152, width=576, n_layers=30, n_heads=9, n_kv_heads=3, hidden=1536, max_length=2048),
}
SHAPES = ("pair", *RANDOM)


def models_of(shape: str) -> dict[str, TransformerLM]:
    """Return the models of a shape: target and draft of the pair, else one with random weights.

    Parameters
    ----------
    shape : str, one of SHAPES
    """
    if shape == "pair":
        target, draft = load_pair()
        return {"pair target": target, "pair draft": draft}
    return {shape: random_model(RANDOM[shape])}


def random_model(config: Config, seed: int = 0) -> TransformerLM:
    """Make a float32 model of random weights, quickly.

    Returns
    -------
    TransformerLM, without a tokenizer
    """
    rng = np.random.default_rng(seed)
    params = {}
    for name, shape in shapes(config).items():
        matrix = rng.standard_normal(shape, np.float32) * np.float32(0.02)
        params[name] = matrix if len(shape) == 2 else np.ones(shape, np.float32)
    return TransformerLM(config, params)
