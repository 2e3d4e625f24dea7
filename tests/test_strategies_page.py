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
