"""How often each token occurs, whatever stands before it.

What is the least that a draft can know? The baseline of all draft sources: no context, no cost. A table without
context axes is such a model already.
"""

from collections.abc import Sequence

import numpy as np

from specsample.distributions import Array
from specsample.language_model import TableModel


def train_unigram(documents: Sequence[Sequence[int]], vocab_size: int) -> TableModel:
    """Count tokens and make them a distribution.

    p(x) = (count(x) + 1) / (Σ count + V): add one, so that no token is impossible (Laplace).

    Parameters
    ----------
    documents : sequence of (n,) sequences of token ids in [0, V)
    vocab_size : int, V

    Returns
    -------
    TableModel without context axes, float64

    Raises
    ------
    ValueError
        If a token lies outside the vocabulary.

    Examples
    --------
    >>> train_unigram([[0, 0], [1]], vocab_size=2).start().extend([1])
    array([[0.6, 0.4]])
    """
    tokens = joined(documents, vocab_size).astype(np.intp)  # a browser's indices have 32 bits
    counts = 1 + np.bincount(tokens, minlength=vocab_size)
    return TableModel(counts / counts.sum())


def joined(documents: Sequence[Sequence[int]], vocab_size: int) -> Array:
    """Put documents one after the other, (N,) int64, and refuse tokens of another vocabulary.

    Parameters and Raises: as for `drafts.unigram.train_unigram`.
    """
    # the empty array gives its type to what would be a float array where there is no document
    tokens = np.concatenate([np.zeros(0, np.int64), *(np.asarray(document, np.int64) for document in documents)])
    if len(tokens) and not 0 <= tokens.min() <= tokens.max() < vocab_size:
        raise ValueError(
            f"documents must hold token ids in 0 .. {vocab_size - 1}; got {tokens.min()} .. {tokens.max()}. "
            "Is it another model's tokenizer?"
        )
    return tokens
