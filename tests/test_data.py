"""The text comes from the running Python, its last tenths are held out, and (seed, step) name a batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsample.training import data
from specsample.transformer.tokenizer import ALPHABET, CharTokenizer


@pytest.mark.parametrize("kind", data.KINDS)
def test_documents_hold_nothing_outside_the_alphabet(kind):
    documents = data.load_documents(kind)
    assert len(documents) > 50
    assert set().union(*documents) <= set(ALPHABET)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of code, prose; got 'poetry'"):
        data.load_documents("poetry")


@given(st.lists(st.text(ALPHABET, max_size=30)))
def test_a_split_loses_nothing_and_holds_out_the_last_tenth_of_each_document(documents):
    train, held_out = data.split(documents)
    assert [a + b for a, b in zip(train, held_out, strict=True)] == documents
    assert [len(b) for b in held_out] == [len(text) // 10 for text in documents]


def test_corpus_hash_sees_a_changed_character_and_a_moved_boundary():
    collections = [["ab", "c"]], [["ab", "d"]], [["a", "bc"]], [["abc"]], [["ab"], ["c"]]
    assert len({data.corpus_hash(*documents) for documents in collections}) == 5
    assert data.corpus_hash(["ab", "c"]) == data.corpus_hash(["ab", "c"])


def test_streams_are_the_tokenized_documents_and_held_out_text_is_not_trained_on():
    train, held_out, _ = data.load_streams()
    parts = data.split(data.load_documents("prose"))
    for stream, documents in zip((train["prose"], held_out["prose"]), parts, strict=True):
        assert stream.tolist() == CharTokenizer().encode("".join(documents))
    assert len(held_out["code"]) / (len(train["code"]) + len(held_out["code"])) == pytest.approx(0.1, abs=1e-3)


STREAMS = {"code": np.arange(50, dtype=np.uint8), "prose": np.arange(100, 150, dtype=np.uint8)}


def draw(seed, step):
    """Draw one batch of 64 short windows."""
    return data.batch(STREAMS, seed=seed, step=step, size=64, window=7)


def test_a_batch_is_a_pure_function_of_seed_and_step():
    np.testing.assert_array_equal(draw(1, 2), draw(1, 2))
    assert not np.array_equal(draw(1, 2), draw(1, 3))
    assert not np.array_equal(draw(1, 2), draw(2, 2))


def test_a_batch_holds_runs_of_text_of_both_kinds():
    rows = np.concatenate([draw(0, step) for step in range(20)])
    assert rows.shape == (1280, 8)
    assert rows.dtype == np.int64
    assert np.all(np.diff(rows) == 1)
    assert set(rows[:, 0]) == {*range(43), *range(100, 143)}  # every start occurs, none runs over the end


@pytest.mark.parametrize("limit", [None, 12])
def test_held_out_windows_predict_each_kept_token_once(limit):
    windows = data.held_out_windows(np.arange(30, dtype=np.uint8), window=4, limit=limit)
    assert np.all(np.diff(windows) == 1)
    predicted = windows[:, 1:].ravel().tolist()
    assert len(set(predicted)) == len(predicted) == (28 if limit is None else 12)


def test_context_before_the_predicted_part_is_only_read():
    stream = np.arange(20, dtype=np.uint8)
    assert data.held_out_windows(stream, window=4, context=2).tolist()[:2] == [list(range(7)), list(range(4, 11))]
