"""The site's sources: the reference lists every module and every public name, and the tutorial's pages can run.

What the build makes of them is read by test_site_built.py, and seen by browser/test_site_in_chromium.py.
"""

import doctest
import re

import make_tutorial
import pytest
from test_layout import MODULES, ORDER, PACKAGE, ROOT

import specsample
from specsample.course.source import sources

DOCS = ROOT / "docs"
API = DOCS / "reference" / "api"
NOT_CODE = {"pretrained"}  # a part without modules: the weights and their card


def modules_on(page):
    """List the modules that a page of the reference documents, in its order."""
    return re.findall(r"^\.\. automodule:: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def module_name(path):
    """Name a module as it is imported."""
    parts = ("specsample", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


def test_the_reference_has_a_page_for_each_part_in_reading_order():
    toctree = (API / "index.md").read_text(encoding="utf-8").partition(":hidden:")[2]
    assert re.findall(r"^(\w+)$", toctree, re.MULTILINE) == [part for part in ORDER if part not in NOT_CODE]


@pytest.mark.parametrize("part", [part for part in ORDER if part not in NOT_CODE])
def test_a_page_documents_every_module_of_its_part_once_and_no_other(part):
    names = {*map(module_name, MODULES)}
    own = {name for name in names if name == f"specsample.{part}" or name.startswith(f"specsample.{part}.")}
    listed = modules_on(API / f"{part}.md")
    assert sorted(listed) == sorted(own)
    assert listed[0] == f"specsample.{part}"


def test_the_front_of_the_reference_lists_the_public_names_in_their_order():
    listed = re.findall(r"^   ~(\S+)$", (API / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    public = [getattr(specsample, name) for name in specsample.__all__]
    assert listed == [f"{value.__module__}.{name}" for name, value in zip(specsample.__all__, public, strict=True)]


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_a_tutorial_page_has_every_answer_folded_and_nothing_that_may_fail(path):
    cells = make_tutorial.page(path)
    code = "\n".join(cell.text for cell in cells if cell.kind == "code")
    assert not re.search(r"SOLUTION|HIDDEN|NotImplementedError", code)
    assert not [cell for cell in cells if "raises-exception" in cell.metadata.get("tags", [])]
    answers = [cell for cell in make_tutorial.read(path) if cell.is_answer]
    assert [cell.metadata.get("tags") for cell in cells].count(["hide-input"]) == len(answers) > 0
    assert code.count("check(") == len(answers) + code.count("import check(")


def test_the_examples_of_the_script_that_writes_the_tutorial_hold():
    assert doctest.testmod(make_tutorial) == (0, 2)


def test_the_configuration_stays_short_and_suppresses_no_warning():
    text = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert "suppress_warnings" not in text


def test_mathjax_is_bundled_with_its_licence_and_loads_nothing_later():
    folder, text = DOCS / "_static" / "mathjax", (DOCS / "conf.py").read_text(encoding="utf-8")
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert '"3.2.2"' in (folder / "tex-svg.js").read_text(encoding="utf-8")
    assert '"[-]": ["autoload", "require"]' in text
    assert '"enableMenu": False' in text
