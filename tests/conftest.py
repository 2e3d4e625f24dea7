"""What all tests share: Hypothesis profiles, and one browser for those of `browser/`.

Profiles: `ci` runs the same examples every time, `--hypothesis-profile thorough` searches on.
`mutants` is for `mutation_check.py`, which wants a quick no and not the smallest counterexample.
"""

import shutil

import pytest
from hypothesis import Phase, settings

settings.register_profile("ci", max_examples=300, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=5000, deadline=None)
settings.register_profile("mutants", max_examples=10, derandomize=True, deadline=None, phases=[Phase.generate])
settings.load_profile("ci")

collect_ignore_glob = ["measure_*.py"]  # scripts, one of which needs torch

QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"


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
