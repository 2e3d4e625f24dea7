"""The page "Try it" without a browser: its session is the library's run, and no import needs what a browser lacks.

In Chromium it is tested by lite/test_try_in_chromium.py.
"""

import importlib.util
import json
import subprocess
import sys

import make_lite
import numpy as np
import pytest
from test_layout import ROOT

from specsample import generate, temperature

SESSION = ROOT / "docs" / "_static" / "try" / "session.py"
# what Pyodide 0.27.7 cannot import of the standard library, or has in packages of their own
LACKING = (
    "_curses _dbm _hashlib _lzma _multiprocessing _posixshmem _sqlite3 _ssl _tkinter curses dbm ensurepip fcntl "
    "grp lzma nis pty pwd pydoc_data readline resource spwd sqlite3 ssl syslog termios tkinter tty venv"
)


def session():
    """Import the file that the page's worker runs."""
    spec = importlib.util.spec_from_file_location("session", SESSION)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_run_of_the_page_is_the_librarys_run_round_by_round(monkeypatch):
    monkeypatch.setenv("SPECSAMPLE_LAYOUT", "plain")  # nothing is measured here
    run = session().Run("def f(x):", K=3, temperature=0.5, seed=4, max_new_tokens=12)
    played = [json.loads(text) for text in iter(run.round, "")]
    request = {"K": 3, "max_new_tokens": 12, "rng": np.random.default_rng(4), "transform": temperature(0.5)}
    tokens, trace = generate(run.tokens, run.target, run.draft, **request)
    pieces = [piece for each in played for piece in each["pieces"]]
    assert "".join(text for text, _ in pieces) == run.decode(tokens)
    assert [source for _, source in pieces] == trace.sources
    assert (run.trace, played[-1]["counts"]) == (trace, trace.counts() | {"tokens": 12})
    assert run.viewer().count("specsample-trace") > 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def verify(", "SyntaxError, line 1"),
        ("verify = 3", "must define a function"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit", "SystemExit"),
    ],
)
def test_a_text_without_a_verify_is_refused_with_the_reason(source, said):
    with pytest.raises(ValueError, match=said):
        session().find_verify(source)


def test_the_package_imports_without_the_modules_that_a_browser_lacks():
    code = f"""
import importlib, pkgutil, sys
import numpy, rich.console
class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(LACKING.split())}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
for name in {LACKING.split()}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Lacking())
import specsample
for module in pkgutil.walk_packages(specsample.__path__, "specsample."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_folder_that_is_not_the_tested_pyodide_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(make_lite, "PACKAGES", ["numpy"])
    with pytest.raises(make_lite.Missing, match=r"it lacks pyodide\.js, "):
        make_lite.copy_pyodide(tmp_path, tmp_path / "out")
    lock = {"info": {"version": make_lite.PYODIDE}, "packages": {}}
    for name in ("numpy", "needed"):
        lock["packages"][name] = {
            "file_name": f"{name}.whl",
            "sha256": "0" * 64,
            "depends": ["needed"][name == "needed" :],
        }
        (tmp_path / f"{name}.whl").write_text("another file")
    for name in make_lite.RUNTIME:
        (tmp_path / name).write_text(json.dumps(lock))
    (tmp_path / "out").mkdir()
    assert make_lite.closure(lock, ["numpy"]) == ["needed", "numpy"]
    with pytest.raises(make_lite.Missing, match="not the file whose SHA-256"):
        make_lite.copy_pyodide(tmp_path, tmp_path / "out")
    (tmp_path / "numpy.whl").unlink()
    (tmp_path / "needed.whl").unlink()
    with pytest.raises(make_lite.Missing, match=r"lacks needed\.whl"):
        make_lite.copy_pyodide(tmp_path, tmp_path / "out")
