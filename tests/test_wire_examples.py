"""The examples of docs/wire in four languages are compiled and judged: right ones pass, wrong ones are named.

They need g++, rustc and node, and fail where one is missing: `pytest -m wire`.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_layout import ROOT

from specsample.conformance import check, from_command
from specsample.conformance.pack.packed import load_probes

pytestmark = pytest.mark.wire
FILES = ROOT / "docs" / "wire"
RIGHT = [("cpp", "verify"), ("rs", "verify"), ("rs", "generate"), ("mjs", "verify")]
RIGHT += [("py", "verify"), ("py", "step"), ("py", "generate")]
WRONG = [("cpp", "verify", "M01"), ("rs", "verify", "M15"), ("rs", "generate", "M15"), ("mjs", "verify", "M19")]
WRONG += [("py", "verify", "M02"), ("py", "step", "M05"), ("py", "generate", "M05")]
SEEDS = range(20)  # false alarms: 1e-6 each


def compiled(command, place):
    """Compile as the first lines of an example say, warnings forbidden."""
    assert shutil.which(command[0]), f"{command[0]} is needed to compile the examples"
    subprocess.run(command, check=True, cwd=place)


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    place = tmp_path_factory.mktemp("wire")
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    compiled(["g++", "-std=c++17", "-O2", *flags, "-o", "cpp", str(FILES / "sampler.cpp")], place)
    compiled(["rustc", "--edition", "2021", "-O", "-D", "warnings", "-o", "rs", str(FILES / "sampler.rs")], place)
    assert shutil.which("node"), "node is needed to run sampler.mjs"
    found = {name: [str(place / name)] for name in ("cpp", "rs")}
    return found | {"mjs": ["node", str(FILES / "sampler.mjs")], "py": [sys.executable, str(FILES / "sampler.py")]}


@pytest.mark.parametrize(("name", "kind"), RIGHT)
def test_a_right_example_passes_on_every_probe(name, kind, programs):
    # rows of 8,193 numbers as decimals would take a minute
    is_slow = kind == "verify" and name != "cpp"
    probes = [probe.name for probe in load_probes() if not is_slow or probe.name != "P13"]
    report = check(from_command(programs[name], kind=kind), eps=0.1, probes=probes)
    assert (report.verdict, report.warnings) == ("PASS", []), str(report)


@pytest.mark.parametrize(("name", "kind", "mistake"), WRONG)
def test_a_wrong_example_fails_by_name(name, kind, mistake, programs):
    report = check(from_command([*programs[name], "--wrong", mistake], kind=kind), eps=0.1)
    assert (report.verdict, report.diagnosis.id) == ("FAIL", mistake), str(report)


@pytest.mark.parametrize(("name", "kind"), [("cpp", "verify"), ("rs", "generate")])
def test_a_right_example_passes_with_every_seed(name, kind, programs):
    adapter = from_command(programs[name], kind=kind)
    probes = ["P1", "P4", "P7", "P8", "P10", "P12"]
    assert {check(adapter, eps=0.2, seed=seed, probes=probes).verdict for seed in SEEDS} == {"PASS"}


def test_threads_share_one_program(programs):
    adapter = from_command(programs["cpp"], kind="verify")
    alone = check(adapter, probes=["P1", "P4"], eps=0.1)
    with ThreadPoolExecutor(3) as threads:
        shared = check(adapter, probes=["P1", "P4"], eps=0.1, executor=threads)
    assert shared.probes == alone.probes


def test_the_page_lists_what_the_examples_do():
    page = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
    for path in sorted(FILES.glob("sampler.*")):
        suffix = path.suffix[1:]
        row = next(line for line in page.splitlines() if line.startswith(f"| [`{path.name}`]"))
        assert row.split("|")[3].strip().split(", ") == [kind for each, kind in RIGHT if each == suffix]
        assert {*re.findall("M[0-9]+", row)} == {mistake for each, _, mistake in WRONG if each == suffix}


# --- the command ---------------------------------------------------------------------------------------------------


def specsample(*arguments, **how):
    """Start the command."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "specsample", "check", *arguments], **pipes, **how)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--kind", "verify", "--workers", "2"], 0),
        (["--kind", "step"], 4),  # it only verifies
        (["--kind", "verify", "--budget", "2000"], 3),
        (["--kind", "verify", "--library", "torch"], 2),
    ],
)
def test_the_command_ends_with_the_status_of_its_verdict(arguments, status, programs, tmp_path):
    asked = ["--probes", "P1", "--eps", "0.1", "--junit", "verdict.xml", *arguments]
    run = specsample(
        "--command", programs["cpp"][0], *asked, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    run.communicate(timeout=600)
    assert run.returncode == status
    assert (tmp_path / "verdict.xml").exists() == (status != 2)


def test_the_report_does_not_depend_on_workers_and_each_has_one_program(programs, tmp_path):
    script = tmp_path / "counted"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/started-$$\nexec {programs['cpp'][0]}\n")
    script.chmod(0o755)
    said = []
    asked = ["--command", str(script), "--kind", "verify", "--probes", "P1", "P4", "P7", "--eps", "0.1", "--json"]
    for workers in ("1", "2"):
        run = specsample(*asked, "--workers", workers)
        said.append(re.sub(r'"seconds": .*', "", run.communicate(timeout=600)[0]))
    assert said[0] == said[1]
    assert '"verdict": "PASS"' in said[0]
    # one for the contract in each check, and one for each worker process
    assert len(list(tmp_path.glob("started-*"))) == 1 + 1 + 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_command_ends_a_program_that_hangs(how, tmp_path):
    script = f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; while :; do :; done"
    run = specsample("--command", f'/bin/sh -c "{script}"', "--kind", "verify")
    while not (tmp_path / "pid").exists():
        assert run.poll() is None
        time.sleep(0.05)
    pid = int((tmp_path / "pid").read_text())
    run.send_signal(how)
    said = run.communicate(timeout=120)[1]
    if how == signal.SIGINT:
        assert (run.returncode, "interrupted" in said) == (130, True)
    until = time.monotonic() + 60
    while is_running(pid):
        assert time.monotonic() < until
        time.sleep(0.05)


def is_running(pid):
    """Whether a process of somebody else's still runs; a dead one waits for whoever adopted it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"
