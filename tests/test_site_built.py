"""The built site holds what it should: links that lead somewhere, nothing from outside, all names, executed pages.

Reads docs/_build, which `python -m sphinx -W docs docs/_build` makes; without it the tests fail. Left out of the
default run by its marker: pytest -m site tests/test_site_built.py
"""

import ast
import re
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from test_docstrings import public
from test_layout import MODULES, ROOT
from test_site import module_name

import specsample
from specsample.course.source import sources
from specsample.course.syllabus import lesson
from specsample.papers import figures

pytestmark = pytest.mark.site
SITE = ROOT / "docs" / "_build"
OUTSIDE = re.compile(r"(https?:)?//")
LOADED = {  # attributes by which a page makes the browser fetch something
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("object", "data"),
    ("link", "href"),
}


class Page(HTMLParser):
    """Collects the ids of a page, its links, and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loaded = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        self.links += [given[name] for name in ("href", "src", "data") if given.get(name) and tag != "meta"]
        self.loaded += [given[name] for name in given if (tag, name) in LOADED and given[name]]


@cache
def pages():
    """Read every page of the site, by path."""
    assert (SITE / "index.html").exists(), "build the site first: python -m sphinx -W docs docs/_build"
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(SITE.rglob("*.html"))}


def text_of(name):
    """Read one page."""
    return (SITE / name).read_text(encoding="utf-8")


def broken(path, page):
    """List the links of a page that lead to no file of the site, or to no place on a page."""
    for link in page.links:
        if re.match(r"[a-z][a-z+.-]*:|//", link):
            continue
        name, _, fragment = unquote(link).partition("#")
        target = (path.parent / name.partition("?")[0]).resolve() if name else path
        exists = target.is_file() and target.is_relative_to(SITE)
        if not exists or (fragment and target.suffix == ".html" and fragment not in pages()[target].ids):
            yield link


def test_every_link_within_the_site_leads_to_a_file_and_a_place_in_it():
    wrong = [f"{path.relative_to(SITE)}: {link}" for path, page in pages().items() for link in broken(path, page)]
    assert not wrong, wrong[:20]
    assert sum(len(page.links) for page in pages().values()) > 1000


def test_the_check_of_links_finds_a_missing_file_and_a_missing_place():
    index = SITE / "index.html"
    page = Page('<p id="a"><a href="start.html"></a><a href="none.html"></a><a href="start.html#none"></a>')
    assert list(broken(index, page)) == ["none.html", "start.html#none"]
    assert page.ids == {"a"}


def test_no_page_loads_anything_from_outside():
    found = [f"{path.name}: {link}" for path, page in pages().items() for link in page.loaded if OUTSIDE.match(link)]
    assert not found, found
    assert OUTSIDE.match("https://example.org/a.js")


def test_no_page_names_the_folder_that_it_was_built_in():
    assert not [path.name for path in pages() if str(ROOT) in path.read_text(encoding="utf-8")]


def test_pages_with_formulas_load_the_bundled_mathjax_and_no_other_page_does():
    for path, page in pages().items():
        scripts = [link for link in page.loaded if "mathjax" in link]
        assert len(scripts) == ('class="math' in path.read_text(encoding="utf-8")), path.name
    assert [link for link in pages()[SITE / "index.html"].loaded if "_static/mathjax/tex-svg.js" in link]


def test_no_style_sheet_loads_anything_from_outside():
    styles = [*SITE.rglob("*.css")]
    assert len(styles) > 3
    for path in styles:
        loads = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", path.read_text(encoding="utf-8"))
        assert not [link for link in loads if OUTSIDE.match(link)], path.name


def test_every_public_function_and_class_of_the_package_is_on_a_page():
    ids = {name for page in pages().values() for name in page.ids}
    for path in (path for path in MODULES if path.name != "__main__.py"):
        names = {name for name, _ in public(ast.parse(path.read_text(encoding="utf-8"))) if "." not in name}
        assert not [name for name in names if f"{module_name(path)}.{name}" not in ids], path.name


def test_no_page_of_the_reference_has_fields_without_words():
    found = [path.name for path in pages() if "Alias for field number" in path.read_text(encoding="utf-8")]
    assert not found, found


def test_the_front_of_the_reference_links_every_public_name():
    links = pages()[SITE / "reference" / "library.html"].links
    for name in specsample.__all__:
        home = f"{getattr(specsample, name).__module__}.{name}"
        assert [link for link in links if link.endswith(f".html#{home}")], name


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_a_tutorial_page_was_executed_and_every_check_on_it_passed(path):
    text = text_of(f"tutorial/{path.stem}.html")
    assert text.count(" passed: ") == lesson(path).exercises
    assert text.count("One answer") >= lesson(path).exercises
    assert not re.search(r"Traceback|NotImplementedError|BEGIN SOLUTION|HIDDEN TESTS", text)
    assert f"{path.stem}.ipynb" in "".join(pages()[SITE / "tutorial" / f"{path.stem}.html"].links)


RUNS = {"index": 1, "viewer/words": 2, "viewer/code": 1, "viewer/prose": 1}
RUNS |= {"tutorial/04_a_whole_round": 1, "tutorial/12_a_real_model": 1}


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_is_on_its_page_with_something_to_read_where_scripts_may_not_run(name):
    text = text_of(f"{name}.html")
    assert text.count('class="specsample-trace"') == RUNS[name]
    assert "Round by round, as text" in text


def test_the_papers_page_has_a_row_for_every_figure_and_marks_those_that_differ():
    text = text_of("reference/papers.html")
    rows = re.findall(r"<tr class=\"row-\w+\">(.*?)</tr>", text, re.DOTALL)
    verdicts = [re.findall(r"<p>(.*?)</p>", row)[-1] for row in rows if "<td>" in row]
    assert [re.sub("<.*?>", "", verdict) for verdict in verdicts] == [figure.verdict for figure in figures()]


def test_sources_that_pages_link_to_are_shown_highlighted():
    links = {link for page in pages().values() for link in page.links if "_modules/" in link}
    assert [link for link in links if link.endswith("_modules/specsample/speculative.html")]
    assert '<span class="k">def</span>' in text_of("_modules/specsample/speculative.html")
