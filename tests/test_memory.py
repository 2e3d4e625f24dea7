"""Freed arrays stay with the process, so that the next ones cost no page faults."""

import platform
import subprocess
import sys

import pytest

COUNT = """
import resource, sys
import numpy as np
from specsample.transformer.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(3):  # the first arrays fault in any case
    kept = [np.ones(1 << 20, np.uint8) for _ in range(8)]
    del kept
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    kept = [np.ones(1 << 20, np.uint8) for _ in range(8)]
    del kept
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode):
    """Count page faults of 160 arrays of 1 MiB, made and freed."""
    done = subprocess.run([sys.executable, "-c", COUNT, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is known to learn")
def test_arrays_that_come_back_cost_no_page_faults():
    assert faults("keep") < 100 < faults("leave")  # 160 MiB are 40,960 pages
