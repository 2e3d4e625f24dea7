"""A Llama out of a GGUF file: configuration, parameters, tokenizer.

The one place that knows the format's names for them. A file turns neighbouring pairs of a head's rows, where this
package turns halves: rows of queries and keys are put back.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from specsample.transformer.bpe import BytePairTokenizer
from specsample.transformer.config import Config
from specsample.transformer.fused import FusedParams, check_parts, part_shapes
from specsample.transformer.gguf import GgufFile
from specsample.transformer.layers import Array

PARTS = {  # ours : theirs
    "embedding": ("token_embd.weight",),
    "head": ("output.weight",),
    "norm": ("output_norm.weight",),
    "layers.N.qkv": ("blk.N.attn_q.weight", "blk.N.attn_k.weight", "blk.N.attn_v.weight"),
    "layers.N.out": ("blk.N.attn_output.weight",),
    "layers.N.gate_up": ("blk.N.ffn_gate.weight", "blk.N.ffn_up.weight"),
    "layers.N.down": ("blk.N.ffn_down.weight",),
    "layers.N.norm_attention": ("blk.N.attn_norm.weight",),
    "layers.N.norm_mlp": ("blk.N.ffn_norm.weight",),
}
SPECIAL = (3, 4)  # kinds of tokens that are no text: control, and those that a user added
NUMBER = (int, float)


def read_llama(path: str | Path, context: int) -> tuple[Config, Mapping[str, Array], BytePairTokenizer]:
    """Open a Llama's GGUF file; its tensors are read when they are asked for.

    Parameters
    ----------
    path : str or Path
    context : int, positions that the cache shall hold; at most those that the file allows

    Returns
    -------
    (Config; mapping of float32 arrays, named as in `config.shapes`; BytePairTokenizer)

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, or holds another architecture, another kind of tokenizer, or what this Transformer lacks.
    """
    file = GgufFile(path)
    config = config_of(file, context)
    tokenizer = tokenizer_of(file)
    # names are listed for each layer, so their number is not believed either
    if config.n_layers > len(file.places):
        raise ValueError(f"{path}: llama.block_count is {config.n_layers}, but there are {len(file.places)} tensors.")
    expected = part_shapes(config, PARTS)
    check_parts(expected, {name: place.shape for name, place in file.places.items()})
    return config, FusedParams(config, PARTS, lambda name: _tensor(file, config, name)), tokenizer


def config_of(file: GgufFile, context: int) -> Config:
    """Translate the settings; ValueError if they ask for what this Transformer lacks."""
    _expect(file, "general.architecture", "llama", cause="Only Llamas are built here.")
    width = _setting(file, "llama.embedding_length", int)
    n_heads = _setting(file, "llama.attention.head_count", int)
    # what would load but compute something else
    head_dim = width // max(n_heads, 1)
    for key in ("llama.rope.dimension_count", "llama.attention.key_length", "llama.attention.value_length"):
        _expect(file, key, head_dim, default=head_dim, cause="No other head size is built here.")
    scaling = "No scaled rotary frequencies are built here."
    _expect(file, "llama.rope.scaling.type", "none", default="none", cause=scaling)
    _expect(file, "llama.expert_count", 0, default=0, cause="No mixture of experts is built here.")
    return Config(
        vocab_size=len(_setting(file, "tokenizer.ggml.tokens", list)),
        width=width,
        n_layers=_setting(file, "llama.block_count", int),
        n_heads=n_heads,
        n_kv_heads=_setting(file, "llama.attention.head_count_kv", int, n_heads),
        hidden=_setting(file, "llama.feed_forward_length", int),
        max_length=min(context, _setting(file, "llama.context_length", int)),
        tied="output.weight" not in file.places,
        rope_theta=float(_setting(file, "llama.rope.freq_base", NUMBER, 10000.0)),
        norm_eps=float(_setting(file, "llama.attention.layer_norm_rms_epsilon", NUMBER)),
    )


def tokenizer_of(file: GgufFile) -> BytePairTokenizer:
    """Read the tokenizer; ValueError if it is of another kind than SmolLM's."""
    cause = "Only byte pairs with SmolLM's words are built here."
    _expect(file, "tokenizer.ggml.model", "gpt2", cause=cause)
    _expect(file, "tokenizer.ggml.pre", "smollm", cause=cause)
    tokens = _setting(file, "tokenizer.ggml.tokens", list)
    kinds = _setting(file, "tokenizer.ggml.token_type", np.ndarray, np.ones(0))
    return BytePairTokenizer(
        tokens,
        _setting(file, "tokenizer.ggml.merges", list),
        special=[token for token, kind in enumerate(kinds[: len(tokens)]) if kind in SPECIAL],
        end=_setting(file, "tokenizer.ggml.eos_token_id", int),
        template=_setting(file, "tokenizer.chat_template", str, ""),
    )


def _tensor(file: GgufFile, config: Config, name: str) -> Array:
    """Read a tensor, of queries and keys with the pairs of a rotary plane in halves."""
    tensor = file.tensor(name)
    if not name.endswith(("attn_q.weight", "attn_k.weight")):
        return tensor
    pairs = tensor.reshape(-1, config.head_dim // 2, 2, config.width)
    return pairs.swapaxes(1, 2).reshape(tensor.shape)


def _setting(file: GgufFile, key: str, kind: Any, default: Any = None) -> Any:
    """Look a setting up; ValueError if it is missing or of another type."""
    value = file.settings.get(key, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        got = "none" if value is None else repr(value)[:60]
        raise ValueError(f"{file.path}: {key} must be of type {kind}; got {got}. Is it the file of a language model?")
    return value


def _expect(file: GgufFile, key: str, expected: Any, *, default: Any = None, cause: str) -> None:
    """Refuse a file in which a setting is another than what is built here."""
    got = file.settings.get(key, default)
    if isinstance(got, type(expected)) and got == expected:
        return
    raise ValueError(f"{file.path}: {key} must be {expected!r}; got {str(got)[:60]!r}. {cause}")
