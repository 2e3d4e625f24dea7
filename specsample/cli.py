"""What does the command `specsample` do? It runs the library and prints what came out.

`demo` shows the algorithm on the pair that comes with the package, `generate` and `trace` run it on a prompt, `train`
makes another pair. Everything here is called from the library; nothing is computed here. What comes in wrong, a full
disk and Ctrl-C end in one line and a status. Before this file: `arguments`.
"""

import argparse
import json
import math
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from specsample import papers
from specsample.bench import Comparison, compare, pass_costs, predicted_speedup, timed
from specsample.commands import bench, check, course, plan
from specsample.commands.arguments import check_writable, parser
from specsample.request import check_count
from specsample.speculative import generate
from specsample.strategies import Transform, decoding_strategy, temperature
from specsample.streaming import generate_stream, stream_text
from specsample.trace import Trace
from specsample.transformer import ragged
from specsample.transformer.lm import TransformerLM, load, load_pair
from specsample.viewer.origins import STYLES

PROMPTS = {
    "code": 'def read_lines(path):\n    """Return the lines of a file."""\n    ',
    "prose": "The expression list is evaluated in order, and ",
}
FILES = ("out", "html", "report", "plot", "csv", "json")
STRATEGY = ("temperature", "top_k", "top_p", "min_p", "typical_p")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, or None for those of the process

    Returns
    -------
    int, exit status: 0, 2 for bad input, 130 after Ctrl-C, 141 if output is no longer read; a check's is its verdict
    """
    given, unknown = parser(RUNS).parse_known_args(arguments)
    refuse = vars(given).pop("refuse")
    if unknown:  # argparse itself would show the usage of no command
        refuse(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        _check(given)
        status = int(given.run(given) or 0)
        sys.stdout.flush()
        return status
    except (BrokenPipeError, SystemExit):  # the reader has seen enough, as in `specsample papers | head`; rich exits
        _close_output()
        return 141  # what a shell gives a process that SIGPIPE ended
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        parts = (error.filename, error.strerror) if isinstance(error, OSError) else (error,)
        said = ": ".join(str(part) for part in parts if part) or str(error)  # without the number of the error
        print(f"specsample {given.command}: {said}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"specsample {given.command}: interrupted", file=sys.stderr)
        return 130


def demo(given: argparse.Namespace) -> None:
    """Continue a code and a prose prompt both ways, in colours, with the measured and the predicted speed-up."""
    console, (target, draft, run_prompt) = Console(highlight=False, soft_wrap=True), _models(given)
    console.print(_legend(given.K))
    for kind, prompt in PROMPTS.items():
        tokens = target.tokenizer.encode(prompt)
        settings = {"max_new_tokens": given.max_new_tokens, "transform": temperature(given.temperature)}
        run = compare(tokens, target, draft, K=given.K, seed=given.seed, run=run_prompt, **settings)
        console.rule(f"{kind}: autoregressive, one target pass a token")
        console.print(Text(prompt, "dim") + Text(target.tokenizer.decode(run.baseline_tokens)))
        console.rule(f"{kind}: speculative, up to {given.K + 1} tokens a target pass")
        console.print(Text(prompt, "dim") + run.trace.render(target.tokenizer.decode))
        console.rule()
        console.print(_table(run, target, draft, given=given))


def run_generate(given: argparse.Namespace) -> None:
    """Continue one prompt and print the text, or one JSON object."""
    if given.json and (given.stream or given.stop_string):
        raise ValueError("--json cannot go with --stream or --stop-string: it prints one object at the end.")
    target, draft, run_prompt = _models(given)
    if given.stream or given.stop_string:
        pieces = _continue(given, target, draft, run=generate_stream)
        for piece in stream_text(pieces, target.tokenizer.decode, stop_strings=given.stop_string):
            print(piece, end="", flush=True)
        return print()
    trace, seconds = timed(lambda: _continue(given, target, draft, run=run_prompt)[1])
    decode = target.tokenizer.decode
    if given.json:
        counts = trace.counts() | {"seconds": seconds}
        tokens = {"text": decode(trace.tokens), "tokens": trace.tokens, "prompt_tokens": list(trace.prompt_tokens)}
        print(json.dumps(tokens | counts))
        return
    text = Text(decode(list(trace.prompt_tokens)), "dim") + trace.render(decode)
    Console(highlight=False, soft_wrap=True).print(text)
    rate = f"{len(trace.tokens)} tokens in {trace.target_passes} target passes, {seconds:.2f} s"
    Console(stderr=True, highlight=False).print(rate, style="dim")


def run_trace(given: argparse.Namespace) -> None:
    """Continue one prompt and write every round, with all rows of p and q: as JSON, as a page to step through.

    Raises
    ------
    ValueError
        If no file is named.
    """
    if not (given.out or given.html):
        raise ValueError("trace needs --out RUN.json or --html RUN.html; got neither. Where should the rounds go?")
    target, draft = load_pair()
    trace = _continue(given, target, draft, keep_rows=True)[1]
    for path, write in (
        (given.out, Trace.to_json),
        (given.html, partial(Trace.to_html, decode=target.tokenizer.decode)),
    ):
        if path:
            Path(path).write_text(write(trace), encoding="utf-8")
            print(f"{len(trace.rounds)} rounds, {len(trace.tokens)} tokens: {path}")


def run_train(given: argparse.Namespace) -> None:
    """Train a model on the text that comes with Python."""
    from specsample.training.train import run

    run(given.preset, given.out, seed=given.seed, resume=given.resume, teacher=given.teacher)


def run_evaluate(given: argparse.Namespace) -> None:
    """Measure a pair on held-out text, as one JSON object: what the card of the shipped pair states."""
    from specsample.bench.quality import best_ngram, measure_pair

    if (given.target is None) != (given.draft is None):
        raise ValueError("--target and --draft must be given together, or neither of them; got one.")
    if given.limit is not None and given.limit < 2:
        raise ValueError(f"--limit must be at least 2 characters, one to read and one to predict; got {given.limit}.")
    target, draft = load_pair() if given.target is None else (load(given.target), load(given.draft))
    report = measure_pair(target, draft, limit=given.limit)
    for kind in PROMPTS if given.ngrams else ():
        report[kind]["ngrams_bits_per_character"] = best_ngram(kind)
    print(json.dumps(report, indent=1))


def _check(given: argparse.Namespace) -> None:
    """Refuse before any work is done what would be refused after it: a seed below 0, a file in no folder."""
    check_count("seed", getattr(given, "seed", 0))
    for name in FILES:
        path = getattr(given, name, None)
        if isinstance(path, str) and path != "-" and given.run is not run_train:
            check_writable(f"--{name}", path)


def _close_output() -> None:
    """Let nothing more be written to a pipe that nobody reads, at the interpreter's end above all."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _models(given: argparse.Namespace) -> tuple[TransformerLM, TransformerLM, Any]:
    """Load the pair into the array library that the arguments name, and say which function decodes there."""
    target, draft = load_pair()
    if given.backend is None:
        return target, draft, generate
    return target.to(given.backend), draft.to(given.backend), ragged.generate


def _continue(
    given: argparse.Namespace, target: TransformerLM, draft: TransformerLM, *, run: Any = generate, **settings: Any
) -> Any:
    """Run what the arguments ask for; the autoregressive baseline is the case K = 0."""
    prompt = given.prompt
    if prompt == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise ValueError("--prompt - reads standard input, which is closed. Give the text: --prompt TEXT.")
        prompt = sys.stdin.read()
    settings |= {"max_new_tokens": given.max_new_tokens, "transform": _strategy(given)}
    K, rng = 0 if given.autoregressive else given.K, np.random.default_rng(given.seed)
    return run(target.tokenizer.encode(prompt), target, draft, K=K, rng=rng, **settings)


def _strategy(given: argparse.Namespace) -> Transform:
    """Compose the decoding strategy that the arguments name."""
    return decoding_strategy(**{name: getattr(given, name) for name in STRATEGY})


def _legend(K: int) -> Text:
    """Explain the colours."""
    words = {"accepted": "accepted draft", "correction": "correction after a rejection", "bonus": f"bonus after {K}"}
    return Text(", ").join(Text(words[source], style) for source, style in STYLES.items())


def _table(run: Comparison, target: TransformerLM, draft: TransformerLM, *, given: argparse.Namespace) -> Table:
    """Set both runs side by side; times are left out on request, for they differ from run to run."""
    trace, n = run.trace, len(run.trace.tokens)
    table = Table("", "autoregressive", "speculative")
    table.add_row("tokens", str(len(run.baseline_tokens)), str(n))
    table.add_row("target passes (rounds)", str(len(run.baseline_tokens)), str(trace.target_passes))
    table.add_row("tokens per target pass", "1.00", f"{trace.tokens_per_target_pass:.2f}")
    table.add_row("acceptance rate α", "", f"{trace.acceptance_rate:.3f}")
    if given.no_times:
        return table
    costs = pass_costs(target, draft, [*trace.prompt_tokens, *trace.tokens[: n // 2]], K=given.K)
    table.add_row("seconds", f"{run.baseline_seconds:.3f}", f"{run.seconds:.3f}")
    table.add_row("tokens/s", f"{n / run.baseline_seconds:.0f}", f"{n / run.seconds:.0f}")
    table.add_row("speed-up", "1.00", f"{run.baseline_seconds / run.seconds:.2f}")
    prediction = predicted_speedup(trace, costs, given.K)
    if math.isfinite(prediction):
        parts = f"from α, c = {costs.cost_ratio:.2f}, ρ = {costs.verify_ratio:.2f}"
        table.add_row(f"  predicted {parts}", "", f"{prediction:.2f}")
    return table


RUNS = {
    "demo": demo,
    "generate": run_generate,
    "trace": run_trace,
    "train": run_train,
    "check": check.run,
    "bench": bench.run,
    "papers": papers.run,
    "plan": plan.run,
    "course": course.run,
    "evaluate": run_evaluate,
}
