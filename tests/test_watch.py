"""A call that hangs, raises or dies ends as Broken, with the place where it stood; engines run on the main thread."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest
import samplers_under_test as s

from specsample.conformance import check, from_verify, watch
from specsample.conformance.adapters import Broken, LastCall
from specsample.conformance.adapters.watched import FIRST_CALL, Watched
from specsample.conformance.child import in_child
from specsample.conformance.watch import guarded

LIMIT = 0.2  # seconds


def sleeps():
    time.sleep(60)


def loops():
    while True:
        pass


def holds_the_interpreter():
    sum(iter(int, 1))


def stuck():
    return guarded(holds_the_interpreter, LIMIT, LastCall())


def in_a_worker():
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(stuck).result()


def crashes():
    os.kill(os.getpid(), signal.SIGSEGV)


def refuses():
    raise ValueError("no such function")


@pytest.mark.parametrize("call", [sleeps, loops], ids=lambda f: f.__name__)
def test_a_call_that_lasts_too_long_ends_with_the_line_on_which_it_stood(call):
    with pytest.raises(Broken, match=f"time_limit = 0.2 s(.|\n)*in {call.__name__}"):
        guarded(call, LIMIT, LastCall())


def test_a_loop_on_another_thread_ends_too():
    ended = []

    def work():
        with pytest.raises(Broken, match="did not return"):
            guarded(loops, LIMIT, LastCall())
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert ended


def test_a_loop_ends_where_there_are_no_threads_too(monkeypatch):
    monkeypatch.setattr(watch, "HAS_THREADS", False)
    monkeypatch.setattr(watch, "Thread", None)
    before = sys.gettrace()
    with pytest.raises(Broken, match=r"time_limit = 0.2 s(.|\n)*in loops"):
        guarded(loops, LIMIT, LastCall())
    assert (guarded(lambda: "done", LIMIT, LastCall()), sys.gettrace()) == ("done", before)


def test_a_function_runs_on_the_thread_that_asks_and_may_handle_signals():
    assert guarded(threading.get_ident, LIMIT, LastCall()) == threading.get_ident()
    before = signal.getsignal(signal.SIGALRM)
    guarded(lambda: signal.signal(signal.SIGUSR1, signal.SIG_DFL), LIMIT, LastCall())
    assert signal.getsignal(signal.SIGALRM) == before


def test_ctrl_c_is_passed_on():
    with pytest.raises(KeyboardInterrupt):
        guarded(lambda: signal.raise_signal(signal.SIGINT), 5.0, LastCall())


def test_the_clock_runs_for_one_call_not_for_all_of_them():
    last = LastCall()

    def many():
        for _ in range(8):
            last.begin((), {})
            time.sleep(LIMIT / 2)
        return "done"

    assert guarded(many, LIMIT, last) == "done"


def test_a_first_call_may_compile_and_a_later_one_may_not_last_as_long():
    calls = []
    limit = 0.5  # on a busy machine an ordinary call takes its time

    def slow(x, q, p, rng, slow_call):
        calls.append(slow_call)
        if calls.count(slow_call) == slow_call:
            time.sleep(3 * limit)
        return s.right(x, q, p, rng)

    for slow_call, verdict in [(1, "PASS"), (2, "INVALID")]:
        verify = from_verify(partial(slow, slow_call=slow_call))
        assert check(verify, probes=["P1"], eps=0.5, time_limit=limit).verdict == verdict
    assert Watched(slow).last.patience == FIRST_CALL == pickle.loads(pickle.dumps(LastCall())).patience


def test_the_clock_is_put_back_before_patience_ends():
    written = []

    class Noted(LastCall):
        def __setattr__(self, name, value):
            written.append(name)
            super().__setattr__(name, value)

    Watched(lambda: None, Noted(patience=FIRST_CALL))()
    assert written[-2:] == ["at", "patience"]


def test_a_first_call_that_hangs_is_told_from_a_later_one():
    found = check(from_verify(lambda *given: time.sleep(60)), time_limit=LIMIT)
    assert "time_limit = 0.2 s times 5, the first call" in found.reasons[0]


def test_a_process_that_keeps_the_interpreter_is_ended_and_says_where_it_stood():
    with pytest.raises(Broken, match=r"hung in native code(.|\n)*in holds_the_interpreter"):
        in_child(stuck)
    with pytest.raises(Broken, match="BrokenProcessPool"):
        in_child(in_a_worker)


def test_a_crash_says_where_and_what_was_refused_is_raised_here():
    with pytest.raises(Broken, match=r"Segmentation fault(.|\n)*in crashes"):
        in_child(crashes)
    with pytest.raises(ValueError, match="no such function"):
        in_child(refuses)
    assert in_child(sorted, [2, 1]) == [1, 2]


def test_ctrl_c_ends_the_command_and_its_process(tmp_path):
    body = "open('pid', 'w').write(str(os.getpid())) and time.sleep(60)"
    (tmp_path / "sleepy.py").write_text(f"import os, time\n\ndef verify(x, q, p, rng):\n    {body}\n")
    command = [sys.executable, "-m", "specsample", "check", "sleepy:verify", "--kind", "verify"]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    assert b"interrupted" in run.communicate(timeout=20)[1]
    assert run.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_function_of_tensors_is_told_of_torch():
    def wants_tensors(x, q, p, rng):
        return p.gather(1, x)

    report = check(from_verify(wants_tensors), eps=0.2)
    assert report.verdict == "INVALID"
    assert "--library torch" in report.reasons[0]
