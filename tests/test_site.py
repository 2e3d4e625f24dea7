"""The site's sources: the reference lists every module and every public name, and the tutorial's pages can run.

What the build makes of them is read by test_site_built.py, and seen by browser/test_site_in_chromium.py.
"""

import doctest
import re

import make_reference
import make_tutorial
import pytest
from test_layout import MODULES, PACKAGE, PARTS, ROOT, part_of

import specsample
from specsample.course.source import sources

DOCS = ROOT / "docs"


def module_name(path):
    """Name a module as it is imported."""
    parts = ("specsample", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


def test_the_reference_has_a_page_for_each_part_in_reading_order():
    assert [*make_reference.pages()] == PARTS


def test_every_module_is_documented_once_on_the_page_of_its_part():
    for part, page in make_reference.pages().items():
        own = [path for path in MODULES if part_of(path) == part]
        assert sorted(re.findall(r"automodule:: (\S+)", page)) == sorted(map(module_name, own))


def test_pages_of_parts_that_are_gone_are_taken_away(tmp_path):
    (tmp_path / "gone.md").write_text("# `gone`")
    make_reference.write(tmp_path)
    assert "front.txt" in {path.name for path in tmp_path.iterdir()}
    assert not (tmp_path / "gone.md").exists()


def test_the_front_of_the_reference_lists_the_public_names_in_their_order():
    listed = re.findall(r"^   ~specsample\.\S+\.(\w+)$", make_reference.front([]), re.MULTILINE)
    assert listed == specsample.__all__


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_a_tutorial_page_has_every_answer_folded_and_nothing_that_may_fail(path):
    cells = make_tutorial.page(path)
    code = "\n".join(cell.text for cell in cells if cell.kind == "code")
    assert not re.search(r"SOLUTION|HIDDEN|NotImplementedError", code)
    assert not [cell for cell in cells if "raises-exception" in cell.metadata.get("tags", [])]
    answers = [cell for cell in make_tutorial.read(path) if cell.is_answer]
    assert [cell.metadata.get("tags") for cell in cells].count(["hide-input"]) == len(answers) > 0
    assert code.count("check(") == len(answers) + code.count("import check(")


def test_the_examples_of_the_scripts_that_write_pages_hold():
    assert doctest.testmod(make_tutorial) == (0, 2)
    assert doctest.testmod(make_reference) == (0, 1)


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
