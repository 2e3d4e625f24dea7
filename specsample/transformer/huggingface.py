"""Published Llama checkpoints, turned into this package's Transformer.

The one place that knows Hugging Face's names. Their matrices are (out, in) and apart, ours (in, out) and fused where
they read the same input; the halves of a rotary plane lie where theirs do, so nothing is permuted. Needs the extra
[hf].
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from specsample.transformer.checkpoint import check_shapes
from specsample.transformer.config import Config
from specsample.transformer.lm import TransformerLM

# ours, without "layers.N." : theirs, without "model.layers.N." and ".weight"
MATRICES = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
NORMS = {"norm_attention": "input_layernorm", "norm_mlp": "post_attention_layernorm"}
FLOATS = {"F64": np.float64, "F32": np.float32, "F16": np.float16}


def load_llama(folder: str | Path) -> TransformerLM:
    """Load a Llama-family model from a local folder, as `save_pretrained` writes it.

    Parameters
    ----------
    folder : str or Path, holds config.json and model.safetensors, or model.safetensors.index.json and its shards

    Returns
    -------
    TransformerLM, in float32, without a tokenizer: its texts are token ids

    Raises
    ------
    ValueError
        If the model is no Llama, or has what this Transformer lacks (biases, scaled rotary frequencies).
    ImportError
        If safetensors is not installed.
    """
    folder = Path(folder)
    config = config_from_llama(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    tensors: dict[str, np.ndarray] = {}
    for path in _shards(folder):
        tensors |= _read_tensors(path)
    return TransformerLM(config, params_from_llama(tensors, config))


def config_from_llama(settings: Mapping[str, Any]) -> Config:
    """Translate a Llama's config.json; ValueError if it asks for what this Transformer lacks."""
    _check_supported(settings)
    rope = settings.get("rope_parameters") or {}
    return Config(
        vocab_size=settings["vocab_size"],
        width=settings["hidden_size"],
        n_layers=settings["num_hidden_layers"],
        n_heads=settings["num_attention_heads"],
        n_kv_heads=settings.get("num_key_value_heads") or settings["num_attention_heads"],
        hidden=settings["intermediate_size"],
        max_length=settings["max_position_embeddings"],
        tied=settings.get("tie_word_embeddings", False),
        rope_theta=float(rope.get("rope_theta") or settings.get("rope_theta") or 10000.0),
        norm_eps=float(settings.get("rms_norm_eps", 1e-6)),
    )


def params_from_llama(tensors: Mapping[str, np.ndarray], config: Config) -> dict[str, np.ndarray]:
    """Fuse and transpose a Llama's tensors into this package's parameters.

    Parameters
    ----------
    tensors : mapping of arrays, under Hugging Face's names, matrices (out, in); extra buffers are ignored
    config : Config

    Returns
    -------
    dict of float arrays
        As `config.init_params` makes them, contiguous, in the tensors' float type (float16 becomes float32).

    Raises
    ------
    ValueError
        If a tensor is missing or has another shape.
    """

    def read(name: str) -> np.ndarray:
        if f"{name}.weight" not in tensors:
            raise ValueError(f"tensor {name}.weight is missing; got {len(tensors)} tensors. Is a shard missing?")
        tensor = tensors[f"{name}.weight"]
        return tensor.astype(np.float32) if tensor.dtype == np.float16 else tensor

    # matrices that read the same input become one, transposed
    params = {"embedding": read("model.embed_tokens"), "norm": read("model.norm")}
    if not config.tied:
        params["head"] = np.ascontiguousarray(read("lm_head").T)
    for layer in range(config.n_layers):
        ours = f"layers.{layer}."
        theirs = f"model.layers.{layer}."
        for name, parts in MATRICES.items():
            params[ours + name] = np.ascontiguousarray(np.concatenate([read(theirs + part) for part in parts]).T)
        for name, part in NORMS.items():
            params[ours + name] = read(theirs + part)
    check_shapes(config, params)
    return params


def llama_from_params(params: Mapping[str, np.ndarray], config: Config) -> dict[str, np.ndarray]:
    """Take this package's parameters, or their gradients, apart into a Llama's tensors.

    Parameters
    ----------
    params : mapping of arrays, as `config.init_params` makes them
    config : Config

    Returns
    -------
    dict of arrays, under Hugging Face's names, matrices (out, in)
    """
    tensors = {"model.embed_tokens.weight": params["embedding"], "model.norm.weight": params["norm"]}
    if not config.tied:
        tensors["lm_head.weight"] = params["head"].T
    q = config.n_heads * config.head_dim
    kv = config.n_kv_heads * config.head_dim
    # where the fused matrices are cut
    cuts = {"qkv": [q, q + kv], "gate_up": [config.hidden]}
    for layer in range(config.n_layers):
        ours = f"layers.{layer}."
        theirs = f"model.layers.{layer}."
        for name, parts in MATRICES.items():
            split = np.split(params[ours + name].T, cuts.get(name, []))
            tensors |= {f"{theirs}{part}.weight": tensor for part, tensor in zip(parts, split, strict=True)}
        for name, part in NORMS.items():
            tensors[f"{theirs}{part}.weight"] = params[ours + name]
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def _check_supported(settings: Mapping[str, Any]) -> None:
    """Refuse what would load but compute something else."""
    # releases of transformers have written rotary settings under three names
    rope = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    width = settings["hidden_size"]
    heads = settings["num_attention_heads"]
    found = {
        "model_type": (settings.get("model_type"), "llama"),
        "hidden_act": (settings.get("hidden_act", "silu"), "silu"),
        "attention_bias": (bool(settings.get("attention_bias")), False),
        "mlp_bias": (bool(settings.get("mlp_bias")), False),
        "rope_type": (rope.get("rope_type", rope.get("type", "default")), "default"),
        "head_dim": (settings.get("head_dim") or width // heads, width // heads),
    }
    for name, (got, expected) in found.items():
        if got != expected:
            raise ValueError(f"{name} must be {expected!r} in config.json; got {got!r}. No other is built here.")


def _shards(folder: Path) -> list[Path]:
    """List the files that hold the tensors."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return [folder / "model.safetensors"]
    names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return [folder / name for name in sorted(set(names))]


def _read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Read one .safetensors file."""
    from safetensors import SafetensorError, deserialize

    try:
        entries = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ValueError(f"{path} must be a whole .safetensors file; it is cut or foreign ({error}).") from error
    return {name: _to_array(entry, f"{path}: {name}") for name, entry in entries}


def _to_array(entry: dict[str, Any], name: str) -> np.ndarray:
    """Turn raw little-endian bytes into an array; bfloat16 is the upper half of a float32."""
    kind = entry["dtype"]
    raw = entry["data"]
    if kind == "BF16":
        wide = np.frombuffer(raw, "<u2").astype(np.uint32) << 16
        return wide.view(np.float32).reshape(entry["shape"])
    if kind not in FLOATS:
        raise ValueError(f"{name} must be float64, float32, float16 or bfloat16; got {kind}. Is the model quantised?")
    return np.frombuffer(raw, FLOATS[kind]).reshape(entry["shape"])
