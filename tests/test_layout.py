"""The project's own rules: layering, budgets, names, imports, and words that must not be published."""

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from io import StringIO
from pathlib import Path
from tokenize import COMMENT, generate_tokens

import pytest
from make_reference import reading_order

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "specsample"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Rooms that the algorithm never enters; everything that may enter them stands after `adaptive` in the reading order.
CORE_ENDS = "adaptive"
MAY_LOOK_UP = {("trace", "viewer")}  # a Trace shows itself: imported inside its methods, never at module level

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "engine", "misc"}
MAY_PRINT = {"cli", "commands", "__main__"}
MODULE_LINES, SPECULATIVE_LINES = 150, 80  # of code: neither blank, nor comment, nor docstring
FUNCTION_LINES = {"median": 10, "p90": 30, "max": 45}
POSITIONAL_PARAMETERS = 4
COMMENTS, COMMENTS_WHERE_IT_MATTERS = 7, 10  # per 100 lines of code
COMMENTED = ["speculative", "rounds", "batched", "verifiers", "conformance", "drafts"]
HAS_DOCSTRING = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
OPTIONAL = ["rich", "cupy", "matplotlib", "torch", "transformers", "jupyter", "safetensors", "hypothesis", "pytest"]


def name_of(path):
    """Name a file relative to the project, for messages."""
    return path.relative_to(ROOT).as_posix()


def part_of(path):
    """Name the module or package directly below specsample/ that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def tree_of(path):
    """Parse a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_names(tree):
    """List what a module imports, wherever it does, in full: specsample.conformance.laws.exact.Law."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write imports in full, not relative"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imported_parts(path, folder="specsample"):
    """List the parts of specsample, or of a folder in it, that a file imports."""
    inside = f"{folder}.".replace("/", ".")
    names = imported_names(tree_of(path))
    return [name.removeprefix(inside).split(".")[0] for name in names if name.startswith(inside)]


def imported_above(path):
    """List the parts of specsample that a file imports before any function of it is called."""
    tree = tree_of(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [ast.Pass()]
    names = imported_names(tree)
    return [name.split(".")[1] for name in names if name.startswith("specsample.")]


def functions():
    """List (where, node, lines of code) of every function in the package."""
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        code = lines_of_code(text)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = code.intersection(range(node.lineno, node.end_lineno + 1))
                yield f"{name_of(path)}:{node.lineno} {node.name}", node, len(lines)


def lines_of_code(text):
    """Number the lines of a module that are neither blank, nor comment, nor docstring."""
    lines = text.splitlines()
    code = {i for i, line in enumerate(lines, 1) if line.strip() and not line.strip().startswith("#")}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, HAS_DOCSTRING) and ast.get_docstring(node) is not None:
            code -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return code


def lines_with_comment(text):
    """Number the lines of a module that hold a comment."""
    return {token.start[0] for token in generate_tokens(StringIO(text).readline) if token.type == COMMENT}


def comments_per_100(paths):
    """Count the comments for each 100 lines of code of some modules."""
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return (
        100 * sum(len(lines_with_comment(text)) for text in texts) / sum(len(lines_of_code(text)) for text in texts)
    )


def is_plain(node):
    """Accept names, attributes of names, and constants: nothing that is computed."""
    while isinstance(node, ast.Attribute | ast.UnaryOp):
        node = node.operand if isinstance(node, ast.UnaryOp) else node.value
    return isinstance(node, ast.Name | ast.Constant)


def packed(tree):
    """List the lines that compute several values and bind several names: `a, b = f(x), g(y)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else []
            if not all(map(is_plain, values)):
                yield node.lineno


def positional(node):
    """List the parameters that may be passed by position, without self and cls."""
    names = [argument.arg for argument in node.args.posonlyargs + node.args.args]
    return [name for name in names if name not in ("self", "cls")]


# --- layering ----------------------------------------------------------------------------------------------------


FOLDERS = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))
PARTS = reading_order(PACKAGE)  # the rooms, in the order in which they are read, which is the order of imports


def inside(folder):
    """List what a folder holds: modules, and folders of modules."""
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    return modules | {path.parent.name for path in folder.glob("*/__init__.py")}


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_reading_order_of_a_folder_names_all_that_it_holds_once(folder):
    order = reading_order(folder)
    assert sorted(order) == sorted(inside(folder)), f"{name_of(folder)}/__init__.py: 'Read `a`, `b` ...' says {order}"


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_part_imports_only_what_stands_before_it(folder):
    order = reading_order(folder)
    for i, part in enumerate(order):
        for path in [folder / f"{part}.py", *(folder / part).rglob("*.py")]:
            if path.exists():
                late = {*imported_parts(path, name_of(folder))} & {*order[i + 1 :]}
                late -= {above for below, above in MAY_LOOK_UP if below == part}
                assert not late, f"{name_of(path)} imports {late}, which come after {part}"


def test_only_the_record_looks_up_and_only_when_it_is_asked():
    for below, above in MAY_LOOK_UP:
        assert above in imported_parts(PACKAGE / f"{below}.py")  # or the exception is not needed
        assert above not in imported_above(PACKAGE / f"{below}.py")


def test_the_core_never_imports_the_transformer():
    core = PARTS[: PARTS.index(CORE_ENDS) + 1]
    assert {"transformer", "conformance", "commands"} <= {*PARTS} - {*core}
    for path in MODULES:
        if part_of(path) in core:
            assert not {*imported_above(path)} - {*core}, name_of(path)


def test_no_room_takes_a_private_name_from_another():
    for path in MODULES:
        for name in imported_names(tree_of(path)):
            private = [word for word in name.split(".") if word.startswith("_") and word != "__future__"]
            assert not private, f"{name_of(path)} imports {name}"


def test_the_check_of_imports_sees_every_way_of_importing(tmp_path):
    lines = (
        "import specsample.a",
        "from specsample import b",
        "from specsample.c.d import e",
        "def f():\n  import specsample.g",
    )
    (tmp_path / "m.py").write_text("\n".join(lines))
    assert [*imported_parts(tmp_path / "m.py")] == ["a", "b", "c", "g"]
    assert imported_above(tmp_path / "m.py") == ["a", "b", "c"]


# --- budgets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_stays_within_its_lines(path):
    limit = SPECULATIVE_LINES if path == PACKAGE / "speculative.py" else MODULE_LINES
    lines = len(lines_of_code(path.read_text(encoding="utf-8")))
    assert lines <= limit, f"{name_of(path)} has {lines} lines of code; at most {limit}"


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
    text = 'def f(self, a, *, b):\n    """One.\n\n    Two.\n    """\n    # why\n\n    return a  # so\n'
    assert (lines_of_code(text), positional(ast.parse(text).body[0])) == ({1, 8}, ["a"])


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_line_binds_one_computed_value(path):
    assert not list(packed(tree_of(path))), "one name a line: a breakpoint fits between any two thoughts"


def test_the_search_for_packed_lines_spares_names_constants_and_unpacked_calls():
    assert list(packed(ast.parse("a, b = f(x), y\nc, d = [], 0"))) == [1, 2]
    assert not list(packed(ast.parse("p, q = target_probs, self.q\nn, t = 0, -1.0\nn, t = verify(x)")))


@pytest.mark.parametrize("part", COMMENTED)
def test_where_a_reader_asks_why_comments_answer(part):
    assert comments_per_100([path for path in MODULES if part_of(path) == part]) >= COMMENTS_WHERE_IT_MATTERS


def test_the_package_is_commented():
    assert comments_per_100(MODULES) >= COMMENTS


# --- names, prints, comments -------------------------------------------------------------------------------------


def test_no_module_has_a_name_that_says_nothing():
    names = {part.removesuffix(".py") for path in MODULES for part in path.relative_to(PACKAGE).parts}
    assert not names & FORBIDDEN_NAMES


def test_only_the_command_line_and_reports_print():
    for path in MODULES:
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        prints = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
        assert not prints or part_of(path) in MAY_PRINT, f"{name_of(path)} prints at line {prints}"


def test_no_module_uses_the_global_random_state():
    allowed = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox", "BitGenerator"}
    for path in MODULES:
        used = set(re.findall(r"\bnp\.random\.(\w+)", path.read_text(encoding="utf-8")))
        # it is seeded, and put back, for code of others that draws from it
        if name_of(path) == "specsample/conformance/adapters/models.py":
            used = used - {"get_state", "set_state", "seed"}
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


MACHINE = "|".join(["work", "tmp", "root", "home", "opt"])
HOSTS = "|".join(["pypi", "pythonhosted", "huggingface", "hf", "pytorch", "anaconda"])
UNPUBLISHED = re.compile(rf"(?<![\w.*)}}\]])/({MACHINE})/\w|\b({HOSTS})\.(org|co|com)\b")


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
