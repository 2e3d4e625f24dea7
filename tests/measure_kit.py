"""Measure what the conformance kit promises: false alarms, power, diagnosis, and the speed of the simulation.

    OPENBLAS_NUM_THREADS=1 python tests/measure_kit.py [alarms] [power] [diagnosis] [runs] [speed]

Outputs are drawn from the rules' exact laws, which makes thousands of runs cheap; `runs` really runs every rule, for
fewer streams. The numbers of docs and closing notes come from here. No test: pytest does not collect this file.
"""

import sys
from time import process_time

import numpy as np

from specsample.conformance.calibration import calibrate
from specsample.conformance.evidence import log_evidence
from specsample.conformance.open_round import law_of
from specsample.conformance.probe_pack import load_probes
from specsample.conformance.probe_plans import PLANS
from specsample.conformance.simulate import reference_verify, simulate
from specsample.conformance.statistics import diagnose, goodness_of_fit, log_e_threshold, posterior
from specsample.conformance.wrong_samplers import RIGHT, WRONG

PROBES = {probe.name: probe for probe in load_probes()}
SEEDS = {"alarms": 1, "power": 2, "diagnosis": 3, "runs": 4}
FIRST_CHOICE = ["P1", "P7", "P10-penalty", "P10-temperature"]
NO_LAW = ("M39", "M40")


def own_probe(name):
    """Find the probe on which a rule is judged: the designed one where it can be seen there."""
    return next(PROBES[probe] for probe in FIRST_CHOICE if name in PROBES[probe].rule_laws)


def normalised(law):
    """Make a law of ten digits sum to 1."""
    return law / law.sum()


def alarms():
    """Reject the target's own law: 2,000 runs of 10,000 streams on every probe, 50 looks each."""
    rng = np.random.default_rng(SEEDS["alarms"])
    print("false alarms: FAIL in 2,000 runs of 10,000 streams, 50 looks, law = target")
    print("| probe | at alpha = 0.01 | at 1e-6 | largest log E |\n|---|---|---|---|")
    for probe in PROBES.values():
        laws = list(probe.rule_laws.values())
        found = calibrate(normalised(probe.law), probe.law, laws, rng=rng, runs=2000, alpha=0.01)
        strict = calibrate(normalised(probe.law), probe.law, laws, rng=rng, runs=2000, alpha=1e-6)
        share = f"{found.rejected:.4f}"
        print(f"| {probe.name} | {share} | {round(2000 * strict.rejected)} | {found.log_e.max():.1f} |", flush=True)


def power():
    """Reject every wrong law: 200 runs of 10,000 streams, at 1e-6 and at the share that the probe has of it."""
    rng, missed = np.random.default_rng(SEEDS["power"]), []
    print("power: streams to FAIL at 1e-6 times the probe's share, 200 runs, 200 looks")
    print("| rule | probe | required n | median | max | runs with FAIL |\n|---|---|---|---|---|---|")
    for name in (rule.id for rule in WRONG if rule.id not in NO_LAW):
        probe = own_probe(name)
        given = {"rng": rng, "looks": 200, "alpha": 1e-6 * probe.weight}
        found = calibrate(normalised(probe.rule_laws[name]), probe.law, list(probe.rule_laws.values()), **given)
        n = found.n_at_rejection
        missed += [name] * (found.rejected < 1)
        print(f"| {name} | {probe.name} | {probe.required_n[name]} | {np.median(n):.0f} | {n.max():.0f} |", end="")
        print(f" {round(200 * found.rejected)} |", flush=True)
    print("missed:", missed or "none")


def diagnosis(runs=200, n=3000):
    """Name the law that 3,000 streams come from, with the true law in the catalogue and without it."""
    rng, named, left_out = np.random.default_rng(SEEDS["diagnosis"]), {}, {}
    print(f"diagnosis: {runs} runs of {n} streams; named, and `unknown` with the true law left out")
    print("| rule | probe | named | unknown when left out | taken for |\n|---|---|---|---|---|")
    for name in (rule.id for rule in WRONG if rule.id not in NO_LAW):
        laws = own_probe(name).rule_laws
        others = {other: law for other, law in laws.items() if other != name}
        counts = rng.multinomial(n, normalised(laws[name]), size=runs)
        with_it, without = ([diagnose(row, known).name for row in counts] for known in (laws, others))
        named[name], left_out[name] = with_it.count(name) / runs, without.count("unknown") / runs
        taken = sorted(set(with_it + without) - {name, "unknown"})
        line = f"| {name} | {own_probe(name).name} | {named[name]:.3f} | {left_out[name]:.3f} | {' '.join(taken)} |"
        print(line, flush=True)
    print(f"mean: named {np.mean([*named.values()]):.4f}, unknown {np.mean([*left_out.values()]):.4f}")


def runs(n=3000):
    """Really run the rules: C0 to C9 once for each probe without bins, the wrong ones on their own probe."""
    rng = np.random.default_rng(SEEDS["runs"])
    plans = {plan.name: plan.probe for plan in PLANS if plan.bins is None}
    print(f"rules really run, {n} streams: log E against the target, fit to their own exact law, first name")
    print("| rule | probe | exact law = target | log E | fit | name |\n|---|---|---|---|---|---|")
    for rule in (*RIGHT, *(rule for rule in WRONG if rule.id not in NO_LAW)):
        right = rule.id.startswith("C")
        probe = PROBES["P1"] if right else own_probe(rule.id)
        counts = probe.count(probe.run(rule.generate, rng) for _ in range(n))
        law = normalised(probe.law if right else probe.rule_laws[rule.id])
        equal = law_of(rule.generate, plans[probe.name]) == plans[probe.name].target_law() if right else "no"
        evidence = float(log_evidence(counts, probe.law, list(probe.rule_laws.values())))
        first = "-" if right else next(iter(posterior(counts, probe.rule_laws)))
        fit = goodness_of_fit(counts, law)
        print(f"| {rule.id} | {probe.name} | {equal} | {evidence:.1f} | {fit:.2g} | {first} |", flush=True)
    print(f"FAIL from log E = {log_e_threshold(1e-6):.1f}")


def speed():
    """Count simulated rounds a second of processor time, at V = 4, K = 4."""
    rng, rounds = np.random.default_rng(0), [0]

    def counting(x, q, p, rng):
        rounds[0] += len(x)
        return reference_verify(x, q, p, rng)

    class Setting:
        """V = 4, K = 4, ten tokens."""

        target_model, draft_model = PROBES["P1"].target_model, PROBES["P1"].draft_model
        prompt, K, max_new_tokens, stop, transform = (0,), 4, 10, (), None

    for batch in (1024, 8192, 65536):
        rounds[0], start = 0, process_time()
        simulate(Setting(), 2**17, rng, verify=counting, batch=batch)
        print(f"batch {batch}: {rounds[0] / (process_time() - start):.3g} rounds a second of CPU time", flush=True)


if __name__ == "__main__":
    for part in sys.argv[1:] or [*SEEDS, "speed"]:
        start = process_time()
        {"alarms": alarms, "power": power, "diagnosis": diagnosis, "runs": runs, "speed": speed}[part]()
        print(f"({part}: {process_time() - start:.0f} s of CPU time)\n", flush=True)
