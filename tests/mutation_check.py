"""Are the tests able to fail? Change the sources in small ways, one at a time, and see that some test notices.

`python tests/mutation_check.py` tries every mutant in a copy of the package and prints what killed it; words on the
command line choose the mutants whose file or reason contains one of them. Exit code 1 if a mutant survives without a
reason, if one that is said to change nothing is killed, or if the text to replace is not found exactly once.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CORE_TESTS = [
    "tests/test_acceptance.py",
    "tests/test_speculative.py",
    "tests/test_declining.py",
    "tests/test_proof.py",
]
QUICK = "not (autoregressive_is or transformer or page or batch)"  # and of the long runs the three shortest
QUICK += " and not (long_run and (tokens or zeros or order or common or hot or top))"
CORE_TESTS += ["-k", QUICK]
SECONDS = 900  # after which a mutant counts as endless
BATCHED_TESTS = ["tests/test_batched.py", "tests/test_declining.py", "tests/test_proof.py"]
BATCHED_TESTS += ["-k", "test_batched.py or batch"]
ACCEPTANCE, SPECULATIVE = "acceptance.py", "speculative.py"
CHECKED = "    check_drafts(draft_tokens, draft_probs, target_probs, u_accept)\n"
VERDICTS, PASSES, LOOP = "batched/verdicts.py", "batched/passes.py", "batched/loop.py"
PICKING = "batched/picking.py"


class Mutant(NamedTuple):
    """Replace one text that occurs once by another, and say why that is wrong, or why it changes nothing."""

    file: str
    old: str
    new: str
    why: str
    is_equivalent: bool = False


class Result(NamedTuple):
    """Tell what became of a mutant: the test that killed it, or None."""

    mutant: Mutant
    killer: str | None
    seconds: float

    @property
    def is_as_expected(self) -> bool:
        """Whether it was killed, or survived with a reason."""
        return (self.killer is None) == self.mutant.is_equivalent


KEPT = "xp.minimum(p_x, q_x) / xp.where(q_x > 0, q_x, xp.ones_like(q_x))"
EXCESS = "xp.maximum(p - q, xp.zeros_like(p))"
UNREAD = "([*tokens, *x][drafter.length :])[-1:]"
TARGET_ROLLBACK, DRAFT_ROLLBACK = "target.rollback(len(tokens) + n)", "min(drafter.length, len(tokens) + n)"

MUTANTS = [
    # the rule
    Mutant(
        ACCEPTANCE, KEPT, KEPT.replace("q_x > 0, q_x, xp.ones_like(q_x)", "p_x > 0, p_x, xp.ones_like(p_x)"), "q/p"
    ),
    Mutant(ACCEPTANCE, KEPT, "xp.ones_like(p_x)", "every draft is kept"),
    Mutant(ACCEPTANCE, KEPT, "xp.minimum(p_x, q_x)", "kept with min(p, q): not divided by q"),
    Mutant(
        ACCEPTANCE, KEPT, "xp.where(p_x >= q_x, xp.ones_like(q_x), xp.zeros_like(q_x))", "kept if and only if p >= q"
    ),
    Mutant(ACCEPTANCE, KEPT, "p_x / xp.where(q_x > 0, q_x, xp.ones_like(q_x))", "not a probability: no min(1, .)"),
    Mutant(ACCEPTANCE, KEPT, "xp.minimum(p_x, q_x) / (q_x + 1e-10)", "an epsilon in the test"),
    Mutant(ACCEPTANCE, "xp.where(q_x > 0,", "xp.where(q_x >= 0,", "0/0 where the draft has no mass"),
    Mutant(ACCEPTANCE, EXCESS, EXCESS.replace("p - q", "q - p"), "p and q swapped in the residual"),
    Mutant(ACCEPTANCE, EXCESS, "abs(p - q)", "|p - q| in place of max(0, p - q)"),
    Mutant(ACCEPTANCE, EXCESS, "xp.where(q > 0, xp.zeros_like(p), p)", "residual only drops what was drafted"),
    Mutant(ACCEPTANCE, EXCESS, "p", "residual is p"),
    Mutant(ACCEPTANCE, EXCESS, EXCESS + " + 1e-6", "an epsilon in the residual"),
    Mutant(ACCEPTANCE, "excess / xp.where(is_drafted, mass, xp.ones_like(mass))", "excess", "not normalised"),
    Mutant(ACCEPTANCE, "xp.sum(excess, axis=-1, keepdims=True)", "xp.sum(excess)", "normalised over the whole batch"),
    Mutant(ACCEPTANCE, "xp.where(is_drafted, mass", "xp.where(is_drafted | True, mass", "a bonus row is rescaled"),
    Mutant(ACCEPTANCE, "excess + p * xp.astype(is_empty, p.dtype)", "excess", "0/0 where p = q"),
    Mutant(ACCEPTANCE, "xp.sum(xp.minimum(target_probs", "xp.sum(xp.maximum(target_probs", "overlap is the union"),
    Mutant(ACCEPTANCE, "p.shape[0] != K + 1:", "p.shape[0] < K + 1:", "a row too many is not refused"),
    Mutant(
        ACCEPTANCE, "if K and q.shape != (K, p.shape[1]):", "if K and q.shape[0] != K:", "q of another vocabulary"
    ),
    # draft
    Mutant(SPECULATIVE, UNREAD, "([*tokens, *x][-1:])[-1:]", "the draft cache keeps its gap"),
    Mutant(SPECULATIVE, UNREAD, UNREAD.replace("[-1:]", "[:1]"), "first row in place of last"),
    Mutant(SPECULATIVE, "pick(q[0], u[k])", "pick(q[0], u[0])", "one uniform drafts all"),
    Mutant(SPECULATIVE, "pick(q[0], u[k])", "int(np.argmax(q[0]))", "argmax draft, ratio with q"),
    Mutant(SPECULATIVE, "rows.append(q[0])", "rows.append((rows or q)[0])", "q of draft 0 for all"),
    Mutant(
        SPECULATIVE, "            break\n", "            x.append(0)\n            break\n", "a declined draft is made"
    ),
    # verify
    Mutant(SPECULATIVE, "u_accept[n] < a[n]", "u_accept[n] <= a[n]", "a token of p = 0 passes at u = 0"),
    Mutant(SPECULATIVE, "u_accept[n] < a[n]", "u_accept[0] < a[n]", "one uniform tests all"),
    Mutant(SPECULATIVE, "u_accept[n] < a[n]", "u_accept[n] > a[n]", "test turned round"),
    Mutant(SPECULATIVE, "while n < K and", "while n < K - 1 and", "the last draft is always refused"),
    Mutant(
        SPECULATIVE,
        "    while n < K and u_accept[n] < a[n]:\n        n += 1\n",
        "    n = sum(bool(u_accept[i] < a[i]) for i in range(K))\n",
        "does not stop at the first refusal",
    ),
    Mutant(
        SPECULATIVE,
        "accept_probability(p[np.arange(K), x], q[np",
        "accept_probability(q[np.arange(K), x], p[np",
        "q/p",
    ),
    Mutant(SPECULATIVE, "(p[np.arange(K), x]", "(p[np.arange(K) + 1, x]", "p a row too far"),
    Mutant(SPECULATIVE, "(p[np.arange(K), x]", "(p[0, x]", "p of the first row for all"),
    Mutant(SPECULATIVE, "residual(p[n], q[n])", "residual(p[n], q[0])", "residual with the first q"),
    Mutant(SPECULATIVE, "residual(p[n], q[n])", "residual(p[0], q[n])", "residual with the first p"),
    Mutant(SPECULATIVE, "residual(p[n], q[n])", "p[n]", "a refused draft is replaced from p"),
    Mutant(
        SPECULATIVE,
        "if n < K:\n        p_n = residual(p[n], q[n])",
        "if K:\n        p_n = residual(p[n], q[min(n, K - 1)])",
        "bonus from a residual",
    ),
    Mutant(SPECULATIVE, "p_n = p[n]", "p_n = p[min(n, max(K - 1, 0))]", "bonus from row K - 1"),
    Mutant(SPECULATIVE, "pick(p_n, u_emit)", "int(np.argmax(p_n))", "replaced by argmax"),
    Mutant(
        SPECULATIVE, "pick(p_n, u_emit)", "pick(p_n, u_accept[n] if n < K else u_emit)", "the refusing uniform again"
    ),
    Mutant(SPECULATIVE, "np.array(draft_tokens, int)", "np.array(draft_tokens)", "no drafts are a float array"),
    Mutant(SPECULATIVE, CHECKED, "", "rows that do not fit are not refused by name"),
    # step
    Mutant(SPECULATIVE, TARGET_ROLLBACK, "pass", "refused drafts stay in the target's cache"),
    Mutant(SPECULATIVE, TARGET_ROLLBACK, "target.rollback(min(target.length, len(tokens) + n + 1))", "one too few"),
    Mutant(SPECULATIVE, TARGET_ROLLBACK, "target.rollback(len(tokens) + n - 1)", "one too many: reads a token again"),
    Mutant(SPECULATIVE, DRAFT_ROLLBACK, "drafter.length", "refused drafts stay in the draft's cache"),
    Mutant(SPECULATIVE, DRAFT_ROLLBACK, "len(tokens) + n", "the draft never read its last token"),
    Mutant(SPECULATIVE, DRAFT_ROLLBACK, "min(drafter.length, len(tokens))", "accepted drafts are read again"),
    Mutant(SPECULATIVE, "u_accept=u[K : K + len(x)]", "u_accept=u[: len(x)]", "drafted and tested with one uniform"),
    Mutant(SPECULATIVE, "u[K : K + len(x)]", "u[len(x) : 2 * len(x)]", "declined drafts shift the tests"),
    Mutant(SPECULATIVE, "u_emit=u[2 * K]", "u_emit=u[2 * K - 1]", "the last test's uniform again"),
    Mutant(SPECULATIVE, "u_emit=u[2 * K]", "u_emit=u[-1]", "a round has 2K + 1 uniforms: the same one", True),
    Mutant(SPECULATIVE, "[-(len(x) + 1) :]", "[: len(x) + 1]", "rows of the prompt"),
    Mutant(SPECULATIVE, "rule(x, q, p,", "rule(x, p[: len(x)], p,", "p in place of q"),
    Mutant(
        SPECULATIVE, "return [*tokens, *played.emitted]", "return [*tokens, *x[:n]]", "correction and bonus are lost"
    ),
    # generate
    Mutant(SPECULATIVE, "min(K, room - 1)", "min(K, room)", "one token too many"),
    Mutant(SPECULATIVE, "min(K, room - 1)", "K", "up to K tokens too many"),
    Mutant(SPECULATIVE, "room - len(played.emitted)", "room - k - 1", "discarded drafts count"),
    Mutant(SPECULATIVE, "while room > 0:", "while room > 1:", "the last token is missing"),
    Mutant(SPECULATIVE, "uniforms(rng, 2 * k + 1)", "uniforms(rng, 2 * K + 1)", "a shortened round takes too many"),
    Mutant(SPECULATIVE, "draft_transform or transform", "draft_transform", "the draft ignores the strategy"),
    Mutant(
        SPECULATIVE, "Transformed(target_model, transform,", "Transformed(target_model, None,", "no strategy on p"
    ),
    Mutant(SPECULATIVE, "played.until(stop)", "played", "tokens after an accepted stop token"),
    Mutant(SPECULATIVE, "played.emitted[-1] in stop", "played.emitted[-1] == stop", "never stops"),
    Mutant(
        SPECULATIVE,
        "played.emitted[-1] in stop",
        "any(t in stop for t in (*played.draft_tokens, played.emitted[-1]))",
        "a refused stop token ends the text",
    ),
    Mutant(SPECULATIVE, "return trace.tokens, trace", "return tokens[len(prompt_tokens) :], trace", "uncut tokens"),
    Mutant(SPECULATIVE, "max_new_tokens, K=K, stop=stop)", "max_new_tokens, stop=stop)", "a negative K passes"),
    # B sequences
    Mutant(PICKING, "u[:, None] < cumulative", "u[:, None] <= cumulative", "u = 0 picks a token it should not"),
    Mutant(
        PICKING,
        "xp.logical_and(u[:, None] < cumulative, is_possible)",
        "u[:, None] < cumulative",
        "NumPy adds in order: p = 0 adds no step",
        True,
    ),
    Mutant(PICKING, "xp.where(xp.any(is_past, axis=-1), first, last)", "first", "token 0 beyond a sum below 1"),
    Mutant(VERDICTS, "first_refusal(u_accept < a,", "first_refusal(u_accept <= a,", "p = 0 passes at u = 0"),
    Mutant(
        VERDICTS,
        "accept_probability(at_tokens(p[:, :K, :], x)",
        "accept_probability(at_tokens(p[:, 1:, :], x)",
        "row",
    ),
    Mutant(VERDICTS, "< n_drafts[:, None]", "<= n_drafts[:, None]", "padding is tested"),
    Mutant(VERDICTS, "rows_at(q, xp.clip(n, 0, K - 1))", "q[:, 0, :]", "residual with the first q"),
    Mutant(VERDICTS, "p_n = rows_at(p, n)", "p_n = rows_at(p, xp.clip(n, 0, max(K - 1, 0)))", "bonus from row K - 1"),
    Mutant(VERDICTS, "q_n[n >= n_drafts] = 0", "q_n[n >= K] = 0", "bonus minus padding"),
    Mutant(VERDICTS, "pick(residual(p_n, q_n), u_emit)", "pick(p_n, u_emit)", "a refused draft is replaced from p"),
    Mutant(
        VERDICTS,
        "xp.arange(B, device=device(probs)) * n",
        "xp.arange(B, device=device(probs)) * 0",
        "sequence 0's rows",
    ),
    Mutant(PASSES, "x = pick(q, to_device(u[:, k]", "x = pick(q, to_device(u[:, 0]", "one uniform drafts all"),
    Mutant(PASSES, "np.maximum(unread, 1)[:, None] - 1", "np.maximum(unread, 1)[:, None] * 0", "rows of the prompt"),
    Mutant(LOOP, "np.minimum(context.lengths, kept)", "context.lengths", "no roll-back"),
    Mutant(LOOP, "u[:, K : K + x.shape[1]]", "u[:, : x.shape[1]]", "drafted and tested with one uniform"),
    Mutant(LOOP, "K = tape.shape[1] // 2", "K = x.shape[1]", "declined drafts shift the tests"),
    Mutant(PASSES, "np.minimum(n_drafts, k), n_drafts)", "n_drafts, n_drafts)", "who declines drafts all the same"),
    Mutant(LOOP, "room[b] - len(played.emitted)", "room[b] - played.K - 1", "discarded drafts count"),
    Mutant(LOOP, "played.until(stop)", "played", "tokens after an accepted stop token"),
    Mutant(LOOP, "u_b[k : 2 * k]", "u_b[:k]", "drafted and tested with one uniform"),
]


def count(mutant: Mutant) -> int:
    """Count how often the text to replace occurs."""
    return (ROOT / "specsample" / mutant.file).read_text(encoding="utf-8").count(mutant.old)


def kill(mutant: Mutant | None, tests: list[str]) -> tuple[str | None, float]:
    """Run tests on a mutated copy of the package, a plain one for None; return the first that fails, and seconds."""
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("specsample", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        if mutant:
            path = copy / "specsample" / mutant.file
            path.write_text(path.read_text(encoding="utf-8").replace(mutant.old, mutant.new), encoding="utf-8")
        options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "--hypothesis-profile", "mutants"]
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", *options, *tests]
        env = os.environ | threads | {"PYTHONPATH": str(copy)}
        try:
            run = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return f"no end after {SECONDS} s", perf_counter() - start
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
    return (failed[0] if failed else "pytest itself") if run.returncode else None, perf_counter() - start


def try_mutant(mutant: Mutant) -> Result:
    """Run the tests of the mutated file."""
    return Result(mutant, *kill(mutant, BATCHED_TESTS if mutant.file.startswith("batched") else CORE_TESTS))


def line(result: Result) -> str:
    """Describe a result in one line of the table."""
    mutant, killer = result.mutant, result.killer
    outcome = "killed" if killer else "survived"
    verdict = outcome if result.is_as_expected else outcome.upper()
    reason = f"changes nothing: {mutant.why}" if mutant.is_equivalent else mutant.why
    by = (killer or "-").split("::")[-1][:60]
    return f"{verdict:<9}{mutant.file:<20}{reason:<58}{by:<62}{result.seconds:4.0f} s"


def stale(mutants: list[Mutant]) -> list[str]:
    """Describe the mutants whose text is gone, or no longer unique."""
    return [f"STALE    {m.file}: {m.old!r} occurs {count(m)} times, not once" for m in mutants if count(m) != 1]


def main(words: list[str]) -> int:
    """Try the mutants, print the table and return the exit code."""
    chosen = [m for m in MUTANTS if not words or any(word in f"{m.file} {m.why}" for word in words)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        unchanged = pool.map(lambda tests: kill(None, tests)[0], [CORE_TESTS, BATCHED_TESTS])
        if problems := stale(chosen) or [
            f"BROKEN   {killer} fails without any change" for killer in unchanged if killer
        ]:
            print(*problems, sep="\n")
            return 1
        results = []
        for result in pool.map(try_mutant, chosen):
            results.append(result)
            print(line(result), flush=True)
    killed, equivalent = sum(r.killer is not None for r in results), sum(m.is_equivalent for m in chosen)
    print(f"{killed} of {len(chosen)} mutants killed; {equivalent} change nothing")
    return 0 if all(r.is_as_expected for r in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
