"""Tiny GGUF files, written without the package that is their oracle."""

import struct

import numpy as np

from specsample.transformer.huggingface import llama_from_params

ALIGNMENT = 32
TYPES = {bool: (7, "?"), int: (4, "I"), float: (6, "f")}


def text(value):
    """Write a string: its length, then its bytes."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(given):
    """Write a setting's type and value; a list is an array of its first entry's type."""
    if isinstance(given, str):
        return struct.pack("<I", 8) + text(given)
    if isinstance(given, list):
        entries = [value(entry) for entry in given]
        return (
            struct.pack("<I", 9) + entries[0][:4] + struct.pack("<Q", len(given)) + b"".join(e[4:] for e in entries)
        )
    kind, letter = TYPES[type(given)]
    return struct.pack("<I" + letter, kind, given)


def gguf_bytes(settings, tensors, version=3):
    """Write a whole file; a tensor is (sizes, the fastest first; number of its kind; bytes), or a float32 array."""
    places, data = b"", b""
    for name, tensor in tensors.items():
        if isinstance(tensor, np.ndarray):
            tensor = (tensor.shape[::-1], 0, tensor.astype("<f4").tobytes())
        sizes, kind, raw = tensor
        places += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, len(data))
        data += raw + bytes(-len(raw) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(settings))
    head += b"".join(text(key) + value(given) for key, given in settings.items()) + places
    return head + bytes(-len(head) % ALIGNMENT) + data


BYTES = [chr(i) for i in [*range(33, 127), *range(161, 173), *range(174, 256)]] + [chr(256 + i) for i in range(68)]
WORDS = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": [*BYTES, "ab", "Ġab", "<|im_start|>", "<|im_end|>"],
    "tokenizer.ggml.merges": ["a b", "Ġ ab"],
    "tokenizer.ggml.token_type": [1] * 258 + [3, 3],
    "tokenizer.ggml.eos_token_id": 259,
}
NAMES = {
    **{"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v"},
    **{"self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up"},
    **{"mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"},
    **{"model.layers": "blk", "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"},
}


def settings_of(config):
    """Write a configuration as a GGUF file has it."""
    c = config
    sizes = {"embedding_length": c.width, "block_count": c.n_layers, "feed_forward_length": c.hidden}
    sizes |= {
        "attention.head_count": c.n_heads,
        "attention.head_count_kv": c.n_kv_heads,
        "context_length": c.max_length,
    }
    sizes |= {"rope.freq_base": c.rope_theta, "attention.layer_norm_rms_epsilon": c.norm_eps}
    return {"general.architecture": "llama"} | {f"llama.{key}": size for key, size in sizes.items()} | WORDS


def tensors_of(config, params):
    """Write parameters under the format's names, the halves of each rotary plane as neighbouring rows."""
    found = {}
    for name, tensor in llama_from_params(params, config).items():
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        if "attn_q" in name or "attn_k" in name:
            halves = tensor.reshape(-1, 2, config.head_dim // 2, config.width)
            tensor = np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(tensor.shape)
        found[name] = tensor
    return found
