"""Characters as tokens.

One character is one token: newline, tab and the printable ASCII characters, 97 in all. Small enough that every
distribution can be printed whole.
"""

from collections.abc import Iterable

ALPHABET = "\t\n" + "".join(chr(code) for code in range(32, 127))


class CharTokenizer:
    """A tokenizer: each character of a fixed alphabet is its own token.

    Examples
    --------
    >>> tokenizer = CharTokenizer()
    >>> tokenizer.vocab_size
    97
    >>> tokenizer.encode(" !")
    [2, 3]
    >>> tokenizer.decode([2, 3])
    ' !'
    """

    def __init__(self) -> None:
        self._token_of = {character: token for token, character in enumerate(ALPHABET)}

    @property
    def vocab_size(self) -> int:
        """V, the number of tokens."""
        return len(ALPHABET)

    def encode(self, text: str) -> list[int]:
        """Turn text into tokens.

        Parameters
        ----------
        text : str, printable ASCII, newlines and tabs

        Returns
        -------
        list of int, one token in [0, 97) for each character

        Raises
        ------
        ValueError
            If a character lies outside the alphabet.
        """
        try:
            return [self._token_of[character] for character in text]
        except KeyError as error:
            character = error.args[0]
            raise ValueError(_describe_stranger(character, text.index(character))) from None

    def decode(self, tokens: Iterable[int]) -> str:
        """Turn tokens back into text.

        Parameters
        ----------
        tokens : (T,) iterable of int, tokens in [0, 97)

        Returns
        -------
        str, one character for each token

        Raises
        ------
        ValueError
            If a token lies outside the vocabulary.
        """
        # a negative token would index from the end
        tokens = [int(token) for token in tokens]
        for position, token in enumerate(tokens):
            if not 0 <= token < len(ALPHABET):
                raise ValueError(
                    f"tokens must lie in [0, {len(ALPHABET)}); got {token} at position {position}. "
                    "Do the tokens come from a model with another tokenizer?"
                )
        return "".join(ALPHABET[token] for token in tokens)


def _describe_stranger(character: str, position: int) -> str:
    """Say which character is unknown, where it stands and where such characters come from."""
    code = ord(character)
    if character == "\r":
        cause = "Does the text have Windows line ends? Replace '\\r\\n' by '\\n'."
    elif code < 128:
        cause = "It is a control character: is this binary data or terminal output?"
    else:
        cause = "It is not ASCII: was the text pasted from a word processor, or is it not English?"
    return (
        f"text must hold only printable ASCII, newlines and tabs; "
        f"got {character!r} (U+{code:04X}) at position {position}. {cause}"
    )
