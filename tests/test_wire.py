"""A program of any language is asked line by line; whatever it does but answer is INVALID, and leaves nothing behind.

The examples in C++, Rust, JavaScript and Python are judged by test_wire_examples.py.
"""

import gc
import json
import os
import pickle
import re
import shlex
import sys
import time
from argparse import ArgumentParser
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from test_layout import ROOT

from specsample.commands.check import add_arguments
from specsample.commands.user_code import adapter_for
from specsample.conformance import assert_lossless, check, from_command
from specsample.conformance.adapters import Seeds, program, session, wire
from specsample.conformance.adapters.session import Session
from specsample.conformance.adapters.wire import tables
from specsample.conformance.chunks import setting_of
from specsample.conformance.pack.packed import load_probes

SEEDS = Seeds(np.random.SeedSequence(0), np.random.SeedSequence(1))
PYTHON = [sys.executable, "-I", "-S", "-c"]  # starts in a hundredth of a second
SAMPLER = [sys.executable, str(ROOT / "docs" / "wire" / "sampler.py")]
GREETED = "head -n 1 > /dev/null; echo '{\"specsample\":1}'; head -n 1 > /dev/null; "
ANSWERS = """
import base64, json, sys
sys.stdin.readline()
print('{"specsample":1}', flush=True)
for line in sys.stdin:
    r = json.loads(line)
    print(json.dumps(%s), flush=True)
"""


def judged(command, *, kind="verify", time_limit=60.0):
    """Judge a program by one probe."""
    return check(from_command(command, kind=kind), probes=["P1"], eps=0.5, time_limit=time_limit)


def in_shell(script):
    """Run a script by the shell."""
    return ["/bin/sh", "-c", script]


def answering(expression):
    """Answer every request r with an object."""
    return [*PYTHON, ANSWERS % expression]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(program, "GRACE", 0.1)


# --- what is not an answer -----------------------------------------------------------------------------------------

BEFORE_IT_IS_ASKED = {
    "exit 3": "ended with exit status 3",
    "echo no such file >&2; kill -SEGV $$": "ended by SIGSEGV.*On standard error it wrote:\nno such file",
    "echo hello": "one JSON object on a line; got 'hello'",
    "printf '%s' '{\"specs'; exit 0": "exit status 0.*It had answered '{\"specs', without a newline",
    "exec 1>&-; exec sleep 60": "closed its standard output",
    "sleep 60 & exit 1": "ended with exit status 1",
    "echo '[1]'": r"one JSON object on a line; got '\[1\]'",
    "printf '[%.0s' $(seq 2000); echo": r"one JSON object on a line; got '\[\[\[.*' \.\.\.",
    r"printf '\377\n'": "one JSON object on a line",
    'echo \'{"error":"I speak version 2"}\'; exit 1': "the program says: I speak version 2",
    "echo '{\"specsample\":2}'": r'must greet with "specsample":1, the version; got {"specsample": 2}',
    'echo \'{"specsample":1,"arrays":"float16"}\'': '"arrays" must be one of json, float32, float64; got "float16"',
    'echo \'{"specsample":1,"batch":0}\'': '"batch" must be a whole number above 0; got 0',
    "yes": "with one; it wrote one more: 'y'",
    "cat /dev/zero": "within 1,048,576 bytes",
    "yes >&2": "more than 4,194,304 bytes on standard error",
}
WHEN_IT_IS_ASKED = {
    "exit 0": 'ended with exit status 0.*asked .*{"id":1,"kind":"verify","seed":',
    "echo oops": "one JSON object on a line; got 'oops'",
    "echo '{\"id\":1}'": '"tokens" must be 128 lists of token ids, one for each stream; got .*"id": 1',
    'echo \'{"id":2,"tokens":[]}\'': 'must have "id":1, as its request',
    'echo \'{"id":1,"tokens":[[0]]}\'': "must be 128 lists of token ids, one for each stream; got 1 of them",
    'echo \'{"id":1,"tokens":"AAA"}\'': '"tokens" must be lists, or the base64 of 32-bit numbers',
    'echo \'{"id":1,"tokens":"AAAA"}\'': '"tokens" must be lists, or the base64 of 32-bit numbers',
    'echo \'{"id":1,"error":"out of memory"}\'': "the program says: out of memory",
    r"""printf '{"id":1}\n{"id":1}\n'; sleep 1""": "one more: '{\"id\":1}'",
}
ANSWERED_WRONG = {
    '{"id": r["id"], "tokens": [[0] * 4 for _ in r["q"]]}': r"at most K\+1 = 3 tokens; got \[0, 0, 0, 0\]",
    '{"id": r["id"], "tokens": [[4] for _ in r["q"]]}': r"token ids must lie in 0 .. V-1 = 3 .*got 4",
    '{"id": r["id"], "tokens": [[-1] for _ in r["q"]]}': "at least one token a row",
    '{"id": r["id"], "tokens": [[] for _ in r["q"]]}': "at least one token a row",
    '{"id": r["id"], "tokens": [["a"] for _ in r["q"]]}': "token ids, padded with -1; got dtype",
    '{"id": r["id"], "tokens": [[float("nan")] for _ in r["q"]]}': "got NaN or infinity",
    '{"id": r["id"], "tokens": [[[0]] for _ in r["q"]]}': "rows of different lengths",
    '{"id": r["id"], "tokens": [0 for _ in r["q"]]}': "must be 128 lists",
}


@pytest.mark.parametrize("script", BEFORE_IT_IS_ASKED)
def test_a_program_that_does_not_greet_is_invalid_and_says_why(script):
    report = judged(in_shell(script))
    assert (report.verdict, report.exit_status) == ("INVALID", 4)
    assert re.search(BEFORE_IT_IS_ASKED[script], report.reasons[0], re.DOTALL)
    assert not any(each.process for each in program.RUNNING)


@pytest.mark.parametrize("script", WHEN_IT_IS_ASKED)
def test_a_program_that_answers_no_request_is_invalid_and_shows_the_line(script):
    report = judged(in_shell(GREETED + script))
    assert (report.verdict, report.exit_status) == ("INVALID", 4)
    assert re.search(WHEN_IT_IS_ASKED[script], report.reasons[0], re.DOTALL)


@pytest.mark.parametrize("expression", ANSWERED_WRONG)
def test_a_program_that_answers_no_tokens_is_invalid_and_says_what_came(expression):
    report = judged(answering(expression))
    assert report.verdict == "INVALID"
    assert re.search(ANSWERED_WRONG[expression], report.reasons[0], re.DOTALL)
    assert not any(each.process for each in program.RUNNING)


def test_a_program_that_cannot_be_started_is_invalid_and_one_that_is_not_there_is_bad_usage(tmp_path):
    script = tmp_path / "script"
    script.write_text("no first line")
    script.chmod(0o755)
    assert "cannot be started" in judged(shlex.quote(str(script))).reasons[0]
    with pytest.raises(ValueError, match="a program that can be started; got 'no-such-program --x'"):
        from_command("no-such-program --x", kind="verify")
    with pytest.raises(ValueError, match="a program that can be started"):
        from_command("", kind="verify")
    with pytest.raises(ValueError, match="kind must be one of verify, step, generate; got 'adapter'"):
        from_command("true", kind="adapter")


# --- its end -------------------------------------------------------------------------------------------------------


def is_there(pid):
    """Whether a process exists, reaped ones do not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_program_that_hangs_is_invalid_after_its_first_patience_and_is_killed_with_its_children(tmp_path):
    script = f"sleep 60 & echo $! > {tmp_path}/child; echo $$ > {tmp_path}/pid; echo thinking >&2; wait"
    began = time.monotonic()
    report = judged(in_shell(script), time_limit=0.05)
    assert time.monotonic() - began >= 0.25
    assert "time_limit = 0.05 s times 5, the first call" in report.reasons[0]
    said = 'It had been asked \'{"specsample":1,"kind":"verify"}\'. On standard error it wrote:\nthinking'
    assert f"{said}\nDoes it flush its answer" in report.reasons[0]
    assert not is_there(int((tmp_path / "pid").read_text()))
    # its child was killed too; whoever adopted it reaps it
    child = int((tmp_path / "child").read_text())
    while state_of(child) not in ("gone", "Z"):
        assert time.monotonic() - began < 30


def state_of(pid):
    """Read the state of a process that is not ours: Z is dead, and not reaped yet."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.read_text().rpartition(")")[2].split()[0] if stat.exists() else "gone"


def test_a_program_that_hangs_or_does_not_read_ends_on_another_thread_too():
    # a request of P8 is longer than what a pipe holds
    scripts = ["sleep 60", "read line; echo '{\"specsample\":1}'; sleep 60"]
    with ThreadPoolExecutor(2) as pool:
        asked = [from_command(in_shell(script), kind="verify") for script in scripts]
        reports = list(pool.map(partial(check, probes=["P8"], eps=0.5, time_limit=0.05), asked))
    assert ["did not return" in report.reasons[0] for report in reports] == [True, True]
    assert not any(each.process for each in program.RUNNING)


def test_a_program_that_hangs_later_has_the_time_limit_for_one_request():
    begun = 'not sys.stdin.readline() if r["id"] > 1 else {"id": r["id"], "tokens": [x for x in r["drafts"]]}'
    report = judged(answering(begun), time_limit=0.5)
    assert "within time_limit = 0.5 s. " in report.reasons[0]
    assert '{"id":2,"kind":"verify"' in report.reasons[0]


@pytest.mark.parametrize("how", ["after a check", "when it is forgotten"])
def test_a_program_ends_after_a_check_and_when_nobody_holds_it(how):
    adapter = from_command(SAMPLER, kind="verify")
    if how == "after a check":
        assert check(adapter, probes=["P1"], eps=0.5).verdict == "PASS"
        assert check(adapter, probes=["P1"], eps=0.5).verdict == "PASS"  # it is started again
        assert not any(each.process for each in program.RUNNING)
    else:
        setting = setting_of("P1")
        adapter.sample(setting, 8, SEEDS)
        (running,) = [each.process for each in program.RUNNING if each.process]
        del adapter
        gc.collect()
        assert running.returncode == 0  # it ended by itself, at the end of its input
    program.end_all()


# --- what it is asked, and its answers -----------------------------------------------------------------------------

LOGS = """
import json, sys
def log(line):
    with open(sys.argv[1], "a") as file:
        file.write(line)
log(sys.stdin.readline())
print(json.dumps({"specsample": 1, "arrays": sys.argv[2], "batch": int(sys.argv[3])}), flush=True)
for line in sys.stdin:
    log(line)
    r = json.loads(line)
    tokens = [[0]] * r.get("n", 0)
    print(json.dumps({"id": r["id"], "tokens": tokens}), flush=True)
"""


def requests(tmp_path, *, kind, arrays="json", batch=4096, n=8, probe="P7"):
    """List the requests of a sample."""
    log = tmp_path / "log"
    log.unlink(missing_ok=True)
    adapter = from_command([*PYTHON, LOGS, str(log), arrays, str(batch)], kind=kind)
    adapter.sample(setting_of(probe), n, SEEDS)
    adapter.end()
    return [json.loads(line, object_pairs_hook=dict) for line in log.read_text().splitlines()]


def fields(section):
    """List the fields of a message in the order of its table in docs/wire.md."""
    page = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
    table = page.split(f"\n## `{section}`\n")[1].split("|---|---|---|\n")[1].split("\n\n")[0]
    return re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines()))


@pytest.mark.parametrize("kind", ["verify", "step", "generate"])
def test_requests_have_the_fields_of_the_page_in_its_order(kind, tmp_path):
    greeting, *asked = requests(tmp_path, kind=kind)
    assert greeting == {"specsample": 1, "kind": kind}
    assert [each["id"] for each in asked] == [*range(1, len(asked) + 1)]
    for each in asked:
        assert [*each] == fields(each["kind"])
    assert {each["kind"] for each in asked} == ({kind} if kind == "verify" else {"models", kind})
    # the models are sent once, and every request has a seed of its own
    assert [each["kind"] for each in asked].count("models") == (kind != "verify")
    seeds = [each["seed"] for each in asked if "seed" in each]
    assert len({*seeds}) == len(seeds)
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_the_lines_to_try_by_hand_are_as_the_judge_writes_them():
    lines = (ROOT / "docs" / "wire" / "lines.jsonl").read_text(encoding="utf-8").splitlines()
    greeting, *asked = map(json.loads, lines)
    assert [json.dumps(each, separators=(",", ":")) for each in (greeting, *asked)] == lines
    assert [each["kind"] for each in asked] == ["verify", "models", "step", "generate"]
    assert all([*each] == fields(each["kind"]) for each in asked)
    verify = asked[0]
    n, K, V = verify["n"], verify["K"], verify["V"]
    assert [np.shape(verify[name]) for name in ("drafts", "q", "p")] == [(n, K), (n, K, V), (n, K + 1, V)]


@pytest.mark.parametrize(("arrays", "dtype"), [("float32", "<f4"), ("float64", "<f8")])
def test_base64_holds_the_numbers_of_the_lists_in_their_order(arrays, dtype, tmp_path):
    one = requests(tmp_path, kind="verify")[1]
    other = requests(tmp_path, kind="verify", arrays=arrays)[1]
    n, K, V = one["n"], one["K"], one["V"]
    shapes = {"drafts": ("<i4", (n, K)), "q": (dtype, (n, K, V)), "p": (dtype, (n, K + 1, V))}
    for name, (kind, shape) in shapes.items():
        assert np.shape(one[name]) == shape
        expected = np.array(one[name], kind)
        assert np.array_equal(np.frombuffer(b64decode(other[name]), kind).reshape(shape), expected)
    assert one["seed"] == other["seed"]


def test_a_program_gets_as_many_streams_as_it_wants_and_as_a_line_should_hold(tmp_path, monkeypatch):
    asked = requests(tmp_path, kind="verify", batch=3)[1:]
    assert [each["n"] for each in asked[:3]] == [3, 3, 2]
    assert len({each["seed"] for each in asked}) == len(asked)
    # of 3 tokens and 2 drafts, 15 numbers a stream
    monkeypatch.setattr(wire, "MAX_NUMBERS", 80)
    asked = requests(tmp_path, kind="verify")[1:]
    assert [(each["K"], each["n"]) for each in asked[:2]] == [(2, 5), (2, 3)]


def test_the_states_say_what_the_models_say_after_every_text():
    for probe in load_probes():
        setting = setting_of(probe)
        models = (setting.p, setting.q)
        depth = setting.max_new_tokens + setting.K
        table = tables(*models, depth)
        rng = np.random.default_rng(0)
        for _ in range(4):
            # as long as a text may be whose next token is asked for
            text = rng.integers(table["V"], size=depth - 1).tolist()
            state = 0
            for i, x in enumerate(text):
                for name, model in zip("pq", models):
                    assert np.array_equal(table[name][state], model.row([*setting.prompt, *text[:i]]))
                state = table["next"][state][x]
        assert table["states"] == len(table["p"]) == len({*table["next"].ravel().tolist()} - {-1} | {0})


def test_tokens_may_come_as_base64_and_lists_may_be_filled_up():
    row = {"tokens": [[1, -1, -1], [0, 2, 1]]}
    packed = {"tokens": b64encode(np.array(row["tokens"], "<i4").tobytes()).decode()}
    assert session.rows_of(packed, 2) == session.rows_of(row, 2) == row["tokens"]


# --- verdicts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["verify", "step", "generate"])
def test_the_example_passes_and_repeats_itself(kind):
    reports = [judged(SAMPLER, kind=kind) for _ in range(2)]
    assert [report.verdict for report in reports] == ["PASS", "PASS"]
    assert not reports[0].warnings
    assert reports[0].probes == reports[1].probes


def test_a_wrong_program_fails_and_an_assertion_says_so():
    with pytest.raises(AssertionError, match="M05"):
        assert_lossless(from_command([*SAMPLER, "--wrong", "M05"], kind="step"), probes=["P1"], eps=0.5)


def test_a_program_that_ignores_its_seed_fails():
    report = judged(answering('{"id": r["id"], "tokens": [[len(x)] for x in r["drafts"]]}'))
    assert report.verdict == "FAIL"
    assert "the seed is fixed" in " ".join(report.reasons)


def test_a_program_that_ends_on_one_probe_is_started_again_for_the_others():
    line = '    n = request["n"]\n'
    code = Path(SAMPLER[1]).read_text(encoding="utf-8")
    ends = code.replace(line, line + '    assert request["V"] == 4, "three tokens"\n')
    report = check(from_command([*PYTHON, ends], kind="verify"), probes=["P1", "P2", "P4"], eps=0.5)
    assert report.verdict == "INVALID"
    assert re.search("on probe P2, the program ended with exit status 1(.|\n)*Error: three tokens", report.reasons[0])
    assert [probe.streams > 0 for probe in report.probes] == [True, False, True]


def test_the_command_line_takes_a_function_or_a_program():
    parser = ArgumentParser()
    add_arguments(parser)
    made = adapter_for(parser.parse_args(["--kind", "step", "--command", "true --x 'a b'"]))
    assert (made.kind, made.name, made.call) == ("step", "true --x 'a b'", None)
    for given in (["--kind", "verify"], ["m:f", "--kind", "verify", "--command", "true"]):
        with pytest.raises(ValueError, match="either module:function, or --command"):
            adapter_for(parser.parse_args(given))
    with pytest.raises(ValueError, match="belong to functions"):
        adapter_for(parser.parse_args(["--kind", "verify", "--command", "true", "--one"]))


def test_what_is_sent_to_another_process_is_the_command_and_there_it_is_one_session():
    one = Session(["true"], "verify")
    other = pickle.loads(pickle.dumps(one))
    assert other is pickle.loads(pickle.dumps(one)) is not one
    assert (other.program.command, other.kind) == (("true",), "verify")
