"""Pieces of words as tokens: byte-level byte-pair encoding.

How do 49,152 tokens write every text? A text is cut into words, each numeral alone; a word is its UTF-8 bytes; and of
two neighbours the pair that was learnt earliest becomes one, until no learnt pair is left. Files write a byte as a
character that can be seen: blanks as Ġ, line ends as Ċ. A special token ends a turn or a text. It is made of a text
only where this is asked for: what a user types stays text.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush

_SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Unicode's; Python's \s has \x1c-\x1f too
# an English ending; letters, or signs, with a blank before them; blanks, but the last one belongs to a word. Where
# numerals have been cut out, letters are what \w holds besides _
_WORD = re.compile(
    rf"'(?:[sdmt]|ll|ve|re)| ?[^\W_]+| ?(?:[^\w{_SPACE}]|_)+|[{_SPACE}]+(?![^{_SPACE}])|[{_SPACE}]+", re.UNICODE
)
_VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]  # bytes that stand for themselves in a file
_HIDDEN = [byte for byte in range(256) if byte not in _VISIBLE]  # the others are numbered from U+0100 on
_CHARACTER = {byte: chr(byte) for byte in _VISIBLE} | {byte: chr(256 + i) for i, byte in enumerate(_HIDDEN)}
_BYTE = {ord(character): byte for byte, character in _CHARACTER.items()}
_MOST_WORDS = 2**16  # that are remembered


class BytePairTokenizer:
    """A tokenizer of byte pairs, as GPT-2 and SmolLM have it.

    Parameters
    ----------
    tokens : (V,) sequence of str, each token's bytes as visible characters
    merges : sequence of str, "left right", the pairs in the order in which they were learnt
    special : ids of special tokens, whose text is no bytes
    end : int, optional, the token that ends a turn
    template : str, the chat template that came with the model

    Raises
    ------
    ValueError
        If a token is no text of bytes, or a pair makes no token.

    Examples
    --------
    >>> tokenizer = BytePairTokenizer(["a", "b", "ab", "Ġ", "<end>"], ["a b"], special=[4])
    >>> tokenizer.encode("ab ba"), tokenizer.decode([2, 3, 4])
    ([2, 3, 1, 0], 'ab <end>')
    """

    def __init__(
        self,
        tokens: Sequence[str],
        merges: Iterable[str],
        *,
        special: Collection[int] = (),
        end: int | None = None,
        template: str = "",
    ) -> None:
        self.special = {tokens[token]: token for token in special}  # by their text
        self.end = end
        self.template = template
        self._tokens = tokens
        self._token_of = {text: token for token, text in enumerate(tokens) if text not in self.special}
        self._rank = {pair: rank for rank, pair in enumerate(merges)}
        _check_vocabulary(self._token_of, self._rank)
        self._words: dict[str, list[int]] = {}
        # a vocabulary may lack bytes that its texts never had
        self._lacking = {byte for byte, character in _CHARACTER.items() if character not in self._token_of}
        # of two that begin alike the longer one
        longest_first = sorted(self.special, key=len, reverse=True)
        self._special_text = re.compile(f"({'|'.join(map(re.escape, longest_first))})") if special else None

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return len(self._tokens)

    def encode(self, text: str, *, special: bool = False) -> list[int]:
        """Turn text into tokens.

        Parameters
        ----------
        text : str
        special : bool, make special tokens where their text stands; never for what a user types

        Returns
        -------
        list of int

        Raises
        ------
        ValueError
            If the vocabulary lacks a byte of a character, or the text holds half of one (a lone surrogate).
        """
        pieces = self._special_text.split(text) if special and self._special_text else [text]
        tokens: list[int] = []
        start = 0
        for i, piece in enumerate(pieces):
            start += len(piece)
            # what was split at stands at odd places
            if i % 2:
                tokens.append(self.special[piece])
                continue
            self._check(piece, start - len(piece))
            for word in _words(piece):
                tokens += self._remembered(word)
        return tokens

    def decode(self, tokens: Iterable[int]) -> str:
        """Turn tokens back into text.

        Parameters
        ----------
        tokens : (T,) iterable of int, tokens in [0, V)

        Returns
        -------
        str; a character of which bytes are missing is U+FFFD

        Raises
        ------
        ValueError
            If a token lies outside the vocabulary.
        """
        return b"".join(self._bytes(int(token)) for token in tokens).decode(errors="replace")

    def _bytes(self, token: int) -> bytes:
        """Return the bytes of one token."""
        # a negative token would index from the end
        if not 0 <= token < len(self._tokens):
            raise ValueError(
                f"tokens must lie in [0, {len(self._tokens)}); got {token}. "
                "Do the tokens come from a model with another tokenizer?"
            )
        text = self._tokens[token]
        return text.encode() if text in self.special else text.translate(_BYTE).encode("latin-1")

    def _remembered(self, word: str) -> list[int]:
        """Look a word up, or merge it and remember it."""
        if word not in self._words:
            if len(self._words) >= _MOST_WORDS:
                self._words.clear()
            self._words[word] = [self._token_of[part] for part in self._merge(word)]
        return self._words[word]

    def _merge(self, word: str) -> list[str]:
        """Merge the bytes of a word, the pair that was learnt earliest first, of equal ones the leftmost."""
        parts = [_CHARACTER[byte] for byte in word.encode()]
        n = len(parts)
        # a chain: who stands left and right of each part that is still there
        left = list(range(-1, n - 1))
        right = list(range(1, n + 1))
        pairs = [(i, f"{parts[i]} {parts[i + 1]}") for i in range(n - 1)]
        waiting = [(self._rank[pair], i, pair) for i, pair in pairs if pair in self._rank]
        heapify(waiting)
        while waiting:
            _, i, pair = heappop(waiting)
            # one of the two may have been merged since
            j = right[i]
            if j == n or f"{parts[i]} {parts[j]}" != pair:
                continue
            parts[i] += parts[j]
            parts[j] = ""
            right[i] = right[j]
            if right[i] < n:
                left[right[i]] = i
            # two new pairs, with the left and the right neighbour
            for a in (left[i], i):
                if a >= 0 and right[a] < n:
                    pair = f"{parts[a]} {parts[right[a]]}"
                    if pair in self._rank:
                        heappush(waiting, (self._rank[pair], a, pair))
        return [part for part in parts if part]

    def _check(self, text: str, start: int) -> None:
        """Refuse a text that these tokens cannot write: a lost character would be missed by nobody."""
        try:
            lost = self._lacking.intersection(text.encode())
        except UnicodeEncodeError as error:
            raise ValueError(
                f"text must hold whole characters; got {text[error.start]!r} at position {start + error.start}, half "
                "of one. Was it decoded with errors='surrogateescape', or cut inside a UTF-16 pair?"
            ) from None
        if lost:
            at = next(i for i, character in enumerate(text) if lost.intersection(character.encode()))
            raise ValueError(
                f"text must be made of bytes that the vocabulary has; got {text[at]!r} at position {start + at}, "
                f"and byte {min(lost):#04x} has no token. Is this binary data?"
            )


def _check_vocabulary(token_of: Collection[str], pairs: Iterable[str]) -> None:
    """Refuse tokens of another kind of tokenizer, and pairs that lead nowhere."""
    if strange := {*"".join(token_of)}.difference(_CHARACTER.values()):
        raise ValueError(
            f"tokens must be bytes as visible characters; got {min(strange)!r}. Another kind of tokenizer?"
        )
    for pair in pairs:
        if pair.replace(" ", "", 1) not in token_of:
            raise ValueError(f"merges must be pairs 'left right' that make a token; got {pair!r}. Is it cut short?")


def _words(text: str) -> Iterator[str]:
    """Cut a text into words, each numeral (Unicode's N: 7, ½, Ⅷ) alone."""
    numerals = "".join(c for c in set(text) if unicodedata.category(c)[0] == "N")
    pieces = re.split(f"([{numerals}])", text) if numerals else [text]
    for piece in pieces:
        yield from [piece] if piece and piece in numerals else _WORD.findall(piece)
