"""On a machine with a GPU: batched verify, generate and the kernel on CuPy against NumPy, and what they cost.

    python -m pytest -m gpu -s tests/gpu

prints a table and writes it to runs/gpu.md. Without CuPy or a GPU everything here is skipped, and says why.
"""

import datetime
from pathlib import Path

import numpy as np
import pytest
from decode_cases import gap, pair, references, together
from verify_cases import as_bfloat16, batches, distance, dyadic_batches, near_ties

from specsample import batched
from specsample.backend import library, to_device, to_numpy
from specsample.batched import BatchedTableModel
from specsample.cuda.verify import verify as verify_on_gpu

pytestmark = pytest.mark.gpu
TABLE = Path(__file__).resolve().parents[2] / "runs" / "gpu.md"
WITHIN = {"float32": 2.0**-22, "float64": 1e-13, "float16": 2.0**-22, "bfloat16": 2.0**-22}


@pytest.fixture(scope="module")
def cp():
    """CuPy, or a skip that says why not."""
    try:
        return library("cupy")
    except RuntimeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def report(cp):
    """Collect lines for the table; print and write it at the end."""
    name = cp.cuda.runtime.getDeviceProperties(0)["name"].decode()
    lines = [f"{name}, CuPy {cp.__version__}, {datetime.date.today()}", "", "| what | result |", "| --- | --- |"]
    yield lambda what, result: lines.append(f"| {what} | {result} |")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join(lines) + "\n")
    print("\n" + TABLE.read_text())


def on_gpu(cp, case):
    """Move a batch to the GPU."""
    return {name: to_device(array, like=cp.zeros(1)) for name, array in case.items()}


def answers(cp, verify, cases):
    """Verify every batch on the GPU and fetch n_accepted and token."""
    return [tuple(to_numpy(array) for array in verify(**on_gpu(cp, case))) for case in cases]


def seconds(cp, call, n=30):
    """Measure the median time of a call, from start to the GPU's last event."""
    times = []
    for _ in range(n + 3):
        start, end = cp.cuda.Event(), cp.cuda.Event()
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(cp.cuda.get_elapsed_time(start, end) / 1000)
    return float(np.median(times[3:]))


@pytest.mark.parametrize("row", ["float32", "float64"])
def test_batched_verify_on_cupy_gives_the_numpy_verdict(cp, report, row):
    cases = [*batches(30, 20_000, row), *dyadic_batches(30, 500, row)]
    ties = near_ties(cases, answers(cp, batched.verify, cases), within=WITHIN[row])
    report(f"batched.verify on CuPy against NumPy, {row}: near-ties of 20,520", ties)


@pytest.mark.parametrize("row", ["float32", "float64", "float16", "bfloat16"])
def test_the_kernel_on_the_gpu_gives_the_numpy_verdict(cp, report, row):
    dtype = np.float32 if row == "bfloat16" else row
    cases = [*batches(31, 20_000, dtype), *dyadic_batches(31, 500, dtype)]
    cases = [as_bfloat16(case) for case in cases] if row == "bfloat16" else cases
    ties = near_ties(cases, answers(cp, verify_on_gpu, cases), within=WITHIN[row])
    report(f"kernel against batched.verify on NumPy, {row}: near-ties of 20,520", ties)


def large(V, B, K, seed=32):
    """Draw a batch with a large vocabulary in float32."""
    rng = np.random.default_rng(seed)
    p, q = (rng.gamma(0.3, size=(B, n, V)) for n in (K + 1, K))
    p, q = ((w / w.sum(axis=-1, keepdims=True)).astype(np.float32) for w in (p, q))
    x, u = rng.integers(0, V, (B, K)), rng.random((B, K + 1))
    return {"draft_tokens": x, "draft_probs": q, "target_probs": p, "u_accept": u[:, :K], "u_emit": u[:, K]}


def test_the_kernel_stays_within_1e_6_of_float64_over_152000_tokens(cp, report):
    case = large(152_000, 16, 2)
    n, token = answers(cp, verify_on_gpu, [case])[0]
    wide = {name: array.astype(np.float64) if array.dtype == np.float32 else array for name, array in case.items()}
    want = batched.verify(**wide)
    off = [distance(wide, b, n[b], (want.token[b], token[b])) for b in np.flatnonzero(token != want.token)]
    report("kernel, V = 152,000: furthest from float64", max(off, default=0.0))
    assert max(off, default=0.0) <= 1e-6


def test_the_kernel_gives_the_same_answer_again_and_again(cp):
    case = on_gpu(cp, large(50_000, 64, 4))
    first = [array.tolist() for array in verify_on_gpu(**case)]
    assert all([array.tolist() for array in verify_on_gpu(**case)] == first for _ in range(20))


def test_generate_on_cupy_emits_the_text_of_numpy(cp):
    rng = np.random.default_rng(33)
    P, Q = rng.dirichlet(np.full(8, 0.5), (8, 8)), rng.dirichlet(np.full(8, 0.5), 8)
    prompts, limits = [rng.integers(0, 8, n).tolist() for n in rng.integers(1, 9, 32)], [20] * 32
    texts = []
    for like in (np.zeros(1), cp.zeros(1)):
        models = [BatchedTableModel(to_device(table, like=like)) for table in (P, Q)]
        rngs = [np.random.default_rng([1, b]) for b in range(32)]
        texts.append([tokens for tokens, _ in batched.generate(prompts, *models, max_new_tokens=limits, rngs=rngs)])
    assert texts[0] == texts[1]


@pytest.mark.parametrize("row", ["float32", "float64"])
def test_the_shipped_pair_on_cupy_gives_the_text_of_numpy(cp, report, row):
    options = {"K": 5, "max_new_tokens": 24}
    traces = together([model.to("cupy") for model in pair(row)], 32, **options)
    gaps = [gap(want, got) for want, got in zip(references(row, 32, **options), traces, strict=True)]
    report(f"decode of 32 texts, {row}: texts that leave NumPy's at a near-tie", sum(g > 0 for g in gaps))
    assert max(gaps) <= {"float32": 1e-5, "float64": 0.0}[row]


@pytest.mark.parametrize("B", [1, 32])
def test_what_decoding_costs(cp, report, B):
    models = [model.to("cupy") for model in pair("float32")]
    for name, K in (("autoregressive", 0), ("speculative, K = 5", 5)):
        seconds_taken = seconds(cp, lambda K=K: together(models, B, K=K, max_new_tokens=24), n=3)
        report(f"shipped pair, {B} texts of 24 characters, {name}", f"{24 * B / seconds_taken:.0f} tokens/s")


@pytest.mark.parametrize(("B", "V"), [(1, 32_000), (1, 128_000), (32, 32_000), (32, 128_000)])
def test_what_verify_costs(cp, report, B, V):
    case = on_gpu(cp, large(V, B, 5))
    batched_time, kernel_time = (seconds(cp, lambda f=f: f(**case)) for f in (batched.verify, verify_on_gpu))
    size = f"B = {B}, K = 5, V = {V:,}, float32"
    report(f"{size}: batched.verify on CuPy", f"{batched_time * 1e6:.0f} µs")
    report(f"{size}: kernel", f"{kernel_time * 1e6:.0f} µs, {B * 2 * V * 4 / kernel_time / 1e9:.0f} GB/s of two rows")
