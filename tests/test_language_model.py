"""TableModel, the transformed view of a model, and the requests that are refused before any work is done."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample.language_model import TableModel, Transformed, check_request, check_rollback
from specsample.strategies import greedy

ORDER_1 = np.array([[0.5, 0.5], [0.25, 0.75]])


class Bounded:
    """A model with a length limit that nobody may start: a request must be refused before any pass."""

    vocab_size, max_length = 2, 8

    def start(self):
        raise AssertionError("a pass was made")


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
    with pytest.raises(ValueError, match=rf"rollback length must lie in 0 \.\. 3, the tokens read; got {length}"):
        context.rollback(length)
    assert context.length == 3


def test_a_rollback_to_the_present_or_to_nothing_is_allowed():
    check_rollback(3, 3)
    check_rollback(0, 3)


@pytest.mark.parametrize(
    ("prompt", "max_new_tokens", "K", "message"),
    [
        ([], 1, 1, "prompt_tokens must hold at least one token; got none. Models predict what follows"),
        ([0, 2], 1, 1, r"prompt_tokens must lie in 0 \.\. 1; got 2. Is it another model's tokenizer\?"),
        ([0, -1], 1, 1, r"prompt_tokens must lie in 0 \.\. 1; got -1"),
        ([0], -1, 1, "max_new_tokens must be at least 0; got -1"),
        ([0], 1, -1, "K must be at least 0 drafts; got -1. K = 0 is autoregressive"),
        ([0] * 3, 6, 1, r"fit target_model's limit of 8 tokens; got 3 \+ 6. Shorten the prompt or ask for at most 5"),
        ([0] * 9, 1, 1, "ask for at most 0"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused(prompt, max_new_tokens, K, message):
    with pytest.raises(ValueError, match=message):
        check_request(prompt, {"target_model": Bounded(), "draft_model": TableModel(ORDER_1)}, max_new_tokens, K=K)


def test_models_of_different_vocabularies_are_refused_with_both_sizes():
    models = {"target_model": TableModel(random_table(1)), "draft_model": TableModel(ORDER_1)}
    with pytest.raises(ValueError, match=r"\{'target_model': 3, 'draft_model': 2\}. Do they share a tokenizer\?"):
        check_request([0], models, 1)


def test_a_request_that_just_fits_is_served():
    check_request(np.array([0, 1, 1]), {"target_model": Bounded()}, 5)
