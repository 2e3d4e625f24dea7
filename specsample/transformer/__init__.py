"""How is a real language model built, trained and run in nothing but NumPy?

Reading order: tokenizer, data, layers, attention, blocks, cache, model, checkpoint, lm; then, for B texts at once,
ragged_cache, ragged, ragged_numpy; to train, optim, distil, evaluate, presets, state, runlog, train; and huggingface.
"""

from specsample.transformer.cache import Cache
from specsample.transformer.model import Config, forward, init_params, loss_and_grads, n_params
from specsample.transformer.tokenizer import CharTokenizer

__all__ = ["Cache", "CharTokenizer", "Config", "forward", "init_params", "loss_and_grads", "n_params"]
