"""What an answer took from where the model answers are.

An answer may be right because it is the library's: is it the student's, then? Nothing is taken off for it. It is said
to whoever grades, and judged by them.
"""

import ast
from collections.abc import Iterable
from functools import partial
from types import FunctionType
from typing import Any

from specsample.exercises import find

ROOMS = ("specsample.exercises", "specsample.course")  # where the model answers are
OURS = {"check", "hint", "answer"}  # what our notebooks take from there
INSIDES = ("builtins", "ctypes", "gc", "importlib", "inspect", "os", "socket", "subprocess", "sys")


def borrowed(exercise: str, texts: Iterable[str], model: str) -> list[str]:
    """Say what of an answer's cells should be looked at.

    Parameters
    ----------
    exercise : str
    texts : of str, the student's cells
    model : str, the model answer; what it uses is anybody's

    Returns
    -------
    list of str

    Examples
    --------
    >>> borrowed("03.2", ["my_residual = ss.residual"], "")
    ["uses specsample's own residual"]
    """
    found: list[str] = []
    allowed = _attributes(model)
    names = _functions_of(find(exercise).key)
    for node in (node for text in texts for node in _nodes(text)):
        modules = _modules(node)
        if any(name.startswith(ROOMS) for name in modules) and not _is_check(node):
            found.append("reads the exercises")
        found += [f"imports {name}" for name in modules if name.partition(".")[0] in INSIDES]
        if isinstance(node, ast.Attribute) and node.attr in ("key", "exercises"):
            found.append(f"reads .{node.attr}")
        found += [f"uses specsample's own {name}" for name in _taken(node) if name in names and name not in allowed]
    return sorted(set(found))


def _nodes(text: str) -> list[ast.AST]:
    """List the nodes of a syntax tree."""
    try:
        return list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return []


def _modules(node: ast.AST) -> list[str]:
    """Name the modules that a node imports, or speaks of as a text does."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return [room for room in ROOMS if room in text]


def _is_check(node: ast.AST) -> bool:
    """Say whether a node imports no more than our notebook does."""
    return isinstance(node, ast.ImportFrom) and node.module in ROOMS and OURS.issuperset(x.name for x in node.names)


def _taken(node: ast.AST) -> list[str]:
    """Name what a node takes from a module."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("specsample"):
        return [alias.name for alias in node.names]
    return [node.attr] if isinstance(node, ast.Attribute) else []


def _attributes(text: str) -> set[str]:
    """Name what a text takes from modules."""
    return {name for node in _nodes(text) for name in _taken(node)}


def _functions_of(key: Any) -> set[str]:
    """Name the library's functions of which a key is made."""
    while isinstance(key, partial):
        key = key.func
    if not isinstance(key, FunctionType):
        return set()
    if not key.__module__.startswith(ROOMS):
        return {key.__name__}
    seen = {name: key.__globals__.get(name) for name in key.__code__.co_names}
    return {name for name, value in seen.items() if getattr(value, "__module__", "").startswith("specsample.")}
