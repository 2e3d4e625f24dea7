"""The project's own rules: layering, budgets, names, imports, and words that must not be published."""

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "specsample"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The reading order, which is the import order: a part (a module or a whole package) imports only parts to its left.
# The core comes first and therefore never sees the transformer. A new module or package must be given its place here.
CORE = [
    *(
        "distributions",
        "request",
        "strategies",
        "language_model",
        "autoregressive",
        "acceptance",
        "viewer",
        "trace",
        "speculative",
    ),
    *("play", "streaming", "adaptive", "rejection", "theory"),
    *("backend", "batched", "cuda", "verifiers", "conformance"),
]
BESIDE = ["transformer", "pretrained", "drafts"]
LAST = ["quality", "figures", "bench", "exercises", "course", "plan", "papers", "arguments", "cli"]
ORDER = CORE + BESIDE + LAST

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "engine", "misc"}
MAY_PRINT = {"cli.py", "report.py", "__main__.py"}
MODULE_LINES, SPECULATIVE_LINES = 250, 150
FUNCTION_LINES = {"median": 10, "p90": 30, "max": 60}
POSITIONAL_PARAMETERS = 4
OPTIONAL = ["rich", "cupy", "matplotlib", "torch", "transformers", "jupyter", "safetensors", "hypothesis", "pytest"]


def name_of(path):
    """Name a file relative to the project, for messages."""
    return path.relative_to(ROOT).as_posix()


def part_of(path):
    """Name the module or package directly below specsample/ that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(path):
    """List what a file imports, wherever in the file, in full: specsample.conformance.exact.Law."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: write imports in full, not relative"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imported_parts(path, folder="specsample"):
    """List the parts of specsample, or of a folder in it, that a file imports."""
    inside = f"{folder}.".replace("/", ".")
    return [name.removeprefix(inside).split(".")[0] for name in imported_names(path) if name.startswith(inside)]


def functions():
    """List (where, node, lines without docstring) of every function in the package."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name_of(path)}:{node.lineno} {node.name}", node, code_lines(node)


def code_lines(node):
    """Count the lines of a function from its `def` to its end, without the docstring."""
    lines, first = node.end_lineno - node.lineno + 1, node.body[0]
    has_docstring = ast.get_docstring(node) is not None
    return lines - (first.end_lineno - first.lineno + 1) * has_docstring


def positional(node):
    """List the parameters that may be passed by position, without self and cls."""
    names = [argument.arg for argument in node.args.posonlyargs + node.args.args]
    return [name for name in names if name not in ("self", "cls")]


# --- layering ----------------------------------------------------------------------------------------------------


def test_every_module_has_a_place_in_the_reading_order():
    parts = {part_of(path) for path in MODULES} - {"__init__", "__main__"}
    assert parts <= set(ORDER), f"give {parts - set(ORDER)} a place in ORDER"


@pytest.mark.parametrize("part", ORDER)
def test_a_part_imports_only_what_stands_before_it(part):
    allowed = {*ORDER[: ORDER.index(part) + 1]}
    for path in MODULES:
        if part_of(path) == part:
            bad = {name for name in imported_parts(path) if name in ORDER} - allowed
            assert not bad, f"{name_of(path)} imports {bad}, which come after {part}"


def test_the_core_never_imports_the_transformer():
    for path in MODULES:
        if part_of(path) in CORE:
            assert not {*imported_parts(path)} & {*BESIDE, *LAST}, name_of(path)


def test_the_check_of_imports_sees_every_way_of_importing(tmp_path):
    lines = (
        "import specsample.a",
        "from specsample import b",
        "from specsample.c.d import e",
        "def f():\n  import specsample.g",
    )
    (tmp_path / "m.py").write_text("\n".join(lines))
    assert [*imported_parts(tmp_path / "m.py")] == ["a", "b", "c", "g"]


READ_IN_ONE_ORDER = ["theory", "batched", "conformance", "conformance/adapters"]  # others have several ways through


def neighbours(path):
    """Read off a module's docstring which module comes before it and which comes after."""
    words = " ".join(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).split())
    found = (re.search(rf"{said} `(\w+)`", words) for said in ("Before this (?:file|folder):", "after it:"))
    return [match and match[1] for match in found]


def reading_order(folder):
    """Walk through a folder from the one module whose predecessor stands elsewhere; a folder in it is one step."""
    paths = [path for path in (PACKAGE / folder).glob("*.py") if path.name != "__init__.py"]
    said = {path.stem: neighbours(path) for path in paths}
    said |= {path.parent.name: neighbours(path) for path in (PACKAGE / folder).glob("*/__init__.py")}
    (name,) = [name for name, (before, _) in said.items() if before not in said]
    order = [name]
    while (after := said[name][1]) in said and after not in order:
        assert said[after][0] == name, f"after {name} comes {after}, which says that {said[after][0]} comes before"
        order.append(name := after)
    assert set(order) == set(said), f"{sorted(set(said) - set(order))} have no place in the order {order}"
    return order


@pytest.mark.parametrize("folder", READ_IN_ONE_ORDER)
def test_the_reading_order_of_a_folder_is_one_line_and_the_order_of_its_imports(folder):
    order = reading_order(folder)
    for i, name in enumerate(order):
        paths = [PACKAGE / folder / f"{name}.py", *(PACKAGE / folder / name).rglob("*.py")]
        for path in [path for path in paths if path.exists()]:
            late = {*imported_parts(path, f"specsample/{folder}")} & {*order[i + 1 :]}
            assert not late, f"{name_of(path)} imports {late}, which come after it"


# --- budgets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_stays_within_its_lines(path):
    limit = SPECULATIVE_LINES if path == PACKAGE / "speculative.py" else MODULE_LINES
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= limit, f"{name_of(path)} has {lines} lines; at most {limit}"


def test_functions_are_short():
    lengths = sorted(lines for _, _, lines in functions())
    assert statistics.median(lengths) <= FUNCTION_LINES["median"]
    assert lengths[int(0.9 * len(lengths))] <= FUNCTION_LINES["p90"]


def test_no_function_is_long():
    long = [f"{where}: {lines} lines" for where, _, lines in functions() if lines > FUNCTION_LINES["max"]]
    assert not long, long


def test_functions_take_few_positional_parameters():
    many = [
        f"{where}{positional(node)}"
        for where, node, _ in functions()
        if len(positional(node)) > POSITIONAL_PARAMETERS
    ]
    assert not many, f"make the rest keyword-only: {many}"


def test_a_docstring_does_not_count_as_code():
    node = ast.parse('def f(self, a, *, b):\n    """One.\n\n    Two.\n    """\n    return a\n').body[0]
    assert (code_lines(node), positional(node)) == (2, ["a"])


# --- names, prints, comments -------------------------------------------------------------------------------------


def test_no_module_has_a_name_that_says_nothing():
    names = {part.removesuffix(".py") for path in MODULES for part in path.relative_to(PACKAGE).parts}
    assert not names & FORBIDDEN_NAMES


def test_only_the_command_line_and_reports_print():
    for path in MODULES:
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        prints = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
        assert not prints or path.name in MAY_PRINT, f"{name_of(path)} prints at line {prints}"


def test_no_module_uses_the_global_random_state():
    allowed = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox", "BitGenerator"}
    for path in MODULES:
        used = set(re.findall(r"\bnp\.random\.(\w+)", path.read_text(encoding="utf-8")))
        assert used <= allowed, f"{name_of(path)} uses np.random.{used - allowed}"


# --- importing ---------------------------------------------------------------------------------------------------


def test_import_specsample_loads_no_extra():
    code = f"""
import sys, time
start = time.perf_counter()
import specsample
print(f"import specsample: {{time.perf_counter() - start:.2f}} s")
loaded = [name for name in {OPTIONAL} if name in sys.modules]
sys.exit(f"loaded {{loaded}}" if loaded else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    print(done.stdout)  # seen with pytest -s; never asserted, for a busy machine is slow
    assert done.returncode == 0, done.stderr


def test_every_public_name_exists_once():
    import specsample

    assert len(set(specsample.__all__)) == len(specsample.__all__)
    assert all(hasattr(specsample, name) for name in specsample.__all__)


# --- the project's files -----------------------------------------------------------------------------------------


def project_files():
    """List the files that git tracks or would track; without git, those below the project's own folders."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 0:
        return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]
    folders = ("specsample", "notebooks", "tests", "docs")
    return [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]


def text_of(path):
    """Read a text file; binary files have no text."""
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


FOLDERS = "|".join(["work", "tmp", "root", "home", "opt"])
HOSTS = "|".join(["pypi", "pythonhosted", "huggingface", "hf", "pytorch", "anaconda"])
UNPUBLISHED = re.compile(rf"(?<![\w.*)}}\]])/({FOLDERS})/\w|\b({HOSTS})\.(org|co|com)\b")


def test_no_file_names_a_machine_path_or_a_package_host():
    found = [f"{name_of(path)}: {m[0]}" for path in project_files() for m in UNPUBLISHED.finditer(text_of(path))]
    assert not found, found


def test_the_search_for_machine_paths_finds_them_and_spares_other_slashes():
    assert all(
        UNPUBLISHED.search("see " + "/".join(parts)) for parts in [("", "tmp", "x"), ("https:", "", "pypi" + ".org")]
    )
    assert not UNPUBLISHED.search("docs/opt/a and 1/tmp")


def test_the_top_level_is_the_agreed_one():
    names = {path.relative_to(ROOT).parts[0] for path in project_files()}
    visible = {name for name in names if not name.startswith(".")}
    assert visible <= {"pyproject.toml", "specsample", "notebooks", "tests", "docs", "README.md", "LICENSE"}
    assert names - visible <= {".ci", ".gitignore", ".gitattributes", ".pre-commit-config.yaml"}


def test_peers_and_gpu_tests_are_left_out_by_default_not_skipped():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    assert "not peers and not gpu" in options["addopts"]
