"""The command line: what comes in wrong ends in one line that says so, and never in a traceback."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from specsample import cli

COMMANDS = [*cli.COMMANDS]
FEW = ["generate", "--prompt", "a", "--max-new-tokens", "2"]


def run(arguments, capsys):
    """Run a command; give its status and what it said on standard error."""
    try:
        status = cli.main(arguments)
    except SystemExit as ended:  # argparse
        status = ended.code
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*FEW, "--seed", "-1"], "specsample generate: seed must be an integer >= 0; got -1."),
        ([*FEW, "--K", "-1"], "specsample generate: K must be an integer >= 0; got -1. K = 0 is autoregressive"),
        ([*FEW, "--top-p", "7"], r"specsample generate: top_p must lie in \(0, 1\]; got 7\.0"),
        ([*FEW, "--prompt", ""], "specsample generate: --prompt must hold at least one character; got none"),
        ([*FEW, "--prompt", "é"], "specsample generate: text must hold only printable ASCII"),
        ([*FEW, "--stop-string", ""], "stop_strings must be a list of non-empty strings; .* would end every text"),
        ([*FEW, "--autoregressive", "--K", "3"], "--autoregressive is K = 0: it cannot go with --K 3"),
        (["demo", "--K", "0"], "demo needs --K >= 1 and --max-new-tokens >= 2; got 0 and 200"),
        (["demo", "--max-new-tokens", "0"], "demo needs --K >= 1 and --max-new-tokens >= 2"),
        (["bench", "--quick", "--max-K", "0"], "argument --max-K: must be at least 1; got 0"),
        (["bench", "--quick", "--temperatures", "-1"], "temperature must be a finite number >= 0; got -1"),
        (["bench", "--quick", "--max-rows", "9"], "--quick sets its own sizes: it cannot go with --max-rows"),
        (["check", "a:b", "--kind", "verify", "--workers", "0"], "argument --workers: must be at least 1"),
        (
            ["plan", "--target", "70B", "--draft", "1B", "--device", "h100", "--count", "0"],
            "argument --count: must be at least 1; got 0",
        ),
        (["trace", "--prompt", "a", "--out", "a.json", "--html", "a.json"], "--out and --html must name two files"),
        (["trace", "--prompt", "a", "--html", ""], "--html must name a file to write; got ''"),
        ([*FEW[:2], "a" * 600], r"limit of 512 tokens; got 600 \+ 200\. Shorten the prompt\.$"),
        ([*FEW, "--json", "--stream"], "--json cannot go with --stream or --stop-string"),
        ([*FEW, "--frobnicate"], r"(?s)usage: specsample generate .*unrecognized arguments: --frobnicate"),
        (
            ["trace", "--prompt", "a", "--out", "no/such/run.json"],
            "--out must name a file to write; got 'no/such/run.json'",
        ),
        (["trace", "--prompt", "a", "--out", "."], "--out must name a file to write; got '.', a folder."),
        (["check", "os:getcwd", "--kind", "verify", "--report", "no/x.html"], "--report must name a file to write"),
        (["check", "nowhere:f", "--kind", "verify"], "module 'nowhere' cannot be imported"),
        (["evaluate", "--draft", "x.npz"], "--target and --draft must be given together"),
        (["evaluate", "--limit", "-4"], "--limit must be at least 2 characters, .*; got -4"),
        (
            ["evaluate", "--target", "x.npz", "--draft", "y.npz"],
            "x.npz: No such file or directory",
        ),
    ],
)
def test_what_comes_in_wrong_is_refused_in_one_line(arguments, message, capsys):
    status, said = run(arguments, capsys)
    assert status == 2
    assert re.search(message, said), said
    assert "Traceback" not in said


def test_a_file_that_is_no_checkpoint_is_named_and_nobody_is_told_to_unpickle_it(tmp_path, capsys):
    (tmp_path / "x.npz").write_text("not a checkpoint")
    status, said = run(["evaluate", "--target", str(tmp_path / "x.npz"), "--draft", "y.npz"], capsys)
    assert status == 2
    assert "x.npz must be a whole .npz checkpoint" in said
    assert "pickle" not in said


@pytest.mark.parametrize("text", ["1 / 0", "def f(:", "import sys\nsys.exit(0)"])
def test_a_module_that_cannot_be_imported_says_why(text, tmp_path, monkeypatch, capsys):
    (tmp_path / "broken_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    status, said = run(["check", "broken_module:f", "--kind", "verify"], capsys)
    assert status == 2
    assert re.search(
        r"module 'broken_module' must be importable; it raised (ZeroDivisionError|SyntaxError|SystemExit) in", said
    )


def test_standard_input_that_is_closed_is_said_to_be(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    status, said = run([*FEW, "--prompt", "-"], capsys)
    assert status == 2
    assert "--prompt - reads standard input, which is closed. Give the text: --prompt TEXT." in said


def test_ctrl_c_ends_in_one_line(monkeypatch, capsys):
    def interrupted(given):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.COMMANDS["papers"], "run", interrupted)
    assert run(["papers"], capsys) == (130, "specsample papers: interrupted\n")


def test_a_full_disk_is_said_without_a_number(monkeypatch, capsys):
    def full(given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli.COMMANDS["papers"], "run", full)
    assert run(["papers"], capsys) == (2, "specsample papers: No space left on device\n")


def start(*arguments, **streams):
    """Start the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "specsample", *arguments], text=True, stderr=subprocess.PIPE, **streams
    )


def test_a_reader_that_has_seen_enough_ends_the_command_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    process = start("papers", stdout=writing)
    os.close(writing)
    assert (process.communicate()[1], process.returncode) == ("", 141)


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="a process of its own is interrupted by a signal")
def test_training_that_is_interrupted_leaves_a_run_that_goes_on(tmp_path):
    process = start("train", "--preset", "tiny", "--out", str(tmp_path / "run"), stdout=subprocess.DEVNULL)
    while not (tmp_path / "run" / "log.jsonl").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert "Traceback" not in said
    assert (tmp_path / "run" / "checkpoint.npz").exists()
    assert cli.main(["train", "--preset", "tiny", "--out", str(tmp_path / "run"), "--resume"]) == 0
    assert (tmp_path / "run" / "model.npz").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_into_80_columns_and_says_something_of_every_argument(command, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    alone = re.findall(r"^  (--?\S+(?: \S+)?)\n(?=  -|\Z|\n)", text, re.M)
    assert not alone, f"nothing is said of {alone}"


def test_every_command_is_listed_and_run():
    listed = cli.parser().format_help()
    assert all(re.search(rf"^    {name} ", listed, re.M) for name in COMMANDS)


def test_without_a_command_the_help_is_shown_and_the_version_is_told(capsys):
    assert cli.main([]) == 0
    assert "Start with: specsample demo" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert re.match(r"specsample \d+\.\d+", capsys.readouterr().out)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
@pytest.mark.parametrize("command", [["papers"], ["plan", "--target", "7B", "--draft", "1B", "--device", "h100"]])
def test_a_file_that_cannot_show_a_greek_letter_ends_no_command(encoding, command):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-m", "specsample", *command], env=environment, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding)


def test_a_run_is_written_to_standard_output_where_a_dash_is_asked_for(capsys):
    assert cli.main(["trace", "--prompt", "a", "--max-new-tokens", "2", "--out", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["prompt_tokens"]
