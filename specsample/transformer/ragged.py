"""B texts of different lengths in one pass, in any array library.

The dense layers see the B × n new positions as one matrix, so that the weights are read once for all of them. Only
attention knows of rows: each has a length of its own in the cache, its own rotary angles and its own mask.
`BatchedTransformer` is the `batched.BatchedModel` of a `Transformer`.
"""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from array_api_compat import array_namespace

from specsample import batched
from specsample.backend import owner, to_device, to_numpy
from specsample.distributions import softmax
from specsample.request import Request, check_rollback
from specsample.trace import Trace
from specsample.transformer import ragged_numpy
from specsample.transformer.attention import rotary
from specsample.transformer.blocks import Params, head, mlp_block
from specsample.transformer.cache import check_fits
from specsample.transformer.config import Config
from specsample.transformer.inference import Transformer
from specsample.transformer.layers import Array, embedding, rms_norm
from specsample.transformer.ragged_cache import Places, RaggedCache

CHUNK = 64  # positions a pass: a long prompt is read in several, which bounds the memory of its attention


class BatchedTransformer:
    """Read B texts of different lengths at once.

    Parameters
    ----------
    model : Transformer, its parameters in any array library

    Examples
    --------
    >>> from specsample.transformer.config import init_params
    >>> config = Config(5, width=4, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=16)
    >>> model = Transformer(config, init_params(config, np.random.default_rng(0)))
    >>> context = BatchedTransformer(model).start(2)
    >>> context.extend(np.array([[0, 3], [1, 0]]), np.array([2, 1])).shape
    (2, 2, 5)
    >>> context.lengths
    array([2, 1])
    """

    def __init__(self, model: Transformer) -> None:
        self.model = model

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return self.model.vocab_size

    @property
    def max_length(self) -> int:
        """Tokens that a row of the memory holds, prompt included."""
        return self.model.max_length

    def start(self, B: int) -> "RaggedContext":
        """Begin B empty texts."""
        return RaggedContext(self.model, B)


class RaggedContext:
    """What a Transformer has read of B texts: keys and values, as many of each row as its length says.

    Parameters
    ----------
    model : Transformer
    B : int, texts
    """

    def __init__(self, model: Transformer, B: int) -> None:
        self.model = model
        self.lengths = np.zeros(B, np.int64)
        self.cache = RaggedCache(model.config, B, like=model.params["embedding"])

    def extend(self, tokens: Array, counts: Array) -> Array:
        """Read the first counts[b] of tokens[b]; row i of text b follows its token i."""
        counts = np.asarray(counts)
        n = tokens.shape[1]
        self._check(tokens, counts)
        xp = array_namespace(self.model.params["embedding"])
        rows = []
        tokens = to_device(tokens, like=self.model.params["embedding"])
        # a long prompt in pieces; a row whose tokens are over sits the rest out
        for start in range(0, n, CHUNK):
            part = tokens[:, start : min(start + CHUNK, n)]
            n_read = np.clip(counts - start, 0, CHUNK)
            places = self.cache.places(self.lengths, n_read, part.shape[1])
            rows.append(self._logits(part, places))
            self.lengths = self.lengths + n_read
        return softmax(rows[0] if len(rows) == 1 else xp.concat(rows, axis=1))

    def _logits(self, tokens: Array, places: Places) -> Array:
        """Run one pass, on NumPy with the matrices that were laid out for it."""
        if owner(self.model.params["embedding"]) == "numpy":
            return ragged_numpy.forward(self.model.packed, tokens, cache=self.cache, places=places)
        return forward(self.model.config, self.model.params, tokens, cache=self.cache, places=places)

    def rollback(self, lengths: Array) -> None:
        """Forget all but the first lengths[b] tokens of each text."""
        for length, current in zip(np.asarray(lengths).tolist(), self.lengths.tolist(), strict=True):
            check_rollback(length, current)
        self.lengths = np.array(lengths)

    def _check(self, tokens: Array, counts: Array) -> None:
        """Refuse what does not fit, and ids on the host that are no tokens; those of a device were picked there."""
        longest = int(np.argmax(self.lengths + counts))
        V = self.model.vocab_size
        check_fits(int(self.lengths[longest]), int(counts[longest]), self.model.max_length)
        if isinstance(tokens, np.ndarray):
            read = tokens[np.arange(tokens.shape[1]) < counts[:, None]]
            if ((read < 0) | (read >= V)).any():
                raise ValueError(f"tokens must be ids in 0 .. {V - 1}; got {read.tolist()}. Another tokenizer's?")


class HostContext:
    """One text on a model's device, for samplers on the host: every row of probabilities is copied to them.

    Parameters
    ----------
    model : Transformer
    """

    def __init__(self, model: Transformer) -> None:
        self.context = RaggedContext(model, 1)

    @property
    def length(self) -> int:
        """Number of tokens read."""
        return int(self.context.lengths[0])

    def extend(self, tokens: Sequence[int]) -> Array:
        """Read tokens; row i of the (n, V) answer is the distribution of the token after tokens[i]."""
        if len(tokens) == 0:
            raise ValueError("tokens must be one or more ids; got none. A model predicts what follows a token.")
        return to_numpy(self.context.extend(np.array(tokens, np.int64)[None], np.array([len(tokens)]))[0, ...])

    def rollback(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        self.context.rollback(np.array([length]))


def generate(
    prompt_tokens: Sequence[int],
    target_model: Transformer,
    draft_model: Transformer,
    *,
    K: int = 5,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Do what `speculative.generate` does, on the models' device: one small transfer a round, none of rows of V.

    Parameters and Returns: as for `speculative.generate`.

    Parameters
    ----------
    target_model, draft_model : Transformer, parameters of one library on one device
    **request : max_new_tokens, rng (on the host), transform, draft_transform, stop
    """
    models = BatchedTransformer(target_model), BatchedTransformer(draft_model)
    return batched.generate(
        [prompt_tokens],
        *models,
        K=K,
        max_new_tokens=request["max_new_tokens"],
        rngs=[request["rng"]],
        transform=request.get("transform"),
        draft_transform=request.get("draft_transform"),
        stop=request.get("stop", ()),
    )[0]


def forward(config: Config, params: Params, tokens: Array, *, cache: RaggedCache, places: Places) -> Array:
    """Return the logits of the token after each of n new positions of B texts.

    Parameters
    ----------
    config : Config
    params : dict of arrays, as `config.init_params` makes them, in any array library
    tokens : (B, n) int array, padding arbitrary
    cache : RaggedCache, read and extended
    places : Places, made by `cache.places`

    Returns
    -------
    (B, n, V) array, arbitrary for padding
    """
    xp = cache.xp
    weight = params["embedding"]
    (B, n) = tokens.shape
    # padding has a spare column and reads token 0: what comes of it is never used
    tokens = xp.where(places.columns < config.max_length, tokens, xp.zeros_like(tokens))
    flat = xp.reshape(places.positions, (-1,))
    rotation = tuple(xp.take(table, flat, axis=0) for table in cache.rotation)  # (B·n, 1, Dh)
    x = xp.reshape(embedding(tokens, weight, xp=xp), (B * n, config.width))
    for layer in range(config.n_layers):
        x = _attention_block(params, x, layer=layer, rotation=rotation, cache=cache, places=places)
        x, _ = mlp_block(config, params, x, layer=layer, xp=xp)
    return xp.reshape(head(config, params, x, xp=xp)[0], (B, n, config.vocab_size))


def _attention_block(
    params: Params, x: Array, *, layer: int, rotation: tuple[Array, ...], cache: RaggedCache, places: Places
) -> Array:
    """Compute x + attention(norm(x)) @ out for x (B·n, D)."""
    c = cache.config
    xp = cache.xp
    at = f"layers.{layer}."
    (B, n) = places.positions.shape
    # as in `blocks.attention_block`, on rows of all texts at once
    n_turned = c.n_heads + c.n_kv_heads
    normed, _ = rms_norm(x, params[at + "norm_attention"], c.norm_eps, xp=xp)
    heads = xp.reshape(normed @ params[at + "qkv"], (B * n, n_turned + c.n_kv_heads, c.head_dim))
    turned = rotary(heads[:, :n_turned, :], *rotation, xp=xp)
    k, v = (
        xp.reshape(part, (B, n, c.n_kv_heads, c.head_dim))
        for part in (turned[:, c.n_heads :, :], heads[:, n_turned:, :])
    )
    cache.write(layer, k, v, places=places)
    # the query heads of a group below each other
    groups = (c.n_kv_heads, c.n_heads // c.n_kv_heads)
    q = xp.permute_dims(xp.reshape(turned[:, : c.n_heads, :], (B, n, *groups, c.head_dim)), (0, 2, 3, 1, 4))
    q = xp.reshape(q, (B, groups[0], groups[1] * n, c.head_dim)) * c.head_dim**-0.5
    out = cache.attend(layer, q, places=places)
    out = xp.permute_dims(xp.reshape(out, (B, *groups, n, c.head_dim)), (0, 3, 1, 2, 4))
    y = xp.reshape(out, (B * n, c.width)) @ params[at + "out"]
    y += x
    return y
