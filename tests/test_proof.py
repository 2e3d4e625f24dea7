"""Lossless, proved: the exact law of what the shipped functions emit, over whole runs, equals the target's law.

The page that this goes with is docs/proof.md. Every `==` below compares dictionaries of fractions.
"""

import doctest
import re
from fractions import Fraction as F
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import TableModel, autoregressive, batched, decoding_strategy, draft, generate, pick, step, verify
from specsample.conformance import exact_law, explain, target_law, total_variation
from specsample.transformer.config import Config, init_params
from specsample.transformer.lm import TransformerLM

STRATEGIES = {
    "none": lambda probs: probs,
    "greedy": decoding_strategy(temperature=0),
    "top-k 1": decoding_strategy(top_k=1),
    "top-k 2": decoding_strategy(top_k=2),
    "top-p 1/2": decoding_strategy(top_p=F(1, 2)),
    "top-p 3/4": decoding_strategy(top_p=F(3, 4)),
    "min-p 1/2": decoding_strategy(min_p=F(1, 2)),
    "typical 1/2": decoding_strategy(typical_p=F(1, 2)),
    "typical 3/4": decoding_strategy(typical_p=F(3, 4)),
    "top-k 3, top-p 2/3": decoding_strategy(top_k=3, top_p=F(2, 3)),
}


def fractions(weights):
    """Normalise (..., V) integer weights; a row of zeros becomes one-hot."""
    weights = np.array(weights, object)
    weights[..., 0] += weights.sum(-1) == 0
    return weights * F(1) / weights.sum(-1, keepdims=True)


def random_table(V, order=2, *, seed, sparsity=0.0):
    """Make a table of random small fractions; a share of its entries is zero."""
    rng = np.random.default_rng(seed)
    shape = (V,) * (order + 1)
    return fractions(rng.integers(1, 8, shape) * (rng.random(shape) >= sparsity))


def one_by_one(case, tape, **kwargs):
    """Run the shipped `generate` on a case."""
    p, q = TableModel(case["target"]), TableModel(case["draft"])
    return generate(case.get("prompt", [0]), p, q, K=case["K"], rng=tape, **kwargs)


def as_a_batch_of_one(case, tape, **kwargs):
    """Run the shipped `batched.generate` on a case."""
    p, q = batched.BatchedTableModel(case["target"]), batched.BatchedTableModel(case["draft"])
    return batched.generate([case.get("prompt", [0])], p, q, K=case["K"], rngs=[tape], **kwargs)[0]


def check(case, n, run=one_by_one):
    """Assert that the law of n tokens is the target's; return the number of paths, and of rounds at most."""
    stop, rounds = case.get("stop", ()), []
    names = {"transform": case.get("transform"), "draft_transform": case.get("draft_transform")}
    transforms = {key: STRATEGIES[name] for key, name in names.items() if name}

    def sample(tape):
        tokens, trace = run(case, tape, max_new_tokens=n, stop=stop, **transforms)
        rounds.append(len(trace.rounds))
        return tuple(tokens)

    p, transform = TableModel(case["target"]), transforms.get("transform")
    law, expected = exact_law(sample), target_law(p, case.get("prompt", [0]), n, transform=transform, stop=stop)
    assert law == expected, explain(law, expected)
    return len(rounds), max(rounds)


# tables of small fractions, made by Hypothesis


def weights(V, *axes):
    """Strategy for nested lists of small integers, V along the last axis."""
    strategy = st.lists(st.integers(0, 4), min_size=V, max_size=V)
    for size in axes:
        strategy = st.lists(strategy, min_size=size, max_size=size)
    return strategy


def disjoint(q, p):
    """Zero the draft's weights where the target has some, in rows where any is left."""
    rest = np.where(np.array(p) > 0, 0, np.array(q))
    return np.where(rest.any(-1, keepdims=True), rest, q)


@st.composite
def pairs(draw, V, *axes):
    """Draw (target, draft): unrelated, equal, or without a token in common."""
    p, q = draw(weights(V, *axes)), draw(weights(V, *axes))
    relation = draw(st.sampled_from(["unrelated", "disjoint", "equal"]))
    return fractions(p), fractions({"unrelated": q, "disjoint": disjoint(q, p), "equal": p}[relation])


@st.composite
def cases(draw):
    """Draw two tables of order 2 or 3, K, a prompt, a strategy for each side and stop tokens."""
    V = draw(st.integers(2, 4))
    target, drafter = draw(pairs(V, *(V,) * (draw(st.sampled_from([2, 3])) if V == 2 else 2)))
    return {
        "target": target,
        "draft": drafter,
        "K": draw(st.integers(0, 4)),
        "prompt": draw(st.lists(st.integers(0, V - 1), min_size=1, max_size=3)),
        "transform": draw(st.none() | st.sampled_from(sorted(STRATEGIES))),
        "draft_transform": draw(st.none() | st.sampled_from(sorted(STRATEGIES))),
        "stop": draw(st.sets(st.integers(0, V - 1), max_size=2)),
    }


def share_of_examples(divisor):
    """Take a share of the profile's examples, 20 at least: each of these runs the sampler hundreds of times."""
    return settings(max_examples=max(20, settings().max_examples // divisor))


# one token


@share_of_examples(3)
@given(st.integers(2, 4).flatmap(lambda V: pairs(V, 1)))
def test_a_draft_that_is_kept_or_replaced_has_the_targets_law(pair):
    (p,), (q,) = pair

    def emit(tape):
        u = tape.random(3)
        x = pick(q, u[0])
        n, t = verify([x], q[None], np.stack([p, p]), u_accept=u[1:2], u_emit=u[2])
        return x if n else t

    assert exact_law(emit) == {x: p_x for x, p_x in enumerate(p) if p_x > 0}


# one call of verify: the law of (n_accepted, token) for given drafts, written out again here


def verdict_law(x, q, p):
    """Accept with min(1, p/q); at the first refusal draw from norm(max(0, p - q)), else from the last row of p."""
    law, reached = {}, F(1)
    for n in range(len(x) + 1):
        kept = min(F(1), p[n][x[n]] / q[n][x[n]]) if n < len(x) else F(0)
        excess = [max(F(0), a - b) for a, b in zip(p[n], q[n])] if n < len(x) else p[n]
        law |= {(n, t): reached * (1 - kept) * e / sum(excess) for t, e in enumerate(excess) if e * (1 - kept) > 0}
        reached *= kept
    return {outcome: mass for outcome, mass in law.items() if mass > 0}


@share_of_examples(3)
@given(st.data(), st.integers(2, 4), st.integers(0, 4))
def test_verify_has_the_law_of_the_rule(data, V, K):
    p, q = data.draw(pairs(V, K + 1))
    x = [data.draw(st.sampled_from(np.flatnonzero(row).tolist())) for row in q[:K]]

    def judge(tape):
        u = tape.random(K + 1)
        return verify(x, q[:K], p, u_accept=u[:K], u_emit=u[K])

    assert exact_law(judge) == verdict_law(x, q, p)


def test_a_row_of_p_too_many_is_refused():
    with pytest.raises(ValueError, match=r"target_probs must be \(K\+1, V\) = \(2, V\)"):
        verify([0], np.full((1, 2), 0.5), np.full((3, 2), 0.5), u_accept=[0.5], u_emit=0.5)


# one round


@share_of_examples(5)
@given(st.integers(2, 3).flatmap(lambda V: pairs(V, V, V)), st.integers(0, 2))
def test_one_round_completed_by_the_target_has_the_targets_law(tables, K):
    p, q = (TableModel(table) for table in tables)

    def sample(tape):
        tokens, _ = step([0], p.start(), q.start(), K=K, u=tape.random(2 * K + 1))
        missing = K + 2 - len(tokens)
        return (*tokens[1:], *autoregressive(tokens, p, max_new_tokens=missing, rng=tape))

    law = exact_law(sample)
    assert law == target_law(p, [0], K + 1), explain(law, target_law(p, [0], K + 1))


def test_drafts_have_the_drafts_law():
    q = TableModel(random_table(3, seed=1))
    law = exact_law(lambda tape: tuple(draft(q.start(), [0], 3, tape.random(3)).tokens))
    assert law == target_law(q, [0], 3)


# whole runs


@share_of_examples(5)
@given(cases())
def test_the_law_of_autoregressive_is_the_targets(case):
    p, stop, prompt = TableModel(case["target"]), case["stop"], case["prompt"]
    transform = STRATEGIES[case["transform"] or "none"]
    kwargs = {"max_new_tokens": 3, "transform": transform, "stop": stop}
    law = exact_law(lambda tape: tuple(autoregressive(prompt, p, rng=tape, **kwargs)))
    assert law == target_law(p, prompt, 3, transform=transform, stop=stop)


@given(cases())
def test_the_law_of_generate_is_the_targets(case):
    n, paths = 0, 1
    while n < 6 and paths <= 50:  # each further token multiplies the paths by two to ten
        paths, _ = check(case, n := n + 1)


@share_of_examples(7)
@given(cases())
def test_the_law_of_a_batch_of_one_is_the_targets(case):
    n, paths = 0, 1
    while n < 4 and paths <= 12:
        paths, _ = check(case, n := n + 1, run=as_a_batch_of_one)


def test_two_rows_of_a_batch_are_independent_and_each_has_the_targets_law():
    tables = [random_table(2, seed=seed) for seed in (1, 2)]
    p, q = (batched.BatchedTableModel(table) for table in tables)
    options = {"K": 1, "max_new_tokens": [2, 1]}

    def sample(tape):
        return tuple(tuple(text) for text, _ in batched.generate([[0], [1]], p, q, rngs=[tape, tape], **options))

    first, second = (target_law(TableModel(tables[0]), [x], n) for x, n in ((0, 2), (1, 1)))
    assert exact_law(sample) == {(a, b): first[a] * second[b] for a in first for b in second}


PLAIN = {"target": random_table(3, seed=1), "draft": random_table(3, seed=2), "K": 2}
THIN = {"target": random_table(4, seed=3, sparsity=0.6), "draft": random_table(4, seed=4, sparsity=0.6), "K": 4}
COINS = {"target": random_table(2, 3, seed=5), "draft": random_table(2, 3, seed=6), "K": 3}
RUNS = {  # name: (case, tokens)
    "4 tokens, V = 3, K = 2": (PLAIN, 4),
    "K = 0": (PLAIN | {"K": 0}, 5),
    "K = 1": (PLAIN | {"K": 1}, 4),
    "6 tokens, V = 4, K = 4, many zeros": (THIN, 6),
    "V = 4, K = 4, no zeros": ({"target": random_table(4, seed=7), "draft": random_table(4, seed=8), "K": 4}, 3),
    "V = 2, order 3, K = 3": (COINS, 5),
    "no token in common": (THIN | {"draft": fractions(disjoint(THIN["draft"], THIN["target"]))}, 5),
    "one-hot draft": (PLAIN | {"draft_transform": "greedy"}, 5),
    "a stop token": (PLAIN | {"stop": {1}}, 4),
    "every token stops": (PLAIN | {"stop": {0, 1, 2}}, 4),
    "top-k on the target, none on the draft": (PLAIN | {"transform": "top-k 2", "draft_transform": "none"}, 4),
    "top-p on the draft, none on the target": (PLAIN | {"draft_transform": "top-p 1/2"}, 4),
    "typical on the target, top-p on the draft": (
        PLAIN | {"transform": "typical 3/4", "draft_transform": "top-p 3/4", "stop": {2}},
        4,
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_law_of_a_long_run_is_the_targets(name):
    case, n = RUNS[name]
    start = process_time()
    paths, rounds = check(case, n)
    print(f"{name}: {paths} paths, at most {rounds} rounds, {process_time() - start:.2f} CPU seconds")
    assert rounds >= 3 or name == "every token stops"


# a Transformer with its cache: equal to its own autoregressive law up to the rounding of its float type

TINY = Config(vocab_size=4, width=8, n_layers=2, n_heads=2, n_kv_heads=1, hidden=12, max_length=8)


def tiny_transformer(seed, dtype):
    """Make a two-layer Transformer whose distributions are far from uniform."""
    params = init_params(TINY, np.random.default_rng(seed), dtype)
    return TransformerLM(TINY, {name: 8 * array if array.ndim == 2 else array for name, array in params.items()})


@pytest.mark.parametrize(
    ("dtype", "bound"), [(np.float64, 1e-12), pytest.param(np.float32, 1e-6, marks=pytest.mark.thorough)]
)
def test_the_law_of_a_transformer_is_that_of_its_own_autoregressive_run(dtype, bound):
    p, q = tiny_transformer(1, dtype), tiny_transformer(2, dtype)
    ours = exact_law(lambda tape: tuple(generate([0], p, q, K=2, max_new_tokens=3, rng=tape)[0]))
    own = exact_law(lambda tape: tuple(autoregressive([0], p, max_new_tokens=3, rng=tape)))
    print(f"{np.dtype(dtype)}: TV {total_variation(ours, own):.1e}, at most {bound}")
    assert total_variation(ours, own) <= bound
    assert len(own) == 4**3


# the page


PAGE = Path(__file__).resolve().parents[1] / "docs" / "proof.md"


def test_the_examples_of_the_proof_page_are_what_python_prints():
    examples = doctest.DocTestParser().get_doctest(PAGE.read_text(), {}, "proof.md", str(PAGE), 0)
    results = doctest.DocTestRunner().run(examples)
    assert (results.failed, results.attempted > 8) == (0, True)


def test_every_test_that_the_proof_page_names_exists():
    tests = "\n".join(path.read_text() for path in PAGE.parents[1].glob("tests/test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert len(named) > 5
    assert not [name for name in named if f"def {name}(" not in tests]
