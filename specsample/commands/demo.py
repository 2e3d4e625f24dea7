"""`specsample demo`: a race of both ways of decoding, and why one wins."""

import argparse
import math
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from specsample.bench import Comparison, Costs, compare, pass_costs, predicted_speedup
from specsample.commands.race import lane, run_race
from specsample.commands.sampling import DEFAULT_K, add_backend, add_basics, add_model, load_models
from specsample.strategies import temperature
from specsample.theory import best_K
from specsample.transformer.lm import TransformerLM
from specsample.viewer.origins import MARKS, STYLES

about = "race both ways of decoding on code and prose"
PROMPTS = {
    "code": 'def read_lines(path):\n    """Return the lines of a file."""\n    ',
    "prose": "The expression list is evaluated in order, and ",
}
REAL_PROMPTS = {  # for a model that others trained, whose drafts come from the text itself
    "editing": (
        "The text: The library opens at nine in the morning. Visitors must leave their bags at the desk. Books can "
        "be borrowed for three weeks.\n\nThe same text, with museum in place of library: "
    ),
    "code": "def mean(numbers):\n    return sum(numbers) / len(numbers)\n\n\ndef mean_of_squares(numbers):\n    ",
}
USUAL_TOKENS = {False: 200, True: 64}  # of the shipped pair, and of a real model, which is slower
CHOSEN = "Prompts, seed and temperature are chosen for text that can be read; the times are as they come."
SEED = 3  # with every K up to LARGEST_K both texts have words to the end; by others some prose runs into blanks
TEMPERATURE = 0.5
USUAL_ALPHA = 0.85  # of this pair at that temperature: K is chosen before anything is drafted
LARGEST_K = 6
PAYS = 1.05  # a speed-up that is more than noise
NEAR = 1.1  # predicted over measured: as predicted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    add_basics(add, K="by measured times", T=TEMPERATURE, seed=SEED)
    add("--no-times", action="store_true", help=f"print only what a seed determines (K: {DEFAULT_K})")
    add_model(add)
    add_backend(add)
    parser.set_defaults(max_new_tokens=None)
    parser.epilog = CHOSEN


def run(given: argparse.Namespace) -> None:
    """Continue a code and a prose prompt both ways, in colours, with the measured and the predicted speed-up."""
    is_real = given.model is not None
    new = USUAL_TOKENS[is_real] if given.max_new_tokens is None else given.max_new_tokens
    prompts = REAL_PROMPTS if is_real else PROMPTS
    # nothing to compare without drafts or tokens; and more drafts than tokens are never made
    K = DEFAULT_K if given.K is None else given.K
    if K < 1 or new < 2:
        raise ValueError(f"demo needs --K >= 1 and --max-new-tokens >= 2; got {K} and {new}.")
    console = Console(highlight=False, soft_wrap=True)
    target, draft, run_prompt = load_models(given)
    decode = target.tokenizer.decode
    # weights are laid out once a process: said, and counted for nobody
    if not given.no_times:
        with console.status("preparing the weights ..."):
            K = given.K or fastest_K(target, draft, target.tokenizer.encode([*prompts.values()][-1]))
    K = min(K, new - 1)
    shown = (lambda text: text) if console.is_terminal else marked
    console.print(shown(_legend(K)))
    # nobody looks on where this is no terminal, and batched decoding has no rounds to show
    is_raced = console.is_terminal and not given.no_times and given.backend is None
    for kind, prompt in prompts.items():
        tokens = target.tokenizer.encode(prompt)
        settings: dict[str, Any] = {"max_new_tokens": new, "transform": temperature(given.temperature)}
        # a race to look at; then medians of runs that nobody draws
        if is_raced:
            console.rule(kind)
            run_race(console, [lane(prompt, target, draft, K=n, seed=given.seed, **settings) for n in (0, K)])
        seen = compare(tokens, target, draft, K=K, seed=given.seed, run=run_prompt, **settings)
        if not is_raced:
            console.rule(f"{kind}: autoregressive, one target pass a token")
            console.print(Text.assemble((prompt, "dim"), decode(seen.baseline_tokens)))
            console.rule(f"{kind}: speculative, up to {K + 1} tokens a target pass")
            console.print(Text.assemble((prompt, "dim"), shown(seen.trace.render(decode))))
            console.rule()
        # times are left out on request, for they differ from run to run
        table = _table(seen)
        if given.no_times:
            console.print(table)
            continue
        costs = _costs(seen, target, draft, K=K)
        _add_times(table, seen, costs, K=K)
        console.print(table)
        console.print(reason(seen, costs, K=K))


def fastest_K(target: TransformerLM, draft: TransformerLM, tokens: list[int]) -> int:
    """Choose the number of drafts a round by what passes cost on this processor.

    Parameters
    ----------
    target, draft : TransformerLM
    tokens : list of int, the context at which to measure

    Returns
    -------
    int in 1 .. LARGEST_K; 1 where no drafting would pay, for then the demo shows that
    """
    # a few repeats tell about which K is the best, and nobody waits for more
    measured = {K: pass_costs(target, draft, tokens, K=K, repeats=5) for K in range(1, LARGEST_K + 1)}
    cost_ratio = median(costs.cost_ratio for costs in measured.values())
    rho = lambda K: measured[K].verify_ratio if K else 1.0  # noqa: E731
    return max(1, best_K(USUAL_ALPHA, cost_ratio, rho, max_K=LARGEST_K))


def reason(seen: Comparison, costs: Costs, *, K: int) -> str:
    """Say why speculation pays here, or what to do where it does not.

    Parameters
    ----------
    seen : Comparison
    costs : Costs, in the same text
    K : int >= 1, drafts a round

    Returns
    -------
    str, a sentence or two
    """
    measured = seen.baseline_seconds / seen.seconds
    declines = seen.trace.declined > 0
    drafts = f"up to {K} drafts" if declines else f"{K} drafts"
    price = f"{drafts} at {costs.cost_ratio:.2f} target passes, one over {K + 1} rows at {costs.verify_ratio:.2f}"
    gain = f"{price}, for {seen.trace.tokens_per_target_pass:.2f} tokens"
    said = f"It pays here: {gain}."
    if measured < PAYS:
        said = f"It hardly pays here: {gain}. Try --K 1; `specsample bench --quick` tries every K."
    # the passes are not all that a round does; rounds of a source that declines are not all of K drafts
    if not declines and predicted_speedup(seen.trace, costs, K) > measured * NEAR:
        said += " The prediction counts passes alone; picking, checking and recording take the rest."
    return said


def marked(text: Text) -> Text:
    """Put marks in place of the styles of the origins, for where no style can be seen.

    Parameters
    ----------
    text : rich Text, styled by `viewer.origins.STYLES`

    Returns
    -------
    rich Text without styles

    Examples
    --------
    >>> marked(_legend(5)).plain
    'accepted draft, [correction after a rejection], {bonus after 5}'
    """
    marks = {style: MARKS[origin] for origin, style in STYLES.items()}
    plain = text.plain
    written = []
    end = 0
    for span in sorted(text.spans):
        opening, closing = marks[str(span.style)]
        written += [plain[end : span.start], opening, plain[span.start : span.end], closing]
        end = span.end
    return Text("".join(written) + plain[end:])


def _costs(seen: Comparison, target: TransformerLM, draft: TransformerLM, *, K: int) -> Costs:
    """Measure c and ρ at the middle of the text."""
    trace = seen.trace
    context = [*trace.prompt_tokens, *trace.tokens[: len(trace.tokens) // 2]]
    return pass_costs(target, draft, context[: target.max_length - K - 1], K=K)


def _legend(K: int) -> Text:
    """Explain the colours."""
    words = {"accepted": "accepted draft", "correction": "correction after a rejection", "bonus": f"bonus after {K}"}
    return Text(", ").join(Text(words[source], style) for source, style in STYLES.items())


def _table(run: Comparison) -> Table:
    """Set side by side what a seed determines."""
    trace = run.trace
    n = len(run.baseline_tokens)
    table = Table("", "autoregressive", "speculative")
    table.add_row("tokens", str(n), str(len(trace.tokens)))
    table.add_row("target passes (rounds)", str(n), str(trace.target_passes))
    table.add_row("tokens per target pass", "1.00", f"{trace.tokens_per_target_pass:.2f}")
    table.add_row("acceptance rate α", "", f"{trace.acceptance_rate:.3f}")
    return table


def _add_times(table: Table, run: Comparison, costs: Costs, *, K: int) -> None:
    """Add what was measured, and the speed-up that the measured α, c and ρ predict."""
    n = len(run.trace.tokens)
    table.add_row("seconds, median of 3", f"{run.baseline_seconds:.3f}", f"{run.seconds:.3f}")
    table.add_row("tokens/s", f"{n / run.baseline_seconds:.0f}", f"{n / run.seconds:.0f}")
    table.add_row("speed-up", "1.00", f"{run.baseline_seconds / run.seconds:.2f}")
    # a formula of K drafts a round says nothing of a source that declines
    if run.trace.declined:
        return
    prediction = predicted_speedup(run.trace, costs, K)
    if math.isfinite(prediction):
        parts = f"from α, c = {costs.cost_ratio:.2f}, ρ = {costs.verify_ratio:.2f}"
        table.add_row(f"  predicted {parts}", "", f"{prediction:.2f}")
