"""Streaming: the same rounds, tokens and law as `generate`; stop strings that straddle rounds."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import TableModel, Trace, generate
from specsample.cli import main
from specsample.conformance.laws.exact import exact_law
from specsample.conformance.laws.probes import PROBES
from specsample.streaming import cut, generate_stream, stream_text

DRIFT = PROBES["drift"]
PAIR = [TableModel(np.random.default_rng(seed).dirichlet(np.ones(3), size=(3, 3))) for seed in (0, 1)]
texts = st.text("ab", max_size=12)
stops = st.lists(st.text("ab", min_size=1, max_size=3), max_size=3)


def letters(tokens):
    """Decode the tokens 0, 1, 2 as a, b, c."""
    return "".join("abc"[token] for token in tokens)


def joined(chunks):
    """Put the tokens of all rounds into one list."""
    return [token for chunk in chunks for token in chunk]


def setting(n=20, **more):
    """Ask for n tokens from a fresh rng."""
    return {"K": 3, "max_new_tokens": n, "rng": np.random.default_rng(7), **more}


@pytest.mark.parametrize("n", [0, 1, 2, 5, 20])
@pytest.mark.parametrize("stop", [(), (2,)])
def test_the_stream_is_what_generate_returns(n, stop):
    trace = Trace((0,))
    chunks = list(generate_stream([0], *PAIR, **setting(n, stop=stop), trace=trace))
    tokens, expected = generate([0], *PAIR, **setting(n, stop=stop))
    assert joined(chunks) == tokens
    assert trace == expected
    assert chunks == [list(round.emitted) for round in expected.rounds]


def test_the_law_of_the_stream_is_the_targets():
    law = exact_law(lambda tape: tuple(joined(DRIFT.run(generate_stream, tape))))
    assert law == DRIFT.target_law()


@pytest.mark.parametrize("stop_strings", [["ba"], ["bb", "ab"], ["abc", "b"], ["aa", "aaa"]])
def test_the_law_with_stop_strings_is_that_of_cutting_afterwards(stop_strings):
    afterwards = dict[str, Fraction]()
    for tokens, mass in DRIFT.target_law().items():
        text = cut(letters(tokens), stop_strings)[0]
        afterwards[text] = afterwards.get(text, 0) + mass
    law = exact_law(
        lambda tape: "".join(stream_text(DRIFT.run(generate_stream, tape), letters, stop_strings=stop_strings))
    )
    assert law == afterwards


@given(texts, stops, st.lists(st.integers(1, 4), max_size=12))
def test_a_streamed_text_does_not_depend_on_the_rounds(text, stop_strings, sizes):
    chunks, rest = [], [ord(character) for character in text]
    for size in [*sizes, len(text)]:
        chunks, rest = [*chunks, rest[:size]], rest[size:]
    pieces = list(stream_text(chunks, lambda tokens: "".join(map(chr, tokens)), stop_strings=stop_strings))
    assert "".join(pieces) == cut(text, stop_strings)[0]
    assert all(pieces)


@given(texts, stops)
def test_a_cut_text_holds_no_stop_string_and_ends_where_the_first_is_complete(text, stop_strings):
    kept, is_stopped = cut(text, stop_strings)
    ends = [i for i in range(len(text) + 1) if any(text[:i].endswith(stop) for stop in stop_strings)]
    assert is_stopped == bool(ends)
    assert not any(stop in kept for stop in stop_strings)
    assert text[: ends[0]] in [kept + stop for stop in stop_strings] if ends else kept == text


def test_only_the_possible_beginning_of_a_stop_string_is_held_back():
    pieces = stream_text(iter([[0, 1], [2, 0], [1, 0]]), letters, stop_strings=["aba"])
    assert list(pieces) == ["abc"]
    pieces = stream_text(iter([[0, 1], [2, 0], [1]]), letters, stop_strings=["aba"])
    assert list(pieces) == ["abc", "ab"]


def test_after_a_stop_string_no_further_round_is_asked_for():
    rounds = iter([[0], [1], [2]])
    assert list(stream_text(rounds, letters, stop_strings=["b"])) == ["a"]
    assert next(rounds) == [2]


def test_a_character_that_comes_in_two_tokens_is_shown_once_it_is_whole():
    both = "é".encode()
    pieces = stream_text([[both[0]], [both[1]]], lambda tokens: bytes(tokens).decode(errors="replace"))
    assert list(pieces) == ["é"]


def test_a_text_that_ends_inside_a_character_shows_what_there_is():
    assert list(stream_text([[195]], lambda tokens: bytes(tokens).decode(errors="replace"))) == ["\ufffd"]


def test_a_closed_stream_keeps_whole_rounds_and_the_rng_goes_on():
    _, expected = generate([0], *PAIR, **setting())
    trace, rng = Trace((0,)), np.random.default_rng(7)
    stream = generate_stream([0], *PAIR, **setting(rng=rng), trace=trace)
    next(stream), next(stream), stream.close()
    assert trace.rounds == expected.rounds[:2]
    resumed = generate([0, *trace.tokens], *PAIR, **setting(20 - len(trace.tokens), rng=rng))[0]
    assert trace.tokens + resumed == expected.tokens


class Interrupting(TableModel):
    """A target that is interrupted in its third pass."""

    def start(self):
        self.left = 2
        context = super().start()
        context.extend, read = lambda tokens: self.count() or read(tokens), context.extend
        return context

    def count(self):
        """Let two passes through."""
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def test_an_interrupted_stream_leaves_trace_and_models_valid():
    trace, target = Trace((0,)), Interrupting(PAIR[0].table)
    with pytest.raises(KeyboardInterrupt):
        list(generate_stream([0], target, PAIR[1], **setting(), trace=trace))
    expected = generate([0], *PAIR, **setting())[1]
    assert trace.rounds == expected.rounds[:2]
    assert Trace.from_json(trace.to_json()).tokens == trace.tokens
    assert list(generate_stream([0], PAIR[0], PAIR[1], **setting())) == [list(r.emitted) for r in expected.rounds]


def test_a_bad_request_is_refused_at_the_call():
    with pytest.raises(ValueError, match="at least one token"):
        generate_stream([], *PAIR, **setting())
    for bad in ("end", ["x", ""]):
        with pytest.raises(ValueError, match="list of non-empty strings"):
            stream_text([], letters, stop_strings=bad)


@settings(max_examples=50)
@given(st.integers(0, 30), st.integers(0, 6), st.integers(0, 99))
def test_exactly_the_tokens_asked_for_come(n, K, seed):
    rng = np.random.default_rng(seed)
    chunks = list(generate_stream([0], *PAIR, K=K, max_new_tokens=n, rng=rng))
    assert sum(map(len, chunks)) == n
    assert all(1 <= len(chunk) <= K + 1 for chunk in chunks)


def test_the_command_streams_the_text_that_it_prints_otherwise(capsys):
    arguments = ["generate", "--prompt", "The value of ", "--max-new-tokens", "40", "--seed", "3"]
    main([*arguments, "--json"])
    text = json.loads(capsys.readouterr().out)["text"]
    main([*arguments, "--stream"])
    assert capsys.readouterr().out == text + "\n"
    shown = cut(text, [text[20:22], text[25:28]])[0]
    stops = ["--stop-string", text[20:22], "--stop-string", text[25:28]]
    main([*arguments, "--stream", *stops])
    assert capsys.readouterr().out == shown + "\n"
    main([*arguments, *stops])  # for people: prompt and counters too
    out, err = capsys.readouterr()
    assert out == "The value of " + shown + "\n"
    assert "target passes" in err


def test_a_decode_that_rewrites_what_was_shown_is_refused():
    pieces = ["    ", ".", " a"]

    def cleaned(tokens):
        return "".join(pieces[token] for token in tokens).replace(" .", ".")

    with pytest.raises(ValueError, match=r"decode must only add .*clean_up_tokenization_spaces=False"):
        list(stream_text([[0], [1], [2]], cleaned))
