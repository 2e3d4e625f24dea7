"""A draft head as a model, which watches the target's own context.

`head_pair` makes two models that belong together: the target, whose context keeps the features of what it has read,
and the draft, whose context starts from them and carries them on where the target has not been yet. Its rows depend
on how far the target has read, which is no harm: the rule only asks that a draft comes from the q that is reported.
Start the target's context before the draft's, as `generate` does, and let both read one text. A target that has read
nothing is made to read the prompt before the first draft, in a pass that the trace does not count.
"""

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from specsample.distributions import Array, softmax
from specsample.drafts import head
from specsample.request import check_rollback
from specsample.transformer.inference import FastCache, logits
from specsample.transformer.linear import pack, product
from specsample.transformer.lm import PRETRAINED as FOLDER
from specsample.transformer.lm import TransformerLM

PRETRAINED = FOLDER / "head.npz"


class FeaturedLM:
    """A Transformer whose contexts keep the features of every position; same distributions, same cost."""

    def __init__(self, model: TransformerLM) -> None:
        self.model = model
        self.tokenizer = model.tokenizer
        # the same matrices, not a copy, but the pass ends at the features; the head makes distributions of them
        self.config = model.config
        self.packed = copy(model.packed)
        self.embedding = self.packed.embedding
        self.output = self.packed.head  # (D, V), with the norm's weights
        self.packed.head = pack(np.eye(self.config.width, dtype=self.embedding.dtype))
        self.latest: FeaturedContext | None = None

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.model.vocab_size

    @property
    def max_length(self) -> int:
        """Tokens that the cache holds, prompt included."""
        return self.model.max_length

    def start(self) -> "FeaturedContext":
        """Begin an empty context, the one that the next draft context watches."""
        self.latest = FeaturedContext(self)
        return self.latest


class FeaturedContext:
    """What a Transformer has read: its cache, and row i+1 of `features` for position i (row 0 is zero)."""

    def __init__(self, model: FeaturedLM) -> None:
        self.model = model
        self.cache = FastCache(model.packed)
        self.features = np.zeros((model.max_length + 1, model.config.width), model.embedding.dtype)

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.cache.length

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""
        past = self.length
        # kept under the number of the token they come before, so that row 0 stands for "before any token"
        found = logits(self.model.packed, np.array(tokens, np.int64), self.cache)  # no logits: (n, D) features
        self.features[past + 1 : self.length + 1] = found
        return softmax(product(found, self.model.output))

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        self.cache.length = length


class WatchingLM:
    """A draft source that watches the contexts of a target.

    Parameters
    ----------
    target : FeaturedLM, whose latest context is watched
    """

    def __init__(self, target: FeaturedLM) -> None:
        self.target = target

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.target.vocab_size

    @property
    def max_length(self) -> int:
        """Tokens that a context holds, prompt included."""
        return self.target.max_length

    def watched(self) -> FeaturedContext:
        """Return the context which the target started last, or one that begins now."""
        return self.target.start() if self.target.latest is None else self.target.latest


class HeadLM(WatchingLM):
    """Draft with a head on the features of a target.

    Parameters
    ----------
    target : FeaturedLM, whose latest context is watched
    params : dict of arrays, as `head.init_params` makes them

    Raises
    ------
    ValueError
        If the parameters belong to a target of another width.
    """

    def __init__(self, target: FeaturedLM, params: dict[str, np.ndarray]) -> None:
        width = target.config.width
        if params["norm"].shape != (width,):
            raise ValueError(
                f"params must belong to a target of width {width}; got one of {params['norm'].shape}. "
                "Train the head again: python -m specsample.training.train_head."
            )
        super().__init__(target)
        D = width
        F = params["down"].shape[0]
        # folded in once, for they never change: the norms' weights and, for each token, all that it adds to gate_up
        halved = params["gate_up"] * np.repeat([0.5, 1.0], F).astype(params["gate_up"].dtype)  # for `_moved`'s tanh
        self.from_token = _normed(target.embedding) * params["norm_token"] @ halved[D:]  # (V, 2F)
        self.from_state = pack(params["norm_state"][:, None] * halved[:D])
        self.output = pack(params["norm"][:, None] * head.output_matrix(target.model))
        self.down = pack(params["down"])

    def start(self) -> "HeadContext":
        """Begin an empty context that watches the context which the target started last."""
        return HeadContext(self, self.watched())


class HeadContext:
    """The tokens a head has read, its state after each of them, and the target's context that it watches."""

    def __init__(self, model: HeadLM, target: FeaturedContext) -> None:
        self.model = model
        self.target = target
        self.tokens: list[int] = []
        self.states = np.zeros((model.max_length, model.target.config.width), target.features.dtype)

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.tokens)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""
        start = self.length
        n = len(tokens)
        self.tokens += [int(token) for token in tokens]
        # a target that has read nothing reads all but the last token, which its next pass reads with the drafts
        if start == self.target.length == 0 and n > 1:
            self.target.extend(self.tokens[:-1])
        # up to `stop` the features before a token are known, one product for all; then its own states, one by one
        stop = min(max(self.target.length + 1, start), start + n)
        rows = [self._read(slice(start, stop), self.target.features)] if stop > start else []
        rows += [self._read(slice(i, i + 1), self.states, i - 1) for i in range(stop, start + n)]
        return np.concatenate(rows)

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        del self.tokens[length:]

    def _read(self, here: slice, before: Array, first: int | None = None) -> Array:
        """Carry the states before some positions over their tokens; return the rows after them."""
        tokens = self.tokens[here]
        # features stand under the number of the token that they come before, states under that of their own token
        first = here.start if first is None else first
        states = self._moved(before[first : first + len(tokens)], tokens)
        self.states[here] = states
        return softmax(product(_normed(states), self.model.output))

    def _moved(self, states: Array, tokens: list[int]) -> Array:
        """Compute `head.advance` with what never changes folded into the matrices; what a token adds is looked up."""
        gate_up = product(_normed(states), self.model.from_state)
        gate_up += self.model.from_token[tokens]
        F = gate_up.shape[1] // 2
        half = gate_up[:, :F]
        up = gate_up[:, F:]
        # g·σ(g) = h·(1 + tanh h) with h = g/2, in place: one array for all three
        hidden = np.tanh(half)
        hidden += 1.0
        hidden *= half
        hidden *= up
        moved = product(hidden, self.model.down)
        moved += states
        return moved


def _normed(x: Array) -> Array:
    """Scale rows (n, D) to root mean square 1."""
    return x * ((np.vecdot(x, x) * (1.0 / x.shape[1]) + head.EPS) ** -0.5)[:, None]


def head_pair(target: TransformerLM, params: dict[str, np.ndarray]) -> tuple[FeaturedLM, HeadLM]:
    """Make the two models that `generate` needs: the target, watched, and the draft that watches it."""
    watched = FeaturedLM(target)
    return watched, HeadLM(watched, params)


def save_head(path: str | Path, params: dict[str, np.ndarray], **notes: Any) -> None:
    """Write a head to an .npz file, in float16 and without pickle, with notes on how it was trained."""
    arrays: dict[str, Any] = {name: value.astype(np.float16) for name, value in params.items()}
    arrays |= {name: np.array(value) for name, value in notes.items()}
    np.savez(path, **arrays)


def load_head(path: str | Path = PRETRAINED) -> dict[str, np.ndarray]:
    """Read a head that `save_head` wrote, in float32; the one that comes with the package unless a path is given."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name].astype(np.float32) for name in head.shapes(1, 1)}
