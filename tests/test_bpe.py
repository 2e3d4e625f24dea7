"""Byte pairs: tokens are those of the package `tokenizers`, the way back is exact, special tokens are not typed."""

import json

import pytest
from gguf_files import BYTES
from hypothesis import given
from hypothesis import strategies as st
from many_texts import many_texts

from specsample.streaming import stream_text
from specsample.transformer.bpe import BytePairTokenizer
from specsample.transformer.gguf import GgufFile

MERGES = ["Ġ a", "a b", "ab ab", "Ġ Ġ", "ĠĠ ĠĠ", "Ã ©", "1 2", "' s"]
SPECIAL = ["<|end|>", "<|en", "｜é｜"]
TOKENS = [*BYTES, *(merge.replace(" ", "") for merge in MERGES), *SPECIAL]
TINY = BytePairTokenizer(TOKENS, MERGES, special=range(len(TOKENS) - 3, len(TOKENS)))


def parts(text, **how):
    """Encode with the tiny vocabulary, and look the tokens up."""
    return [TOKENS[token] for token in TINY.encode(text, **how)]


def oracle(tokens, merges, special=()):
    """Build the same tokenizer in the package."""
    package = pytest.importorskip("tokenizers", reason="needs the extra [dev]")
    model = package.models.BPE(
        vocab={text: i for i, text in enumerate(tokens)}, merges=[tuple(merge.split(" ")) for merge in merges]
    )
    built = package.Tokenizer(model)
    digits, words = package.pre_tokenizers.Digits(True), package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.pre_tokenizer = package.pre_tokenizers.Sequence([digits, words])
    built.decoder = package.decoders.ByteLevel()
    built.add_special_tokens(list(special))
    return built


def trained(texts):
    """Learn a vocabulary of 2,000 tokens from texts, with the package."""
    package = pytest.importorskip("tokenizers", reason="needs the extra [dev]")
    built = oracle([], [])
    alphabet = package.pre_tokenizers.ByteLevel.alphabet()
    trainer = package.trainers.BpeTrainer(vocab_size=2000, initial_alphabet=alphabet, show_progress=False)
    built.train_from_iterator(texts, trainer)
    model = json.loads(built.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return tokens, [" ".join(merge) for merge in model["merges"]]


def of_file(path):
    """Read vocabulary, merges and special tokens of a GGUF file."""
    settings = GgufFile(path).settings
    tokens, kinds = settings["tokenizer.ggml.tokens"], settings["tokenizer.ggml.token_type"]
    return tokens, settings["tokenizer.ggml.merges"], [i for i, kind in enumerate(kinds) if kind == 3]


# --- by hand -------------------------------------------------------------------------------------------------------


def test_the_pair_learnt_first_is_merged_first_and_of_equal_ones_the_leftmost():
    assert parts("aba") == ["ab", "a"]
    assert parts("ababab") == ["abab", "ab"]
    assert parts(" ab") == ["Ġa", "b"]  # "Ġ a" was learnt before "a b"


def test_each_numeral_is_a_word_of_its_own():
    assert parts("12½") == ["1", "2", "Â", "½"]
    assert parts(" Ⅷ")[0] == "Ġ"


def test_the_last_blank_of_several_belongs_to_the_word():
    assert parts("   a") == ["ĠĠ", "Ġa"]
    assert parts("    ") == ["ĠĠĠĠ"]


def test_special_tokens_are_made_only_where_they_are_asked_for():
    text = "a<|end|>｜é｜"
    assert not {*parts(text)} & {*SPECIAL}
    assert parts(text, special=True) == ["a", "<|end|>", "｜é｜"]  # the longer of two that begin alike
    assert TINY.decode(TINY.encode(text)) == TINY.decode(TINY.encode(text, special=True)) == text


@given(st.text())
def test_decoding_undoes_encoding(text):
    assert TINY.decode(TINY.encode(text)) == TINY.decode(TINY.encode(text, special=True)) == text


def test_half_a_character_is_decoded_as_such_and_a_stream_waits_for_the_rest():
    tokens = TINY.encode("né🚀!")
    pieces = stream_text([[token] for token in tokens], TINY.decode)
    assert list(pieces) == ["n", "é", "🚀", "!"]
    assert TINY.decode(tokens[:3]) == "né�"


@pytest.mark.parametrize("token", [-1, len(TOKENS)])
def test_a_token_outside_the_vocabulary_is_refused(token):
    with pytest.raises(ValueError, match=rf"tokens must lie in \[0, {len(TOKENS)}\); got {token}"):
        TINY.decode([0, token])


def test_half_a_surrogate_pair_is_refused_with_its_position():
    with pytest.raises(ValueError, match=r"got '\\ud83d' at position 1, half of one"):
        TINY.encode("a\ud83d")


def test_a_byte_that_the_vocabulary_lacks_is_refused_and_not_lost():
    without = BytePairTokenizer([token for token in BYTES if token != "\u0114"], [])  # which stands for byte 0x14
    with pytest.raises(ValueError, match=r"got '\\x14' at position 2, and byte 0x14 has no token"):
        without.encode("ab\x14")
    marked = BytePairTokenizer(["a", "<x>"], [], special=[1])  # the bytes of a special token are not asked for
    assert marked.encode("a<x>", special=True) == [0, 1]
    with pytest.raises(ValueError, match=r"got 'b' at position 4"):
        marked.encode("a<x>b", special=True)


def test_another_kind_of_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"bytes as visible characters; got '▁'\. Another kind of tokenizer"):
        BytePairTokenizer([*BYTES, "▁the"], [])
    with pytest.raises(ValueError, match="merges must be pairs 'left right' that make a token; got 'x y'"):
        BytePairTokenizer(BYTES, ["x y"])


# --- against the package -------------------------------------------------------------------------------------------


def check_against(built, mine, texts):
    """Compare tokens and the way back on each text; return how many were refused."""
    refused = 0
    for text in texts:
        try:
            tokens = mine.encode(text)
        except ValueError:
            refused += 1
            # the package loses the byte in silence
            assert built.decode(built.encode(text).ids) != text
            continue
        assert tokens == built.encode(text).ids, text
        assert mine.decode(tokens) == text
    return refused


@pytest.mark.thorough
def test_on_5000_texts_the_tokens_are_those_of_the_oracle():
    texts = many_texts(5000)
    tokens, merges = trained(texts[::5])
    assert check_against(oracle(tokens, merges), BytePairTokenizer(tokens, merges), texts) == 0


@pytest.mark.real_model
def test_with_the_real_vocabulary_too_and_what_it_cannot_write_is_refused(smollm2):
    tokens, merges, special = of_file(smollm2)
    mine = BytePairTokenizer(tokens, merges, special=special)
    refused = check_against(oracle(tokens, merges), mine, many_texts(6000))
    assert 0 < refused < 600  # texts with bytes 0x04, 0x06, 0x13, 0x14, 0x16, 0x1d
    # special tokens where they are asked for
    marked = oracle(tokens, merges, [tokens[i] for i in special])
    for text in many_texts(300):
        shown = f"<|im_start|>user\n{text[:100]}<|im_end|>\n<|im_start|>"
        if not any(ord(c) < 32 for c in text):
            assert mine.encode(shown, special=True) == marked.encode(shown).ids
