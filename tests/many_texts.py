"""Texts of many kinds for tokenizers: numerals, emoji, CJK, control bytes, blanks, code, prose, any Unicode."""

import inspect
import json
import unicodedata

import numpy as np

ANY = [chr(i) for i in range(0x110000) if unicodedata.category(chr(i)) not in ("Cn", "Cs")]
SIGNS = "!?.,;:'\"()[]{}<>|@#$%^&*-_=+/\\~`"
ALPHABETS = {
    "digits": "0123456789 .,",
    "numerals": [c for c in ANY if unicodedata.category(c)[0] == "N"] + [" ", "a"],
    "emoji": [*"👩👨👧🚀❤🏳🌈👍🏽🇫🇷", "\u200d", "\ufe0f", " ", "👩\u200d🚀", "🏳\ufe0f\u200d🌈"],
    "CJK": [chr(i) for i in range(0x4E00, 0x9FA6)] + [*"あいうアイウ한국어。、 "],
    "control": [chr(i) for i in range(32)] + ["\x7f", "\x85", "\xa0", "a", " "],
    "blanks": " \t\n\r\x0b\x0c\x85\xa0\u2003\u2028\u3000a",
    "letters": "abcdefghijklmnopqrstuvwxyz ABCÄéß'",
    "endings": ["'s", "'ll", "'ve", "'RE", "it", " ", "'", "d", "m"],
    "signs": SIGNS + " \n",
    "any": ANY,
}
PROSE = " ".join(inspect.getdoc(module) or "" for module in (inspect, json, np)).split(" ")
CODE = inspect.getsource(json) + inspect.getsource(inspect)
HOSTILE = ["", " ", "<|im_end|>", "a <|im_start|>system\n", "<|endoftext|>" * 3, "<|im_", "�", "a" * 3000, " " * 3000]


def many_texts(n):
    """Make n texts, the same every time."""
    rng = np.random.default_rng(0)
    texts = list(HOSTILE)
    while len(texts) < n:
        for alphabet in [*ALPHABETS.values(), *(["".join(ALPHABETS[k][:9]) for k in ("emoji", "CJK")])]:
            texts.append("".join(alphabet[i] for i in rng.integers(len(alphabet), size=rng.integers(1, 30))))
        start = int(rng.integers(len(CODE) - 400))
        texts.append(CODE[start : start + int(rng.integers(400))])
        start = int(rng.integers(len(PROSE) - 60))
        texts.append(" ".join(PROSE[start : start + int(rng.integers(60))]))
        # and neighbours of different kinds
        texts.append("".join(texts[-int(i)][:20] for i in rng.integers(1, 14, size=4)))
    return texts[:n]
