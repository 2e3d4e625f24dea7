"""A one-layer head as a model, which watches the target's own context.

What `head_lm` does for the recurrent head: the same watched target, the same order of starts. The head has a memory
of keys and values for the tokens before which the target's features are known. Guesses never enter it: what was
drafted is read again, from features, once the target has read it. Its rows are 0 outside its ids, which is lossless
as any q is.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from specsample.distributions import Array, softmax
from specsample.drafts import layer_head
from specsample.drafts.head_lm import FeaturedContext, FeaturedLM, WatchingLM
from specsample.files import read_arrays, write_arrays
from specsample.request import check_rollback
from specsample.transformer.cache import Cache
from specsample.transformer.linear import pack, product
from specsample.transformer.lm import PRETRAINED as FOLDER
from specsample.transformer.lm import TransformerLM

PRETRAINED = FOLDER / "smollm2-head.npz"


class LayerHeadLM(WatchingLM):
    """Draft with a one-layer head on the features of a target.

    Parameters
    ----------
    target : FeaturedLM, whose latest context is watched
    params : dict of arrays, as `layer_head.init_params` makes them, and "ids", the (V',) tokens that are drafted

    Raises
    ------
    ValueError
        If the parameters belong to a target of another shape or vocabulary.
    """

    def __init__(self, target: FeaturedLM, params: dict[str, np.ndarray]) -> None:
        super().__init__(target)
        self.ids = params["ids"].astype(np.int64)
        self.params = {name: value for name, value in params.items() if name != "ids"}
        hidden = len(params["layers.0.down"])
        self.config = layer_head.head_config(target.config, hidden, len(self.ids))
        # one shape off, or one id that the target has not, and it is another's
        shapes = {name: value.shape for name, value in self.params.items()}
        if shapes != layer_head.shapes(self.config) or self.ids.max() >= target.vocab_size:
            raise ValueError(
                f"params must belong to a target of width {target.config.width} and {target.vocab_size} tokens; "
                f"got fc of {params['fc'].shape} and ids up to {self.ids.max()}. Is it the head of another model?"
            )
        self.output = pack(layer_head.cut_output(target.model, self.ids))

    def start(self) -> "LayerHeadContext":
        """Begin an empty context that watches the context which the target started last."""
        return LayerHeadContext(self, self.watched())


class LayerHeadContext:
    """The tokens a head has read, its state after each, its memory, and the target's context that it watches."""

    def __init__(self, model: LayerHeadLM, target: FeaturedContext) -> None:
        self.model = model
        self.target = target
        self.tokens: list[int] = []
        self.states = np.zeros((model.max_length, model.config.width), target.features.dtype)
        self.cache = Cache(model.config, dtype=self.states.dtype)  # place i belongs to token i+1: before 0 is nothing

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.tokens)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; the row of the token after the last of them, or none where nothing stands before that."""
        start = self.length
        self.tokens += [int(token) for token in tokens]
        # a target that has read nothing reads all but the last token, which its next pass reads with the drafts
        if start == self.target.length == 0 and self.length > 1:
            self.target.extend(self.tokens[:-1])
        # where the features before a token are known, one pass for all that are not in the memory yet
        known = slice(self.cache.length + 1, min(self.target.length + 1, self.length))
        if known.start < known.stop:
            features = self.target.features[known]
            states, _ = layer_head.first_step(
                self.model.config, self.model.params, features[None], self._embedded(known), cache=self.cache
            )
            self.states[known] = states[0]
        # then from its own states, one by one
        for i in range(max(known.stop, start, 1), self.length):
            here = slice(i, i + 1)
            before = self.states[None, i - 1 : i]
            states, _ = layer_head.later_step(self.model.config, self.model.params, before, self._embedded(here))
            self.states[here] = states[0]
        return self._row()[: self.length > 1]

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        del self.tokens[length:]
        self.cache.rollback(min(self.cache.length, max(length - 1, 0)))

    def _embedded(self, here: slice) -> Array:
        """Look up some tokens in the target's embedding, (1, n, D) rows of root mean square 1."""
        return layer_head.normed(self.model.target.embedding[self.tokens[here]])[None]

    def _row(self) -> Array:
        """Return the distribution after the last token: 0 for all but the ids."""
        probs = softmax(product(self.states[self.length - 1 : self.length], self.model.output))
        row = np.zeros((1, self.model.vocab_size), probs.dtype)
        row[:, self.model.ids] = probs
        return row


def layer_head_pair(target: TransformerLM, params: dict[str, np.ndarray]) -> tuple[FeaturedLM, LayerHeadLM]:
    """Make the two models that `generate` needs: the target, watched, and the draft that watches it."""
    watched = FeaturedLM(target)
    return watched, LayerHeadLM(watched, params)


def save_layer_head(path: str | Path, params: dict[str, np.ndarray]) -> None:
    """Write a head's parameters in float16, and its ids, to an .npz file."""
    write_arrays(path, {n: v.astype(np.uint32 if n == "ids" else np.float16) for n, v in params.items()})


def load_layer_head(path: str | Path = PRETRAINED) -> dict[str, np.ndarray]:
    """Read a head that `save_layer_head` wrote, in float32; the one for SmolLM2 unless a path is given.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is cut short or of another kind.
    """
    arrays = read_arrays(path)
    if not {"ids", "fc", "layers.0.down"} <= arrays.keys():
        raise ValueError(
            f"{path} must hold a head with ids, fc and a layer; got {sorted(arrays)[:5]}. A model's file?"
        )
    return {name: value if name == "ids" else value.astype(np.float32) for name, value in arrays.items()}
