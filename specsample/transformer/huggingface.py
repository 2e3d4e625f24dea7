"""Published Llama checkpoints, turned into this package's Transformer.

The one place that knows Hugging Face's names. Their matrices are (out, in) and apart, ours (in, out) and fused where
they read the same input; the halves of a rotary plane lie where theirs do, so nothing is permuted.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from specsample.transformer.bpe import BytePairTokenizer
from specsample.transformer.config import Config
from specsample.transformer.fused import FusedParams, check_parts, part_names, part_shapes
from specsample.transformer.layers import Array
from specsample.transformer.safetensors import SafetensorsFile

PARTS = {  # ours : theirs
    "embedding": ("model.embed_tokens.weight",),
    "head": ("lm_head.weight",),
    "norm": ("model.norm.weight",),
    "layers.N.qkv": tuple(f"model.layers.N.self_attn.{x}_proj.weight" for x in "qkv"),
    "layers.N.out": ("model.layers.N.self_attn.o_proj.weight",),
    "layers.N.gate_up": ("model.layers.N.mlp.gate_proj.weight", "model.layers.N.mlp.up_proj.weight"),
    "layers.N.down": ("model.layers.N.mlp.down_proj.weight",),
    "layers.N.norm_attention": ("model.layers.N.input_layernorm.weight",),
    "layers.N.norm_mlp": ("model.layers.N.post_attention_layernorm.weight",),
}
NEEDED = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
WORDS = [  # how SmolLM's tokenizer cuts a text
    {"type": "Digits", "individual_digits": True},
    {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
]


def read_folder(folder: str | Path, context: int) -> tuple[Config, Mapping[str, Array], BytePairTokenizer | None]:
    """Open a Llama's folder, as `save_pretrained` writes it; its tensors are read when they are asked for.

    Parameters
    ----------
    folder : str or Path, holds config.json and model.safetensors, or model.safetensors.index.json and its shards; and
        tokenizer.json, if its texts are more than token ids
    context : int, positions that the cache shall hold; at most those that the model allows

    Returns
    -------
    (Config; mapping of float arrays, named as in `config.shapes`; BytePairTokenizer, or None if there is none)

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged, the model is no Llama, or has what this Transformer lacks (biases, scaled rotary
        frequencies), or the tokenizer is of another kind.
    """
    folder = Path(folder)
    config, params = read_weights(folder, context)
    return config, params, _tokenizer(folder, config.vocab_size)


def read_weights(folder: str | Path, context: int) -> tuple[Config, Mapping[str, Array]]:
    """Open a Llama's folder without its tokenizer, which may then be of any kind.

    Parameters and Raises: as for `transformer.huggingface.read_folder`.

    Returns
    -------
    (Config; mapping of float arrays, named as in `config.shapes`)
    """
    folder = Path(folder)
    config = config_from_llama(_json(folder / "config.json"))
    config = replace(config, max_length=min(context, config.max_length))
    # which of the files holds a tensor
    files = [SafetensorsFile(path) for path in _shards(folder)]
    holder = {name: file for file in files for name in file.shapes}
    _check_parts(config, {name: file.shapes[name] for name, file in holder.items()})
    return config, FusedParams(config, PARTS, lambda name: holder[name].tensor(name))


def config_from_llama(settings: Mapping[str, Any]) -> Config:
    """Translate a Llama's config.json; ValueError if it asks for what this Transformer lacks."""
    if missing := [name for name in NEEDED if name not in settings]:
        raise ValueError(f"config.json must have {missing[0]}; got {sorted(settings)[:5]} ... Is it a model's?")
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


def params_from_llama(tensors: Mapping[str, np.ndarray], config: Config) -> Mapping[str, Array]:
    """Fuse and transpose a Llama's tensors into this package's parameters, each when it is asked for.

    Parameters
    ----------
    tensors : mapping of float arrays, under Hugging Face's names, matrices (out, in); extra buffers are ignored
    config : Config

    Returns
    -------
    mapping of float arrays, named as in `config.shapes`

    Raises
    ------
    ValueError
        If a tensor is missing or has another shape.
    """
    _check_parts(config, {name: tensor.shape for name, tensor in tensors.items()})

    def read(name: str) -> Array:
        # a view, because the embedding that is kept can no longer be written to
        return tensors[name].astype(np.float32) if tensors[name].dtype == np.float16 else tensors[name].view()

    return FusedParams(config, PARTS, read)


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
    measures = part_shapes(config, PARTS)
    tensors: dict[str, np.ndarray] = {}
    for name, parts in part_names(config, PARTS).items():
        # cut where the parts end, which lie side by side
        ends = np.cumsum([measures[part][0] for part in parts])
        whole = params[name] if name == "embedding" else params[name].T
        split = np.split(whole, ends[:-1].tolist())
        tensors |= {part: np.ascontiguousarray(tensor) for part, tensor in zip(parts, split, strict=True)}
    return tensors


def _check_parts(config: Config, found: Mapping[str, tuple[int, ...]]) -> None:
    """Hold the tensors that a model has to those that its configuration asks for; buffers beside them are ignored."""
    expected = part_shapes(config, PARTS)
    check_parts(expected, {name: shape for name, shape in found.items() if name in expected})


def _tokenizer(folder: Path, vocab_size: int) -> BytePairTokenizer | None:
    """Read tokenizer.json; ValueError if it is of another kind than SmolLM's."""
    path = folder / "tokenizer.json"
    if not path.exists():
        return None
    described = _json(path)
    _check_words(path, described)
    model = described["model"]
    # rows of the embedding that no text uses are special
    tokens = [f"<unused {token}>" for token in range(vocab_size)]
    special = {token["id"] for token in described["added_tokens"]}
    texts = model["vocab"] | {token["content"]: token["id"] for token in described["added_tokens"]}
    for text, token in texts.items():
        if not isinstance(token, int) or not 0 <= token < vocab_size:
            raise ValueError(f"{path}: token {text!r} must lie in [0, {vocab_size}); got {token}. Another model's?")
        tokens[token] = text
    special |= {*range(vocab_size)}.difference(texts.values())
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    settings = _json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").exists() else {}
    template = folder / "chat_template.jinja"
    end = _json(folder / "config.json").get("eos_token_id")
    return BytePairTokenizer(
        tokens,
        merges,
        special=special,
        end=end if isinstance(end, int) else None,
        template=template.read_text(encoding="utf-8") if template.exists() else settings.get("chat_template") or "",
    )


def _check_words(path: Path, described: Mapping[str, Any]) -> None:
    """Refuse a tokenizer that would cut a text elsewhere, or change it."""
    model = described.get("model") or {}
    cutter = described.get("pre_tokenizer") or {}
    steps = [{"use_regex": True} | step for step in cutter.get("pretokenizers", [])]
    words = [{key: step.get(key) for key in expected} for step, expected in zip(steps, WORDS)]
    is_known = model.get("type", "BPE") == "BPE" and "merges" in model and not model.get("ignore_merges")
    is_plain = all(token["special"] for token in described.get("added_tokens", []))
    if not (is_known and is_plain and words == WORDS and len(steps) == 2 and not described.get("normalizer")):
        raise ValueError(
            f"{path} must be byte pairs with SmolLM's words (Digits, ByteLevel); got {model.get('type')} with "
            f"{[step.get('type') for step in steps] or cutter.get('type')}. `read_weights` reads no tokenizer."
        )


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
    names = _json(index)["weight_map"].values()
    return [folder / name for name in sorted(set(names))]


def _json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be a JSON object; it is cut short or foreign ({error}).") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} must be a JSON object; got {type(found).__name__}.")
    return found
