"""TableModel, and the transformed view of a model."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample.language_model import FunctionModel, TableModel, Transformed
from specsample.strategies import greedy

ORDER_1 = np.array([[0.5, 0.5], [0.25, 0.75]])


def random_table(order, V=3):
    """Draw a table of the given order, away from zero."""
    return np.random.default_rng(order).dirichlet(np.ones(V), (V,) * order)


def test_a_table_of_order_0_ignores_the_text():
    context = TableModel(np.array([0.25, 0.75])).start()
    assert context.extend([0, 1, 1]).tolist() == [[0.25, 0.75]] * 3


def test_a_table_of_order_1_looks_at_the_last_token():
    assert (TableModel(ORDER_1).start().extend([1, 0, 1]) == ORDER_1[[1, 0, 1]]).all()


def test_a_table_of_order_2_looks_at_two_tokens_and_reads_token_0_before_the_text():
    table = random_table(2)
    rows = TableModel(table).start().extend([1, 2, 0])
    assert (rows == [table[0, 1], table[1, 2], table[2, 0]]).all()


@pytest.mark.parametrize("order", [0, 1, 2])
def test_vocab_size_is_the_last_axis(order):
    assert TableModel(random_table(order, V=3)).vocab_size == 3


def test_a_table_of_fractions_hands_out_fractions():
    table = np.array([[Fraction(1, 3), Fraction(2, 3)], [Fraction(1), Fraction(0)]])
    assert TableModel(table).start().extend([0])[0].tolist() == [Fraction(1, 3), Fraction(2, 3)]


@given(order=st.integers(0, 2), chunks=st.lists(st.lists(st.integers(0, 2), min_size=1), min_size=1, max_size=4))
@settings(deadline=None)
def test_reading_in_pieces_equals_reading_at_once(order, chunks):
    model = TableModel(random_table(order))
    whole, pieces = model.start(), model.start()
    at_once = whole.extend([token for chunk in chunks for token in chunk])
    assert (np.concatenate([pieces.extend(chunk) for chunk in chunks]) == at_once).all()
    assert pieces.length == whole.length == len(at_once)


@given(
    text=st.lists(st.integers(0, 2), min_size=1), keep=st.integers(0, 9), new=st.lists(st.integers(0, 2), min_size=1)
)
@settings(deadline=None)
def test_rollback_forgets_what_was_read_after(text, keep, new):
    model, keep = TableModel(random_table(2)), min(keep, len(text))
    context, fresh = model.start(), model.start()
    context.extend(text)
    context.rollback(keep)
    assert context.length == keep
    assert (context.extend(new) == fresh.extend(text[:keep] + new)[-len(new) :]).all()


def test_two_contexts_of_one_model_do_not_share_their_text():
    model = TableModel(ORDER_1)
    first, second = model.start(), model.start()
    first.extend([1, 1])
    assert second.length == 0


def test_a_table_whose_axes_differ_is_refused():
    with pytest.raises(ValueError, match=r"axes of equal length, .*; got \(3, 2\)\. Does every context have a row\?"):
        TableModel(np.full((3, 2), 0.5))


def test_a_table_whose_row_is_no_distribution_is_refused():
    with pytest.raises(ValueError, match=r"rows of table must sum to 1; one is off by 0\.5"):
        TableModel(np.array([[0.5, 0.5], [0.5, 1.0]]))


def test_a_transformed_model_hands_out_transformed_rows_and_keeps_the_rest():
    view = Transformed(TableModel(ORDER_1), greedy)
    context = view.start()
    assert view.vocab_size == 2
    assert context.extend([0, 1]).tolist() == [[1, 0], [0, 1]]
    context.rollback(1)
    assert context.length == context.context.length == 1


def test_a_model_without_transform_hands_out_its_own_rows():
    assert (Transformed(TableModel(ORDER_1)).start().extend([0, 1]) == ORDER_1).all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, np.nan], "draft_probs must hold probabilities; got NaN"),
        ([-0.5, 1.5], r"draft_probs must be >= 0; got -0\.5"),
        ([0.5, 0.6], r"rows of draft_probs must sum to 1; one is off by 0\.1"),
    ],
)
def test_rows_that_are_no_distribution_are_refused_by_the_models_name(row, message):
    model = TableModel(ORDER_1)
    model.table = np.array([[1.0, 0.0], row])  # past the check that the constructor makes
    with pytest.raises(ValueError, match=message):
        Transformed(model, name="draft_probs").start().extend([1])


def test_a_transform_that_does_not_normalise_is_refused_as_such():
    with pytest.raises(ValueError, match="rows of target_probs after the transform must sum to 1"):
        Transformed(TableModel(ORDER_1), lambda probs: probs / 2, "target_probs").start().extend([0])


@pytest.mark.parametrize("length", [-1, 4])
def test_a_rollback_outside_what_was_read_is_refused_and_changes_nothing(length):
    context = TableModel(ORDER_1).start()
    context.extend([0, 1, 0])
    with pytest.raises(ValueError, match=rf"length must lie in 0 \.\. 3, the tokens read; got {length}"):
        context.rollback(length)
    assert context.length == 3


@pytest.mark.parametrize("table", [np.zeros((0, 0)), np.zeros((0, 3))])
def test_an_empty_table_is_refused(table):
    with pytest.raises(ValueError, match="table must have axes of equal length"):
        TableModel(table)


def test_a_table_of_integers_hands_out_floats():
    assert TableModel(np.array([[0, 1], [1, 0]])).start().extend([0]).dtype == np.float64


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ([], ValueError, "tokens must hold at least one token"),
        ([0.5], TypeError, r"tokens must hold integers; got 0\.5"),
        ([0, 2], ValueError, r"tokens must lie in 0 \.\. 1; got 2"),
    ],
)
def test_tokens_that_are_none_are_refused_and_none_is_read(tokens, error, message):
    context = TableModel(ORDER_1).start()
    with pytest.raises(error, match=message):
        context.extend(tokens)
    assert context.length == 0


class Rows:
    """A model without rollback whose answer is always the same."""

    vocab_size = 2

    def __init__(self, rows):
        self.rows = rows

    def start(self):
        return self

    def extend(self, tokens):
        return self.rows


@pytest.mark.parametrize(
    ("rows", "got"),
    [
        (np.full((4, 2), 0.5), r"\(4, 2\)"),
        (np.full((3, 2), 0.5).T, r"\(2, 3\)"),
        (np.full((3, 4), 0.25), r"\(3, 4\)"),
        (np.array([0.5, 0.5]), r"\(2,\)"),
        ([[0.5, 0.5]] * 3, "list"),
    ],
)
def test_rows_of_another_shape_are_refused_by_the_models_name(rows, got):
    view = Transformed(Rows(rows), name="target_probs")
    with pytest.raises(ValueError, match=rf"target_probs must be an \(n, V\) = \(3, 2\) array.*; got {got}\. Is it"):
        view.start().extend([0, 1, 0])


def test_a_model_that_cannot_forget_is_refused_at_its_first_rollback():
    with pytest.raises(TypeError, match=r"context of draft_probs must have rollback\(length\); got Rows without"):
        Transformed(Rows([]), name="draft_probs").start().rollback(0)


@pytest.mark.parametrize("transform", [0.7, "greedy"])
def test_a_transform_that_is_no_function_is_refused(transform):
    with pytest.raises(TypeError, match=r"transform must map distributions to distributions; got .* Make one"):
        Transformed(TableModel(ORDER_1), transform)


def test_a_function_model_reads_as_the_table_it_looks_up():
    table = TableModel(ORDER_1)
    model = FunctionModel(table.next_probs, vocab_size=2)
    context, other = model.start(), table.start()
    assert (context.extend([1, 0, 1]) == other.extend([1, 0, 1])).all()
    context.rollback(1)
    assert context.length == 1
    assert (context.extend([0]) == other.extend([0])).all()


def test_a_function_model_copies_what_it_is_given_and_what_it_gives():
    row = np.array([0.5, 0.5])

    def next_probs(tokens):
        tokens.append(0)  # the function's own list
        return row

    context = FunctionModel(next_probs, vocab_size=2).start()
    rows = context.extend([1, 1])
    row[:] = [1.0, 0.0]
    assert context.length == 2
    assert rows.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_a_function_model_refuses_a_token_that_is_not_of_its_vocabulary():
    with pytest.raises(ValueError, match=r"tokens must lie in 0 \.\. 1; got 2"):
        FunctionModel(lambda tokens: ORDER_1[tokens[-1]], vocab_size=2).start().extend([2])
