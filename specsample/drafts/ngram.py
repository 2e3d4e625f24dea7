"""An n-gram model: no network, no gradient, microseconds a token.

How far does counting get? Every order's estimate is mixed with that of the order below, down to the uniform
distribution: each n-gram keeps a part of its count and frees the rest, and the freed part of a context follows the
shorter context's distribution.

    p(x | h) = (kept(h x) + freed(h) p(x | h without its first token)) / (kept(h) + freed(h))

The smoothings differ only in what is freed. Witten-Bell: one more than every count, for a new token was once seen
there. Kneser-Ney (modified, Chen and Goodman 1998): a discount inside the count; and below the highest order an
n-gram counts once for each token it follows, so that "Francisco" is rare after anything but "San".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from specsample.distributions import Array
from specsample.drafts.unigram import joined
from specsample.language_model import TextContext

SMOOTHINGS = ("kneser-ney", "witten-bell")


class Level(NamedTuple):
    """The n-grams of one order as sorted numbers in base V, so that those of one context stand side by side."""

    contexts: Array  # (C,) int64, the first n-1 tokens of n-grams
    starts: Array  # (C+1,) where each context's n-grams begin
    backoff: Array  # (C,) freed / (kept + freed): the weight of the shorter context's distribution
    ngrams: Array  # (M,) int64
    tokens: Array  # (M,) the last token of each
    probs: Array  # (M,) float64, the mixed estimate of the last token


@dataclass(frozen=True)
class NgramModel:
    """A model that predicts from the last order-1 tokens.

    Examples
    --------
    >>> model = train_ngram([[0, 1, 0, 1]], order=2, vocab_size=2, smoothing="witten-bell")
    >>> model.start().extend([0]).round(3)
    array([[0.167, 0.833]])
    """

    levels: tuple[Level, ...]  # of orders 1, 2, ..., order
    vocab_size: int  # V

    def start(self) -> TextContext:
        """Begin an empty context."""
        return TextContext(self.row, self.vocab_size)

    def row(self, recent: Sequence[int]) -> Array:
        """Compute the (V,) distribution after the `recent` tokens, of which the last order-1 matter."""
        probs: Array = self.unigram.copy()
        context = 0
        for n, level in enumerate(self.levels[1 : len(recent) + 1], 1):
            # the context one token longer, as a number in base V: its new token stands at the front
            context += int(recent[-n]) * self.vocab_size ** (n - 1)
            i = level.contexts.searchsorted(context)
            if i == len(level.contexts) or level.contexts[i] != context:
                break  # never seen, so no longer context was
            # all tokens share what was freed; those seen in this context have their own estimate, already mixed
            here = slice(level.starts[i], level.starts[i + 1])
            probs *= level.backoff[i]
            probs[level.tokens[here]] = level.probs[here]
        return probs

    @cached_property
    def unigram(self) -> Array:
        """The (V,) distribution after nothing: order 1 has one context, the empty one."""
        level = self.levels[0]
        probs = np.full(self.vocab_size, 1 / self.vocab_size)
        probs *= level.backoff[0]
        probs[level.tokens] = level.probs
        return probs


def train_ngram(
    documents: Sequence[Sequence[int]], order: int, vocab_size: int, *, smoothing: str = "kneser-ney"
) -> NgramModel:
    """Count n-grams of every order up to `order`, none across two documents.

    Parameters
    ----------
    documents : sequence of (n,) sequences of token ids in [0, V)
    order : int >= 1, tokens an n-gram; V^order must fit 63 bits
    vocab_size : int, V
    smoothing : {"kneser-ney", "witten-bell"}

    Returns
    -------
    NgramModel

    Raises
    ------
    ValueError
        If an argument lies outside its range or there is no token to count.

    Examples
    --------
    >>> train_ngram([[0, 0, 1]], order=1, vocab_size=4, smoothing="witten-bell").row([])
    array([0.5, 0.3, 0.1, 0.1])
    """
    _check_corpus(documents, order, vocab_size)
    if smoothing not in SMOOTHINGS:
        raise ValueError(f"smoothing must be one of {', '.join(SMOOTHINGS)}; got {smoothing!r}.")
    order = min(order, max(map(len, documents)))  # longer n-grams stand nowhere
    codes = [_codes(documents, n, vocab_size) for n in range(1, order + 1)]
    levels: list[Level] = []
    # from the shortest order up, for each mixes with the one before
    for n in range(order):
        is_ngram = codes[n] >= 0
        counted = codes[n][is_ngram]
        # Kneser-Ney below the highest order: once for each token before it, or for none where a document begins
        if smoothing == "kneser-ney" and n + 1 < order:
            is_longer = codes[n + 1] >= 0
            tails = np.unique(codes[n + 1][is_longer]) % vocab_size ** (n + 1)
            counted = np.concatenate([tails, np.unique(codes[n][is_ngram & ~is_longer])])
        ngrams, counts = np.unique(counted, return_counts=True)
        # what the context without its first token says of the last one; below order 1, the uniform distribution
        shorter: Any = 1 / vocab_size
        if levels:
            _, places = _find(levels[-1].ngrams, ngrams % vocab_size**n)
            shorter = levels[-1].probs[places]
        levels.append(_level(ngrams, counts, shorter, V=vocab_size, smoothing=smoothing))
    return NgramModel(tuple(levels), vocab_size)


def bits_per_char(model: NgramModel, documents: Sequence[Sequence[int]]) -> float:
    """Average -log2 p(x), in bits a token, over every token x that has a token before it in its document."""
    _check_corpus(documents, len(model.levels), model.vocab_size)
    has_past = _codes(documents, 2, model.vocab_size) >= 0
    if not has_past.any():
        raise ValueError(
            f"documents must hold two tokens in a row; got {len(documents)} without. Was text cut to bits?"
        )
    # the recursion of `row`, for all tokens of all documents at once: each order overwrites where it knows more
    probs = np.full(len(has_past), 1 / model.vocab_size)
    for n, level in enumerate(model.levels, 1):
        codes = _codes(documents, n, model.vocab_size)
        is_known, context = _find(level.contexts, codes // model.vocab_size)
        probs = np.where(is_known, level.backoff[context] * probs, probs)
        is_seen, ngram = _find(level.ngrams, codes)
        probs = np.where(is_seen, level.probs[ngram], probs)
    return float(-np.log2(probs[has_past]).mean())


def _level(ngrams: Array, counts: Array, shorter: Any, *, V: int, smoothing: str) -> Level:
    """Mix what each n-gram keeps with what the shorter context says of its last token."""
    # sorted n-grams of one context stand side by side, so that every sum over a context is one `reduceat`
    contexts, first = np.unique(ngrams // V, return_index=True)
    # what each n-gram keeps of its count and what it frees
    if smoothing == "witten-bell":
        kept = counts
        freed = np.ones(len(counts))
    else:
        freed = _discounts(counts)[np.minimum(counts, 3) - 1]
        kept = counts - freed
    # backoff = freed / (kept + freed) of the whole context; the n-gram's own share is added to it
    starts = np.append(first, len(ngrams))
    total = np.add.reduceat(kept + freed, first)  # (C,)
    backoff = np.add.reduceat(freed, first) / total  # (C,)
    of_context = np.repeat(np.arange(len(first)), np.diff(starts))  # (M,)
    probs = kept / total[of_context] + backoff[of_context] * shorter
    return Level(contexts, starts, backoff, ngrams, ngrams % V, probs)


def _discounts(counts: Array) -> Array:
    """Estimate what counts of 1, 2 and 3 or more promise too much, (3,) (Chen and Goodman 1998, equation 26).

    One is added to each count of counts, which only tells in tiny corpora, and no discount is below the first one:
    all stay above 0, so every token keeps some probability.
    """
    # n[c] n-grams occur c times; D_k = k - (k + 1) Y n[k+1] / n[k] with Y = n[1] / (n[1] + 2 n[2])
    n = np.bincount(np.minimum(counts, 5), minlength=6) + 1
    k = np.arange(1, 4)
    discounts = k - (k + 1) * n[1] / (n[1] + 2 * n[2]) * n[k + 1] / n[k]
    return np.maximum(discounts, discounts[0])


def _codes(documents: Sequence[Sequence[int]], n: int, V: int) -> Array:
    """Number the n-gram that ends at each token, -1 where the document has fewer tokens so far."""
    tokens = joined(documents, V)
    age = np.concatenate([np.arange(len(document)) for document in documents])  # tokens before it in its document
    codes = tokens.copy()
    # as a number in base V whose last digit is the token itself
    for back in range(1, n):
        codes[back:] += tokens[:-back] * V**back
    return np.where(age >= n - 1, codes, -1)


def _find(table: Array, keys: Array) -> tuple[Array, Array]:
    """Look keys up in a sorted table: whether each is there, and where."""
    places = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return table[places] == keys, places


def _check_corpus(documents: Sequence[Sequence[int]], order: int, V: int) -> None:
    """Refuse what cannot be counted."""
    if order < 1 or V**order >= 2**63:
        raise ValueError(f"order must be at least 1 and V^order below 2^63; got order {order} with V = {V}.")
    if not len(joined(documents, V)):
        raise ValueError(f"documents must hold at least one token; got {len(documents)} empty ones.")
