"""The site's configuration: `python -m sphinx -W docs docs/_build`; no page asks the network for anything.

Pages are the Markdown files of this folder. Two scripts add to them first: `make_tutorial.py` the notebooks and
`make_reference.py` a page for each part of the package. Notebooks are executed by the build, as are the cells in
`viewer/` and `reference/papers.md`. A failing cell, a link that leads nowhere and any warning end the build.
"""

import os
import sys
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util.osutil import relative_uri

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]  # the checkout documents itself, not an installed copy

import make_reference  # noqa: E402  (need the line above)
import make_tutorial  # noqa: E402

make_reference.write(DOCS / "reference" / "api")
make_tutorial.write(DOCS / "tutorial")
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])  # for kernels
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the commands do: the viewer's pages measure passes

project, author = "specsample", "The specsample developers"
project_copyright = "the specsample developers, MIT licence"
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
own = ("autodoc", "autosummary", "napoleon", "viewcode", "mathjax")
extensions = ["myst_nb", *(f"sphinx.ext.{name}" for name in own)]
exclude_patterns = ["_build", "jupyter_execute"]

# Markdown and notebooks
myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 4
nb_execution_mode = "force"  # never from a cache: the library may have changed and the cells not
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_render_markdown_format = "myst"  # tables too
nb_ipywidgets_js = {}  # no widgets here, and their scripts come from elsewhere

# The reference, from docstrings
autodoc_default_options = {"members": True, "member-order": "bysource", "ignore-module-all": True}  # each name once
autodoc_typehints = "none"  # the docstrings say more: shapes
autodoc_preserve_defaults = True  # as written, not as the machine that builds evaluates them
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_param = napoleon_use_rtype = False  # shapes and words, not names of types to look up
viewcode_follow_imported_members = False  # each name is documented where it is defined
default_role = "py:obj"  # `name` in a docstring links where there is such a name
toc_object_entries = False  # with them, writing takes three times as long

# HTML
html_theme = "furo"
html_title = "specsample"
html_favicon = "_static/mark.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_domain_indices = False  # the reference has every module, in reading order
html_show_search_summary = False  # it would fetch the pages found, which a browser refuses to pages opened as files
html_copy_source = html_show_sourcelink = html_show_sphinx = False
mathjax_path = "mathjax/tex-svg.js"  # 3.2.2, Apache 2.0, see _static/mathjax/LICENSE; paths as SVG need no fonts
mathjax3_config = {
    "options": {"enableMenu": False},  # its menu would load more of MathJax
    "tex": {"packages": {"[-]": ["autoload", "require"]}},  # nothing is loaded later
}

LEXERS = {".py": "python", ".cu": "c++", ".css": "css", ".js": "javascript", ".md": "markdown", ".toml": "toml"}


def lead_to_pages(app, doctree):
    """Lead links to files of the repository to pages: README, a notebook's own, or a source's highlighted text."""
    here = (DOCS / app.env.docname).parent
    for node in [n for kind in (addnodes.download_reference, addnodes.pending_xref) for n in doctree.findall(kind)]:
        path = Path(os.path.normpath(here / node["reftarget"]))
        if node.get("reftype") != "myst" or path.is_relative_to(DOCS) or not path.is_relative_to(ROOT):
            continue  # a page, a file to download, or a name; what is missing, Sphinx reports
        rest = path.relative_to(ROOT)
        page = place_of(str(rest), node.get("reftargetid"))
        if page.startswith("_modules/"):
            app.env.linked_sources = getattr(app.env, "linked_sources", {}) | {page: rest}
        here_uri = app.builder.get_target_uri(app.env.docname)
        uri = app.builder.get_target_uri(page)
        node.replace_self(nodes.reference("", "", *node.children, refuri=relative_uri(here_uri, uri), internal=True))


def place_of(rest, fragment):
    """Name the page that shows a file of the repository."""
    if rest.startswith("notebooks/"):
        return "tutorial/" + rest.removeprefix("notebooks/").removesuffix(".ipynb")
    if rest == "README":
        return {"the-course": "tutorial/index"}.get(fragment, "index")
    return "_modules/" + rest.removesuffix(".py").removesuffix("/__init__")


def source_pages(app):
    """Write a page for each linked source that is not in the reference, where viewcode writes it."""
    for page, rest in getattr(app.env, "linked_sources", {}).items():
        if ".".join(rest.with_suffix("").parts).removesuffix(".__init__") not in app.env._viewcode_modules:
            text = (ROOT / rest).read_text(encoding="utf-8")
            body = app.builder.highlighter.highlight_block(text, LEXERS.get(rest.suffix, "text"))
            yield page, {"title": str(rest), "body": f"<h1><code>{rest}</code></h1>{body}"}, "page.html"


def says_nothing(app, what, name, value, skip, options):
    """Leave out the fields of named tuples that have no words of their own."""
    return True if str(getattr(value, "__doc__", "")).startswith("Alias for field number") else None


def setup(app):
    """Connect the functions above."""
    app.connect("autodoc-skip-member", says_nothing)
    app.connect("doctree-read", lead_to_pages, priority=100)  # before files to download are collected
    app.connect("html-collect-pages", source_pages)
