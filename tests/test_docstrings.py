"""Every public function and class says what it does, and names its parameters as its signature does."""

import ast
import re

import pytest
from test_layout import CORE, MODULES, PACKAGE, part_of

WITH_SECTIONS = {*CORE} - {"conformance"}  # whose builders of rules say in one sentence what they take
UNDERLINE = re.compile(r"-{3,}$")


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


def documented(node):
    """List the names in the Parameters section of a docstring, or None where it has no such section."""
    lines = (ast.get_docstring(node) or "").splitlines()
    heads = [i for i in range(1, len(lines)) if UNDERLINE.match(lines[i]) and lines[i - 1].strip()]
    starts = [i for i in heads if lines[i - 1] == "Parameters"]
    if not starts:
        return None
    end = min([i - 1 for i in heads if i > starts[0]], default=len(lines))
    entries = [line for line in lines[starts[0] + 1 : end] if line and not line.startswith(" ")]
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
    without = [name for name, node in functions if parameters(node) and documented(node) is None]
    assert not without, without


@pytest.mark.parametrize("path", MODULES, ids=module_id)
def test_documented_parameters_are_the_actual_ones(path):
    for name, node in public(read(path)):
        if documented(node) is not None:
            assert documented(node) == parameters(node), f"{module_id(path)}: {name}"


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
