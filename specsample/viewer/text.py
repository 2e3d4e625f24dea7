"""The text of a token, shown whatever it holds.

Tokens may be markup, control characters, marks that reverse the direction of writing, or half a character. What
cannot be seen is named, so that it neither hides nor moves its neighbours; markup is only ever text.
"""

import unicodedata
from collections.abc import Callable, Sequence

Decode = Callable[[list[int]], str] | Sequence[str] | None  # a tokenizer's, or the texts by id, or numbers alone
SHOWN = {" ": "␣", "\n": "↵", "\t": "⇥"}
LONGEST = 24


def visible(text: str) -> str:
    """Show a token's text in at most 24 characters, without white space, control or format characters.

    Examples
    --------
    >>> visible(" a\\n"), visible("\\u202e</b>"), visible("\\x00")
    ('␣a↵', '‹202E›</b>', '␀')
    """
    shown = "".join(_visible_character(character) for character in text[: LONGEST + 1]) or "‹empty›"
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def running(text: str) -> str:
    """Show a token's text within running text: blanks and line ends as they are, the rest visible.

    Examples
    --------
    >>> running(" a\\n"), running("\\x1b")
    (' a↵\\n', '␛')
    """
    kept = {" ": " ", "\n": "↵\n", "\t": "⇥\t"}
    return "".join(kept.get(character) or _visible_character(character) for character in text) or "‹empty›"


def texts(tokens: Sequence[int], decode: Decode) -> list[str]:
    """Decode tokens one by one; without a tokenizer, number them.

    Parameters
    ----------
    tokens : sequence of int
    decode : function from token ids to text, or the texts in the order of their ids, or None

    Returns
    -------
    list of str

    Examples
    --------
    >>> texts([1, 0], ["cat", "mat"]), texts([1, 0], None)
    (['mat', 'cat'], ['#1', '#0'])
    """
    if decode is None:
        return [f"#{token}" for token in tokens]
    if callable(decode):
        return [str(decode([token])) for token in tokens]
    return [decode[token] for token in tokens]


def added(tokens: Sequence[int], decode: Callable[[list[int]], str]) -> list[str]:
    """Say what each token adds to a text: of a character that takes several tokens, the last one adds it.

    Parameters
    ----------
    tokens : (n,) sequence of int
    decode : function from token ids to text, which ends in U+FFFD where a character is not yet complete

    Returns
    -------
    list of n str; joined they are the text of all tokens

    Examples
    --------
    >>> halves = "né".encode()
    >>> added(halves, lambda tokens: bytes(tokens).decode(errors="replace"))
    ['n', '', 'é']
    """
    found: list[str] = []
    begun = 0  # where the tokens of an unfinished character begin
    for end in range(1, len(tokens) + 1):
        text = str(decode([*tokens[begun:end]]))
        # it waits for the tokens that complete it; after the last one nothing can
        waits = text.endswith("\ufffd") and end < len(tokens)
        found.append("" if waits else text)
        begun = begun if waits else end
    return found


def _visible_character(character: str) -> str:
    """Show one character: as it is, as a picture, or as its number."""
    code = ord(character)
    kind = unicodedata.category(character)
    # white space and control characters have pictures in Unicode
    if character in SHOWN or code < 32 or code == 127:
        return SHOWN.get(character) or chr(0x2421 if code == 127 else 0x2400 + code)
    # other controls, formats that reverse writing, halves of characters, odd spaces: by their number
    if kind in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"):
        return f"‹{code:04X}›"
    return f"◌{character}" if kind.startswith("M") else character  # a combining mark needs something to stand on
