"""How does a draft head get at the target's features? It watches the target's own context.

`head_pair` makes two models that belong together: the target, whose context keeps the features of what it has read,
and the draft, whose context starts from them and carries them on where the target has not been yet. Its rows depend
on how far the target has read, which is no harm: the rule only asks that a draft comes from the q that is reported.
Start the target's context before the draft's, as `generate` does, and let both read one text. A target that has read
nothing is made to read the prompt before the first draft, in a pass that the trace does not count.
Before this file: `head`; after it: `train_head`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from specsample.distributions import Array, softmax
from specsample.drafts import head
from specsample.request import check_rollback
from specsample.transformer.inference import FastCache, PackedModel, logits
from specsample.transformer.linear import pack, product
from specsample.transformer.lm import PRETRAINED as FOLDER
from specsample.transformer.lm import TransformerLM

PRETRAINED = FOLDER / "head.npz"


class FeaturedLM:
    """A Transformer whose contexts keep the features of every position; same distributions, same cost.

    Parameters
    ----------
    model : TransformerLM
    """

    def __init__(self, model: TransformerLM) -> None:
        self.model, self.tokenizer = model, model.tokenizer
        self.config, params = head.featured(model)
        self.packed, self.embedding = PackedModel(self.config, params), params["embedding"]
        self.output = pack(model.params["norm"][:, None] * head.output_matrix(model))  # (D, V)
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
        self.model, self.cache = model, FastCache(model.packed)
        self.features = np.zeros((model.max_length + 1, model.config.width), model.embedding.dtype)

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return self.cache.length

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""
        past = self.length
        found = logits(self.model.packed, np.array(tokens, np.int64), self.cache)  # no logits: (n, D) features
        self.features[past + 1 : self.length + 1] = found
        return softmax(product(found, self.model.output))

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        self.cache.length = length


class HeadLM:
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
        self.target, D, F = target, width, params["down"].shape[0]
        halved = params["gate_up"] * np.repeat([0.5, 1.0], F).astype(params["gate_up"].dtype)  # for `_moved`'s tanh
        self.from_token = _normed(target.embedding) * params["norm_token"] @ halved[D:]  # (V, 2F)
        self.from_state = pack(params["norm_state"][:, None] * halved[:D])
        self.output = pack(params["norm"][:, None] * head.output_matrix(target.model))
        self.down = pack(params["down"])

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.target.vocab_size

    @property
    def max_length(self) -> int:
        """Tokens that a context holds, prompt included."""
        return self.target.max_length

    def start(self) -> "HeadContext":
        """Begin an empty context that watches the context which the target started last."""
        return HeadContext(self, self.target.start() if self.target.latest is None else self.target.latest)


class HeadContext:
    """The tokens a head has read, its state behind each of them, and the target's context that it watches."""

    def __init__(self, model: HeadLM, target: FeaturedContext) -> None:
        self.model, self.target, self.tokens = model, target, list[int]()
        self.states = np.zeros((model.max_length, model.target.config.width), target.features.dtype)

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return len(self.tokens)

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""
        start, n = self.length, len(tokens)
        self.tokens += [int(token) for token in tokens]
        if start == self.target.length == 0 and n > 1:
            self.target.extend(self.tokens[:-1])  # all but the last, which its next pass reads with the drafts
        stop = min(max(self.target.length + 1, start), start + n)  # up to here the features before a token are known
        rows = [self._read(slice(start, stop), self.target.features)] if stop > start else []
        rows += [self._read(slice(i, i + 1), self.states, i - 1) for i in range(stop, start + n)]
        return np.concatenate(rows)

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        check_rollback(length, self.length)
        del self.tokens[length:]

    def _read(self, here: slice, before: Array, first: int | None = None) -> Array:
        """Carry the states before some positions over their tokens; return the rows behind them."""
        tokens, first = self.tokens[here], here.start if first is None else first
        states = self._moved(before[first : first + len(tokens)], tokens)
        self.states[here] = states
        return softmax(product(_normed(states), self.model.output))

    def _moved(self, states: Array, tokens: list[int]) -> Array:
        """Compute `head.advance` with what never changes folded into the matrices; what a token adds is looked up."""
        gate_up = product(_normed(states), self.model.from_state)
        gate_up += self.model.from_token[tokens]
        half, up = gate_up[:, : gate_up.shape[1] // 2], gate_up[:, gate_up.shape[1] // 2 :]
        hidden = np.tanh(half)  # g·σ(g) = h·(1 + tanh h) with h = g/2
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
    """Make the two models that `generate` needs: the target, watched, and the draft that watches it.

    Parameters
    ----------
    target : TransformerLM
    params : dict of arrays, from `load_head` or `train_head`

    Returns
    -------
    (FeaturedLM, HeadLM)
    """
    watched = FeaturedLM(target)
    return watched, HeadLM(watched, params)


def save_head(path: str | Path, params: dict[str, np.ndarray], **notes: Any) -> None:
    """Write a head in float16, without pickle.

    Parameters
    ----------
    path : str or Path, an .npz file
    params : dict of arrays
    **notes : str or number, what should be known of the run
    """
    arrays = {name: value.astype(np.float16) for name, value in params.items()}
    np.savez(path, allow_pickle=False, **arrays, **{name: np.array(value) for name, value in notes.items()})


def load_head(path: str | Path = PRETRAINED) -> dict[str, np.ndarray]:
    """Read a head that `save_head` wrote.

    Parameters
    ----------
    path : str or Path, an .npz file; the one that comes with the package unless given

    Returns
    -------
    dict of float32 arrays
    """
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name].astype(np.float32) for name in head.shapes(1, 1)}
