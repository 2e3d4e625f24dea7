"""FlashInfer: the text of its chain kernel, out of the installed header, compiled for a CPU with one thread a block.

It needs a C++ compiler (g++). What stands around the kernel (the launch, cuRAND's numbers, several threads) is not
what runs on a GPU, and is not judged.
"""

import ctypes
import re
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from cases import Case, judge_all

from specsample.conformance import from_verify

HERE = Path(__file__).parent
PIECES = ("struct ValueCount", "struct BoolDiffOp", "struct SamplingTempStorage", "void DeviceSamplingFromProb(")
PIECES += ("void ChainSpeculativeSampling(",)
CALL = """
extern "C" void verify(float* q, int* drafts, float* p, int* out, uint32_t n, uint32_t K, uint32_t V, uint64_t seed) {
  using namespace flashinfer::sampling;
  int unused[2] = {0, 0};
  for (uint32_t i = 0; i < n; ++i) {
    ChainSpeculativeSampling<1, SCAN, REDUCE, 1, false, float, int>(
        q + size_t(i) * K * V, drafts + size_t(i) * K, p + size_t(i) * (K + 1) * V, out + size_t(i) * (K + 1), unused,
        unused + 1, K, V, nullptr, seed + i, nullptr, 0, 0, 0);
  }
}
"""


def piece(header, begins):
    """Cut a class or a function out of the header, with its template line."""
    end = header.index(begins)
    start = header.rindex("\n\n", 0, end)
    length = re.search(r"^};?$", header[start:], re.MULTILINE).end()
    return header[start : start + length]


@cache
def kernel():
    """Compile the kernel's text."""
    include = Path(find_spec("flashinfer").origin).parent / "data" / "include" / "flashinfer"
    header = (include / "sampling.cuh").read_text(encoding="utf-8")
    text = "\n".join(piece(header, begins) for begins in PIECES)
    # a word that nvcc does without
    text = re.sub(r"\.(Sum|SubtractLeft)<VEC_SIZE>", r".template \1<VEC_SIZE>", text)
    folder = Path(tempfile.mkdtemp())
    body = f"namespace flashinfer::sampling {{\n{text}\n}}\n"
    (folder / "chain.cpp").write_text(f'#include <utility>\n#include "flashinfer_on_cpu.h"\n{body}{CALL}')
    flags = ["-std=c++20", "-O2", "-w", "-fpermissive", "-shared", "-fPIC", "-I", HERE]
    subprocess.run(["g++", *flags, folder / "chain.cpp", "-o", folder / "chain.so"], check=True)
    return ctypes.CDLL(str(folder / "chain.so")).verify


def verify(drafts, q, p, rng):
    """Verify (N, K) drafts; (N, K+1) ids come back, padded with -1."""
    N, K, V = q.shape
    out = np.full((N, K + 1), -7, np.int32)
    given = [np.ascontiguousarray(q, np.float32), np.ascontiguousarray(drafts, np.int32)]
    given += [np.ascontiguousarray(p, np.float32), out]
    sizes = [ctypes.c_uint32(each) for each in (N, K, V)]
    kernel()(*(each.ctypes.data_as(ctypes.c_void_p) for each in given), *sizes, ctypes.c_uint64(rng.integers(2**62)))
    return out


if __name__ == "__main__":
    path = "ChainSpeculativeSampling, its text on a CPU"
    make = lambda: from_verify(verify, name="flashinfer chain")  # noqa: E731
    judge_all([Case(path, "q given", make, {"eps": 0.05})], "flashinfer-python")
