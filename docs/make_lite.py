"""Add to a built site what runs in a reader's browser: `python docs/make_lite.py docs/_build [--pyodide URL|DIR]`.

Files alone, which any server serves: the wheels of the package and of what it needs, JupyterLite with the course, and
a button on each notebook's page. Pyodide's own files come from its public servers, or are copied from a folder,
checked by the hashes of its lock file. Needs the extra [lite].
"""

import argparse
import hashlib
import json
import pydoc_data.topics
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from zipfile import ZipFile

from specsample.course.source import Cell, sources, to_notebook
from specsample.course.student import student_version

ROOT = Path(__file__).resolve().parents[1]
PYODIDE = "0.27.7"  # Python 3.12, NumPy 2.0.2; what is tested
PUBLIC = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full/"
RUNTIME = (
    "pyodide.js",
    "pyodide.mjs",
    "pyodide.asm.js",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)
PACKAGES = ("numpy", "matplotlib", "ipython", "jedi", "micropip", "sqlite3", "ssl")  # of Pyodide, with what they need
WHEELS = ("array-api-compat==1.16.0", "comm==0.2.3", "markdown-it-py==4.3.0", "mdurl==0.1.2", "rich==15.0.0")
TO_TRY = ("array_api_compat", "rich", "specsample")  # wheels that the page "Try it" loads
FETCHED = 15_540_000  # bytes of Pyodide that it loads besides: interpreter, library and NumPy
BEFORE = "<p><em>The notebook to work with:"  # on a notebook's page stands the button
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"

INSTALL = """\
# in a browser the package comes from this site; where it is installed, nothing happens here
import os, sys

if sys.platform == "emscripten":
    import piplite

    await piplite.install(["specsample", "matplotlib"{more}])
    os.environ["SPECSAMPLE_LAYOUT"] = "blocks32"  # of weights, fastest here: measuring it would take seconds"""
ONE_THREAD = """
    from concurrent.futures import Future, ThreadPoolExecutor

    def submit(self, call, /, *given, **named):
        done = Future()
        done.set_result(call(*given, **named))
        return done

    ThreadPoolExecutor.submit = submit
    print("A browser has one thread: what would run side by side runs one after the other.")"""


class Missing(Exception):
    """Something that is needed is not there; the message says what."""


# --- Pyodide -------------------------------------------------------------------------------------------------------


def closure(lock, names):
    """List packages of a lock file, and all that they need.

    >>> closure({"packages": {"a": {"depends": ["b_b"]}, "b-b": {"depends": []}, "c": {"depends": []}}}, ["a"])
    ['a', 'b-b']
    """
    found = []
    left = list(names)
    while left:
        name = left.pop().lower().replace("_", "-")
        if name not in found:
            found.append(name)
            left += lock["packages"][name]["depends"]
    return sorted(found)


def copy_pyodide(source, out):
    """Copy what is needed of a folder with Pyodide, and check every package's hash.

    Raises
    ------
    Missing
        If a file is missing or another one than the lock file says.
    """
    gone = [name for name in RUNTIME if not (source / name).is_file()]
    if gone:
        raise Missing(f"{source} must hold Pyodide {PYODIDE}; it lacks {', '.join(gone)}.")
    lock = json.loads((source / "pyodide-lock.json").read_text(encoding="utf-8"))
    if lock["info"]["version"] != PYODIDE:
        raise Missing(f"{source} must hold Pyodide {PYODIDE}, which is tested; it holds {lock['info']['version']}.")
    out.mkdir(parents=True, exist_ok=True)
    for name in RUNTIME:
        shutil.copyfile(source / name, out / name)
    kept = {name: lock["packages"][name] for name in closure(lock, PACKAGES)}
    # the lock names what is here: the others are asked of the site's own wheels
    (out / "pyodide-lock.json").write_text(json.dumps(lock | {"packages": kept}), encoding="utf-8")
    for name, package in kept.items():
        path = source / package["file_name"]
        if not path.is_file():
            raise Missing(f"{source} lacks {path.name}, Pyodide's package {name}.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != package["sha256"]:
            raise Missing(f"{path} is not the file whose SHA-256 stands in pyodide-lock.json; get it again.")
        shutil.copyfile(path, out / path.name)


# --- wheels --------------------------------------------------------------------------------------------------------


def run(*command, cwd=None):
    """Run a command of this Python; its last line says what is missing.

    Raises
    ------
    Missing
        If it fails.
    """
    done = subprocess.run([sys.executable, "-m", *map(str, command)], capture_output=True, text=True, cwd=cwd)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Missing(f"{' '.join(map(str, command[:2]))} failed: {''.join(last)}")


def collect_wheels(folder):
    """Build the package's wheel, and get those that it needs."""
    pip = ("pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    run(*pip, "download", "--no-deps", "--only-binary", ":all:", "--dest", folder, *WHEELS)
    topics_wheel(folder / "pydoc_data-1.0.0-py3-none-any.whl")


def topics_wheel(path):
    """Pack the topics behind `help()` of the Python that builds, with its licence: a browser's Python has none."""
    info = "pydoc_data-1.0.0.dist-info"
    texts = {
        "pydoc_data/__init__.py": "",
        "pydoc_data/topics.py": Path(pydoc_data.topics.__file__).read_text(encoding="utf-8"),
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: pydoc-data\nVersion: 1.0.0\nLicense: PSF-2.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: make_lite\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    licence = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    if licence.is_file():
        texts[f"{info}/LICENSE.txt"] = licence.read_text(encoding="utf-8")
    texts[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*texts, f"{info}/RECORD"])
    with ZipFile(path, "w") as wheel:
        for name, text in texts.items():
            wheel.writestr(name, text)


# --- the course ----------------------------------------------------------------------------------------------------


def for_browsers(cells):
    """Put a cell after a notebook's title that installs the package, and says what a browser has not.

    >>> made = for_browsers([Cell("markdown", {}, "# Title"), Cell("code", {}, "import numpy")])
    >>> [cell.kind for cell in made], '"matplotlib"])' in made[1].text
    (['markdown', 'code', 'code'], True)
    """
    code = "\n".join(cell.text for cell in cells if cell.kind == "code")
    text = INSTALL.replace("{more}", ', "pydoc-data"' * ("load_streams" in code or "load_documents" in code))
    text += ONE_THREAD * ("ThreadPoolExecutor" in code)
    return [cells[0], Cell("code", {}, text), *cells[1:]]


def write_course(folder):
    """Write the students' notebooks, each with its first cell for browsers."""
    folder.mkdir(parents=True)
    for path in sources():
        text = to_notebook(for_browsers(student_version(path)), path.stem)
        (folder / f"{path.stem}.ipynb").write_text(text, encoding="utf-8")


def build_jupyterlite(place, out, *, pyodide, is_inside):
    """Have JupyterLite write its site, with the course, and with Python from where it is."""
    settings = {"pyodideUrl": f"{pyodide}pyodide.js", "disablePyPIFallback": is_inside}
    config = {"litePluginSettings": {KERNEL: settings}, "appName": "specsample", "exposeAppInBrowser": True}
    config = {"jupyter-lite-schema-version": 0, "jupyter-config-data": config}
    (place / "jupyter-lite.json").write_text(json.dumps(config), encoding="utf-8")
    # what a student types is kept every ten seconds
    saving = {"@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": 10}}
    (place / "overrides.json").write_text(json.dumps(saving), encoding="utf-8")
    wheels = [word for path in sorted((place / "wheels").glob("*.whl")) for word in ("--piplite-wheels", path)]
    small = ("--no-sourcemaps", "--no-unused-shared-packages", "--apps", "notebooks", "--apps", "lab")
    run("jupyter", "lite", "build", "--contents", "course", "--output-dir", out, *small, *wheels, cwd=place)


def leave_out_extensions(lite):
    """Leave out what else the Python that builds has for JupyterLab: only the kernel is tested, and needed."""
    for path in (lite / "jupyter-lite.json", *lite.glob("*/jupyter-lite.json")):
        config = json.loads(path.read_text(encoding="utf-8"))
        data = config["jupyter-config-data"]
        if "federated_extensions" in data:
            data["federated_extensions"] = [
                one for one in data["federated_extensions"] if KERNEL.startswith(one["name"])
            ]
            path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    for folder in lite.glob("extensions/*"):
        if folder.name != "@jupyterlite":
            shutil.rmtree(folder)


def write_buttons(site):
    """Put a button on each notebook's page of the tutorial, once."""
    for page in sorted(site.glob("tutorial/[0-9]*.html")):
        text = page.read_text(encoding="utf-8")
        link = f'href="../lite/notebooks/index.html?path={page.stem}.ipynb"'
        button = f'<p><a class="run-here" {link}>Run it in your browser</a></p>\n'
        if link not in text:
            page.write_text(text.replace(BEFORE, button + BEFORE, 1), encoding="utf-8")


# --- all of it -----------------------------------------------------------------------------------------------------


def write_try(lite, pyodide):
    """Tell the page "Try it" where its files are, and how much it loads."""
    wheels = [path for path in sorted((lite / "pypi").glob("*.whl")) if path.name.split("-")[0] in TO_TRY]
    told = {
        "pyodide": pyodide,
        "wheels": [path.relative_to(lite).as_posix() for path in wheels],
        "bytes": FETCHED + sum(path.stat().st_size for path in wheels),
    }
    (lite / "try.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def build(site, pyodide):
    """Write `lite/` into a site.

    Parameters
    ----------
    site : Path, a folder with a built site
    pyodide : str, address or folder of Pyodide
    """
    if not (site / "index.html").is_file():
        raise Missing(f"{site} holds no site; build it first: python -m sphinx -W docs {site}")
    is_inside = not pyodide.startswith(("http://", "https://"))
    lite = site.resolve() / "lite"
    where = "static/pyodide/" if is_inside else f"{pyodide.rstrip('/')}/"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        # first what may be missing; JupyterLite empties the folder that it writes
        if is_inside:
            copy_pyodide(Path(pyodide), place / "pyodide")
        collect_wheels(place / "wheels")
        write_course(place / "course")
        build_jupyterlite(place, lite, pyodide=f"./{where}" if is_inside else where, is_inside=is_inside)
        leave_out_extensions(lite)
        if is_inside:
            shutil.copytree(place / "pyodide", lite / where)
    write_try(lite, where)
    write_buttons(site)


def main():
    """Read the command line; what is missing is said in one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("site", type=Path, help="the built site, to which lite/ is added")
    parser.add_argument(
        "--pyodide", default=PUBLIC, metavar="URL|DIR", help="where Pyodide is (default: %(default)s)"
    )
    given = parser.parse_args()
    try:
        build(given.site, given.pyodide)
    except Missing as error:
        sys.exit(f"make_lite: {error}")


if __name__ == "__main__":
    main()
