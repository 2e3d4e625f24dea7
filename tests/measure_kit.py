"""Measure what the conformance kit promises: false alarms, power, diagnosis, whole checks, and speed.

    PYTHONPATH=. OPENBLAS_NUM_THREADS=1 python tests/measure_kit.py [alarms] [power] [diagnosis] [checks] [held] ...
    PYTHONPATH=. OPENBLAS_NUM_THREADS=1 python tests/measure_kit.py [speed] [wire] [torch]

`alarms`, `power` and `diagnosis` draw the counts of streams from exact laws by multinomials, hundreds of runs at
once; `checks`, `held` and `speed` really run samplers through `check`; `wire` times the examples of docs/wire, and
needs g++, rustc and node. The tables of docs/check.md and docs/wire.md come from here. No test: pytest does not
collect this file.
"""

import re
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from subprocess import run
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import held_samplers as h
import numpy as np
import samplers_under_test as s
from kit_reference import diagnose, reference_verify, simulate

from specsample.conformance import check, from_command, from_generate, from_torch, from_verify
from specsample.conformance.adapters import Seeds, Tabled
from specsample.conformance.evidence.calibration import calibrate
from specsample.conformance.evidence.e_process import log_e_threshold
from specsample.conformance.laws.open_round import law_of
from specsample.conformance.laws.right_samplers import RIGHT
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.pack.packed import load_probes
from specsample.conformance.pack.plans import PLANS
from specsample.language_model import TableModel

PROBES = {probe.name: probe for probe in load_probes()}
FIRST_CHOICE = ["P1", "P7", "P10-penalty", "P10-temperature", "P10-filters", "P11", "P12"]
NO_LAW = (
    "M39",
    "M40",
    "M52",
)  # one seed for all: seen by the contract checks; u <= p/q: a warning; M52: as M21
WITH_LAW = [rule for rule in WRONG.values() if rule.id not in NO_LAW]
RIGHT_VERIFIERS = {"C0": s.right, "C1": s.sampler_match, "C7": s.one_hot_rule, "C9": s.without_bonus}


def own_probe(name):
    """Find the probe on which a rule is judged: the designed one where it is seen there within 10,000 streams."""
    return next(PROBES[probe] for probe in FIRST_CHOICE if PROBES[probe].required_n.get(name, np.inf) <= 10_000)


def normalised(law):
    """Make a law of ten digits sum to 1."""
    return law / law.sum()


def alarms(runs=2000):
    """Judge right laws: 2,000 runs of 10,000 streams, 25 looks each, and whole checks of real verifiers."""
    rng = np.random.default_rng(1)
    print(f"false alarms, {runs} runs of 10,000 streams, 25 looks, counts drawn from the rule's exact law")
    print("| rule | probe | its law is the target's, exactly | FAIL at alpha = 0.01 | at 1e-6 | largest log E |")
    print("|---|---|---|---|---|---|")
    plan = PLANS["P1"]
    for rule in RIGHT.values():
        print(f"| {rule.id} | P1 | {law_of(rule.generate, plan.probe) == plan.probe.target_law()} |", end="")
        count_alarms(rng, PROBES["P1"], runs)
    for probe in PROBES.values():
        print(f"| target | {probe.name} | - |", end="")
        count_alarms(rng, probe, runs)
    print("\nfalse alarms of whole checks, probe P1, eps = 0.1, contract and independence checks included")
    print("| rule | verdicts at alpha = 0.01 |\n|---|---|")
    for name, verify in RIGHT_VERIFIERS.items():
        setting, seeds = (
            {"probes": ["P1"], "eps": 0.1, "alpha": 0.01},
            range(runs // 4 if name == "C0" else runs // 10),
        )
        verdicts = [check(from_verify(verify), seed=seed, **setting).verdict for seed in seeds]
        print(f"| {name} | {' '.join(f'{v} {verdicts.count(v)}' for v in sorted({*verdicts}))} |", flush=True)


def torch_alarms(runs=100):
    """Judge right verifiers in torch that draw from its default generator and from the given one, and time one."""
    sys.path.insert(0, "tests/peers")
    from test_torch_seeds import default_first, given_first

    print(f"false alarms of whole checks in torch, float64, probe P1, eps = 0.1, {runs} seeds each")
    for fn in (default_first, given_first):
        adapter = from_torch(fn, dtype="float64")
        for alpha in (0.01, 1e-6):
            asked = {"probes": ["P1"], "eps": 0.1, "alpha": alpha}
            verdicts = [check(adapter, seed=seed, **asked).verdict for seed in range(runs if alpha == 0.01 else 20)]
            counts = " ".join(f"{v} {verdicts.count(v)}" for v in sorted({*verdicts}))
            print(f"| {fn.__name__} | alpha {alpha:g} | {counts} |", flush=True)
    # V = 8, K = 4, five tokens
    rng = np.random.default_rng(0)
    p, q = (TableModel(rng.dirichlet(np.ones(8), 8)) for _ in range(2))
    setting, adapter = Tabled(p, q, (0,), 4, 5), from_torch(default_first)
    start, cpu = perf_counter(), process_time()
    for i in range(0, 100_000, 20_000):
        adapter.sample(setting, 20_000, Seeds(*map(np.random.SeedSequence, (i, i + 1))))
    wall, cpu = perf_counter() - start, process_time() - cpu
    print(f"100,000 streams of a batched torch verifier: {wall:.2f} s, {cpu:.2f} s of CPU time", flush=True)


def count_alarms(rng, probe, runs):
    """Print in how many runs the target's own law is rejected."""
    laws = list(probe.rule_laws.values())
    found = calibrate(normalised(probe.law), probe.law, laws, rng=rng, runs=runs, looks=25, alpha=0.01)
    strict = int((found.largest_log_e >= log_e_threshold(1e-6)).sum())
    print(f" {round(runs * found.rejected)} | {strict} | {found.largest_log_e.max():.1f} |", flush=True)


def power():
    """Reject every wrong law: 200 runs of 10,000 streams, at 1e-6 and at the share that the probe has of it."""
    rng, missed = np.random.default_rng(2), []
    print("power: streams to FAIL at 1e-6 times the probe's share, 200 runs of at most 10,000 streams, 200 looks")
    print("| rule | probe | required n | median | max | runs with FAIL |\n|---|---|---|---|---|---|")
    for rule in WITH_LAW:
        name, probe = rule.id, own_probe(rule.id)
        given = {"rng": rng, "looks": 200, "alpha": 1e-6 * probe.weight}
        found = calibrate(normalised(probe.rule_laws[name]), probe.law, list(probe.rule_laws.values()), **given)
        n = found.n_at_rejection
        missed += [name] * (found.rejected < 1)
        print(f"| {name} | {probe.name} | {probe.required_n[name]} | {np.median(n):.0f} | {n.max():.0f} |", end="")
        print(f" {round(200 * found.rejected)} |", flush=True)
    print("missed:", missed or "none")


def diagnosis(runs=200, n=3000):
    """Name the law that 3,000 streams come from, with the true law in the catalogue and without it."""
    rng, named, left_out = np.random.default_rng(3), {}, {}
    print(f"diagnosis: {runs} runs of {n} streams; share named, and share `unknown` with the true law left out")
    print("| rule | probe | named | unknown when left out | taken for |\n|---|---|---|---|---|")
    for name in (rule.id for rule in WITH_LAW):
        laws, target = own_probe(name).rule_laws, own_probe(name).law
        others = {other: law for other, law in laws.items() if other != name}
        counts = rng.multinomial(n, normalised(laws[name]), size=runs)
        with_it, without = ([diagnose(row, known, target=target).name for row in counts] for known in (laws, others))
        named[name], left_out[name] = with_it.count(name) / runs, without.count("unknown") / runs
        taken = sorted({*with_it, *without} - {name, "unknown"})
        line = f"| {name} | {own_probe(name).name} | {named[name]:.3f} | {left_out[name]:.3f} | {' '.join(taken)} |"
        print(line, flush=True)
    print(f"least: named {min(named.values()):.3f}, unknown {min(left_out.values()):.3f}")


def shown(rule):
    """Show the kit a rule of the catalogue: one text a call; M40, which only scripted numbers show, as a verifier."""
    if rule.id == "M40":
        return from_verify(s.at_most, name="M40")

    def run(prompt, n, *, target_model, draft_model, K, stop, seed, transform):
        setting = {"K": K, "max_new_tokens": n, "stop": stop, "transform": transform}
        return rule.generate(prompt, target_model, draft_model, rng=np.random.default_rng(seed), **setting)[0]

    return from_generate(run, name=rule.id)


def checks(seeds=1):
    """Run every wrong rule through `check` on the standard probes, in Python, one text at a time."""
    seconds, wrong_name = [], 0
    print(f"whole checks on the standard probes, {seeds} seeds each; streams of all probes, seconds of CPU time")
    print(
        "| rule | verdicts | named | streams (median) | rejected on | seconds (median) |\n|---|---|---|---|---|---|"
    )
    for rule in WRONG.values():
        found, times = [], []
        for seed in range(seeds):
            start = process_time()
            found.append(check(shown(rule), seed=seed))
            times.append(process_time() - start)
        names = [each.diagnosis.id if each.diagnosis else "-" for each in found]
        seconds.append(np.median(times))
        wrong_name += sum(name not in (rule.id, "-", "M21" if rule.id == "M52" else "-") for name in names)
        on = sorted({name for each in found for name in re.findall(r"on probe ([\w-]+)", " ".join(each.reasons))})
        verdicts, streams = sorted({each.verdict for each in found}), np.median([each.streams for each in found])
        print(f"| {rule.id} | {' '.join(verdicts)} | {' '.join(sorted({*names}))} | {streams:.0f} |", end="")
        elsewhere = "contract" if "FAIL" in verdicts else "a warning only"
        print(f" {' '.join(on) or elsewhere} | {np.median(times):.2f} |", flush=True)
    print(f"median over the catalogue: {np.median(seconds):.2f} s; wrong names: {wrong_name}")


class Rounds:
    """V = 4, K = 4, ten tokens: the setting in which simulated rounds are counted."""

    target_model, draft_model = PROBES["P1"].setting.target_model, PROBES["P1"].setting.draft_model
    prompt, K, max_new_tokens, stop, transform = (0,), 4, 10, (), None


def held():
    """Say what the diagnosis calls the fifty wrong samplers that are held back; seconds are of CPU time."""
    rows = {name: h.said_of(name) for name in h.HELD}
    print("| sampler | kind | said | formula |\n|---|---|---|---|")
    for name, (said, is_true, formulas) in rows.items():
        print(f"| {name} | {h.HELD[name].kind} | {said}{'' if is_true else ', FALSE'} | {'; '.join(formulas)} |")
    said = [each[0] for each in rows.values()]
    false = sum(not is_true for _, is_true, _ in rows.values())
    print(f"unknown {said.count('unknown')}, named {50 - said.count('unknown') - false}, named falsely {false}")


def speed():
    """Time a right and a wrong NumPy verifier through `check`, and count simulated rounds a second."""
    for name, verify in {"right": s.right, "M01": s.replaced_from_p, "M19": s.one_uniform}.items():
        start, cpu = perf_counter(), process_time()
        found = check(from_verify(verify, name=name))
        wall, cpu = perf_counter() - start, process_time() - cpu
        print(f"{name}: {found.verdict} after {found.streams:,} streams, {wall:.1f} s, {cpu:.1f} s of CPU time")
    rng, rounds = np.random.default_rng(0), [0]

    def counting(x, q, p, rng):
        rounds[0] += len(x)
        return reference_verify(x, q, p, rng)

    for batch in (1024, 8192, 65536):
        rounds[0], start = 0, process_time()
        simulate(Rounds(), 2**17, rng, verify=counting, batch=batch)
        print(f"batch {batch}: {rounds[0] / (process_time() - start):.3g} rounds a second of CPU time", flush=True)


def wire(calls=15, N=4096, K=4, V=8):
    """Time verdicts of the examples of docs/wire through their pipes, and whole checks with 20 seeds."""
    rng = np.random.default_rng(0)
    x, q, p = rng.integers(V, size=(N, K)), rng.dirichlet(np.ones(V), (N, K)), rng.dirichlet(np.ones(V), (N, K + 1))
    print(
        f"V = {V}, K = {K}, {calls} calls of {N:,} streams; CPU time of the judge and of the program, with its start"
    )
    print(
        "| example | streams a second: median | least | most | CPU, judge: µs a stream | program |\n"
        "|---|---|---|---|---|---|"
    )
    with TemporaryDirectory() as place:
        for name, command in examples(Path(place)).items():
            adapter = from_command(command, kind="verify")
            verify, seconds, cpu = adapter.sample.emit.__self__, [], []
            verify(x, q, p, rng)
            before = getrusage(RUSAGE_CHILDREN)
            for _ in range(calls):
                start, used = perf_counter(), process_time()
                verify(x, q, p, rng)
                seconds.append(perf_counter() - start)
                cpu.append(process_time() - used)
            adapter.end()  # only a process that has ended is counted
            after = getrusage(RUSAGE_CHILDREN)
            child = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            rates = [f"{N / each(seconds):,.0f}" for each in (np.median, max, min)]
            own = [f"{1e6 * np.median(cpu) / N:.1f}", f"{1e6 * child / (calls + 1) / N:.1f}"]
            print(f"| {' | '.join([name, *rates, *own])} |", flush=True)
        adapter = from_command(examples(Path(place))["sampler.cpp"], kind="verify")
        verdicts = [check(adapter, eps=0.1, seed=seed).verdict for seed in range(20)]
        print(f"sampler.cpp, 20 seeds, eps = 0.1: {verdicts.count('PASS')} PASS", flush=True)
        # as the false alarms of NumPy verifiers above
        setting = {"probes": ["P1"], "eps": 0.1, "alpha": 0.01}
        verdicts = [check(adapter, seed=seed, **setting).verdict for seed in range(200)]
        print(f"sampler.cpp, 200 seeds, P1, alpha = 0.01: {verdicts.count('FAIL')} FAIL", flush=True)


def examples(place):
    """Compile the examples, and map their names to commands."""
    files = Path(__file__).resolve().parents[1] / "docs" / "wire"
    run(["g++", "-std=c++17", "-O2", "-o", str(place / "cpp"), str(files / "sampler.cpp")], check=True)
    run(["rustc", "--edition", "2021", "-O", "-o", str(place / "rs"), str(files / "sampler.rs")], check=True)
    commands = {"cpp": [str(place / "cpp")], "rs": [str(place / "rs")]}
    commands |= {"mjs": ["node", str(files / "sampler.mjs")], "py": [sys.executable, str(files / "sampler.py")]}
    return {f"sampler.{name}": command for name, command in commands.items()}


PARTS = {"alarms": alarms, "power": power, "diagnosis": diagnosis, "checks": checks, "held": held, "speed": speed}
PARTS |= {"wire": wire, "torch": torch_alarms}

if __name__ == "__main__":
    for part in sys.argv[1:] or [part for part in PARTS if part not in ("wire", "torch")]:
        start = process_time()
        PARTS[part]()
        print(f"({part}: {process_time() - start:.0f} s of CPU time)\n", flush=True)
