"""The CUDA kernel, compiled for three GPUs and executed on the CPU, token for token against batched.verify."""

import ctypes
import importlib.util
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from verify_cases import BELOW_1, TINY, as_bfloat16, batches, distance, dyadic_batches, near_ties

from specsample import batched
from specsample.cuda.verify import ROW_TYPES, plan, threads
from specsample.cuda.verify import verify as verify_on_gpu

HERE, SOURCE = Path(__file__).parent, files("specsample.cuda").joinpath("verify.cu")
SANITIZERS = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
ROWS = ["float", "double", "Half", "BFloat16"]
BLOCKS, SCHEDULES = (64, 96, 128), (0, 1, 2)  # threads; ascending, descending, shuffled
GPUS = ("80", "90", "100")
NVCC = shutil.which("nvcc")

# A broken copy: what it does wrong, what is replaced, by what.
BROKEN = [
    ("takes the residual from row 0", "{p + n * V, q_n}", "{p, n < drafts ? q : nullptr}"),
    ("tests and emits with one uniform", "u_emit[b]", "(K > 0 ? u_accept[0] : u_emit[b])"),
    ("ignores the tail of V", "{drafts, true, 0, V, 0, 0}", "{drafts, true, 0, V / LANES * LANES, 0, 0}"),
    ("accepts at u = p/q", "u[k] < accept", "u[k] <= accept"),
    ("lets the last refusal win", "atomicMin(n, k)", "*n = k"),
    ("forgets that p may equal q", "search->is_residual = false;", "search->end = 0;"),
    ("draws a correction after K acceptances", "n < drafts ? q + n * V : nullptr", "q + (n < K ? n : K - 1) * V"),
    ("draws the correction from p", "if (q == nullptr) return", "if (q != p) return"),
    ("normalises the bonus row again", "if (!is_drafted) search->mass = 1;", ""),
    ("never divides by the mass", "u < sum / mass", "u < sum"),
    ("reads every row as the first sequence's", "p += b * (K + 1) * V", "p += 0"),
]


def compile_for_cpu(folder, source=None, flags=SANITIZERS):
    """Build run_verify with the kernel in `source`, or with the real one."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler to run the kernel on the CPU")
    (folder / "verify.cu").write_text(source or SOURCE.read_text())
    command = [compiler, "-std=c++20", "-g", *flags, "-I", HERE, "-I", folder, "-o", folder / "run_verify"]
    subprocess.run([*command, HERE / "run_verify.cpp"], check=True)
    return folder / "run_verify"


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """The kernel on the CPU, under the address and undefined-behaviour sanitizers."""
    return compile_for_cpu(tmp_path_factory.mktemp("verify"))


def run(program, cases, *, blocks=BLOCKS, schedules=SCHEDULES):
    """Run one process over all cases, taking block sizes and schedules in turn; list n_accepted and token of each."""
    packed, sizes = [], [(block, schedule) for block in blocks for schedule in schedules]
    for i, case in enumerate(cases):
        launch, (block, schedule) = plan(**case), sizes[i % len(sizes)]
        (B, K, V), row = case["draft_probs"].shape, ROWS.index(launch.kernel[len("verify<") : -1])
        header = np.array([row, B, K, V, block, schedule], np.int64)
        packed += [array.tobytes() for array in (header, *launch.arguments[:6])]
    done = subprocess.run([program], input=b"".join(packed), capture_output=True, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(f"the kernel stopped with {done.returncode}: {done.stderr.decode()[:2000]}")
    ends = np.cumsum([2 * len(case["u_emit"]) for case in cases])
    answers = np.split(np.frombuffer(done.stdout, np.int64), ends[:-1])
    return [answer.reshape(2, -1) for answer in answers]


# --- on the CPU --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "n_cases", "within"),
    [
        pytest.param("float32", 20_000, 2.0**-22, marks=pytest.mark.thorough),
        ("float32", 2000, 2.0**-22),
        pytest.param("float64", 2000, 1e-14, marks=pytest.mark.thorough),
        pytest.param("float16", 2000, 2.0**-22, marks=pytest.mark.thorough),
        pytest.param("bfloat16", 2000, 2.0**-22, marks=pytest.mark.thorough),
    ],
)
def test_the_kernel_gives_the_batched_verdict_on_random_and_boundary_cases(
    program, row, n_cases, within, record_property
):
    cases = [*batches(20, n_cases, np.float32 if row == "bfloat16" else row)]
    cases = [as_bfloat16(case) for case in cases] if row == "bfloat16" else cases
    ties = near_ties(cases, run(program, cases), within=within)
    record_property("near_ties", ties)
    print(f"{row}: {ties} near-ties among {sum(len(case['u_emit']) for case in cases)} cases")


@pytest.mark.parametrize(
    "row", ["float32", *(pytest.param(x, marks=pytest.mark.thorough) for x in ("float64", "float16", "bfloat16"))]
)
def test_the_kernel_agrees_with_uniforms_on_the_thresholds_of_exact_sums(program, row):
    cases = [*dyadic_batches(21, 300, np.float32 if row == "bfloat16" else row)]
    cases = [as_bfloat16(case) for case in cases] if row == "bfloat16" else cases
    for schedule, block in zip(SCHEDULES, (64, 160, 256), strict=True):
        assert near_ties(cases, run(program, cases, blocks=[block], schedules=[schedule]), within=0) == 0


def test_the_kernel_takes_rows_with_fewer_drafts_than_k(program):
    rng, cases = np.random.default_rng(22), [*batches(22, 800)]
    for case in cases:
        case["n_drafts"] = rng.integers(0, case["draft_tokens"].shape[1] + 1, len(case["u_emit"]))
    assert near_ties(cases, run(program, cases), within=1e-14) == 0


def test_the_kernel_reads_two_rows_and_the_drafted_entries_only(program):
    cases = [*batches(23, 800)]
    answers = run(program, cases)
    for case, (n, _) in zip(cases, answers, strict=True):
        K = case["draft_tokens"].shape[1]
        for name, rows in (("draft_probs", K), ("target_probs", K + 1)):
            is_unread = np.ones(case[name].shape, bool)
            np.put_along_axis(is_unread[:, :K], case["draft_tokens"][..., None], False, axis=-1)
            is_unread[np.arange(rows) == n[:, None]] = False
            case[name][is_unread] = np.nan
    for answer, again in zip(answers, run(program, cases), strict=True):
        assert answer.tolist() == again.tolist()


@pytest.mark.thorough
def test_sums_over_152000_tokens_stay_within_1e_6_of_float64(program):
    rng, B, V = np.random.default_rng(24), 24, 152_000
    p, q = (rng.gamma(0.3, size=(B, n, V)) for n in (2, 1))
    rows = {"target_probs": p, "draft_probs": q}
    case = {name: (w / w.sum(axis=-1, keepdims=True)).astype(np.float32) for name, w in rows.items()}
    case |= {"draft_tokens": rng.integers(0, V, (B, 1)), "u_accept": rng.random((B, 1))}
    case["u_emit"] = np.array([*TINY, *BELOW_1, *rng.random(B - 5)])
    n, token = run(program, [case], blocks=[1024])[0]
    wide = {name: array.astype(np.float64) if array.dtype == np.float32 else array for name, array in case.items()}
    want = batched.verify(**wide)
    off = [distance(wide, b, n[b], (want.token[b], token[b])) for b in np.flatnonzero(token != want.token)]
    assert n.tolist() == want.n_accepted.tolist()
    assert max(off, default=0.0) <= 1e-6
    print(f"V = {V}: {len(off)} of {B} tokens differ from float64, by at most {max(off, default=0.0):.1e}")


def test_a_row_without_probability_and_a_draft_that_is_no_token_read_nothing_beyond_their_arrays(program):
    p, q = np.zeros((2, 2, 40)), np.full((2, 1, 40), 1 / 40)
    p[1] = 1 / 40
    case = {"draft_tokens": np.array([[0], [10**12]]), "draft_probs": q, "target_probs": p}
    case |= {"u_accept": np.zeros((2, 1)), "u_emit": np.full(2, 0.5)}
    n, token = run(program, [case], blocks=[64])[0]
    assert (n.tolist(), token.tolist()) == ([0, 0], [-1, 20])


# --- broken copies -----------------------------------------------------------------------------------------------


def broken_copies():
    """List (what is wrong, source) of every broken copy: those above, and one without each of the barriers."""
    kernel = SOURCE.read_text()
    for wrong, old, new in BROKEN:
        assert old in kernel, f"verify.cu no longer holds {old!r}"
        yield wrong, kernel.replace(old, new)
    for barrier in re.finditer(r"__syncthreads\(\);", kernel):
        line = kernel[: barrier.start()].count("\n") + 1
        yield f"lacks the barrier of line {line}", kernel[: barrier.start()] + kernel[barrier.end() :]


def complaint(program, cases, schedule):
    """Return what is wrong with a kernel under one schedule, or None."""
    try:
        near_ties(cases, run(program, cases, blocks=[64], schedules=[schedule]), within=2.0**-22)
    except (AssertionError, RuntimeError, subprocess.TimeoutExpired) as error:
        return repr(error)
    return None


@pytest.mark.thorough  # each is compiled and run
@pytest.mark.parametrize(("wrong", "source"), [pytest.param(*copy, id=copy[0]) for copy in broken_copies()])
def test_a_broken_copy_is_caught_that(wrong, source, tmp_path):
    cases = [*batches(25, 1000, np.float32), *dyadic_batches(25, 300, np.float32), *batches(25, 200, np.float16)]
    broken = compile_for_cpu(tmp_path, source, flags=("-O0", "-w"))
    assert any(complaint(broken, cases, schedule) for schedule in SCHEDULES), f"nobody noticed: it {wrong}"


# --- compiled for GPUs -------------------------------------------------------------------------------------------


def nvrtc():
    """Open NVIDIA's run-time compiler, which works without a driver, or return None."""
    spec = importlib.util.find_spec("nvidia.cuda_nvrtc") if importlib.util.find_spec("nvidia") else None
    folders = spec.submodule_search_locations if spec else []
    found = sorted(path for folder in folders for path in Path(folder).glob("lib/libnvrtc.so*"))
    return ctypes.CDLL(str(found[0])) if found else None


def signature(row):
    """Write the kernel's instance for one row type."""
    ints, doubles = "const long long*", "const double*"
    return (
        f"verify<{row}>({ints}, const {row}*, const {row}*, {doubles}, {doubles}, {ints}, long long*, long long*, "
        "int, long long)"
    )


def compile_with_nvcc(gpu, folder):
    """Compile every row type and read the compiler's report; nothing may spill, and 1024 threads must fit."""
    kernels = "".join(f"template __global__ void {signature(row)};\n" for row in ROWS)
    (folder / "all.cu").write_text(SOURCE.read_text() + kernels)
    command = [
        NVCC,
        "-std=c++17",
        "-cubin",
        f"-arch=sm_{gpu}",
        "-Werror=all-warnings",
        "-Xptxas=-v",
        "-o",
        "all.cubin",
    ]
    done = subprocess.run([*command, "all.cu"], cwd=folder, capture_output=True, text=True, check=False)
    report = done.stdout + done.stderr
    assert done.returncode == 0, report
    registers = [int(n) for n in re.findall(r"Used (\d+) registers", report)]
    print(f"nvcc, sm_{gpu}: {registers} registers, {set(re.findall(r'[0-9]+ bytes smem', report))}")
    assert len(registers) == 4
    assert max(registers) * 1024 <= 65536
    assert set(re.findall(r"(\d+) bytes spill", report)) == {"0"}


def compile_with_nvrtc(gpu):
    """Compile as CuPy does, by the names of the kernel's instances."""
    library, program = nvrtc(), ctypes.c_void_p()
    names = [f"verify<{row}>".encode() for row in ROWS]
    assert library.nvrtcCreateProgram(ctypes.byref(program), SOURCE.read_bytes(), b"verify.cu", 0, None, None) == 0
    assert [library.nvrtcAddNameExpression(program, name) for name in names] == [0] * 4
    options = (ctypes.c_char_p * 2)(b"-std=c++17", f"-arch=sm_{gpu}".encode())
    status, log = library.nvrtcCompileProgram(program, 2, options), ctypes.create_string_buffer(10_000)
    library.nvrtcGetProgramLog(program, log)
    assert status == 0, log.value.decode()
    lowered = ctypes.c_char_p()
    assert [library.nvrtcGetLoweredName(program, name, ctypes.byref(lowered)) for name in names] == [0] * 4
    print(f"nvrtc, sm_{gpu}: {len(names)} instances")


@pytest.mark.parametrize("gpu", [GPUS[0], *(pytest.param(gpu, marks=pytest.mark.thorough) for gpu in GPUS[1:])])
def test_the_kernel_compiles_for_sm(gpu, tmp_path):
    if NVCC is None and nvrtc() is None:
        pytest.skip("no CUDA compiler: neither nvcc nor the wheel nvidia-cuda-nvrtc-cu12 is installed")
    if NVCC is not None:
        compile_with_nvcc(gpu, tmp_path)
    if nvrtc() is not None:
        compile_with_nvrtc(gpu)


# --- the call ----------------------------------------------------------------------------------------------------


def test_the_call_refuses_arrays_that_are_not_on_a_gpu():
    with pytest.raises(TypeError, match=r"must be a CuPy array; got one of numpy. Use batched.verify"):
        verify_on_gpu(**next(iter(batches(0, 78))))


def test_the_plan_refuses_types_that_differ_or_are_no_probabilities():
    case = next(iter(batches(0, 78)))
    with pytest.raises(TypeError, match=r"must have one type.*got float32 and float64"):
        plan(**case | {"draft_probs": case["draft_probs"].astype(np.float32)})
    rows = {name: case[name].astype(np.int64) for name in ("draft_probs", "target_probs")}
    with pytest.raises(TypeError, match="got int64 and int64"):
        plan(**case | rows)


@pytest.mark.parametrize("V", [1, 1024, 1025, 152_000])
def test_a_block_has_whole_groups_of_lanes_and_at_least_two(V):
    assert threads(V) % 32 == 0
    assert 64 <= threads(V) <= 1024


def test_every_row_type_has_an_instance():
    assert {*ROW_TYPES.values()} == {*ROWS}
