"""Pairs that depend on each other are found; independent ones are a martingale, exactly."""

from itertools import product
from math import exp, inf, log

import numpy as np
import pytest

from specsample.conformance.evidence.dependence import Independence

LAW = np.array([0.5, 0.3, 0.2])
THRESHOLD = log(1e6)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_mean_over_independent_pairs_is_one(n):
    total = 0.0
    for cells in product(range(3), repeat=2 * n):
        pairs = np.array(cells).reshape(n, 2)
        total += LAW[pairs].prod() * exp(Independence(LAW).update(pairs))
    assert abs(total - 1) < 1e-12


@pytest.mark.parametrize("share", [1.0, 0.2])
def test_copied_outputs_are_found(share):
    # a pair of copies multiplies the bet on its share by at least 1 / 0.5; the margin at n = 4000 is beyond 1e-9
    rng, n = np.random.default_rng(), 4000
    first, second = rng.choice(3, (2, n), p=LAW)
    second = np.where(rng.random(n) < share, first, second)
    assert Independence(LAW).update(np.stack([first, second], axis=1)) > THRESHOLD


def test_outputs_that_avoid_each_other_are_found():
    rng = np.random.default_rng(0)
    first = rng.choice(3, 4000, p=LAW)
    assert Independence(LAW).update(np.stack([first, (first + 1) % 3], axis=1)) > THRESHOLD


def test_batches_add_up_and_the_impossible_is_infinite():
    pairs = np.array([[0, 0], [1, 2], [2, 2], [0, 1]])
    once, twice = Independence([*LAW, 0.0]), Independence([*LAW, 0.0])
    twice.update(pairs[:1])
    assert twice.update(pairs[1:]) == pytest.approx(once.update(pairs))
    assert once.update(np.array([[0, 3]])) == inf


def test_one_cell_holds_no_evidence():
    assert abs(Independence([1.0]).update(np.zeros((50, 2), int))) < 1e-12
