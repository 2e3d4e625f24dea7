"""The baseline: one pass, one uniform number, one token."""

from fractions import Fraction
from itertools import islice, product
from types import SimpleNamespace

import numpy as np
import pytest

from specsample import TableModel, autoregressive
from specsample.strategies import greedy

CHAIN = np.array([[0.5, 0.5], [0.25, 0.75]])


def tape(numbers):
    """Hand out recorded numbers where an rng is asked for."""
    numbers = iter(numbers)
    return SimpleNamespace(random=lambda n: list(islice(numbers, n)))


def test_a_scripted_tape_gives_the_tokens_read_off_the_table():
    u = [0.4, 0.6, 0.2, 0.3]  # after 0: 0; after 0: 1; after 1: 0; after 0: 0
    assert autoregressive([0], TableModel(CHAIN), max_new_tokens=4, rng=tape(u)) == [0, 1, 0, 0]


def test_the_law_over_a_grid_of_uniforms_is_the_chain_rule():
    table = np.array([[Fraction(1, 2), Fraction(1, 2)], [Fraction(1, 4), Fraction(3, 4)]])
    cells = [Fraction(2 * i + 1, 8) for i in range(4)]  # midpoints: every threshold is a multiple of 1/4
    law = dict.fromkeys(product(range(2), repeat=3), Fraction(0))
    for u in product(cells, repeat=3):
        law[tuple(autoregressive([1], TableModel(table), max_new_tokens=3, rng=tape(u)))] += Fraction(1, 64)
    assert law == {(a, b, c): table[1, a] * table[a, b] * table[b, c] for a, b, c in law}


def test_exactly_max_new_tokens_come_back_for_as_many_uniforms():
    for n in (0, 1, 7):
        rng, expected = np.random.default_rng(3), np.random.default_rng(3)
        assert len(autoregressive([0], TableModel(CHAIN), max_new_tokens=n, rng=rng)) == n
        assert (rng.random() == expected.random(n + 1)[-1]).all()


def test_the_text_ends_with_the_stop_token():
    cycle = TableModel(np.eye(3)[[1, 2, 0]])
    rng = np.random.default_rng(0)
    assert autoregressive([0], cycle, max_new_tokens=9, rng=rng, stop={0}) == [1, 2, 0]


def test_a_stop_token_in_the_prompt_does_not_stop():
    assert autoregressive([0], TableModel(np.eye(2)), max_new_tokens=2, rng=np.random.default_rng(0), stop={1}) == [
        0,
        0,
    ]
    assert autoregressive([0], TableModel(CHAIN[::-1]), max_new_tokens=1, rng=tape([0.9]), stop={0}) == [1]


def test_a_transform_is_what_is_sampled_from():
    assert autoregressive([0], TableModel(CHAIN), max_new_tokens=3, rng=tape([0.9] * 3), transform=greedy) == [0] * 3


def test_the_same_seed_gives_the_same_text():
    runs = [autoregressive([0], TableModel(CHAIN), max_new_tokens=50, rng=np.random.default_rng(1)) for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("prompt", "max_new_tokens", "message"),
    [([], 1, "at least one token"), ([2], 1, "got 2"), ([0], -1, "max_new_tokens must be an integer >= 0")],
)
def test_bad_requests_are_refused(prompt, max_new_tokens, message):
    with pytest.raises(ValueError, match=message):
        autoregressive(prompt, TableModel(CHAIN), max_new_tokens=max_new_tokens, rng=tape([]))


def test_a_transform_that_does_not_normalise_is_refused():
    with pytest.raises(ValueError, match="rows of target_probs after the transform must sum to 1"):
        autoregressive([0], TableModel(CHAIN), max_new_tokens=1, rng=tape([0.5]), transform=lambda probs: probs / 2)
