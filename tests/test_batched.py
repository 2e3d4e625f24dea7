"""Batched verify and generate against the single-sequence reference: row by row, token for token."""

import ast
import importlib
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import array_api_strict
import numpy as np
import pytest
from verify_cases import batches, distance, dyadic_batches

import specsample
from specsample import batched, speculative
from specsample.backend import to_device, to_numpy
from specsample.batched import BatchedTableModel
from specsample.conformance.laws.exact import exact_law, target_law
from specsample.language_model import TableModel
from specsample.strategies import greedy, top_k

STRICT = array_api_strict.asarray([0.0], device=array_api_strict.Device("device1"))
FIELDS = ("draft_tokens", "draft_probs", "target_probs", "u_accept", "u_emit")


def reference(case):
    """Verify each row of a batch with the single-sequence function."""
    for x, q, p, u_accept, u_emit in zip(*(case[name] for name in FIELDS), strict=True):
        yield speculative.verify(x, q, p, u_accept=u_accept, u_emit=u_emit)


def moved(case, like):
    """Move a batch to another library and device."""
    return {name: to_device(array, like=like) for name, array in case.items()}


def near_ties(case, verdicts, wanted, *, within):
    """Count rows whose token differs; each must have its uniform number `within` of the thresholds between them."""
    n, token = (to_numpy(array) for array in verdicts)
    assert n.tolist() == [verdict.n_accepted for verdict in wanted]
    off = [b for b, verdict in enumerate(wanted) if verdict.token != token[b]]
    for b in off:
        assert distance(case, b, n[b], (wanted[b].token, token[b])) <= within, f"row {b} is no near-tie"
    return len(off)


def tables(V=6, order=2, seed=0):
    """Draw a target of the given order and a draft of order 1."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(V, 0.5), (V,) * order), rng.dirichlet(np.full(V, 0.5), V)


def requests(B, V, seed=0):
    """Draw B prompts of 1 to 9 tokens and 0 to 24 new tokens each."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, V, n).tolist() for n in rng.integers(1, 10, B)], rng.integers(0, 25, B).tolist()


def rngs(B, seed=1):
    """Make a generator for each row."""
    return [np.random.default_rng([seed, b]) for b in range(B)]


# --- verify ------------------------------------------------------------------------------------------------------


def test_float64_rows_get_the_reference_verdict_on_20000_random_and_boundary_cases():
    ties = [near_ties(case, batched.verify(**case), [*reference(case)], within=0) for case in batches(0, 20_000)]
    assert sum(ties) == 0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_uniforms_on_thresholds_of_exact_sums_get_the_reference_verdict(dtype):
    for case in dyadic_batches(1, 2000, dtype):
        assert near_ties(case, batched.verify(**case), [*reference(case)], within=0) == 0


def test_float32_rows_get_the_reference_verdict_but_for_counted_near_ties(record_property):
    ties = [
        near_ties(case, batched.verify(**case), [*reference(case)], within=2.0**-22)
        for case in batches(2, 20_000, np.float32)
    ]
    record_property("near_ties_of_20000", sum(ties))  # of the uniforms 1 - 2^-24 and 1 - 2^-53, beside the end
    print(f"float32: {sum(ties)} near-ties among 20,020 cases")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_strict_library_on_another_device_gives_the_numpy_verdict(dtype):
    for case in [*batches(3, 800, dtype), *dyadic_batches(3, 100, dtype)]:
        got, want = batched.verify(**moved(case, STRICT)), batched.verify(**case)
        assert [to_numpy(array).tolist() for array in got] == [array.tolist() for array in want]
        assert got.token.device == STRICT.device


@pytest.mark.peers
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_torch_gives_the_reference_verdict_but_for_counted_near_ties(dtype):
    torch = pytest.importorskip("torch", reason="needs the extra [peers]")
    ties, within = 0, 1e-14 if dtype == np.float64 else 2.0**-22
    for case in [*batches(4, 20_000, dtype), *dyadic_batches(4, 1000, dtype)]:
        verdicts = batched.verify(**moved(case, torch.zeros(1)))
        ties += near_ties(case, verdicts, [*reference(case)], within=within)
    print(f"torch, {dtype.__name__}: {ties} near-ties among 21,020 cases")


def test_half_precision_rows_are_read_as_float32():
    for case in dyadic_batches(5, 200, np.float16):
        wide = case | {name: case[name].astype(np.float32) for name in ("draft_probs", "target_probs")}
        got, want = batched.verify(**case), batched.verify(**wide)
        assert [array.tolist() for array in got] == [array.tolist() for array in want]


@pytest.mark.peers
def test_bfloat16_rows_of_torch_are_read_as_float32():
    torch = pytest.importorskip("torch", reason="needs the extra [peers]")
    for case in dyadic_batches(6, 200, np.float32):
        narrow = moved(case, torch.zeros(1))
        narrow |= {name: narrow[name].bfloat16() for name in ("draft_probs", "target_probs")}
        got, want = batched.verify(**narrow), batched.verify(**case)
        assert [array.tolist() for array in got] == [array.tolist() for array in want]


def test_read_only_inputs_are_enough():
    for case in batches(7, 300):
        for array in case.values():
            array.flags.writeable = False
        batched.verify(**case)


def test_what_stands_behind_a_rows_drafts_is_never_used():
    rng = np.random.default_rng(8)
    for case in batches(8, 800):
        B, K = case["draft_tokens"].shape
        lengths = rng.integers(0, K + 1, B)
        cut = [{name: case[name][b : b + 1] for name in FIELDS} for b in range(B)]
        for b, k in enumerate(lengths):
            cut[b] = {name: a[:, : k + (name == "target_probs")] if a.ndim > 1 else a for name, a in cut[b].items()}
        is_padding = np.arange(K) >= lengths[:, None]
        case["draft_probs"][is_padding] = case["u_accept"][is_padding] = np.nan
        case["target_probs"][:, 1:][is_padding] = np.nan
        got = batched.verify(**case, n_drafts=lengths)
        assert [*zip(*got, strict=True)] == [
            (v.n_accepted[0], v.token[0]) for v in (batched.verify(**c) for c in cut)
        ]


def test_a_token_of_probability_zero_is_never_picked_even_if_a_sum_wobbles():
    for case in [*batches(9, 2000, np.float32), *batches(10, 2000)]:
        n, token = batched.verify(**case)
        assert (case["target_probs"][np.arange(len(n)), n, token] > 0).all()


def test_verify_is_lossless_in_exact_fractions():
    p, q = np.array([[[2, 1, 0], [1, 1, 1]]], object), np.array([[[1, 1, 1]]], object)
    p, q = p * Fraction(1, 3), q * Fraction(1, 3)

    def first_token(tape):
        u = np.array(tape.random(3), object)
        x = batched.pick(q[:, 0], u[:1])
        n, t = batched.verify(x[:, None], q, p, u_accept=u[None, 1:2], u_emit=u[2:])
        return int(x[0] if n[0] else t[0])

    assert exact_law(first_token) == {0: Fraction(2, 3), 1: Fraction(1, 3)}


def test_verify_allocates_a_few_rows_and_not_all_of_them():
    B, K, V = 2, 16, 20_000
    rng = np.random.default_rng(11)
    p, q = rng.random((B, K + 1, V)), rng.random((B, K, V))
    x, u, one_row_each = rng.integers(0, V, (B, K)), rng.random((B, K)), B * V * 8
    tracemalloc.start()
    batched.verify(x, q, p, u_accept=u, u_emit=u[:, 0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 9 * one_row_each, f"{peak / one_row_each:.1f} times B V numbers of 8 bytes"


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("draft_probs", (2, 3, 5), r"draft_probs must be \(2, 3, 4\).*got \(2, 3, 5\)"),
        ("target_probs", (2, 3, 4), r"target_probs must be \(2, 4, 4\)"),
        ("u_emit", (3,), r"u_emit must be \(2,\)"),
        ("draft_tokens", (3,), "For one sequence use speculative.verify"),
        ("n_drafts", (3,), r"n_drafts must be \(B,\) = \(2,\)"),
    ],
)
def test_a_wrong_shape_is_refused_by_name(name, shape, message):
    case = {"draft_tokens": (2, 3), "draft_probs": (2, 3, 4), "target_probs": (2, 4, 4), "u_accept": (2, 3)}
    case |= {"u_emit": (2,), name: shape}
    with pytest.raises(ValueError, match=message):
        batched.verify(**{name: np.zeros(shape) for name, shape in case.items()})


def test_arrays_of_two_libraries_are_refused():
    case = next(iter(batches(0, 78)))
    with pytest.raises(ValueError, match="one library and device; got draft_tokens in numpy on cpu"):
        batched.verify(**case | {"u_emit": to_device(case["u_emit"], like=STRICT)})


# Beside batched/*.py, the files of the package that run on a device.
ON_DEVICE = ["acceptance.py", "strategies.py", "distributions.py"] + [
    f"transformer/{name}.py" for name in ("ragged", "ragged_cache", "layers", "attention", "blocks")
]


def used_functions():
    """List the names behind `xp.`, `self.xp.` and `cache.xp.` in the files that run on a device."""
    package = Path(specsample.__file__).parent
    for path in [*package.glob("batched/*.py"), *(package / name for name in ON_DEVICE)]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and "xp" in (
                getattr(node.value, "id", None),
                getattr(node.value, "attr", None),
            ):
                yield node.attr


@pytest.mark.parametrize(
    "library",
    [
        "numpy",
        "strict",
        pytest.param("torch", marks=pytest.mark.peers),
        pytest.param("cupy", marks=pytest.mark.peers),  # imports without a GPU
    ],
)
def test_every_function_in_use_exists_in(library):
    module = "array_api_strict" if library == "strict" else f"array_api_compat.{library}"
    if library in ("cupy", "torch"):
        pytest.importorskip(library, reason=f"{library} is not installed")
    xp = importlib.import_module(module)
    assert {"cumulative_sum", "vecdot", "broadcast_to"} <= {*used_functions()}  # of all three kinds of file
    assert [name for name in used_functions() if not hasattr(xp, name)] == []


# --- generate ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [0, 1, 5])
@pytest.mark.parametrize("stop", [(), (3, 4)])
def test_each_of_32_rows_is_what_the_reference_makes_of_its_prompt_and_tape(K, stop):
    (P, Q), (prompts, limits) = tables(), requests(32, 6)
    target, draft = BatchedTableModel(P), BatchedTableModel(Q)
    got = batched.generate(prompts, target, draft, K=K, max_new_tokens=limits, rngs=rngs(32), stop=stop)
    for row, prompt, limit, rng in zip(got, prompts, limits, rngs(32), strict=True):
        want = speculative.generate(
            prompt, TableModel(P), TableModel(Q), K=K, max_new_tokens=limit, rng=rng, stop=stop
        )
        assert row == want  # the tokens and every number of the trace


def test_each_row_agrees_with_the_reference_under_decoding_strategies():
    (P, Q), (prompts, _) = tables(seed=2), requests(8, 6)
    options = {"max_new_tokens": 12, "transform": top_k(3), "draft_transform": greedy}
    got = batched.generate(prompts, BatchedTableModel(P), BatchedTableModel(Q), rngs=rngs(8), **options)
    for row, prompt, rng in zip(got, prompts, rngs(8), strict=True):
        assert row == speculative.generate(prompt, TableModel(P), TableModel(Q), rng=rng, **options)


def test_the_text_of_a_row_does_not_depend_on_its_neighbours():
    (P, Q), (prompts, limits) = tables(seed=3), requests(9, 6)
    models = BatchedTableModel(P), BatchedTableModel(Q)
    together = batched.generate(prompts, *models, max_new_tokens=limits, rngs=rngs(9))
    for b in range(9):
        alone = batched.generate([prompts[b]], *models, max_new_tokens=limits[b], rngs=[rngs(9)[b]])
        assert alone == [together[b]]


def test_a_row_of_a_batch_follows_the_target_law_in_exact_fractions():
    thirds = np.array([[2, 1, 0], [0, 1, 2], [1, 1, 1]], object) * Fraction(1, 3)
    halves = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]], object) * Fraction(1, 2)
    target, draft = BatchedTableModel(thirds), BatchedTableModel(halves)

    def first_row(tape):
        generators = [tape, np.random.default_rng(0)]
        return tuple(batched.generate([[0], [1, 2]], target, draft, K=2, max_new_tokens=3, rngs=generators)[0][0])

    assert exact_law(first_row) == target_law(TableModel(thirds), [0], 3)


def decisions(rows):
    """List all that a run decided: the traces without probabilities, whose last bit depends on the order of sums."""
    return [[replace(round, p_x=(), q_x=()) for round in trace.rounds] for _, trace in rows]


def check_other_library(like):
    """Compare generate on another library or device with NumPy."""
    (P, Q), (prompts, limits) = tables(seed=4), requests(16, 6)
    host = BatchedTableModel(P), BatchedTableModel(Q)
    there = BatchedTableModel(to_device(P, like=like)), BatchedTableModel(to_device(Q, like=like))
    options = {"max_new_tokens": limits, "stop": (5,), "transform": top_k(4)}
    got = batched.generate(prompts, *there, rngs=rngs(16), **options)
    assert decisions(got) == decisions(batched.generate(prompts, *host, rngs=rngs(16), **options))


def test_generate_decides_the_same_in_the_strict_library_on_another_device():
    check_other_library(STRICT)


@pytest.mark.peers
def test_generate_decides_the_same_in_torch():
    torch = pytest.importorskip("torch", reason="needs the extra [peers]")
    check_other_library(torch.zeros(1))


def test_one_transfer_a_round_comes_back_from_the_device(monkeypatch):
    fetched = []
    real = batched.passes.to_numpy
    monkeypatch.setattr(batched.passes, "to_numpy", lambda array: fetched.append(array.shape) or real(array))
    (P, Q), (prompts, _) = tables(), requests(4, 6)
    models = [BatchedTableModel(to_device(table, like=STRICT)) for table in (P, Q)]
    rows = batched.generate(prompts, *models, K=3, max_new_tokens=20, rngs=rngs(4))
    assert len(fetched) == max(len(trace.rounds) for _, trace in rows)
    assert max(width for _, width in fetched) == 5 * 3 + 3  # 3 numbers and 2 checks a draft, n, token, 1 check


class Broken(BatchedTableModel):
    """Hand out logits."""

    def __init__(self, table):
        super().__init__(np.log(table + 0.1))


@pytest.mark.parametrize(("which", "name"), [(0, "target_probs"), (1, "draft_probs")])
def test_rows_that_are_no_distributions_are_refused(which, name):
    models = [BatchedTableModel(table) for table in tables()]
    models[which] = Broken(models[which].table)
    with pytest.raises(ValueError, match=f"{name} must be distributions.*sequence 0"):
        batched.generate([[0], [1]], *models, max_new_tokens=4, rngs=rngs(2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rngs": []}, "one a row; got 2, 0"),
        ({"max_new_tokens": [1]}, "got 2, 2 and"),
        ({"prompts": [[0], []]}, "at least one token"),
        ({"prompts": [[0], [6]]}, "must lie in 0 .. 5; got 6"),
        ({"K": -1}, "K must be an integer >= 0"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused(changes, message):
    P, Q = (BatchedTableModel(table) for table in tables())
    request = {"prompts": [[0], [1]], "max_new_tokens": 3, "rngs": rngs(2)} | changes
    with pytest.raises(ValueError, match=message):
        batched.generate(target_model=P, draft_model=Q, **request)


def test_a_table_context_refuses_to_roll_back_to_what_it_has_not_read():
    context = BatchedTableModel(tables()[1]).start(2)
    context.extend(np.array([[0, 1], [1, 0]]), np.array([2, 1]))
    with pytest.raises(ValueError, match=r"0 \.\. 1, the tokens read; got 2"):
        context.rollback([2, 2])
