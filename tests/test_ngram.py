"""Does the fast n-gram model compute the textbook recursion, and can it draft?"""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import TableModel, autoregressive, generate, greedy
from specsample.drafts.ngram import SMOOTHINGS, bits_per_char, train_ngram

ABRACADABRA = [[0, 1, 4, 0, 2, 0, 3, 0, 1, 4, 0]]
V = 3
tokens = st.integers(0, V - 1)
corpora = st.lists(st.lists(tokens, max_size=8), min_size=1, max_size=3).filter(any)
smoothings = st.sampled_from(SMOOTHINGS)


def count(documents, n, is_highest):
    """Count n-grams, or the different tokens before them (none, at a document's start, is one of them)."""
    places = [(document, i) for document in documents for i in range(len(document) - n + 1)]
    if is_highest:
        return Counter(tuple(document[i : i + n]) for document, i in places)
    return Counter(gram for _, gram in {(d[i - 1] if i else None, tuple(d[i : i + n])) for d, i in places})


def discounts(counts):
    """Discounts of counts 0, 1, 2, and 3 or more: equation 26, each count of counts plus one."""
    n1, n2, n3, n4 = (1 + sum(c == k for c in counts.values()) for k in (1, 2, 3, 4))
    Y = n1 / (n1 + 2 * n2)
    D1, D2, D3 = 1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3
    return [0, D1, max(D1, D2), max(D1, D3)]


def probability(documents, order, smoothing, history):
    """The distribution after the history, token by token and order by order."""
    lower = probability(documents, order, smoothing, history[1:]) if history else [1 / V] * V
    is_kneser_ney, n = smoothing == "kneser-ney", len(history) + 1
    counts = count(documents, n, not is_kneser_ney or n == order)
    D = discounts(counts) if is_kneser_ney else [0, 0, 0, 0]
    here = [counts[(*history, x)] for x in range(V)]
    free = sum(D[min(c, 3)] if is_kneser_ney else 1 for c in here if c)
    if not free:
        return lower
    total = sum(here) + (0 if is_kneser_ney else free)
    return [(c - D[min(c, 3)] + free * p) / total for c, p in zip(here, lower, strict=True)]


@settings(deadline=None)
@given(corpora, st.integers(1, 4), smoothings, st.lists(tokens, max_size=3))
def test_rows_equal_the_textbook_recursion(documents, order, smoothing, history):
    row = train_ngram(documents, order, V, smoothing=smoothing).row(history)
    order = min(order, max(map(len, documents)))  # no longer n-gram was seen
    slow = probability(documents, order, smoothing, tuple(history[max(0, len(history) - order + 1) :]))
    np.testing.assert_allclose(row, slow, rtol=0, atol=1e-14)


@settings(deadline=None)
@given(corpora, st.integers(1, 4), smoothings, st.lists(tokens, min_size=1, max_size=6))
def test_every_row_sums_to_one_and_leaves_no_token_out(documents, order, smoothing, text):
    rows = train_ngram(documents, order, V, smoothing=smoothing).start().extend(text)
    assert rows.shape == (len(text), V)
    assert rows.dtype == np.float64
    assert np.abs(rows.sum(axis=1) - 1).max() < 1e-14
    assert rows.min() > 0


@settings(deadline=None)
@given(corpora, st.integers(1, 4), smoothings, corpora.filter(lambda texts: max(map(len, texts)) > 1))
def test_bits_per_char_averages_what_the_context_predicts(documents, order, smoothing, texts):
    model, bits = train_ngram(documents, order, V, smoothing=smoothing), []
    for text in texts:
        if len(text) > 1:
            rows = model.start().extend(text[:-1])
            bits += list(-np.log2(rows[np.arange(len(text) - 1), text[1:]]))
    assert bits_per_char(model, texts) == pytest.approx(np.mean(bits), rel=1e-12)


def test_witten_bell_unigram_frees_one_count_for_each_kind_of_token():
    row = train_ngram([[0, 0, 0, 1]], order=1, vocab_size=4, smoothing="witten-bell").row([])
    np.testing.assert_allclose(row, np.array([3 + 2 / 4, 1 + 2 / 4, 2 / 4, 2 / 4]) / 6)


def test_kneser_ney_unigram_frees_the_discounts_of_the_counts():
    row = train_ngram([[0, 1, 2, 2]], order=1, vocab_size=4, smoothing="kneser-ney").row([])
    D1, D2 = (
        1 - 2 * 3 / 7 * 2 / 3,
        2 - 3 * 3 / 7 * 1 / 2,
    )  # 3, 2 and 1: two, one and no token seen once, twice, thrice
    freed = (2 * D1 + D2) / 4
    np.testing.assert_allclose(row, np.array([1 - D1 + freed, 1 - D1 + freed, 2 - D2 + freed, freed]) / 4)


def test_kneser_ney_counts_the_tokens_before_and_not_the_times():
    often_after_one, after_three = [[0, 1]] * 9, [[0, 2], [1, 2], [2, 2]]
    row = train_ngram(often_after_one + after_three, order=2, vocab_size=V).row([])
    assert row[2] > row[1]


def test_no_ngram_crosses_two_documents():
    apart = train_ngram([[0, 1], [2, 0]], order=2, vocab_size=V, smoothing="witten-bell").row([1])
    np.testing.assert_array_equal(
        apart, train_ngram([[0, 1, 2, 0]], order=1, vocab_size=V, smoothing="witten-bell").row([])
    )


def test_rollback_forgets_what_was_read_after():
    context = train_ngram(ABRACADABRA, order=3, vocab_size=5).start()
    first = context.extend([0, 1, 4])
    context.rollback(1)
    assert context.length == 1
    np.testing.assert_array_equal(context.extend([1, 4]), first[1:])
    with pytest.raises(ValueError, match="length must lie in"):
        context.rollback(4)


def test_reading_one_by_one_gives_the_rows_of_reading_at_once():
    model = train_ngram(ABRACADABRA, order=4, vocab_size=5)
    at_once, context = model.start().extend(ABRACADABRA[0]), model.start()
    np.testing.assert_array_equal(np.concatenate([context.extend([token]) for token in ABRACADABRA[0]]), at_once)


def test_a_draft_of_its_own_target_is_always_accepted():
    model = train_ngram(ABRACADABRA, order=3, vocab_size=5)
    tokens, trace = generate([0], model, model, K=3, max_new_tokens=12, rng=np.random.default_rng(0))
    assert (len(tokens), trace.acceptance_rate, trace.target_passes) == (12, 1.0, 3)


def test_ngram_drafts_leave_a_greedy_text_unchanged():
    target = TableModel(np.random.default_rng(1).dirichlet(np.ones(5), size=(5, 5)))
    draft = train_ngram(ABRACADABRA, order=3, vocab_size=5)
    rng, expected = np.random.default_rng(2), {"max_new_tokens": 20, "transform": greedy}
    tokens, trace = generate([0], target, draft, rng=rng, **expected)
    assert tokens == autoregressive([0], target, rng=rng, **expected)
    assert trace.tested > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0]], 0, 2), "order must be at least 1"),
        (([[0]], 10, 97), "order must be at least 1 and V\\^order below"),
        (([[], []], 2, 2), "at least one token"),
        (([[0, 2]], 2, 2), "token ids in 0 .. 1"),
    ],
)
def test_what_cannot_be_counted_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        train_ngram(*arguments)


def test_an_unknown_smoothing_is_refused():
    with pytest.raises(ValueError, match="smoothing must be one of"):
        train_ngram([[0]], 1, 2, smoothing="laplace")


def test_single_tokens_cannot_be_scored():
    with pytest.raises(ValueError, match="two tokens in a row"):
        bits_per_char(train_ngram([[0]], 1, 2), [[0], [1]])
