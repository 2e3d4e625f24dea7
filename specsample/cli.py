"""What does the command `specsample` do? It runs the library and prints what came out.

`demo` shows the algorithm on the pair that comes with the package, `generate` and `trace` run it on a prompt, `train`
makes another pair. Everything here is called from the library; nothing is computed here.
"""

import argparse
import json
import math
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from specsample import papers, plan
from specsample.backend import LIBRARIES
from specsample.bench import Comparison, compare, pass_costs, predicted_speedup, timed
from specsample.bench import command as bench
from specsample.conformance import command as check
from specsample.course import command as course
from specsample.speculative import generate
from specsample.strategies import Transform, decoding_strategy, temperature
from specsample.streaming import generate_stream, stream_text
from specsample.trace import STYLES, Trace
from specsample.transformer import ragged
from specsample.transformer.lm import TransformerLM, load, load_pair

PROMPTS = {
    "code": 'def read_lines(path):\n    """Return the lines of a file."""\n    ',
    "prose": "The expression list is evaluated in order, and ",
}
IN_LIBRARY = "decode in batched form in this array library (default: NumPy, the text of the paper)"
STRATEGY = ("temperature", "top_k", "top_p", "min_p", "typical_p")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, or None for those of the process

    Returns
    -------
    int, exit status: 0, or 2 for bad input, or 130 after Ctrl-C; that of a check follows its verdict
    """
    given = _parser().parse_args(arguments)
    try:
        return int(given.run(given) or 0)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"specsample {given.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
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
    from specsample.transformer.train import run

    run(given.preset, given.out, seed=given.seed, resume=given.resume, teacher=given.teacher)


def run_evaluate(given: argparse.Namespace) -> None:
    """Measure a pair on held-out text, as one JSON object: what the card of the shipped pair states."""
    from specsample.quality import best_ngram, measure_pair

    target, draft = load_pair() if given.target is None else (load(given.target), load(given.draft))
    report = measure_pair(target, draft, limit=given.limit)
    for kind in PROMPTS if given.ngrams else ():
        report[kind]["ngrams_bits_per_character"] = best_ngram(kind)
    print(json.dumps(report, indent=1))


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
    prompt = sys.stdin.read() if given.prompt == "-" else given.prompt
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


def _parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    parser = argparse.ArgumentParser(prog="specsample", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = _command(commands, demo, "demo", "generate code and prose with the pair that comes with the package")
    command.add_argument("--K", type=int, default=5, help="drafts a round (default: 5)")
    command.add_argument("--max-new-tokens", type=int, default=200, help="tokens a prompt (default: 200)")
    command.add_argument("--temperature", type=float, default=1.0, help="of both models (default: 1)")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--no-times", action="store_true", help="print only what a seed determines")
    command.add_argument("--backend", choices=LIBRARIES, help=IN_LIBRARY)
    _add_sampling(command := _command(commands, run_generate, "generate", "continue a prompt"))
    command.add_argument("--backend", choices=LIBRARIES, help=IN_LIBRARY)
    command.add_argument("--json", action="store_true", help="print one JSON object with text and counters")
    command.add_argument("--stream", action="store_true", help="print only the new text, each round as it finishes")
    command.add_argument(
        "--stop-string", action="append", default=[], help="end before this; repeatable; implies --stream"
    )
    _add_sampling(command := _command(commands, run_trace, "trace", "continue a prompt and write every round down"))
    command.add_argument("--out", help="file to write, JSON")
    command.add_argument("--html", help="file to write, a page to step through without a network")
    command = _command(commands, run_train, "train", "train a model on the text that comes with Python")
    command.add_argument("--preset", choices=("tiny", "draft", "target"), required=True)
    command.add_argument("--out", required=True, help="folder of the run")
    command.add_argument("--teacher", help="checkpoint of a target to distil from")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    check.add_arguments(
        _command(commands, check.run, "check", "judge a sampler of your own: is its text the target's?")
    )
    bench.add_arguments(_command(commands, bench.run, "bench", "measure passes, decoding and the prediction"))
    papers.add_arguments(_command(commands, papers.run, "papers", "print the papers' numbers beside recomputed ones"))
    plan.add_arguments(_command(commands, plan.run, "plan", "predict the speed-up on a machine that is not here"))
    course.add_arguments(_command(commands, course.run, "course", "hand out, grade or open the notebooks"))
    command = _command(commands, run_evaluate, "evaluate", "measure a pair on held-out text, as JSON")
    command.add_argument("--target", help="checkpoint; with --draft, instead of the pair that comes with the package")
    command.add_argument("--draft", help="checkpoint")
    command.add_argument("--limit", type=int, help="characters of each kind (default: all)")
    command.add_argument("--ngrams", action="store_true", help="also train and measure n-gram models")
    return parser


def _command(commands: Any, run: Any, name: str, text: str) -> argparse.ArgumentParser:
    """Add one command."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    return command


def _add_sampling(command: argparse.ArgumentParser) -> None:
    """Add what `generate` and `trace` share."""
    command.add_argument("--prompt", required=True, help="text to continue, or - to read it from standard input")
    command.add_argument("--max-new-tokens", type=int, default=200)
    command.add_argument("--K", type=int, default=5, help="drafts a round (default: 5)")
    command.add_argument("--temperature", type=float, default=1.0, help="0 is greedy (default: 1)")
    command.add_argument("--top-k", type=int)
    command.add_argument("--top-p", type=float)
    command.add_argument("--min-p", type=float)
    command.add_argument("--typical-p", type=float)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--autoregressive", action="store_true", help="the baseline: K = 0")
