"""Texts are found in their cells, thousands at once, exactly as one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsample.conformance.evidence.cells import PADDING, Cells, distinct, padded
from specsample.conformance.pack.packed import load_probes, see

PACK = load_probes()


def one_by_one(probe, row):
    """Find a text's cell as its definition says: the number of what is seen of it, or the last."""
    text = list(row)
    while text and text[-1] == PADDING:
        text.pop()
    seen = see(tuple(text), probe.setting.prompt, probe.positions, probe.bins)
    is_known = max(text, default=0) < probe.setting.target_model.vocab_size
    return probe.cells.index(seen) if seen in probe.cells and is_known else len(probe.cells)


@pytest.mark.parametrize("probe", PACK, ids=lambda probe: probe.name)
def test_many_texts_fall_into_the_cells_of_each(probe):
    rng, V, L = np.random.default_rng(0), probe.setting.target_model.vocab_size, probe.setting.max_new_tokens
    inside = rng.integers(V, size=(200, L))
    strange = rng.integers(-2, V + 2, size=(200, L))
    short = np.where(np.arange(L) < rng.integers(L + 1, size=(100, 1)), inside[:100], PADDING)
    for texts in (inside, strange, short, short[:, : L - 1]):
        assert probe.cells_of(texts).tolist() == [one_by_one(probe, row) for row in texts.tolist()]


@pytest.mark.parametrize("probe", PACK, ids=lambda probe: probe.name)
def test_a_text_that_is_too_long_is_no_cell_where_all_of_it_is_seen(probe):
    rng, L = np.random.default_rng(0), probe.setting.max_new_tokens
    texts = rng.integers(probe.setting.target_model.vocab_size, size=(50, L + 1))
    assert probe.cells_of(texts).tolist() == [one_by_one(probe, row) for row in texts.tolist()]
    if probe.positions is None:
        assert (probe.cells_of(texts) == len(probe.cells)).all()


@given(st.sets(st.lists(st.integers(0, 40_000), min_size=1, max_size=6).map(tuple), min_size=1, max_size=20))
def test_every_cell_is_found_whatever_the_size_of_the_vocabulary(cells):
    cells = sorted(cells)
    if len({x for cell in cells for x in cell}) < 30:
        found = Cells(cells, 40_001)(padded(cells))
        assert found.tolist() == list(range(len(cells)))


def test_cells_that_cannot_be_numbered_are_refused():
    with pytest.raises(ValueError, match="fewer or shorter; got 1 of up to 70 tokens"):
        Cells([(0,) * 70], 1)


@pytest.mark.parametrize("V", [2, 40_000])  # numbered, and too large to be
def test_distinct_texts_are_counted(V):
    texts = np.array([[1, 0, PADDING, PADDING, PADDING], [V - 1] * 5, [1, 0, PADDING, PADDING, PADDING]])
    rows, counts = distinct(texts, V)
    assert dict(zip(map(tuple, rows.tolist()), counts.tolist())) == {tuple(texts[0]): 2, tuple(texts[1]): 1}


def test_texts_of_a_large_vocabulary_are_told_apart_where_integers_have_32_bits(monkeypatch):
    plain = np.arange
    monkeypatch.setattr(np, "arange", lambda *given, dtype=np.int32: plain(*given, dtype=dtype))
    texts = np.array([[8192, 8191, 8192], [8192, 8191, 8191], [0, 0, 0]], np.int32)
    assert sorted(distinct(texts, 8193)[0].tolist()) == sorted(texts.tolist())
    cells = Cells([tuple(text) for text in texts.tolist()] + [(i, i, i, i) for i in range(300)], vocab_size=8193)
    assert cells(texts).tolist() == [0, 1, 2]
