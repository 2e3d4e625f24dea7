"""Write the reference's pages: one for each part of the package with its modules, in the order of the README's tree.

The build calls `write`. A new module therefore gets its place on the site with its line in the README, and what it
says there is its docstrings. The pages are not committed.
"""

import re
from pathlib import Path

import specsample

TREE = re.compile(r"(?<=<!-- tree -->\n```text\n).*?(?=```\n<!-- /tree -->)", re.DOTALL)


def modules(readme):
    """List the modules of the README's tree as they are imported, in its order.

    >>> tree = "specsample/\\n    a.py  Q?\\n    b/\\n        c.py  Q?\\n"
    >>> modules(f"<!-- tree -->\\n```text\\n{tree}```\\n<!-- /tree -->")
    ['specsample.a', 'specsample.b.c']
    """
    found, folders = [], []
    for line in TREE.search(readme)[0].splitlines():
        depth, name = (len(line) - len(line.lstrip())) // 4, line.split()[0]
        folders = [*folders[:depth], name.rstrip("/")]
        if name.endswith(".py") and name != "__main__.py":
            found.append(".".join(folders).removesuffix(".py").removesuffix(".__init__"))
    return found


def pages(readme):
    """Write the page of each part, by the part's name."""
    texts = {}
    for module in modules(readme)[1:]:  # the first is the package itself
        part, _, rest = module.removeprefix("specsample.").partition(".")
        head = f"## `{rest}`" if rest else f"# `{part}`"
        texts[part] = texts.get(part, "") + f"{head}\n\n```{{eval-rst}}\n.. automodule:: {module}\n```\n\n"
    return texts


def front(parts):
    """Write what the reference's front page includes: the public names, and the pages to turn to."""
    homes = {name: getattr(specsample, name).__module__ for name in specsample.__all__}
    names = "\n".join(f"   ~{homes[name]}.{name}" for name in homes)
    places = "\n".join(f"api/{part}" for part in parts)
    return (
        f"```{{eval-rst}}\n.. autosummary::\n   :nosignatures:\n\n{names}\n```\n\n"
        f"```{{toctree}}\n:hidden:\n\n{places}\n```\n"
    )


def write(folder):
    """Write the pages that changed into a folder, and take away those whose part is gone."""
    texts = pages((Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8"))
    files = {f"{part}.md": text for part, text in texts.items()} | {"front.txt": front(texts)}
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
            (folder / name).write_text(text, encoding="utf-8")
