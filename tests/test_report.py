"""A report says what was found in words, HTML and JSON; the command's exit status follows the verdict."""

import argparse
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import samplers_under_test as s

from specsample import cli
from specsample.commands.check import add_arguments, run
from specsample.commands.user_code import find
from specsample.conformance import check, from_verify
from specsample.conformance.diagnosis import WITNESSES
from specsample.conformance.report import EXIT_STATUS
from specsample.conformance.report_html import BARS, DARK, IN_WORDS, LIGHT, to_html, to_page
from specsample.conformance.results import TextShare, bars
from specsample.files import write_whole
from specsample.viewer.origins import COLORS

DRIFT = {"probes": [s.small_probe()], "eps": 0.1}


@pytest.fixture(scope="module")
def reports():
    samplers = {"PASS": s.right, "FAIL": s.replaced_from_p, "INVALID": s.crashes}
    found = {verdict: check(from_verify(sampler), **DRIFT) for verdict, sampler in samplers.items()}
    return found | {"INCONCLUSIVE": check(from_verify(s.right), **DRIFT, budget=600)}


@pytest.mark.parametrize("verdict", EXIT_STATUS)
def test_text_html_and_json_hold_the_verdict(reports, verdict):
    report = reports[verdict]
    assert report.verdict == verdict
    assert str(report).startswith(verdict)
    assert f">{verdict}</b>" in report._repr_html_()
    record = json.loads(report.to_json())
    assert (record["verdict"], record["exit_status"]) == (verdict, EXIT_STATUS[verdict])


@pytest.mark.parametrize("verdict", EXIT_STATUS)
def test_no_report_says_correct(reports, verdict):
    every = (str(reports[verdict]), reports[verdict].to_json(), reports[verdict]._repr_html_())
    assert not any(re.search("correct", text, re.IGNORECASE) for text in every)


def test_a_pass_states_what_it_excludes(reports):
    assert "total variation of 0.1" in str(reports["PASS"]).replace("\n", " ")
    assert "probability 0.999" in str(reports["PASS"]).replace("\n", " ")


def test_a_fail_names_the_mistake_with_its_source(reports):
    said = " ".join(str(reports["FAIL"]).split())
    assert "Diagnosis: M01. The replacement of a rejected draft is drawn from p." in said
    assert "romsto/Speculative-Decoding@0b1fa52" in said


def test_an_invalid_report_shows_the_line_that_raised(reports):
    assert "samplers_under_test.py" in str(reports["INVALID"])


def test_html_escapes_what_users_write():
    report = check(from_verify(s.crashes, name="<script>"), **DRIFT)
    assert "<script>" not in report._repr_html_()


HOSTILE = "<script>alert(1)</script>\"'&</code></title>"


class Page(HTMLParser):
    """The tags of a page, with the attributes that matter, and whether each is closed."""

    VOID = ("meta", "br", "rect")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.texts = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("verdict", EXIT_STATUS)
def test_a_page_has_a_heading_a_verdict_in_words_and_no_script(reports, verdict):
    page = Page(to_page(reports[verdict]))
    assert page.open == []
    assert (page.tags.count("h1"), page.tags.count("script"), page.tags.count("title") >= 1) == (1, 0, True)
    said = " ".join(page.texts)
    assert IN_WORDS[verdict] in said
    assert ("svg" in page.tags) == (verdict != "INVALID")
    assert ("natural logarithm" in said) == (verdict != "INVALID")


def test_a_page_draws_each_text_twice_and_links_names_to_the_catalogue(reports):
    page = Page(to_page(reports["FAIL"]))
    texts = reports["FAIL"].probes[0].texts
    assert page.tags.count("rect") == 2 * len(texts) == 20
    assert "docs/wrong-samplers.md#m01" in page.links
    assert f"{texts[0].observed:.2%} / {texts[0].expected:.2%}" in page.texts
    assert [abs(each.z) for each in texts] == sorted((abs(each.z) for each in texts), reverse=True)


def test_a_picture_shows_what_was_counted(reports):
    shares = {each.text: each for each in reports["FAIL"].probes[0].texts}
    law = s.small_probe()
    assert all(each.expected == law.law[law.cell_of(map(int, text.split()))] for text, each in shares.items())


def test_a_hostile_name_stays_text():
    broken = check(from_verify(s.crashes, name=HOSTILE), **DRIFT)
    failed = check(from_verify(s.replaced_from_p, name=HOSTILE), **DRIFT)
    hostile = bars([TextShare(HOSTILE, 0.5, 0.25, 9.0)], HOSTILE)
    for page in (to_page(broken), to_page(failed), hostile):
        found = Page(page)
        assert "script" not in found.tags
        assert HOSTILE in "".join(found.texts)


def luminance(colour):
    values = [v / 255 for v in bytes.fromhex(colour[1:])]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_everything_is_legible_on_both_grounds(scheme):
    for name in ("fg", "mute", "link", *EXIT_STATUS):
        assert contrast(scheme[name], scheme["bg"]) >= 4.5, name
    # marks need 3 : 1, and have the viewer's colours: a colour means one thing
    assert all(contrast(colour, scheme["bg"]) >= 3 for colour in BARS.values())
    assert {*BARS.values()} <= {*COLORS.values()}
    assert "prefers-color-scheme: dark" in to_html(check(from_verify(s.crashes), **DRIFT))


# --- the command -------------------------------------------------------------------------------------------------


def given(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def module(tmp_path, monkeypatch):
    text = "from samplers_under_test import crashes, replaced_from_p, right, right_alone\n"
    (tmp_path / "mine_for_the_command.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return "mine_for_the_command"


@pytest.mark.parametrize(("name", "status"), [("right", 0), ("replaced_from_p", 1), ("crashes", 4)])
def test_the_exit_status_follows_the_verdict(module, capsys, name, status):
    assert run(given(f"{module}:{name}", "--kind", "verify", "--eps", "0.2", "--probes", "P1")) == status
    assert capsys.readouterr().out.startswith(("PASS", "FAIL", "INVALID"))


def test_json_and_html_are_written(module, capsys, tmp_path):
    words = ("--kind", "verify", "--eps", "0.3", "--probes", "P1", "--json", "--report", str(tmp_path / "out.html"))
    assert run(given(f"{module}:replaced_from_p", *words)) == 1
    assert json.loads(capsys.readouterr().out)["diagnosis"]["id"] == "M01"
    assert "FAIL" in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nothing", "module:function"),
        ("no_such_module:f", "cannot be imported"),
        ("json:nothing", "has no 'nothing'"),
    ],
)
def test_a_function_that_is_not_there_is_named(path, message):
    with pytest.raises(ValueError, match=message):
        find(path)


def test_what_is_no_function_is_refused():
    with pytest.raises(ValueError, match="json:__all__ must be a function; got list"):
        run(given("json:__all__", "--kind", "verify"))


def test_probes_that_were_not_asked_are_counted_and_not_listed():
    # P1 fails, another tells the two most probable mistakes apart, and the name has to fit on three more
    names = ["P1", "P2", "P3", "P5", "P6", "P7", "P9"]
    report = check(from_verify(s.replaced_from_p), probes=names)
    assert len(report.asked) == 2 + WITNESSES
    assert "Not needed for this verdict: 2 more of the probes." in str(report)
    assert [name for name in names if f"│ {name} " in str(report)] == [probe.name for probe in report.asked]
    assert "2 more of the probes" in report._repr_html_()


RIGHT = """
import numpy as np
from samplers_under_test import right as verify
"""


def checked(tmp_path, monkeypatch, capfd, text, *arguments, name="judged"):
    """Run `specsample check` on a module of this text; give its status, standard output and standard error."""
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop(name, None)
    quick = ["--kind", "verify", "--eps", "0.3", "--probes", "P1"]
    status = cli.main(["check", f"{name}:verify", *quick, *arguments])
    return status, *capfd.readouterr()


def test_what_a_sampler_prints_never_reaches_the_json(tmp_path, monkeypatch, capfd):
    noisy = RIGHT + (
        "import os\nprint('loading')\ngood = verify\n"
        "def verify(*given):\n    print('verify')\n    os.write(1, b'from C')\n    return good(*given)\n"
    )
    status, out, err = checked(tmp_path, monkeypatch, capfd, noisy, "--json", name="noisy")
    assert (status, json.loads(out)["verdict"]) == (0, "PASS")
    assert "loading" in err
    assert "from C" in err


def test_a_module_that_sets_errors_to_raise_changes_no_verdict(tmp_path, monkeypatch, capfd):
    before = np.geterr()
    try:
        status, _, _ = checked(tmp_path, monkeypatch, capfd, RIGHT + "np.seterr(all='raise')\n", name="strict")
    finally:
        np.seterr(**before)
    assert status == 0


def test_a_factory_that_raises_is_no_verdict(tmp_path, monkeypatch, capfd):
    text = "def verify():\n    import a_package_that_is_not_there\n"
    (tmp_path / "made.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert cli.main(["check", "made:verify", "--kind", "adapter"]) == EXIT_STATUS["INVALID"]
    assert "INVALID, no verdict was reached: made:verify() must return an adapter" in capfd.readouterr().err


def test_a_full_disk_is_no_verdict_and_leaves_no_half_report(tmp_path, monkeypatch, capfd):
    def full(self, *_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*x\.html'"):
        write_whole(tmp_path / "x.html", "text")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "said"), [("my.py:verify", "Write my:verify."), ("sub/mine:verify", "Write sub.mine:verify.")]
)
def test_a_file_in_place_of_a_module_is_told_the_modules_form(path, said):
    with pytest.raises(ValueError, match="must be written module:function") as caught:
        find(path)
    assert said in str(caught.value)


def test_a_file_that_hides_a_module_of_the_standard_library_is_named(tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("def verify(): pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # what `find` adds goes again, before workers of other tests start
    with pytest.raises(ValueError, match=r"random\.py here has the name of a module of the standard library"):
        find("random:verify")
