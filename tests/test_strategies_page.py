"""Does docs/strategies.md hold what the sampler does: exactly on fractions, and on the shipped pair as counted?"""

import json
from fractions import Fraction as F

import make_strategies as docs
import numpy as np
import pytest

from specsample import load_pair, temperature


def test_every_strategy_on_either_side_leaves_exactly_the_transformed_targets_law():
    distances = {pair: docs.exact(pair)[2] for pair in docs.PAIRS}
    assert set(distances.values()) == {0}
    assert all(isinstance(docs.exact(pair)[0], F) for pair in docs.PAIRS)


def test_the_page_is_what_the_script_writes():
    assert docs.PAGE.read_text(encoding="utf-8") == docs.page(), "run: python docs/make_strategies.py"


def test_squaring_fractions_is_temperature_one_half():
    for table in (docs.TARGET.table, docs.DRAFT.table):
        expected = temperature(0.5)(table.astype(float))
        assert np.abs(docs.squared(table).astype(float) - expected).max() < 1e-15


@pytest.mark.parametrize("pair", [("none", "none"), ("T = 1/2, top-p", "T = 1/2, top-p"), ("typical", "top-p")])
def test_counting_again_gives_the_same_counts(pair):
    runs = json.loads(docs.COUNTS.read_text(encoding="utf-8"))["runs"][" | ".join(pair)]
    *counts, beta = docs.count(load_pair(), pair, docs.PROMPTS["prose"][0], 0)
    assert counts == runs["prose"][0][:3], "another pair? run: python docs/make_strategies.py --measure"
    assert beta == pytest.approx(runs["prose"][0][3], abs=0.01)


def test_a_row_of_every_strategy_was_timed_at_no_more_than_0_15_of_a_pass():
    cells = json.loads(docs.COUNTS.read_text(encoding="utf-8"))["times"]["cells"]
    assert {*cells} == {str(V) for V in docs.LARGE}
    for times in cells.values():
        strategies = {key: ms for key, ms in times.items() if not key.endswith(docs.OTHERS)}
        assert len(strategies) == 6 * len(docs.SPREADS)
        assert max(strategies.values()) <= 0.15 * times["pass"]


def test_no_strategy_sorts_a_large_vocabulary_whole(monkeypatch):
    sizes = []
    for sort in ("sort", "argsort"):
        whole = getattr(np, sort)
        monkeypatch.setattr(np, sort, lambda x, *a, whole=whole, **b: sizes.append(np.size(x)) or whole(x, *a, **b))
    longest = {}
    for name, call in docs.calls(49_152, 3, np.random.default_rng(0)).items():
        sizes.clear()
        call()
        longest[name] = max(sizes, default=0)
    assert [name for name, size in longest.items() if size > 49_152 / 4] == ["two stable sorts of the row"]
