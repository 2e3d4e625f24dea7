"""A language model in nothing but NumPy: to build one, and to run one.

`ragged_cache` to `ragged_numpy` read B texts at once; `huggingface` reads Llama checkpoints. `training` makes one.

Read `allocator`, `layers`, `attention`, `linear`, `tokenizer`, `blocks`, `cache`, `checkpoint`, `huggingface`,
`inference`, `lm`, `model`, `ragged`, `ragged_cache`, `ragged_numpy`, `tree`.
"""

from specsample.transformer.cache import Cache
from specsample.transformer.model import Config, forward, init_params, loss_and_grads, n_params
from specsample.transformer.tokenizer import CharTokenizer

__all__ = ["Cache", "CharTokenizer", "Config", "forward", "init_params", "loss_and_grads", "n_params"]
