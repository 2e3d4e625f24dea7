"""One character is one token, there and back; what has no token is named with its position."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsample.transformer.tokenizer import ALPHABET, CharTokenizer

TOKENIZER = CharTokenizer()


def test_alphabet_is_printable_ascii_with_tab_and_newline():
    assert set(ALPHABET) == set(string.printable) - set("\r\x0b\x0c")
    assert len(ALPHABET) == len(set(ALPHABET)) == TOKENIZER.vocab_size == 97


@given(st.text(ALPHABET))
def test_decoding_undoes_encoding(text):
    tokens = TOKENIZER.encode(text)
    assert len(tokens) == len(text)
    assert TOKENIZER.decode(tokens) == text


@given(st.lists(st.integers(0, 96)))
def test_encoding_undoes_decoding(tokens):
    assert TOKENIZER.encode(TOKENIZER.decode(tokens)) == tokens


@pytest.mark.parametrize(
    ("text", "where", "cause"),
    [
        ("ab\r\n", r"'\\r' \(U\+000D\) at position 2", "Windows line ends"),
        ("\x00", r"'\\x00' \(U\+0000\) at position 0", "control character"),
        ("naïve", r"'ï' \(U\+00EF\) at position 2", "not ASCII"),
        ("a\U0001f600", r"\(U\+1F600\) at position 1", "not ASCII"),
    ],
)
def test_a_character_outside_the_alphabet_is_named_with_its_position(text, where, cause):
    with pytest.raises(ValueError, match=f"{where}.*{cause}"):
        TOKENIZER.encode(text)


@pytest.mark.parametrize("token", [-1, 97])
def test_a_token_outside_the_vocabulary_is_named_with_its_position(token):
    with pytest.raises(ValueError, match=rf"got {token} at position 1"):
        TOKENIZER.decode([0, token])
