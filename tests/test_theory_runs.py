"""Are the laws of runs and rounds those of the shipped sampler? Exact laws by enumeration, with `==`."""

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import TableModel, generate, step
from specsample.conformance import exact_law
from specsample.theory import (
    acceptance_rate,
    accepted_law,
    contexts,
    expected_tokens,
    expected_tokens_by_position,
    long_run,
    rates_by_position,
    round_chain,
    run_length_law,
    stationary,
    survival,
)

RATES = st.fractions(0, 1, max_denominator=9)


def table(V, order=1, *, seed, zeros=0.0):
    """Make a table of random small fractions; a share of its entries is zero."""
    rng = np.random.default_rng(seed)
    shape = (V,) * (order + 1)
    weights = np.array(rng.integers(1, 6, shape) * (rng.random(shape) >= zeros), object)
    weights[..., 0] += weights.sum(-1) == 0
    return TableModel(weights * F(1) / weights.sum(-1, keepdims=True))


def flat(beta):
    """Make two models of one overlap in every context, so that acceptances are independent."""
    rows = [[beta, 1 - beta, F(0)], [beta, F(0), 1 - beta]]
    return tuple(TableModel(np.array([row] * 3, dtype=object)) for row in rows)


def first_accepted(p, q, K, prompt):
    """Enumerate the law of n_accepted of one shipped round, as a list."""

    def sample(tape):
        return step(list(prompt), p.start(), q.start(), K=K, u=tape.random(2 * K + 1))[1].n_accepted

    law = exact_law(sample)
    return [law.get(n, 0) for n in range(K + 1)]


PAIRS = {
    "order 1": (table(3, seed=1), table(3, seed=2), [2]),
    "order 2, thin": (table(3, 2, seed=3, zeros=0.4), table(3, 2, seed=4, zeros=0.4), [2, 1]),
    "a target of order 2, a draft of order 1": (table(3, 2, seed=5), table(3, seed=6), [1, 2]),
    "a prompt shorter than the order": (table(2, 3, seed=7), table(2, seed=8), [1]),
    "equal": (table(3, seed=1), table(3, seed=1), [0]),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_run_length_law_is_that_of_the_shipped_round(name):
    p, q, prompt = PAIRS[name]
    for K in range(4):
        assert run_length_law(p, q, K, prompt=prompt).tolist() == first_accepted(p, q, K, prompt)


@pytest.mark.parametrize("name", PAIRS)
def test_the_second_round_starts_where_the_chain_of_rounds_says(name):
    p, q, prompt = PAIRS[name]
    K, order = 2, max(p.table.ndim, q.table.ndim) - 1
    size = p.vocab_size**order
    states = contexts(p, order), contexts(q, order)
    start = int("".join(map(str, ([0] * order + prompt)[-order:])), p.vocab_size)
    mean = np.eye(size, dtype=object)[start] @ round_chain(p, q, K) @ survival(np.minimum(*states), K).sum(0)

    def second(tape):
        return len(generate(prompt, p, q, K=K, max_new_tokens=2 * K + 2, rng=Short(tape, K))[1].rounds[1].emitted)

    assert mean == sum(n * mass for n, mass in exact_law(second).items())


class Short:
    """Hand out two rounds of lazy uniforms and then constants, so that only two rounds are enumerated."""

    def __init__(self, tape, K):
        self.tape, self.left = tape, 2 * (2 * K + 1)

    def random(self, n):
        """Draw n numbers."""
        self.left -= n
        return self.tape.random(n) if self.left >= 0 else np.array([F(1, 2)] * n, dtype=object)


@settings(deadline=None, max_examples=50)
@given(RATES, st.integers(0, 5))
def test_independent_acceptances_are_the_case_of_equation_1(beta, K):
    p, q = flat(beta)
    assert run_length_law(p, q, K, prompt=[0]).tolist() == accepted_law([beta] * K)
    assert expected_tokens_by_position([beta] * K) == expected_tokens(beta, K)


def test_equation_1_promises_too_much_where_hard_contexts_lie_together():
    p = TableModel(np.array([[F(9, 10), F(1, 10)], [F(1, 10), F(9, 10)]]))  # 0s stay 0s, 1s stay 1s
    q = TableModel(np.array([[F(9, 10), F(1, 10)], [F(9, 10), F(1, 10)]]))  # only the 0s are foreseen
    found, along_the_text = long_run(p, q, 4), acceptance_rate(p.table, q.table)  # each context half of the time
    assert (stationary(p.table).tolist(), along_the_text) == ([F(1, 2), F(1, 2)], F(3, 5))
    assert found.acceptance_rate < along_the_text
    assert found.tokens_per_pass < expected_tokens(found.acceptance_rate, 4) < expected_tokens(along_the_text, 4)


@pytest.mark.parametrize("name", PAIRS)
def test_the_long_run_is_where_the_mean_of_round_after_round_settles(name):
    p, q, _ = PAIRS[name]
    chain = round_chain(p, q, 3).astype(float)
    order = max(p.table.ndim, q.table.ndim) - 1
    reached = survival(np.minimum(contexts(p, order), contexts(q, order)).astype(float), 3)  # (K+1, S)
    late = reached @ np.linalg.matrix_power(chain, 200)[0]
    assert late.sum() == pytest.approx(float(long_run(p, q, 3).tokens_per_pass), abs=1e-12)
    assert late[1:].sum() / late[:-1].sum() == pytest.approx(float(long_run(p, q, 3).acceptance_rate), abs=1e-12)


def test_the_stationary_law_stays_and_is_refused_where_there_is_none():
    chain = round_chain(table(3, 2, seed=3), table(3, 2, seed=4), 2)
    law = stationary(chain)
    assert (law @ chain).tolist() == law.tolist()
    assert law.sum() == 1
    with pytest.raises(ValueError, match="state 1 reaches none"):
        stationary(np.eye(2))


@settings(deadline=None, max_examples=50)
@given(st.lists(RATES, max_size=5))
def test_rates_by_position_give_the_law_and_the_mean(rates):
    law = accepted_law(rates)
    assert sum(law) == 1
    products = [np.prod(np.array([F(1), *rates[:k]])) for k in range(len(rates) + 1)]
    assert expected_tokens_by_position(rates) == sum(products)


def test_measured_rates_by_position_rebuild_the_measured_mean():
    n_accepted = [0, 3, 1, 3, 2, 0, 3]
    rates = rates_by_position(n_accepted, 3)
    assert expected_tokens_by_position(rates) == pytest.approx(1 + np.mean(n_accepted), abs=1e-12)
    assert np.isnan(rates_by_position([0], 2)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accepted_law([0.5, 1.5]), "alpha must lie in"),
        (lambda: contexts(table(2, 2, seed=0), 1), "order must be at least the table's own, 2; got 1"),
        (lambda: long_run(table(2, seed=0), table(3, seed=0), 2), "must share one vocabulary"),
    ],
)
def test_arguments_outside_their_ranges_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
