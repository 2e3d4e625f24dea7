"""What a build shows of a report: a pytest fixture, JUnit, a summary, a badge, and the jobs of the page on it."""

import json
import os
import re
import shutil
import subprocess
import sys
from inspect import signature
from pathlib import Path
from xml.etree import ElementTree

import pytest
import samplers_under_test as s
import yaml
from test_layout import ROOT
from test_readme import BLOCK
from test_report import contrast

from specsample import cli, pytest_plugin
from specsample.commands.user_code import file_of
from specsample.conformance import check, from_verify
from specsample.conformance.ci import headline, properties, to_badge, to_junit, to_markdown
from specsample.conformance.pack.packed import load_probes

pytest_plugins = ["pytester"]
DRIFT = {"probes": [s.small_probe()], "eps": 0.1}
VERDICTS = ("PASS", "FAIL", "INCONCLUSIVE", "INVALID")
HOSTILE = "|`</code><script>alert(1)</script>\x00```"
QUICK = ["--kind", "verify", "--eps", "0.3", "--probes", "P1"]
PAGE = (ROOT / "docs" / "howto" / "ci-gate.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reports():
    samplers = {"PASS": s.right, "FAIL": s.replaced_from_p, "INVALID": s.crashes}
    found = {verdict: check(from_verify(sampler), **DRIFT) for verdict, sampler in samplers.items()}
    return found | {"INCONCLUSIVE": check(from_verify(s.right), **DRIFT, budget=600)}


# --- the fixture -------------------------------------------------------------------------------------------------

TESTS = """
import samplers_under_test as s
from specsample.conformance import from_verify

def test_right(lossless):
    lossless(from_verify(s.right), probes=["P2"], eps=0.3)

def test_wrong(lossless):
    lossless(from_verify(s.replaced_from_p), probes=["P1"])

def test_invalid(lossless):
    lossless(from_verify(s.crashes), probes=["P1"])
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run pytest with the plugin on a text."""
    monkeypatch.syspath_prepend(ROOT / "tests")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(text, *options):
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess("-p", "specsample.pytest_plugin", "-p", "no:cacheprovider", *options)

    return run


def test_a_failed_test_shows_its_own_line_and_the_report_and_no_line_of_ours(run):
    done = run(TESTS, "-rA", "--specsample-eps", "0.3", "--specsample-seed", "5")
    done.assert_outcomes(passed=1, failed=2)
    said = done.stdout.str()
    assert ">       lossless(from_verify(s.replaced_from_p)" in said
    assert re.search(r"E +AssertionError: FAIL: replaced_from_p \(verify\): A deviation", said)
    # the report stands below, whole
    attached = said.split("Captured specsample call", 1)[1]
    assert "Diagnosis: M01." in attached
    assert "seed 5" in attached
    # no frame of the plugin or of the package
    frames = re.findall(r"^(\S+)\.py:\d+: ", said, re.MULTILINE)
    assert len(frames) == 2
    assert not [name for name in frames if "specsample" in name]


def test_junit_has_what_a_verdict_rests_on(run, pytester):
    run(TESTS, "--junitxml", "out.xml", "--specsample-seed", "3")
    cases = ElementTree.parse(pytester.path / "out.xml").getroot().iter("testcase")
    found = {
        case.get("name"): {each.get("name"): each.get("value") for each in case.iter("property")} for case in cases
    }
    assert [each["specsample.verdict"] for each in found.values()] == ["PASS", "FAIL", "INVALID"]
    wrong = found["test_wrong"]
    assert (wrong["specsample.sampler"], wrong["specsample.diagnosis"]) == ("replaced_from_p", "M01")
    assert (wrong["specsample.seed"], wrong["specsample.rejected_on"]) == ("3", "P1")
    assert int(wrong["specsample.streams"]) > 0


EACH = """
import samplers_under_test as s
from specsample.conformance import from_verify

def test_each(lossless, specsample_probe):
    found = lossless(from_verify(s.right), eps=0.5)
    assert [probe.name for probe in found.asked] == [specsample_probe]
    print("share of", specsample_probe, found.alpha)
"""


def test_a_test_that_asks_for_a_probe_is_one_test_for_each_and_all_share_the_error_budget(run):
    probes = {probe.name: probe for probe in load_probes()}
    listed = run(EACH, "--collect-only", "-q").outlines
    assert [re.search(r"\[(.*)\]", line)[1] for line in listed if "::" in line] == [*probes]
    done = run(EACH, "-rA", "-k", "P2 or P7")
    done.assert_outcomes(passed=2, deselected=len(probes) - 2)
    shares = {line.split()[2]: float(line.split()[3]) for line in done.outlines if line.startswith("share of")}
    alpha = signature(check).parameters["alpha"].default
    assert alpha == pytest_plugin.ALPHA
    assert shares == {name: pytest.approx(alpha * probes[name].weight) for name in ("P2", "P7")}


SAYS = """
import samplers_under_test as s
from specsample.conformance import from_verify

def test_own(lossless):
    found = lossless(from_verify(s.right), probes=["P2"], eps=0.4, seed=7)
    assert (found.eps, found.seed) == (0.4, 7)

def test_options(lossless):
    found = lossless(from_verify(s.right), probes=["P2"])
    assert (found.eps, found.seed) == (0.3, 5)
"""


def test_what_a_test_says_goes_before_the_options(run):
    run(SAYS, "--specsample-eps", "0.3", "--specsample-seed", "5").assert_outcomes(passed=2)


def test_the_plugin_brings_no_kit_into_a_run_that_does_not_use_it(tmp_path):
    text = "import sys\ndef test_it():\n    assert 'specsample.conformance' not in sys.modules\n"
    (tmp_path / "test_it.py").write_text(text)
    given = ["-p", "specsample.pytest_plugin", "-q", "-p", "no:cacheprovider", "test_it.py"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", *given]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()


# --- what is written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_form_tells_the_verdict_and_what_it_rests_on(reports, verdict):
    report = reports[verdict]
    assert to_markdown(report).startswith(f"### {verdict}: {report.sampler}, ")
    assert f"{report.streams:,} streams" in to_markdown(report)
    assert all(reason.splitlines()[0] in to_markdown(report) for reason in report.reasons)
    assert headline(report).startswith(f"{verdict}: {report.sampler} (verify): ")
    assert properties(report)["specsample.verdict"] == verdict
    assert verdict in "".join(ElementTree.fromstring(to_badge(report)).itertext())


@pytest.mark.parametrize(("verdict", "tags"), [*zip(VERDICTS, ([], ["failure"], ["error"], ["error"]))])
def test_junit_stops_a_build_unless_it_passed(reports, verdict, tags):
    root = ElementTree.fromstring(to_junit(reports[verdict], file="my.py"))
    (case,) = root.iter("testcase")
    assert case.get("file") == "my.py"
    assert [each.tag for each in case if each.tag != "properties"] == tags
    counted = root.find("testsuite").attrib
    assert (counted["failures"], counted["errors"]) == (str(tags.count("failure")), str(tags.count("error")))
    if verdict == "FAIL":
        assert "Diagnosis: M01" in case.find("failure").get("message")


def test_a_badge_says_what_a_pass_excludes_and_is_legible_on_its_own_ground(reports):
    for verdict in VERDICTS:
        root = ElementTree.fromstring(to_badge(reports[verdict]))
        grounds = [each.get("fill") for each in root.iter() if each.tag.endswith("rect")]
        assert all(contrast("#ffffff", ground) >= 4.5 for ground in grounds)
        # the text fits into its ground, and the picture ends with the last one
        widths = [int(each.get("width")) for each in root.iter() if each.tag.endswith("rect")]
        lengths = [int(each.get("textLength")) for each in root.iter() if each.tag.endswith("text")]
        assert all(length < width for length, width in zip(lengths, widths, strict=True))
        assert sum(widths) == int(root.get("width"))
    assert "PASS, eps 0.1" in to_badge(reports["PASS"])


def test_a_hostile_name_stays_text_in_every_form():
    broken = check(from_verify(s.crashes, name=HOSTILE), **DRIFT)
    assert "<script>" not in to_markdown(broken)
    assert to_markdown(broken).splitlines()[0].count("|") == 0
    root = ElementTree.fromstring(to_junit(broken, file=HOSTILE))
    assert next(root.iter("testcase")).get("classname") == HOSTILE.replace("\x00", "?")


def test_a_fence_is_longer_than_any_run_of_backticks_in_it():
    def rude(x, q, p, rng):
        raise ValueError("a\n````\n# heading")

    text = to_markdown(check(from_verify(rude), **DRIFT))
    assert text.count("`````") == 2


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "judged_here.py").write_text("from samplers_under_test import replaced_from_p, right\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return "judged_here"


def test_the_command_writes_each_form_and_appends_to_a_summary(module, tmp_path, capfd):
    Path("summary.md").write_text("before\n")
    written = ["--junit", "out.xml", "--summary", "summary.md", "--badge", "out.svg", "--json"]
    assert cli.main(["check", f"{module}:replaced_from_p", *QUICK, *written]) == 1
    assert json.loads(capfd.readouterr().out)["verdict"] == "FAIL"
    assert Path("summary.md").read_text().startswith(f"before\n### FAIL: {module}:replaced_from_p, ")
    (case,) = ElementTree.parse("out.xml").getroot().iter("testcase")
    assert case.get("file") == "judged_here.py"
    assert "FAIL" in Path("out.svg").read_text()


def test_the_file_of_a_function_is_found_without_importing_it(module, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "__init__.py").write_text("raise SystemExit")
    found = [file_of(f"{name}:f") for name in (module, "sub", "no_such")]
    assert found == ["judged_here.py", "sub/__init__.py", ""]
    assert file_of("test_ci:f").endswith("tests/test_ci.py")


# --- the jobs of the page ----------------------------------------------------------------------------------------


def jobs():
    """List the YAML blocks of the page, read."""
    return [yaml.safe_load(body) for language, body in BLOCK.findall(PAGE) if language == "yaml"]


def steps(job):
    """List the commands of a GitHub workflow or of a GitLab job, in order."""
    if "jobs" in job:
        return [step["run"] for each in job["jobs"].values() for step in each["steps"] if "run" in step]
    return [line for name, each in job.items() if isinstance(each, dict) for line in each.get("script", [])]


def test_the_page_has_a_workflow_and_a_gitlab_job():
    assert [*map(len, map(steps, jobs()))] == [3, 3]
    # what is kept of a run are files that its commands write
    kept = re.findall(r"\b(?:report|lossless|tests)\.(?:html|xml|svg)\b", PAGE)
    assert all(name in " ".join(steps(jobs()[0]) + steps(jobs()[1])) for name in kept)


@pytest.mark.thorough
@pytest.mark.parametrize("job", range(2), ids=["github", "gitlab"])
def test_the_jobs_run_as_written_in_a_project_that_has_this_one_as_a_submodule(job, tmp_path):
    # the project of the page: a sampler, a test of it, and this project as it is here
    (python,) = [body for language, body in BLOCK.findall(PAGE) if language == "python"]
    (tmp_path / "test_lossless.py").write_text(python)
    shutil.copy(ROOT / "docs" / "howto" / "my_sampler.py", tmp_path)
    left_out = shutil.ignore_patterns(".git", ".venv", "_build", "*_cache", "__pycache__")
    shutil.copytree(ROOT, tmp_path / "third_party" / "specsample", ignore=left_out)
    # a fresh environment, as the machine of a build has
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "fresh"], check=True)
    path = os.pathsep.join([str(tmp_path / "fresh" / "bin"), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    for name in ("PYTHONPATH", "PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        environment.pop(name, None)
    for command in steps(jobs()[job]):
        done = subprocess.run(
            ["bash", "-e", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    # what the job keeps is there
    made = {"report.html", "lossless.xml", "tests.xml"}
    assert made <= {each.name for each in tmp_path.iterdir()}
    assert ElementTree.parse(tmp_path / "tests.xml").getroot().find("testsuite").get("failures") == "0"
    assert (tmp_path / "summary.md").exists() == (job == 0)
