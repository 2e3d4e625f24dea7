"""Write the reference's pages: one for each part of the package with its modules, in reading order, and the tree.

The build calls `write`. The reading order of a folder stands in the docstring of its `__init__.py`; what the pages
say of a module is its docstrings. The pages are not committed.
"""

import ast
import re
from pathlib import Path

import specsample

PACKAGE = Path(__file__).resolve().parents[1] / "specsample"


def docstring(path):
    """Read the docstring of a module without importing it."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def reading_order(folder):
    """List the modules and folders that a folder's docstring names in its paragraph `Read ...`."""
    paragraphs = docstring(folder / "__init__.py").split("\n\n")
    return [name for text in paragraphs if text.startswith("Read `") for name in re.findall(r"`(\w+)`", text)]


def walk(folder, depth=0):
    """List (depth, path) of the modules and folders below a folder, in reading order."""
    for name in reading_order(folder):
        path = folder / name if (folder / name).is_dir() else folder / f"{name}.py"
        yield depth, path
        if path.is_dir():
            yield from walk(path, depth + 1)


def purpose(path):
    """Take the first line of a module's or a folder's docstring."""
    return docstring(path / "__init__.py" if path.is_dir() else path).split("\n")[0]


def tree(deep=True):
    """Draw the tree of the package with the purpose of each file; not deep: modules and folders at the top alone."""
    rows = [("specsample/", purpose(PACKAGE))]
    for depth, path in walk(PACKAGE):
        if deep or depth == 0:
            rows.append(("    " * (depth + 1) + path.name + "/" * path.is_dir(), purpose(path)))
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(["```text", *(f"{name:<{width}}{text}".rstrip() for name, text in rows), "```", ""])


def module_of(path):
    """Name a file or folder as it is imported.

    >>> module_of(PACKAGE / "theory" / "speed.py")
    'specsample.theory.speed'
    """
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def pages():
    """Write the page of each part, by the part's name."""
    texts = {}
    for _, path in walk(PACKAGE):
        part, _, rest = module_of(path).removeprefix("specsample.").partition(".")
        head = f"## `{rest}`" if rest else f"# `{part}`"
        texts[part] = texts.get(part, "") + f"{head}\n\n```{{eval-rst}}\n.. automodule:: {module_of(path)}\n```\n\n"
    return texts


def front(parts):
    """Write what the reference's front page includes: the public names, and the pages to turn to."""
    homes = {name: getattr(specsample, name).__module__ for name in specsample.__all__}
    names = "\n".join(f"   ~{homes[name]}.{name}" for name in homes)
    places = "\n".join(f"api/{part}" for part in ["tree", *parts])
    return (
        f"```{{eval-rst}}\n.. autosummary::\n   :nosignatures:\n\n{names}\n```\n\n"
        f"```{{toctree}}\n:hidden:\n\n{places}\n```\n"
    )


def files():
    """Make all files of the reference: its pages, the tree, and what the front page includes, by their names."""
    texts = pages()
    named = {f"{part}.md": text for part, text in texts.items()}
    named["tree.md"] = f"# Every file, and what it is for\n\nIn reading order.\n\n{tree()}"
    named["front.txt"] = front(texts)
    return named


def write(folder):
    """Write the files that changed into a folder, and take away those whose part is gone."""
    texts = files()
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
            (folder / name).write_text(text, encoding="utf-8")
