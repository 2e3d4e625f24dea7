"""Sources that decline: the law is the target's with ==, the numbers of the tape stay in place, no text is lost."""

from fractions import Fraction as F
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import FunctionModel, TableModel, autoregressive, batched, generate, generate_stream, step
from specsample.adaptive import generate_adaptive
from specsample.conformance import exact_law, target_law, total_variation
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.drafts.declining import Confident, OrElse
from specsample.drafts.ngram import train_ngram
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.rounds import generate_by
from specsample.speculative import verify
from specsample.strategies import greedy, temperature, top_k
from specsample.trace import Trace
from specsample.verifiers import block, coupled, multi_draft
from specsample.viewer.record import describe
from specsample.viewer.still import table as still_table

V = 3


def fractions(rows):
    """Make a table of fractions from whole weights."""
    weights = np.array(rows, object)
    return TableModel(weights * F(1) / weights.sum(-1, keepdims=True))


P = fractions([[3, 1, 2], [0, 2, 5], [4, 4, 1]])
Q = fractions([[1, 1, 1], [2, 1, 1], [1, 3, 0]])
NGRAM = train_ngram([[0, 1, 0, 2, 1, 2, 0, 1, 0]], order=3, vocab_size=V)


def declining(model, declines):
    """Make a source that declines after the texts for which a function says so."""
    return FunctionModel(lambda tokens: None if declines(tokens) else model.next_probs(tokens), model.vocab_size)


class Counting:
    """A source that knows how many drafts it has made in a round, and may decline for that; it counts its passes."""

    def __init__(self, model, declines):
        self.model, self.declines, self.vocab_size, self.passes = model, declines, model.vocab_size, 0

    def start(self):
        context = self.model.start()
        read, forget, drafts = context.extend, context.rollback, [-1]

        def extend(tokens):
            self.passes += 1
            drafts[0] += 1
            rows = read(tokens)
            return rows[:0] if self.declines(context.tokens, drafts[0]) else rows

        def rollback(length):
            drafts[0] = -1
            forget(length)

        context.extend, context.rollback = extend, rollback
        return context


# --- the law ------------------------------------------------------------------------------------------------------

weights = st.lists(st.integers(0, 4), min_size=2, max_size=2).filter(any)
tables = st.lists(weights, min_size=2, max_size=2).map(fractions)
WORDS = sum(2**n for n in range(6))  # texts of two tokens, up to five of them, numbered


def number(tokens):
    """Number a text of zeros and ones."""
    return int("1" + "".join(map(str, tokens)), 2)


@given(p=tables, q=tables, mask=st.integers(0, 2 ** (3 * WORDS) - 1), K=st.integers(1, 3))
@settings(max_examples=40)
def test_the_law_is_the_targets_whenever_a_source_declines_for_the_text_and_its_drafts(p, q, mask, K):
    source = Counting(q, lambda tokens, drafts: mask >> (3 * number(tokens) + drafts) & 1)
    law = exact_law(lambda tape: tuple(generate([0], p, source, K=K, max_new_tokens=4, rng=tape)[0]))
    assert law == target_law(p, [0], 4)


def test_a_source_that_declines_after_it_has_seen_its_token_is_caught():
    law = exact_law(lambda tape: tuple(WRONG["M48"].generate([0], P, Q, K=2, max_new_tokens=3, rng=tape)[0]))
    assert total_variation(law, target_law(P, [0], 3)) > F(1, 20)


SOURCES = {
    "always": declining(Q, lambda tokens: True),
    "after a token": declining(Q, lambda tokens: tokens[-1] == 1),
    "now and then": declining(Q, lambda tokens: len(tokens) % 3 == 0),
    "unsure": Confident(Q, F(1, 2)),
    "unsure of the whole run": Confident(Q, F(1, 4), free=1),
    "unsure, else another": OrElse(Confident(Q, F(1, 2)), declining(P, lambda tokens: tokens[-1] == 2)),
}
SETTINGS = {
    "plain": {},
    "a strategy on both": {"transform": top_k(2)},
    "a strategy on the draft": {"draft_transform": greedy},
    "a stop token": {"stop": (2,)},
}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_law_holds_under_strategies_and_stop_tokens(source, setting):
    law = exact_law(lambda tape: tuple(generate([0], P, source, K=2, max_new_tokens=4, rng=tape, **setting)[0]))
    of_target = {name: value for name, value in setting.items() if name != "draft_transform"}
    assert law == target_law(P, [0], 4, **of_target)


class Certain:
    """Prompt lookup in fractions, so that its law is exact."""

    vocab_size = V

    def start(self):
        context = PromptLookup(V, longest=2, shortest=1).start()
        read = context.extend
        context.extend = lambda tokens: read(tokens).astype(int).astype(object) * F(1)
        return context


@pytest.mark.parametrize("source", [Certain(), OrElse(Certain(), Q)], ids=["lookup", "lookup, else a model"])
def test_the_law_of_prompt_lookup_is_the_targets(source):
    law = exact_law(lambda tape: tuple(generate([0, 1, 0], P, source, K=2, max_new_tokens=4, rng=tape)[0]))
    assert law == target_law(P, [0, 1, 0], 4)


@pytest.mark.parametrize(
    "rule", [block.generate, partial(generate_adaptive, choose_K=lambda rounds: len(rounds) % 3)]
)
def test_other_rules_and_adaptive_K_keep_the_law(rule):
    law = exact_law(lambda tape: tuple(rule([0], P, SOURCES["after a token"], max_new_tokens=4, rng=tape)[0]))
    assert law == target_law(P, [0], 4)


# --- the tape -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", range(4))
def test_a_declined_draft_leaves_its_two_numbers_unused_and_all_others_in_place(made):
    source = declining(Q, lambda tokens: len(tokens) == 1 + made)
    for u in np.random.default_rng(made).random((40, 7)):
        tokens, played = step([0], P.start(), source.start(), K=3, u=u)
        # the round of fewer drafts with their numbers, those of their tests and the last one
        shorter = [*u[:made], *u[3 : 3 + made], u[6]]
        again, _ = step([0], P.start(), Q.start(), K=made, u=shorter)
        assert (tokens, played.K, played.n_declined) == (again, made, 3 - made)
        unused = u.copy()
        unused[[*range(made, 3), *range(3 + made, 6)]] = 0.999
        assert step([0], P.start(), source.start(), K=3, u=unused)[0] == tokens


class Recorded:
    """A generator that writes down what it was asked for."""

    def __init__(self, seed):
        self.rng, self.asked = np.random.default_rng(seed), []

    def random(self, n):
        self.asked.append(self.rng.random(n))
        return self.asked[-1]


def test_a_source_that_always_declines_is_autoregressive_with_the_last_number_of_each_round():
    tape = Recorded(0)
    tokens, trace = generate([0], P, SOURCES["always"], K=5, max_new_tokens=30, rng=tape)
    assert [len(u) for u in tape.asked] == [2 * min(5, 29 - i) + 1 for i in range(30)]
    last = iter([u[-1] for u in tape.asked])

    class Lasts:
        def random(self, n):
            return np.array([next(last)])

    assert tokens == autoregressive([0], P, max_new_tokens=30, rng=Lasts())
    assert (trace.drafted, trace.target_passes, trace.sources) == (0, 30, ["bonus"] * 30)


@pytest.mark.parametrize("seed", range(5))
def test_up_to_the_first_decline_a_run_is_that_of_a_source_that_never_declines(seed):
    plain = generate([0], P, Q, K=3, max_new_tokens=40, rng=np.random.default_rng(seed))[1].rounds
    later = generate(
        [0], P, declining(Q, lambda t: len(t) > 25), K=3, max_new_tokens=40, rng=np.random.default_rng(seed)
    )
    rounds = later[1].rounds
    first = next(i for i, played in enumerate(rounds) if played.n_declined)
    assert rounds[:first] == plain[:first]
    # the round in which it declines begins with the same numbers and the same drafts
    assert rounds[first].u == plain[first].u
    assert rounds[first].draft_tokens == plain[first].draft_tokens[: rounds[first].K]


@pytest.mark.parametrize("coupling", [coupled.COMMON_UNIFORM, coupled.GUMBEL], ids=["uniform", "Gumbel"])
def test_coupled_texts_are_the_same_whenever_the_source_declines(coupling):
    p, q = (TableModel(model.table.astype(float)) for model in (P, Q))
    run = partial(coupled.generate, [0], p, K=3, coupling=coupling, max_new_tokens=30)
    sources = [q, *(declining(q, lambda tokens, n=n: len(tokens) % n == 0) for n in (1, 2, 3))]
    assert len({tuple(run(source, rng=np.random.default_rng(7))[0]) for source in sources}) == 1


# --- everything that plays rounds ---------------------------------------------------------------------------------

ROWS = FunctionModel(NGRAM.row, V)
FLOATS = {
    "always": declining(ROWS, lambda tokens: True),
    "after a token": declining(ROWS, lambda tokens: tokens[-1] == 1),
    "lookup": PromptLookup(V, longest=4, shortest=2),
    "lookup, else n-gram": OrElse(PromptLookup(V, longest=4, shortest=2), NGRAM),
    "unsure n-gram": Confident(NGRAM, 0.6),
}
TARGET = TableModel(P.table.astype(float))
EACH = pytest.mark.parametrize("source", FLOATS.values(), ids=FLOATS)


@EACH
@pytest.mark.parametrize("transform", [None, temperature(0.7)], ids=["T = 1", "T = 0.7"])
def test_streams_rules_and_batches_make_the_same_text_and_the_same_rounds(source, transform):
    size = {"max_new_tokens": 40, "transform": transform}
    tokens, trace = generate([0, 1], TARGET, source, K=3, rng=np.random.default_rng(3), **size)
    assert generate_by(verify, [0, 1], TARGET, source, K=3, rng=np.random.default_rng(3), **size) == (tokens, trace)
    kept = Trace((0, 1))
    chunks = generate_stream([0, 1], TARGET, source, K=3, rng=np.random.default_rng(3), trace=kept, **size)
    assert ([token for chunk in chunks for token in chunk], kept) == (tokens, trace)
    target, drafter = batched.BatchedTableModel(TARGET.table), batched.SideBySide(source)
    rngs = [np.random.default_rng(seed) for seed in (1, 3, 2)]
    rows = batched.generate([[2], [0, 1], [1, 1, 0]], target, drafter, K=3, rngs=rngs, **size)
    assert rows[1] == (tokens, trace)


def test_a_batch_in_which_all_decline_makes_one_pass_of_the_source_a_round():
    source = batched.SideBySide(FLOATS["always"])
    passes = []
    start = source.start

    def counted(B):
        context = start(B)
        read = context.extend
        context.extend = lambda tokens, counts: passes.append(counts.tolist()) or read(tokens, counts)
        return context

    source.start = counted
    rngs = np.random.default_rng(0).spawn(2)
    rows = batched.generate(
        [[0], [1]], batched.BatchedTableModel(TARGET.table), source, K=4, max_new_tokens=[5, 3], rngs=rngs
    )
    assert [trace.target_passes for _, trace in rows] == [5, 3]
    assert len(passes) == 4  # the last token of the longer text is not asked for


def test_the_law_of_a_row_is_the_targets_if_the_source_declines():
    target, drafter = batched.BatchedTableModel(P.table), batched.SideBySide(SOURCES["after a token"])

    def first(tape):
        rngs = [tape, np.random.default_rng(0)]
        return tuple(batched.generate([[0], [1]], target, drafter, K=2, max_new_tokens=[3, 4], rngs=rngs)[0][0])

    assert exact_law(first) == target_law(P, [0], 3)


def test_side_by_side_answers_for_the_last_tokens_and_takes_back():
    context = batched.SideBySide(Q).start(2)
    rows = context.extend(np.array([[0, 1], [2, 0]]), np.array([2, 1]))
    assert (rows[0] == Q.start().extend([0, 1])).all()
    assert (rows[1, 0] == Q.start().extend([2])[0]).all()
    context.rollback(np.array([1, 1]))
    assert context.lengths.tolist() == [1, 1]
    assert not context.declines.any()


# --- the record ---------------------------------------------------------------------------------------------------


def test_a_trace_counts_what_was_declined_and_every_pass_of_the_source():
    source = Counting(Q, lambda tokens, drafts: tokens[-1] == 1)
    _, trace = generate([0], P, source, K=3, max_new_tokens=40, rng=np.random.default_rng(0))
    assert trace.declined == sum(min(3, len(one.u) // 2) - one.K for one in trace.rounds) > 0
    assert trace.counts()["draft_passes"] == trace.draft_passes == source.passes
    assert trace.counts()["declined"] == trace.declined
    assert Trace.from_json(trace.to_json()).declined == trace.declined


def test_rows_are_recorded_for_the_drafts_that_were_made():
    source = declining(Q, lambda tokens: len(tokens) % 3 == 0)
    _, trace = generate([0], P, source, K=2, max_new_tokens=20, rng=np.random.default_rng(0), keep_rows=True)
    assert {one.K for one in trace.rounds} >= {0, 1, 2}
    for one in trace.rounds:
        assert len(one.target_rows) == one.K + 1
        assert len(one.draft_rows) == one.K


def test_the_viewer_shows_the_number_that_tested_each_draft_and_what_was_declined():
    source = declining(Q, lambda tokens: len(tokens) % 3 == 0)
    _, trace = generate([0], P, source, K=3, max_new_tokens=20, rng=np.random.default_rng(1), keep_rows=True)
    data = describe(*trace.facts(), None)
    assert [entry["n_declined"] for entry in data["rounds"]] == [one.n_declined for one in trace.rounds]
    r = next(r for r, one in enumerate(trace.rounds) if one.n_declined and one.K)
    lines = [line for line in still_table(data).splitlines() if line.startswith(f"{r + 1:5} ")]
    one = trace.rounds[r]
    assert f"{float(one.u[len(one.u) // 2]):6.3f}" in lines[0]
    assert f"{one.n_declined} declined" in lines[one.K]
    assert f"{float(one.u[-1]):6.3f}" in lines[-1]


# --- the sources --------------------------------------------------------------------------------------------------


class Reads:
    """A model that writes down what its context is asked to read, and answers for the last token alone."""

    vocab_size, max_length = V, 50

    def __init__(self):
        self.calls = []

    def start(self):
        context = NGRAM.start()
        read = context.extend
        context.extend = lambda tokens: self.calls.append(list(tokens)) or read(tokens)[-1:]
        return context


def test_where_the_first_source_drafts_the_second_reads_nothing_and_later_all_of_it():
    second = Reads()
    context = OrElse(PromptLookup(V, longest=3, shortest=2), second).start()
    assert context.extend([0, 1, 0, 0, 1]).tolist() == [[1, 0, 0]]
    assert second.calls == []
    expected = NGRAM.start().extend([0, 1, 0, 0, 1, 2])[-1:]
    assert (context.extend([2]) == expected).all()
    assert second.calls == [[0, 1, 0, 0, 1, 2]]
    context.rollback(2)
    assert (context.length, context.second.length) == (2, 2)
    assert (context.extend([2]) == NGRAM.start().extend([0, 1, 2])[-1:]).all()


def test_whichever_source_answers_no_text_is_lost():
    rng = np.random.default_rng(0)
    context, text = OrElse(PromptLookup(V, longest=3, shortest=1), NGRAM).start(), []
    for _ in range(200):
        new = rng.integers(0, V, rng.integers(1, 5)).tolist()
        text += new
        assert len(context.extend(new)) == 1
        length = int(rng.integers(max(0, len(text) - 4), len(text) + 1))
        context.rollback(length)
        del text[length:]
        assert (context.length, context.tokens) == (len(text), text)
        assert context.first.text == "".join(map(chr, text))
        assert context.second.tokens == text[: context.second.length]


def test_the_shorter_limit_counts_and_impossible_sources_are_refused():
    assert OrElse(PromptLookup(V), Reads()).max_length == Confident(Reads(), 0).max_length == 50
    assert OrElse(PromptLookup(V), NGRAM).max_length is None
    with pytest.raises(ValueError, match="one vocabulary; got vocab_size 4 and 3"):
        OrElse(PromptLookup(4), NGRAM)
    with pytest.raises(ValueError, match="threshold must lie in"):
        Confident(NGRAM, 60)
    with pytest.raises(ValueError, match="free must be an integer >= 0; got -1"):
        Confident(NGRAM, 0.5, free=-1)


def test_a_confident_source_drafts_where_its_largest_probability_reaches_the_threshold():
    context = Confident(Q, F(1, 2)).start()
    assert len(context.extend([0])) == 0  # 1/3 each
    assert context.extend([1]).tolist() == Q.start().extend([1]).tolist()
    assert len(context.extend([1, 0])) == 0
    context.rollback(1)
    assert context.length == 1


def test_a_confident_source_multiplies_the_probabilities_of_a_run_which_a_rollback_ends():
    half = FunctionModel(lambda tokens: np.array([0.5, 0.5]), 2)

    def made(context, n):
        return [len(context.extend([0])) for _ in range(n)]

    context = Confident(half, 0.25).start()
    assert made(context, 3) == [1, 1, 0]
    context.rollback(3)
    assert made(context, 3) == [1, 1, 0]
    # the free ones are made although unlikely; those after them are not
    assert made(Confident(half, 0.6, free=2).start(), 4) == [1, 1, 0, 0]
    assert made(Confident(half, 0.1, free=2).start(), 4) == [1, 1, 1, 0]


def test_a_function_that_answers_none_declines_and_rows_before_it_are_left_out():
    context = declining(Q, lambda tokens: tokens[-1] == 1).start()
    assert (context.extend([0, 1, 2, 0]) == Q.start().extend([2, 0])).all()
    assert context.extend([2, 1]).shape == (0, V)
    assert context.length == 6


# --- who may not decline ------------------------------------------------------------------------------------------


def test_a_target_that_declines_is_refused_by_name():
    for run in (partial(generate, draft_model=Q, K=2), autoregressive):
        with pytest.raises(ValueError, match=r"target_probs must be an .* got \(0, 3\)"):
            run([0], SOURCES["always"], max_new_tokens=3, rng=np.random.default_rng(0))


def test_a_tree_of_drafts_says_that_its_source_declines():
    with pytest.raises(ValueError, match="must have a row after every node; got none"):
        multi_draft.generate([0], P, SOURCES["always"], K=2, max_new_tokens=3, rng=np.random.default_rng(0))
