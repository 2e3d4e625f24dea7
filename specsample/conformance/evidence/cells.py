"""The cell into which each text falls, thousands of texts at once.

Texts are counted in cells: a cell is what a probe sees of a text, all its tokens, some of them, or their bins; what
is no cell of the target's law falls into one more, the last.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from specsample.distributions import Array

PADDING = -1
Text = tuple[int, ...]


class Cells:
    """A map from texts to cells, without a loop over texts.

    The tokens or bins of a cell are the digits of one number, and texts are looked up in the sorted list of these.

    Parameters
    ----------
    cells : sequence of C tuples of int, what is seen of a text
    vocab_size : int, V; a text with another token falls into cell C
    prompt : tuple of int
    positions : tuple of int or None, the tokens of the text that are looked at, None for all of them
    bins : (V, V) sequences of int or None, the bin of token x after token c is bins[c][x]; None for the token

    Raises
    ------
    ValueError
        If the cells are too many, or too long, to be numbered.

    Examples
    --------
    >>> Cells([(0, 1), (1,)], vocab_size=2)(np.array([[1, -1], [0, 1], [1, 1], [-1, 1]]))
    array([1, 0, 2, 2])
    """

    def __init__(
        self,
        cells: Sequence[Text],
        vocab_size: int,
        *,
        prompt: Text = (0,),
        positions: Text | None = None,
        bins: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.vocab_size = vocab_size
        self.before = prompt[-1]
        self.positions = positions
        self.bins = None if bins is None else np.asarray(bins)
        # a cell's tokens or bins are the digits of a number; sorted, so that texts can be looked up
        rows = padded(cells)
        self.width = rows.shape[1]
        self.digits = np.unique(np.append(rows, PADDING))
        if len(self.digits) ** self.width >= 2**62:
            raise ValueError(f"cells must be fewer or shorter; got {len(cells)} of up to {self.width} tokens.")
        numbers = self._numbers(rows)
        self.order = np.argsort(numbers)
        self.sorted = numbers[self.order]

    def __call__(self, texts: Array) -> Array:
        """Find the cell of every text.

        Parameters
        ----------
        texts : (N, L) int array, padded with -1

        Returns
        -------
        (N,) int array; C for what is no cell, and for what is no text: -1 before a token, ids outside the vocabulary
        """
        # what is seen, as a number, looked up; what is longer than any cell is none
        seen = self._seen(texts)
        numbers = self._numbers(seen[:, : self.width])
        at = np.minimum(np.searchsorted(self.sorted, numbers), len(self.sorted) - 1)
        is_cell = (self.sorted[at] == numbers) & (seen[:, self.width :] == PADDING).all(axis=1) & self._is_text(texts)
        return np.where(is_cell, self.order[at], len(self.order))

    def _seen(self, texts: Array) -> Array:
        """Reduce texts to what is looked at: (N, L) -> (N, at least `width`), padded with -1."""
        seen = texts
        if self.bins is not None:
            # a token's bin depends on the one before it
            before = np.insert(texts[:, :-1], 0, self.before, axis=1)
            V = self.vocab_size
            bins = self.bins[np.clip(before, 0, V - 1), np.clip(texts, 0, V - 1)]
            seen = np.where(texts == PADDING, PADDING, bins)
        # short texts are filled up
        n_missing = self.width if self.positions is None else 1 + max(self.positions)
        seen = np.pad(seen, ((0, 0), (0, max(0, n_missing - seen.shape[1]))), constant_values=PADDING)
        return seen if self.positions is None else seen[:, list(self.positions)]

    def _is_text(self, texts: Array) -> Array:
        """Whether all tokens are of the vocabulary, and none stands after padding."""
        is_padding = texts == PADDING
        is_known = is_padding | ((texts >= 0) & (texts < self.vocab_size))
        return is_known.all(axis=1) & ~(is_padding[:, :-1] & ~is_padding[:, 1:]).any(axis=1)

    def _numbers(self, seen: Array) -> Array:
        """Write (N, width) rows as one number each; -1 where a token or bin occurs in no cell."""
        digits = np.minimum(np.searchsorted(self.digits, seen), len(self.digits) - 1)
        numbers = digits @ len(self.digits) ** np.arange(self.width, dtype=np.int64)
        return np.where((self.digits[digits] == seen).all(axis=1), numbers, -1)


def padded(texts: Iterable[Iterable[int]]) -> Array:
    """Write texts as one array.

    Returns
    -------
    (N, L) int array, padded with -1, L the length of the longest

    Examples
    --------
    >>> padded([(3, 1), (2,)])
    array([[ 3,  1],
           [ 2, -1]])
    """
    rows = [list(text) for text in texts]
    width = max(map(len, rows), default=0)
    return np.array([row + [PADDING] * (width - len(row)) for row in rows], np.int64).reshape(len(rows), width)


def distinct(texts: Array, vocab_size: int) -> tuple[Array, Array]:
    """List the different texts, and how often each came.

    Parameters
    ----------
    texts : (N, L) int array of token ids in 0 ... V-1, padded with -1
    vocab_size : int, V

    Returns
    -------
    ((M, L) int array; (M,) int array, summing to N)

    Examples
    --------
    >>> distinct(np.array([[1, -1], [0, 1], [1, -1]]), 2)
    (array([[ 1, -1],
           [ 0,  1]]), array([2, 1]))
    """
    # texts as numbers sort faster than rows do; too long ones are sorted as rows
    base = vocab_size + 1
    L = texts.shape[1]
    if base**L >= 2**62:
        return np.unique(texts, axis=0, return_counts=True)
    # in 64 bits also where NumPy's own integers have 32
    powers = base ** np.arange(L, dtype=np.int64)
    numbers, counts = np.unique((texts + 1) @ powers, return_counts=True)
    return numbers[:, None] // powers % base - 1, counts
