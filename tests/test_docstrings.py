"""Every public function and class says what it does, and names its parameters as its signature does."""

import ast
import re
from itertools import pairwise

import pytest
from test_layout import CORE_ENDS, MODULES, PACKAGE, PARTS, part_of

CORE = PARTS[: PARTS.index(CORE_ENDS) + 1]
WITH_SECTIONS = {*CORE, "theory", "backend", "batched", "cuda", "verifiers"}
UNDERLINE = re.compile(r"-{3,}$")
SECTION = "(?:Parameters|Returns|Raises)"
# "Parameters and Returns: as for `speculative.verify`": what several functions share is explained once
AS_FOR = re.compile(
    rf"^({SECTION}(?:(?:,| and) {SECTION})*): as for `([\w.]+)`", re.MULTILINE
)  # explained there, once


def module_id(path):
    """Name a module for messages."""
    return path.relative_to(PACKAGE).as_posix()


def public(tree):
    """List (dotted name, node) of the public functions and classes, and of the public methods of those classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            methods = [n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
            yield from ((f"{node.name}.{n.name}", n) for n in methods if isinstance(node, ast.ClassDef))


def explained_elsewhere(node):
    """Map each section that a docstring takes from another function's to that function's dotted name."""
    found = AS_FOR.findall(ast.get_docstring(node) or "")
    return {title: where for titles, where in found for title in re.findall(SECTION, titles)}


def named(where):
    """Find the public function, class or method with a dotted name: speculative.verify."""
    parts = where.split(".")
    for i in range(1, len(parts)):
        path = PACKAGE.joinpath(*parts[:i]).with_suffix(".py")
        if path.exists():
            return dict(public(read(path)))[".".join(parts[i:])]
    raise AssertionError(f"no module of the package is the first part of {where}")


def all_documented(node):
    """List the documented parameters, its own and those explained elsewhere, in the order of the signature."""
    where = explained_elsewhere(node).get("Parameters")
    if where is None:
        return documented(node)
    own, other = documented(node) or [], all_documented(named(where)) or []
    unknown = [name for name in own if name not in parameters(node)]
    return [name for name in parameters(node) if name in {*own, *other}] + unknown


def documented(node):
    """List the names in the Parameters section of a docstring, or None where it has no such section."""
    lines = (ast.get_docstring(node) or "").splitlines()
    heads = [i for i in range(1, len(lines)) if UNDERLINE.match(lines[i]) and lines[i - 1].strip()]
    starts = [i for i in heads if lines[i - 1] == "Parameters"]
    if not starts:
        return None
    end = min([i - 1 for i in heads if i > starts[0]], default=len(lines))
    entries = [
        line for line in lines[starts[0] + 1 : end] if line and not line.startswith(" ") and not AS_FOR.match(line)
    ]
    return [name.strip().lstrip("*") for entry in entries for name in re.split(" :", entry)[0].split(",")]


def parameters(node):
    """List the parameters of a function, or of a class: those of __init__, or its annotated fields."""
    if isinstance(node, ast.ClassDef):
        inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        fields = [
            n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and "init=False" not in ast.unparse(n)
        ]
        return parameters(inits[0]) if inits else [name for name in fields if not name.startswith("_")]
    a = node.args
    every = [*a.posonlyargs, *a.args, *filter(None, [a.vararg]), *a.kwonlyargs, *filter(None, [a.kwarg])]
    return [argument.arg for argument in every if argument.arg not in ("self", "cls")]


def read(path):
    """Parse a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_a_module_says_which_question_it_answers(path):
    assert ast.get_docstring(read(path)), f"{module_id(path)} needs a docstring"


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_public_functions_and_classes_have_docstrings(path):
    without = [name for name, node in public(read(path)) if not ast.get_docstring(node)]
    assert not without, without


@pytest.mark.parametrize("path", [path for path in MODULES if part_of(path) in WITH_SECTIONS], ids=module_id)
def test_functions_of_the_core_have_a_parameters_section(path):
    functions = [
        (name, node) for name, node in public(read(path)) if isinstance(node, ast.FunctionDef) and "." not in name
    ]
    without = [name for name, node in functions if parameters(node) and all_documented(node) is None]
    assert not without, without


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_documented_parameters_are_the_actual_ones(path):
    for name, node in public(read(path)):
        if all_documented(node) is not None:
            assert all_documented(node) == parameters(node), f"{module_id(path)}: {name}"


# --- what users call ---------------------------------------------------------------------------------------------

WHOLE = ["distributions", "strategies", "autoregressive", "acceptance"]
WHOLE += ["rounds", "streaming", "adaptive", "theory.rejection", "backend"]
RULES = {"generate", "verify", "search"}  # what users call of a verifier
PAPER = "`generate` and `verify` show it at work, and the page is short"
NO_EXAMPLE = {
    "streaming.handed_on": "`generate_stream` shows it at work",
    "speculative.draft": PAPER,
    "speculative.step": PAPER,
    "figures.grids.grids": "returns a picture",
    "figures.lanes.lanes": "returns a picture",
    "conformance.adapters.rounds.from_torch": "needs torch",
    "figures.rows.side_by_side": "returns a picture",
    "figures.rows.target_against_draft": "returns a picture",
    "figures.runs.acceptance_by_position": "returns a picture",
    "figures.runs.tokens_per_pass": "returns a picture",
    "figures.runs.trace_strip": "returns a picture",
    "figures.speed.speedup_map": "returns a picture",
    "figures.trees.draft_trees": "returns a picture",
}
LATER = (ast.FunctionDef, ast.Lambda, ast.ClassDef)  # what these raise is raised when they are called


def exports(path):
    """List (module, name) of what a package's __init__ imports and has in its `__all__`."""
    tree = read(path)
    assigned = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    every = ast.literal_eval(assigned[0]) if assigned else []
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {
        (node.module.removeprefix("specsample."), a.name) for node in imports for a in node.names if a.name in every
    }


def called_by_users():
    """List (dotted name, node) of the functions of every `__all__`, of the core's modules and of the verifiers."""
    exported = set().union(*(exports(path) for path in MODULES if path.name == "__init__.py"))
    for path in MODULES:
        module = path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
        for node in read(path).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                is_rule = module.startswith("verifiers.") and node.name in RULES
                if (module, node.name) in exported or module in WHOLE or is_rule:
                    yield f"{module}.{node.name}", node


CALLED = dict(called_by_users())


def sections(node):
    """Split a docstring: title of a section to its lines."""
    lines = (ast.get_docstring(node) or "").splitlines()
    heads = [i for i in range(1, len(lines)) if UNDERLINE.match(lines[i])] + [len(lines) + 1]
    found = {lines[i - 1]: lines[i + 1 : end - 1] for i, end in pairwise(heads)}
    elsewhere = {title: sections(named(where))[title] for title, where in explained_elsewhere(node).items()}
    return {title: elsewhere.get(title, []) + found.get(title, []) for title in {**elsewhere, **found}}


def raised(node):
    """List the exception types that a function's own body raises by name."""
    found, inside = set(), list(node.body)
    while inside:
        at = inside.pop()
        inside += [] if isinstance(at, LATER) else ast.iter_child_nodes(at)
        if isinstance(at, ast.Raise) and isinstance(at.exc, ast.Call):
            found.add(ast.unparse(at.exc.func))
    return {name for name in found if name[0].isupper()}


@pytest.mark.parametrize("name", CALLED)
def test_what_users_call_says_what_it_takes_gives_and_raises_and_shows_it(name):
    node, has = CALLED[name], sections(CALLED[name])
    gives = node.returns is not None and ast.unparse(node.returns) not in ("None", "NoReturn")
    assert "Parameters" in has or not parameters(node)
    assert "Returns" in has or not gives
    assert any(line.startswith(">>>") for line in has.get("Examples", [])) != (name in NO_EXAMPLE)
    assert raised(node) <= {word.strip() for line in has.get("Raises", []) for word in line.split(",")}


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_examples_have_at_most_six_lines_of_code(path):
    for name, node in public(read(path)):
        lines = [line for line in sections(node).get("Examples", []) if line.startswith((">>>", "... "))]
        assert len(lines) <= 6, f"{module_id(path)}: {name}"


def test_the_exceptions_are_functions_and_have_reasons():
    assert {*NO_EXAMPLE} <= {*CALLED}
    assert all(NO_EXAMPLE.values())
    assert len(CALLED) > 100


def test_what_is_explained_elsewhere_counts_as_documented():
    text = "Do.\n\nParameters and Returns: as for `speculative.verify`.\n\nParameters\n----------\nlenience : l\n"
    node = ast.parse(f'def f(target_probs, lenience):\n    """{text}"""').body[0]
    assert all_documented(node) == ["target_probs", "lenience"]
    assert explained_elsewhere(node) == {"Parameters": "speculative.verify", "Returns": "speculative.verify"}
    wrong = ast.parse(f'def f(target_probs, lenient):\n    """{text}"""').body[0]
    assert all_documented(wrong) != parameters(wrong)


SAMPLE = '''
def f(a, b, *rest, c):
    """Do.

    Parameters
    ----------
    a, b : int
        Two : more.
    *rest : int
    c : int

    Returns
    -------
    int : no
    """

class A:
    x: int
    y: int = 0
    z: int = field(default=0, init=False)
'''


def test_the_check_reads_joined_names_stars_and_class_fields():
    function, record = ast.parse(SAMPLE).body
    assert documented(function) == parameters(function) == ["a", "b", "rest", "c"]
    assert (documented(record), parameters(record)) == (None, ["x", "y"])


RAISING = '''
def f():
    """Do.

    Raises
    ------
    TypeError, KeyError
        If it is none.

    Examples
    --------
    >>> f()
    """
    def g():
        raise OSError("not of f itself")
    if g:
        raise ValueError("x")
    raise error
'''


def test_the_check_reads_sections_and_what_is_raised():
    node = ast.parse(RAISING).body[0]
    assert sections(node)["Examples"] == [">>> f()"]
    assert "TypeError, KeyError" in sections(node)["Raises"]
    assert raised(node) == {"ValueError"}
