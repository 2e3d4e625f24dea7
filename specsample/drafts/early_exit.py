"""The target's first layers as its own draft model.

Can the target draft for itself? Its first layers, its norm and its head are a smaller model already. A Transformer
adds to one stream of numbers, layer by layer, and reads its prediction off the stream after the last one. Reading it
off earlier gives a worse prediction for a part of the cost: c is about n/L. The draft has the target's own matrices
and no others. Its n layers write the very keys and values that the target's first n layers write, so that the two can
share one cache: the draft writes ahead, and the target's pass over the same tokens writes the same again.
"""

from copy import copy
from dataclasses import replace
from functools import cached_property

from specsample.transformer.inference import FastCache, PackedModel
from specsample.transformer.lm import TransformerContext, TransformerLM


class ExitLM(TransformerLM):
    """The target up to its n-th layer, with a cache of its own unless the target lends its.

    q(x | context) = softmax(head(norm(stream after layer n))), from the target's own parameters.

    Parameters
    ----------
    target : TransformerLM
    n_layers : int, 1 to the target's L

    Raises
    ------
    ValueError
        If the target has fewer layers, or n_layers is not positive.
    """

    def __init__(self, target: TransformerLM, n_layers: int) -> None:
        L = target.config.n_layers
        if not 1 <= n_layers <= L:
            raise ValueError(f"n_layers must lie in 1 .. {L}, the target's layers; got {n_layers}.")
        # the same arrays under the same names, the upper layers left out: nothing is copied
        dropped = tuple(f"layers.{layer}." for layer in range(n_layers, L))
        params = {name: value for name, value in target.params.items() if not name.startswith(dropped)}
        super().__init__(replace(target.config, n_layers=n_layers), params, target.tokenizer)
        self.target = target

    @cached_property
    def packed(self) -> PackedModel:
        """The target's packed matrices, without those of the layers above."""
        packed = copy(self.target.packed)
        packed.config = self.config
        packed.layers = packed.layers[: self.config.n_layers]
        return packed

    def start(self) -> TransformerContext:
        """Begin an empty context, in the cache of the target's latest one if the target is watched."""
        context = TransformerContext(self)
        # a target that nobody watches, or that has not started, has no cache to lend
        if isinstance(self.target, WatchedLM) and self.target.latest is not None:
            context.cache = lower_part(self.target.latest.cache, self.config.n_layers)
        return context


class WatchedLM(TransformerLM):
    """A Transformer that lends the cache of its latest context to drafts of its own layers."""

    def __init__(self, model: TransformerLM) -> None:
        super().__init__(model.config, model.params, model.tokenizer)
        self.packed = model.packed  # the same matrices, not packed again
        self.latest: TransformerContext | None = None

    def start(self) -> TransformerContext:
        """Begin an empty context, the one whose cache the next draft context shares."""
        self.latest = TransformerContext(self)
        return self.latest


def lower_part(cache: FastCache, n_layers: int) -> FastCache:
    """Show the first layers of a cache as an empty cache on the same arrays, with a length of its own."""
    part = copy(cache)
    # views, not copies: what the draft writes ahead is what the target will write in the same places
    part.keys = cache.keys[:n_layers]
    part.values = cache.values[:n_layers]
    part.length = 0
    return part


def early_exit_pair(target: TransformerLM, n_layers: int) -> tuple[WatchedLM, ExitLM]:
    """Make a target and the draft that leaves it after n layers, which share one cache.

    For `generate`: start the target's context first, and let both read one text.
    """
    watched = WatchedLM(target)
    return watched, ExitLM(watched, n_layers)
