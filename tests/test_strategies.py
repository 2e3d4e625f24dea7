"""Decoding strategies: each against its definition, written as a loop over exact fractions."""

from fractions import Fraction

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import strategies
from specsample.backend import library, to_device, to_numpy
from specsample.strategies import decoding_strategy, greedy, min_p, temperature, top_k, top_p, typical

ROWS = st.lists(st.integers(0, 9), min_size=2, max_size=7).filter(any)
MASSES = st.fractions(Fraction(1, 100), 1)
EVERY = [greedy, temperature(1), temperature(0), top_k(2), top_p(0.6), min_p(0.3), typical(0.6)]  # exact ones


def fractions(weights):
    """Normalise integer weights to a row of fractions."""
    return np.array([Fraction(w, sum(weights)) for w in weights], dtype=object)


def keep(row, tokens):
    """Renormalise a row on a set of tokens, from the definition."""
    total = sum(row[x] for x in tokens)
    return [row[x] / total if x in tokens else 0 for x in range(len(row))]


def smallest_set(row, order, mass):
    """Take tokens in order until they hold the mass."""
    tokens = []
    while sum(row[x] for x in tokens) < mass:
        tokens.append(order[len(tokens)])
    return tokens


def by_probability(row):
    """Token ids from likely to unlikely, lowest id first among equals."""
    return sorted(range(len(row)), key=lambda x: (-row[x], x))


@given(weights=ROWS)
@settings(deadline=None)
def test_greedy_is_the_one_hot_row_of_the_first_maximum(weights):
    row = fractions(weights)
    assert list(greedy(row)) == [int(x == weights.index(max(weights))) for x in range(len(row))]


def test_temperature_is_the_power_1_over_T_and_softmax_of_divided_logits():
    row = np.array([0.5, 0.3, 0.2, 0.0])
    for T in (0.25, 0.7, 1.0, 3.0):
        np.testing.assert_allclose(temperature(T)(row), row ** (1 / T) / (row ** (1 / T)).sum(), rtol=1e-13)


def test_temperature_leaves_zeros_zero_and_does_not_underflow():
    assert temperature(0.01)(np.array([0.0, 1e-300, 1e-300, 1e-310])).round(12).tolist() == [0, 0.5, 0.5, 0]


def test_temperature_0_is_greedy_and_temperature_1_changes_nothing():
    row = np.array([0.25, 0.75])
    assert temperature(0) is greedy
    assert temperature(1)(row) is row


def test_temperature_on_fractions_is_refused_because_it_is_not_exact():
    with pytest.raises(TypeError, match=r"temperature needs floats: p\^\(1/T\) of a fraction is not a fraction"):
        temperature(0.5)(fractions([1, 2]))


@given(weights=ROWS, k=st.integers(1, 9))
@settings(deadline=None)
def test_top_k_keeps_the_k_most_likely_tokens(weights, k):
    row = fractions(weights)
    assert list(top_k(k)(row)) == keep(row, by_probability(row)[:k])


def test_top_k_breaks_ties_towards_the_lowest_ids():
    assert top_k(2)(np.full(4, 0.25)).tolist() == [0.5, 0.5, 0, 0]


@given(weights=ROWS, mass=MASSES)
@settings(deadline=None)
def test_top_p_keeps_the_smallest_set_that_holds_the_mass(weights, mass):
    row = fractions(weights)
    expected = keep(row, smallest_set(row, by_probability(row), mass))
    assert list(top_p(mass)(row)) == expected


def test_top_p_1_keeps_everything_and_a_tiny_mass_keeps_the_most_likely():
    row = np.array([0.2, 0.5, 0.3])
    assert top_p(1)(row) is row
    assert top_p(1e-9)(row).tolist() == [0, 1, 0]


@given(weights=ROWS, ratio=MASSES)
@settings(deadline=None)
def test_min_p_keeps_tokens_at_least_ratio_times_the_maximum(weights, ratio):
    row = fractions(weights)
    assert list(min_p(ratio)(row)) == keep(row, [x for x in range(len(row)) if row[x] >= ratio * max(row)])


@given(weights=ROWS, mass=MASSES)
@settings(deadline=None)
def test_typical_keeps_the_least_surprising_set_that_holds_the_mass(weights, mass):
    row = fractions(weights)
    floats = row.astype(float)
    surprise = -np.log(np.where(floats > 0, floats, 1.0))
    distance = np.where(floats > 0, np.abs(surprise - (floats * surprise).sum()), np.inf)
    order = sorted(range(len(row)), key=lambda x: (distance[x], x))
    assert list(typical(mass)(row)) == keep(row, smallest_set(row, order, mass))


def test_typical_may_drop_the_most_likely_token():
    assert typical(Fraction(1, 5))(fractions([5, 2, 2, 1])).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("transform", EVERY)
def test_every_strategy_stays_in_fractions(transform):
    out = transform(np.stack([fractions([3, 0, 4, 1]), fractions([1, 1, 0, 1])]))
    assert {type(value) for value in out.flat} == {Fraction}
    assert out.sum(axis=-1).tolist() == [1, 1]


@pytest.mark.parametrize("transform", [*EVERY, temperature(0.7), decoding_strategy(temperature=0.7, top_p=0.9)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_strategy_keeps_the_dtype_and_treats_rows_alone(transform, dtype):
    rows = np.random.default_rng(0).dirichlet(np.ones(6), (2, 3)).astype(dtype)
    out = transform(rows)
    assert out.dtype == dtype
    assert all((out[i, j] == transform(rows[i, j])).all() for i, j in np.ndindex(2, 3))


@pytest.mark.parametrize("make", [temperature, top_p, min_p, typical])
def test_a_numpy_parameter_does_not_widen_float32(make):
    assert make(np.float64(0.5))(np.array([0.25, 0.75], "float32")).dtype == "float32"


def test_decoding_strategy_without_arguments_changes_nothing():
    row = np.array([0.25, 0.75])
    assert decoding_strategy()(row) is row


def test_decoding_strategy_applies_temperature_then_top_k_then_top_p_then_min_p_then_typical():
    settings = {"temperature": 0.5, "top_k": 4, "top_p": 0.95, "min_p": 0.1, "typical_p": 0.9}
    row = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
    expected = row
    for transform in (temperature(0.5), top_k(4), top_p(0.95), min_p(0.1), typical(0.9)):
        expected = transform(expected)
    assert (decoding_strategy(**settings)(row) == expected).all()
    assert (decoding_strategy(**dict(reversed(settings.items())))(row) == expected).all()


MAKERS = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p, "typical_p": typical}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("temperature", 0.25), ("top_p", 0.7)),
        (("top_k", 2), ("top_p", 0.5)),
        (("top_p", 0.5), ("min_p", 0.6)),
        (("min_p", 0.6), ("typical_p", 0.3)),
    ],
)
def test_where_the_order_of_two_strategies_matters_the_stated_one_is_taken(first, second):
    row = np.array([0.4, 0.3, 0.2, 0.1])
    one, two = (MAKERS[name](value) for name, value in (first, second))
    assert ((two(one(row)) > 0) != (one(two(row)) > 0)).any()
    assert (decoding_strategy(**dict([second, first]))(row) == two(one(row))).all()


@pytest.mark.parametrize("name", ["top_p", "min_p", "typical_p"])
@pytest.mark.parametrize("mass", [0, -0.1, 1.01, np.nan])
def test_a_mass_outside_0_to_1_is_refused(name, mass):
    with pytest.raises(ValueError, match=rf"{name} must lie in \(0, 1\]; got {mass}\. 1 keeps every token"):
        decoding_strategy(**{name: mass})


@pytest.mark.parametrize("T", [-0.5, np.inf, np.nan])
def test_a_temperature_below_0_or_not_finite_is_refused(T):
    with pytest.raises(ValueError, match=rf"temperature must be a finite number >= 0; got {T}\. Greedy"):
        decoding_strategy(temperature=T)


@pytest.mark.parametrize("k", [0, -1])
def test_a_top_k_below_1_is_refused(k):
    with pytest.raises(ValueError, match=f"top_k must be an integer >= 1; got {k}. Leave it out"):
        decoding_strategy(top_k=k)


@pytest.mark.parametrize("T", [1e-30, 1e-310, 5e-324])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_coldest_temperature_is_greedy_and_no_number_overflows(T, dtype):
    row = np.array([0.3, 0.7], dtype)
    assert temperature(T)(row).tolist() == [0, 1]
    assert temperature(T)(np.array([0.5, 0.5], dtype)).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("make", [temperature, top_k, top_p, min_p, typical])
def test_a_strategy_that_was_not_given_its_number_says_so(make):
    with pytest.raises(
        TypeError, match=r"must be a number; got ndarray. Was the strategy handed on without its number"
    ):
        make(np.array([0.5, 0.5]))


def test_half_a_token_is_refused():
    with pytest.raises(ValueError, match=r"top_k must be an integer >= 1; got 2\.5"):
        top_k(2.5)


@pytest.mark.parametrize("tenths", range(1, 10))
def test_top_p_of_a_mass_that_is_held_exactly_keeps_no_token_more(tenths):
    kept = top_p(tenths / 10)(np.full(10, 0.1)) > 0  # in float64 eight tenths sum to less than 0.8
    assert kept.sum() == tenths


@pytest.mark.parametrize("strategy", [*EVERY, temperature(0.5), temperature(1e-5)])
def test_half_precision_is_served_in_float32(strategy):
    row = np.array([0.5, 0.25, 0.25], np.float16)
    assert np.allclose(strategy(row), strategy(row.astype(np.float32)), rtol=1e-6)


def test_the_nucleus_of_many_half_precision_tokens_does_not_stall():
    kept = top_p(0.5)(np.full(20_000, 5e-5, np.float16)) > 0  # their running sum stalls at 0.25 in float16
    assert abs(kept.mean() - 0.5) < 0.01


# --- large vocabularies: nothing but the time may differ from sorting every row whole ------------------------------


def rows_kept(rows, key, is_kept):
    """Keep tokens by rank in the order of their keys, lowest id first among equals, after sorting whole rows."""
    order = np.argsort(key, axis=-1, kind="stable")
    ranked = np.take_along_axis(rows, order, axis=-1)
    mask = np.take_along_axis(is_kept(ranked), np.argsort(order, axis=-1), axis=-1)
    kept = np.where(mask, rows, np.zeros_like(rows))
    return kept / np.sum(kept, axis=-1, keepdims=True)


def slow_top_k(k):
    """Write top-k as one sort of each row."""
    return lambda rows: rows_kept(rows, -rows, lambda ranked: np.cumsum(np.ones(ranked.shape), axis=-1) <= k)


def within(mass):
    """Mark the tokens before which there is less than the mass, to rounding."""
    if mass == 1:
        return lambda ranked: np.ones(ranked.shape, bool)

    def is_kept(ranked):
        rounding = 0 if ranked.dtype == object else 16 * float(np.finfo(ranked.dtype).eps)
        return np.cumsum(ranked, axis=-1) - ranked < mass * (1 - rounding)

    return is_kept


def slow_top_p(mass):
    """Write top-p as one sort of each row."""
    return lambda rows: rows if mass == 1 else rows_kept(rows, -rows, within(mass))


def slow_typical(mass):
    """Write typical sampling as one sort of each row."""

    def transform(rows):
        floats = rows.astype(float) if rows.dtype == object else rows
        surprise = -np.log(np.where(floats > 0, floats, np.ones_like(floats)))
        distance = np.abs(surprise - np.sum(floats * surprise, axis=-1, keepdims=True))
        key = np.where(floats > 0, distance, np.full_like(floats, np.inf))
        return rows if mass == 1 else rows_kept(rows, key, within(mass))

    return transform


@st.composite
def tied_rows(draw):
    """Draw two rows with ties and zeros, one-hot ones too, as fractions, float64 or float32."""
    V = draw(st.integers(1, 70))
    weight = draw(st.sampled_from([st.integers(0, 3), st.integers(0, 60), st.sampled_from([0, 1, 2, 4, 1024])]))
    rows = []
    for _ in range(2):
        weights = draw(st.lists(weight, min_size=V, max_size=V))
        weights[draw(st.integers(0, V - 1))] += not any(weights)
        rows.append(fractions(weights))
    kind = draw(st.sampled_from(["fractions", "float64", "float32"]))
    return np.stack(rows) if kind == "fractions" else np.stack(rows).astype(float).astype(kind)


@st.composite
def rows_and_masses(draw):
    """Draw two rows, and a mass: any one, or one that some tokens of the first row hold exactly."""
    rows = draw(tied_rows())
    held = np.cumsum(np.sort(rows[0])[::-1])[draw(st.integers(0, rows.shape[-1] - 1))]
    mass = draw(st.one_of(MASSES, MASSES.map(float), st.just(held)))
    return rows, min(mass if rows.dtype == object else float(mass), 1)


def assert_same(ours, slow):
    """Compare two arrays of rows bit for bit."""
    assert ours.dtype == slow.dtype
    assert (ours == slow).all()


@given(rows=tied_rows(), k=st.integers(1, 75))
@settings(deadline=None)
def test_top_k_and_greedy_are_those_of_whole_sorted_rows_bit_for_bit(rows, k):
    assert_same(top_k(k)(rows), slow_top_k(k)(rows))
    assert_same(greedy(rows), slow_top_k(1)(rows))


@pytest.mark.parametrize("head", [1, 2, 1024])  # cut after 1 and 8, after 2 and 16, or never
@given(given_both=rows_and_masses())
@settings(deadline=None)
def test_cutting_the_tail_changes_no_bit_of_top_p_and_typical(head, given_both):
    rows, mass = given_both
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strategies, "HEAD", head)
        assert_same(top_p(mass)(rows), slow_top_p(mass)(rows))
        assert_same(typical(mass)(rows), slow_typical(mass)(rows))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spread", [0.0, 0.5, 3.0, 9.0])
def test_at_a_large_vocabulary_every_strategy_is_that_of_whole_sorted_rows(spread, dtype):
    logits = np.random.default_rng(0).normal(size=(2, 49_152)).round(2) * spread  # rounded: many ties
    rows = (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).astype(dtype)
    assert_same(greedy(rows), slow_top_k(1)(rows))
    assert_same(top_k(50)(rows), slow_top_k(50)(rows))
    for mass in (0.1, 0.9, 0.999, 1 - 1e-9):
        assert_same(top_p(mass)(rows), slow_top_p(mass)(rows))
        assert_same(typical(mass)(rows), slow_typical(mass)(rows))
        assert_same(top_p(mass)(top_k(50)(rows)), slow_top_p(mass)(slow_top_k(50)(rows)))


def test_a_tail_is_not_cut_where_rounding_could_still_keep_a_token_of_it(monkeypatch):
    # what stands before a token is the sum after it less the token; where this sum is the first above 1/2, floats lie
    # further apart than below, and less may come out than was there before
    monkeypatch.setattr(strategies, "HEAD", 1)  # a row is cut after 1 token and after 8
    n_kept_past_the_mass = 0
    for weights in np.random.default_rng(0).uniform(1, 1.02, (200, 17)):
        row = (weights / weights.sum()).astype(np.float32)
        before = np.cumsum(np.sort(row)[::-1])[7]
        mass = float(before) / (1 - 16 * 2.0**-23)  # held, rounding allowed for, by 8 tokens and no less
        assert_same(top_p(mass)(row), slow_top_p(mass)(row))
        n_kept_past_the_mass += np.count_nonzero(top_p(mass)(row)) > 8
    assert n_kept_past_the_mass > 10


@pytest.mark.parametrize("name", ["strict", pytest.param("torch", marks=pytest.mark.peers)])
@pytest.mark.parametrize("transform", EVERY[:1] + EVERY[2:])
def test_other_libraries_which_may_lack_partition_keep_the_same_tokens(transform, name):
    if name == "torch":
        pytest.importorskip("torch", reason="torch is not installed")
    like = library("torch").zeros(1) if name == "torch" else array_api_strict.zeros(1)
    rows = np.random.default_rng(0).integers(0, 9, (2, 3, 2000)) / 1.0
    rows /= rows.sum(-1, keepdims=True)
    theirs = to_numpy(transform(to_device(rows, like=like)))
    assert ((theirs > 0) == (transform(rows) > 0)).all()
    np.testing.assert_allclose(theirs, transform(rows), rtol=1e-13)
