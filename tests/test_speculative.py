"""The algorithm, checked directly: one round enumerated by hand in fractions, then rounds, stopping and bad input.

The enumeration here knows nothing of `specsample.conformance`: it lists every number a uniform can be compared with,
and runs `step` once for each cell between them.
"""

from fractions import Fraction
from itertools import islice, pairwise, product
from math import prod
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import TableModel, autoregressive, decoding_strategy, draft, generate, residual, step, verify
from specsample.strategies import greedy, top_k, top_p, typical

LAST_UNIFORM = 1 - 2.0**-53
CHAIN = TableModel(np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.25, 0.25, 0.5]]))
COIN = TableModel(np.array([0.5, 0.25, 0.25]))


class Bounded:
    """A model with a length limit that nobody may start: a request must be refused before any pass."""

    vocab_size, max_length = 3, 8

    def start(self):
        raise AssertionError("a pass was made")


def tape(numbers):
    """Hand out recorded numbers where an rng is asked for."""
    numbers = iter(numbers)
    return SimpleNamespace(random=lambda n: list(islice(numbers, n)))


def fraction_table(order, V, seed):
    """Draw a table of small fractions, some of them zero."""
    weights = np.random.default_rng(seed).integers(0, 5, (V,) * (order + 1)).astype(object)
    weights[..., seed % V] += 1  # no row is empty
    weights = weights * Fraction(1)
    return weights / weights.sum(axis=-1, keepdims=True)


def cells(thresholds):
    """Cut [0, 1) at the thresholds: the midpoint of each cell stands for it; its width is its probability."""
    edges = sorted({Fraction(0), Fraction(1), *(t for t in thresholds if 0 < t < 1)})
    return [((a + b) / 2, b - a) for a, b in pairwise(edges)]


def round_law(p, q, K, prompt):
    """Enumerate what one round emits, for order-1 tables p and q: every uniform through every cell."""
    V = len(p)
    to_draft = cells(np.cumsum(q, axis=1).flat)
    to_test = cells(p[a, x] / q[a, x] for a, x in product(range(V), repeat=2) if q[a, x])
    to_emit = cells(value for r in [*residual(p, q), *p] for value in np.cumsum(r))
    law = {}
    for path in product(*[to_draft] * K, *[to_test] * K, to_emit):
        u, widths = zip(*path, strict=True)
        tokens, _ = step([prompt], TableModel(p).start(), TableModel(q).start(), K=K, u=u)
        law[tuple(tokens[1:])] = law.get(tuple(tokens[1:]), 0) + prod(widths)
    return law


def completed(law, p, K, prompt):
    """Let the target finish each run up to K+1 tokens, from the definition."""
    joint = dict.fromkeys(product(range(len(p)), repeat=K + 1), Fraction(0))
    for run, path in product(law, joint):
        if path[: len(run)] == run:
            rest = zip(path[len(run) - 1 :], path[len(run) :], strict=False)
            joint[path] += law[run] * prod(p[a, b] for a, b in rest)
    return joint


def target_law(p, K, prompt):
    """Multiply the target's probabilities along every path of K+1 tokens."""
    paths = product(range(len(p)), repeat=K + 1)
    return {path: prod(p[a, b] for a, b in zip((prompt, *path), path, strict=False)) for path in paths}


# --- one round is lossless ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("V", "K"), [(2, 0), (2, 1), (2, 2), (3, 1), (4, 1)])
def test_one_round_emits_exactly_the_targets_law(V, K, seed):
    p, q, prompt = fraction_table(1, V, seed), fraction_table(1, V, seed + 100), seed % V
    law = round_law(p, q, K, prompt)
    assert sum(law.values()) == 1
    assert completed(law, p, K, prompt) == target_law(p, K, prompt)


def test_the_check_above_sees_a_wrong_target():
    p, q = fraction_table(1, 2, 0), fraction_table(1, 2, 100)
    assert completed(round_law(p, q, 1, 0), p, 1, 0) != target_law(fraction_table(1, 2, 1), 1, 0)


# --- draft -------------------------------------------------------------------------------------------------------


def test_draft_picks_each_token_from_the_row_that_it_returns():
    drafted = draft(CHAIN.start(), [0], 3, [0.6, 0.9, 0.2])
    assert drafted.tokens == [1, 2, 0]
    assert (drafted.probs == CHAIN.table[[0, 1, 2]]).all()


def test_draft_first_reads_what_its_cache_lacks_and_never_reads_its_last_token():
    context = CHAIN.start()
    context.extend([0])
    drafted = draft(context, [0, 1, 2], 2, [0.9, 0.9])
    assert context.tokens == [0, 1, 2, drafted.tokens[0]]


def test_draft_of_no_tokens_makes_no_pass():
    context = CHAIN.start()
    assert draft(context, [0], 0, []).tokens == []
    assert context.length == 0


# --- verify ------------------------------------------------------------------------------------------------------


def test_equal_rows_accept_every_draft_and_add_a_bonus():
    p = CHAIN.table
    assert verify([0, 1], p[:2], p, u_accept=[LAST_UNIFORM] * 2, u_emit=0.9) == (2, 2)


def test_the_first_refusal_ends_the_run_whatever_comes_after():
    q, p = np.array([[0.5, 0.5]] * 3), np.array([[0.5, 0.5], [0.25, 0.75], [0.5, 0.5], [0.5, 0.5]])
    assert verify([0, 0, 0], q, p, u_accept=[0.9, 0.9, 0.0], u_emit=0.1) == (1, 1)


def test_the_test_is_strict_at_its_threshold():
    q, p = np.array([[0.5, 0.5]]), np.array([[0.25, 0.75], [1.0, 0.0]])
    assert verify([0], q, p, u_accept=[np.nextafter(0.5, 0)], u_emit=0.9).n_accepted == 1
    assert verify([0], q, p, u_accept=[0.5], u_emit=0.9).n_accepted == 0


def test_a_draft_that_the_target_excludes_is_refused_at_u_0():
    q, p = np.array([[0.5, 0.5]]), np.array([[0.0, 1.0], [0.5, 0.5]])
    assert verify([0], q, p, u_accept=[0.0], u_emit=0.0) == (0, 1)


WEIGHTS = st.lists(st.integers(0, 5), min_size=4, max_size=4).filter(any)
UNIFORM = st.floats(0, LAST_UNIFORM)


@given(p=st.tuples(WEIGHTS, WEIGHTS), q=WEIGHTS, u=st.tuples(UNIFORM, UNIFORM, UNIFORM))
@settings(deadline=None)
def test_no_token_that_the_target_excludes_is_ever_emitted(p, q, u):
    for dtype in ("float16", "float32", "float64"):
        rows = [(np.array(w) / np.sum(w, axis=-1, keepdims=True)).astype(dtype) for w in (p, [q])]
        context = TableModel(rows[1][0]).start()
        x = draft(context, [0], 1, np.array(u[:1])).tokens
        n, token = verify(x, rows[1], rows[0], u_accept=np.array(u[1:2]), u_emit=np.float64(u[2]))
        assert all(rows[0][i, y] > 0 for i, y in enumerate([*x[:n], token]))


def test_verify_gives_one_verdict_whether_uniforms_are_python_or_numpy_floats():
    q, p = np.array([[0.8, 0.2]], "float32"), np.array([[0.4, 0.6], [0.5, 0.5]], "float32")
    u = 0.5 - 1e-11  # in float32 this u would round to the threshold
    verdicts = [verify([0], q, p, u_accept=row, u_emit=row[0]) for row in ([u], np.array([u]))]
    assert verdicts == [(1, 0), (1, 0)]


def test_verify_refuses_rows_of_another_vocabulary():
    message = r"draft_probs must be \(K, V\) = \(1, 3\) .* got \(1, 2\)\. Do both models share a tokenizer\?"
    with pytest.raises(ValueError, match=message):
        verify([0], np.full((1, 2), 0.5), CHAIN.table[:2], u_accept=[0.5], u_emit=0.5)


# --- step --------------------------------------------------------------------------------------------------------


def scripted_step(u, K=2):
    """Run one round from the text [0], both models CHAIN and COIN."""
    contexts = CHAIN.start(), COIN.start()
    tokens, round = step([0], *contexts, K=K, u=u, keep_rows=True)
    return tokens, round, [context.tokens for context in contexts]


def test_a_rejection_rolls_both_caches_back_to_the_accepted_run():
    tokens, round, caches = scripted_step([0.6, 0.6, 0.5, 0.9, 0.8])  # 1 is kept at p/q = 1; 1 again at p/q = 3
    assert (tokens, round.n_accepted, caches) == ([0, 1, 1, 1], 2, [[0, 1, 1], [0, 1]])
    tokens, round, caches = scripted_step([0.6, 0.1, 0.5, 0.9, 0.8])  # after 1, 0 has p/q = 1/4
    assert (tokens, round.n_accepted, caches) == ([0, 1, 1], 1, [[0, 1], [0, 1]])


def test_a_round_records_cache_lengths_before_and_after_and_the_drafts_lag():
    _, kept, _ = scripted_step([0.6, 0.6, 0.5, 0.9, 0.8])
    assert (kept.target_length, kept.draft_length) == ((0, 3), (0, 2))
    _, rejected, _ = scripted_step([0.6, 0.1, 0.5, 0.9, 0.8])
    assert (rejected.target_length, rejected.draft_length) == ((0, 2), (0, 2))


def test_a_round_records_drafts_probabilities_uniforms_and_rows():
    u = (0.6, 0.1, 0.5, 0.9, 0.8)
    _, round, _ = scripted_step(u)
    assert (round.draft_tokens, round.u, round.emitted) == ((1, 0), u, (1, 1))
    assert (round.p_x, round.q_x) == ((0.25, 0.125), (0.25, 0.5))
    assert (round.target_rows == CHAIN.table[[0, 1, 0]]).all()
    assert (round.draft_rows == COIN.table).all()


def test_a_round_without_drafts_is_one_target_pass():
    tokens, round, caches = scripted_step([0.6], K=0)
    assert (tokens, round.sources, caches) == ([0, 1], ("bonus",), [[0], []])


# --- generate ----------------------------------------------------------------------------------------------------


def run(target=CHAIN, drafter=COIN, *, seed=0, **options):
    """Generate 60 tokens with a fixed seed unless told otherwise."""
    options = {"max_new_tokens": 60, "rng": np.random.default_rng(seed), "K": 4} | options
    return generate([0], target, drafter, **options)


@pytest.mark.parametrize("K", [0, 1, 4, 100])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 23])
def test_generate_returns_exactly_max_new_tokens(n, K):
    tokens, trace = run(K=K, max_new_tokens=n)
    assert len(tokens) == n
    assert trace.tokens == tokens


def test_K_is_shortened_to_what_is_left():
    _, trace = run(CHAIN, CHAIN, K=4, max_new_tokens=12)  # equal models: 5 tokens a round, then 2 are left
    assert [round.K for round in trace.rounds] == [4, 4, 1]


def test_a_round_asks_for_2K_plus_1_uniforms_used_or_not():
    rng, asked = np.random.default_rng(0), []
    run(rng=SimpleNamespace(random=lambda n: asked.append(n) or rng.random(n)), K=3)
    _, trace = run(K=3)
    assert asked == [2 * round.K + 1 for round in trace.rounds]
    assert {len(round.emitted) < round.K + 1 for round in trace.rounds} == {True, False}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("transform", [None, greedy, top_k(2)])
def test_K_0_is_the_autoregressive_baseline_token_for_token(seed, transform):
    tokens, trace = run(K=0, seed=seed, transform=transform)
    rng = np.random.default_rng(seed)
    assert tokens == autoregressive([0], CHAIN, max_new_tokens=60, rng=rng, transform=transform)
    assert set(trace.sources) == {"bonus"}


def test_K_0_is_the_baseline_also_for_rows_that_sum_to_1_only_by_rounding():
    coarse = TableModel(np.array([0.4996, 0.4999]))  # within the tolerance of check_probs
    tokens, _ = generate([0], coarse, coarse, K=0, max_new_tokens=1, rng=tape([0.4997]))
    assert tokens == autoregressive([0], coarse, max_new_tokens=1, rng=tape([0.4997]))


def test_equal_models_accept_every_draft():
    _, trace = run(CHAIN, CHAIN)
    assert trace.acceptance_rate == 1
    assert trace.sources.count("correction") == 0


def test_models_without_overlap_accept_no_draft_and_still_follow_the_target():
    tokens, trace = run(TableModel(np.array([1.0, 0.0])), TableModel(np.array([0.0, 1.0])))
    assert (tokens, trace.accepted, trace.tested) == ([0] * 60, 0, len(trace.rounds) - 1)


def test_greedy_decoding_gives_the_targets_greedy_text_with_any_draft():
    table = np.random.default_rng(5).dirichlet(np.ones(6), (6, 6))
    target, drafter = TableModel(table), TableModel(table.mean(axis=0))
    expected = autoregressive([0], target, max_new_tokens=60, rng=tape([0.5] * 60), transform=greedy)
    for draft_transform in (None, top_k(3), lambda probs: probs):
        assert run(target, drafter, transform=greedy, draft_transform=draft_transform)[0] == expected


def test_the_same_seed_gives_the_same_text_and_another_seed_another():
    assert run(seed=1)[0] == run(seed=1)[0]
    assert run(seed=1)[0] != run(seed=2)[0]


def test_nothing_but_the_rng_is_random_and_the_global_state_is_left_alone():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    run()
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("kind", ["float", "float32", "fraction"])
def test_replaying_the_recorded_uniforms_gives_the_recorded_tokens(kind):
    target, drafter = (TableModel(cast(m.table, kind)) for m in (CHAIN, COIN))
    tokens, trace = run(target, drafter)
    assert run(target, drafter, rng=tape(u for round in trace.rounds for u in round.u))[0] == tokens


def cast(table, kind):
    """Turn a dyadic table into another kind of number without changing a value."""
    return np.vectorize(Fraction, otypes=[object])(table) if kind == "fraction" else table.astype(kind)


def test_float32_float64_and_fractions_of_equal_value_give_the_same_text_and_keep_their_kind():
    runs = {kind: run(*(TableModel(cast(m.table, kind)) for m in (CHAIN, COIN)), keep_rows=True) for kind in DTYPES}
    assert len({tuple(tokens) for tokens, _ in runs.values()}) == 1
    for kind, (_, trace) in runs.items():
        assert {row.dtype for round in trace.rounds for row in (round.target_rows,)} == {np.dtype(DTYPES[kind])}
        assert {round.draft_rows.dtype for round in trace.rounds if round.K} == {np.dtype(DTYPES[kind])}


DTYPES = {"float": float, "float32": "float32", "fraction": object}


def test_recorded_fractions_are_fractions():
    _, trace = run(*(TableModel(cast(m.table, "fraction")) for m in (CHAIN, COIN)), transform=top_p(Fraction(3, 4)))
    assert {type(value) for round in trace.rounds for value in round.p_x + round.q_x} == {Fraction}


# --- decoding strategies on either model -------------------------------------------------------------------------


@pytest.mark.parametrize("transform", [None, top_p(0.7), decoding_strategy(temperature=0.5, min_p=0.3)])
def test_the_recorded_draft_rows_are_the_arrays_that_were_picked_from(transform):
    seen = []

    def watched(probs):
        seen.append(probs if transform is None else transform(probs))
        return seen[-1]

    _, trace = run(CHAIN, CHAIN, draft_transform=watched, keep_rows=True)
    rows = [row for round in trace.rounds if round.K for row in round.draft_rows]
    assert all((row == out[-1]).all() for row, out in zip(rows, seen, strict=True))
    assert [q for round in trace.rounds for q in round.q_x] == [
        row[x] for row, x in zip(rows, (x for round in trace.rounds for x in round.draft_tokens), strict=True)
    ]


def test_without_draft_transform_the_draft_uses_the_targets():
    _, trace = run(CHAIN, CHAIN, transform=typical(0.5), keep_rows=True)
    expected = typical(0.5)(CHAIN.table)
    assert all((row == expected).all(axis=-1).any() for round in trace.rounds if round.K for row in round.draft_rows)
    assert trace.acceptance_rate == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_law_of_a_round_holds_under_different_strategies_on_target_and_draft(seed):
    p, q = fraction_table(1, 3, seed), fraction_table(1, 3, seed + 50)
    p_kept, q_kept = top_k(2)(p), top_p(Fraction(3, 5))(q)
    assert completed(round_law(p_kept, q_kept, 1, 0), p_kept, 1, 0) == target_law(p_kept, 1, 0)


# --- caches over a run -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drafter", [CHAIN, COIN])
def test_cache_lengths_follow_the_text_round_after_round(drafter):
    _, trace = run(CHAIN, drafter)
    length = 1
    for before, round in zip([None, *trace.rounds], trace.rounds, strict=False):
        assert round.target_length[0] == (before.target_length[1] if before else 0)
        assert round.draft_length[0] == (before.draft_length[1] if before else 0)
        assert round.target_length[1] == length + round.n_accepted
        assert round.K == 0 or round.draft_length[1] == length + min(round.n_accepted, round.K - 1)
        length += len(round.emitted)


# --- stopping ----------------------------------------------------------------------------------------------------

CYCLE = TableModel(np.eye(4)[[1, 2, 3, 0]])


def test_a_stop_token_inside_an_accepted_run_ends_the_text():
    tokens, trace = run(CYCLE, CYCLE, K=5, stop={2})
    assert tokens == [1, 2]
    assert (len(trace.rounds), trace.rounds[0].n_accepted, trace.sources) == (1, 5, ["accepted"] * 2)


def test_a_stop_token_that_is_a_bonus_or_a_correction_ends_the_text():
    assert run(CYCLE, CYCLE, K=2, stop={3})[0] == [1, 2, 3]
    uniform = TableModel(np.array([1.0, 0.0, 0.0, 0.0]))
    tokens, trace = run(CYCLE, uniform, K=2, stop={1})
    assert (tokens, trace.sources) == ([1], ["correction"])


@pytest.mark.parametrize("seed", range(10))
def test_stopping_cuts_the_text_that_would_have_come_without_it(seed):
    whole, _ = run(seed=seed)
    tokens, _ = run(seed=seed, stop={2})
    assert tokens == whole[: whole.index(2) + 1]


def test_a_stop_token_in_the_prompt_does_not_stop():
    assert run(CYCLE, CYCLE, max_new_tokens=3, stop={0})[0] == [1, 2, 3]


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        ([], {}, "prompt_tokens must hold at least one token"),
        ([3], {}, r"prompt_tokens must lie in 0 \.\. 2; got 3"),
        ([0, -1], {}, "got -1"),
        ([0], {"K": -1}, "K must be an integer >= 0; got -1"),
        ([0], {"max_new_tokens": -1}, "max_new_tokens must be an integer >= 0; got -1"),
        ([0] * 4, {}, r"must fit target_model's limit of 8 tokens; got 4 \+ 5"),
    ],
)
def test_a_bad_request_is_refused_before_any_pass_and_any_random_number(prompt, options, message):
    with pytest.raises(ValueError, match=message):
        generate(prompt, Bounded(), Bounded(), **{"max_new_tokens": 5, "rng": None, "K": 1} | options)


def test_the_drafts_limit_counts_too():
    with pytest.raises(ValueError, match=r"must fit draft_model's limit of 8 tokens; got 1 \+ 8"):
        generate([0], CHAIN, Bounded(), max_new_tokens=8, rng=None)


def test_different_vocabularies_are_refused():
    with pytest.raises(ValueError, match=r"\{'target_model': 3, 'draft_model': 4\}. Do they share a tokenizer\?"):
        generate([0], Bounded(), CYCLE, max_new_tokens=1, rng=None)


@pytest.mark.parametrize("row", [[np.nan, 0.5, 0.5], [-0.5, 1.0, 0.5], [0.5, 0.5, 0.5]])
@pytest.mark.parametrize("name", ["target", "draft"])
def test_rows_that_are_no_distribution_are_refused_by_the_models_name(name, row):
    broken = TableModel(COIN.table)
    broken.table = np.array(row)  # past the check that the constructor makes
    models = (broken, COIN) if name == "target" else (COIN, broken)
    with pytest.raises(ValueError, match=f"{name}_probs must"):
        run(*models)


class Reusing:
    """A model that writes every pass into the same memory, and hands out a view of it."""

    def __init__(self, model):
        self.model, self.vocab_size = model, model.vocab_size

    def start(self):
        context, memory = self.model.start(), np.empty((64, self.vocab_size))
        read = context.extend

        def extend(tokens):
            memory[: len(tokens)] = read(tokens)
            return memory[: len(tokens)]

        context.extend = extend
        return context


@pytest.mark.parametrize("K", [1, 2, 5])
def test_a_model_that_reuses_its_memory_changes_no_token_and_no_record(K):
    for seed in range(20):
        request = {"K": K, "max_new_tokens": 12, "keep_rows": True}
        plain = generate([0], CHAIN, COIN, rng=np.random.default_rng(seed), **request)
        reused = generate([0], Reusing(CHAIN), Reusing(COIN), rng=np.random.default_rng(seed), **request)
        assert plain == reused
        for one, other in zip(plain[1].rounds, reused[1].rounds, strict=True):
            assert np.array_equal(one.target_rows, other.target_rows)
            assert np.array_equal(one.draft_rows, other.draft_rows)
