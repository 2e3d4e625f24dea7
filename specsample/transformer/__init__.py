"""A language model in nothing but NumPy: to build one, and to run one.

`ragged_cache` to `ragged_numpy` read B texts at once; `mapped` to `huggingface` read Llamas that others trained, and
`training` makes one.

Read `config`, `layers`, `attention`, `cache`, `blocks`, `model`, `linear`, `inference`, `tree`, `ragged_cache`,
`ragged_numpy`, `ragged`, `tokenizer`, `bpe`, `chat`, `kept`, `mapped`, `quants`, `gguf`, `fused`, `gguf_llama`,
`safetensors`, `huggingface`, `checkpoint`, `lm`, `allocator`.
"""

from specsample.transformer.cache import Cache
from specsample.transformer.config import Config, init_params, n_params
from specsample.transformer.model import forward, loss_and_grads
from specsample.transformer.tokenizer import CharTokenizer

__all__ = ["Cache", "CharTokenizer", "Config", "forward", "init_params", "loss_and_grads", "n_params"]
