"""`specsample demo`: both ways of decoding side by side, timed."""

import argparse
import math

from rich.console import Console
from rich.table import Table
from rich.text import Text

from specsample.bench import Comparison, compare, pass_costs, predicted_speedup
from specsample.commands.sampling import DEFAULT_K, add_backend, add_basics, load_models
from specsample.strategies import temperature
from specsample.transformer.lm import TransformerLM
from specsample.viewer.origins import STYLES

about = "generate code and prose with the pair of the package"
PROMPTS = {
    "code": 'def read_lines(path):\n    """Return the lines of a file."""\n    ',
    "prose": "The expression list is evaluated in order, and ",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    add_basics(add)
    add("--no-times", action="store_true", help="print only what a seed determines")
    add_backend(add)


def run(given: argparse.Namespace) -> None:
    """Continue a code and a prose prompt both ways, in colours, with the measured and the predicted speed-up."""
    # nothing to compare without drafts or tokens; and more drafts than tokens are never made
    K = DEFAULT_K if given.K is None else given.K
    if K < 1 or given.max_new_tokens < 2:
        raise ValueError(f"demo needs --K >= 1 and --max-new-tokens >= 2; got {K} and {given.max_new_tokens}.")
    K = min(K, given.max_new_tokens - 1)
    console = Console(highlight=False, soft_wrap=True)
    target, draft, run_prompt = load_models(given)
    console.print(_legend(K))
    # the same continuation both ways, first one target pass a token, then the rounds in colours
    for kind, prompt in PROMPTS.items():
        tokens = target.tokenizer.encode(prompt)
        settings = {"max_new_tokens": given.max_new_tokens, "transform": temperature(given.temperature)}
        seen = compare(tokens, target, draft, K=K, seed=given.seed, run=run_prompt, **settings)
        console.rule(f"{kind}: autoregressive, one target pass a token")
        console.print(Text(prompt, "dim") + Text(target.tokenizer.decode(seen.baseline_tokens)))
        console.rule(f"{kind}: speculative, up to {K + 1} tokens a target pass")
        console.print(Text(prompt, "dim") + seen.trace.render(target.tokenizer.decode))
        console.rule()
        console.print(_table(seen, target, draft, K=K, with_times=not given.no_times))


def _legend(K: int) -> Text:
    """Explain the colours."""
    words = {"accepted": "accepted draft", "correction": "correction after a rejection", "bonus": f"bonus after {K}"}
    return Text(", ").join(Text(words[source], style) for source, style in STYLES.items())


def _table(run: Comparison, target: TransformerLM, draft: TransformerLM, *, K: int, with_times: bool) -> Table:
    """Set both runs side by side; times are left out on request, for they differ from run to run."""
    n = len(run.trace.tokens)
    trace = run.trace
    table = Table("", "autoregressive", "speculative")
    table.add_row("tokens", str(len(run.baseline_tokens)), str(n))
    table.add_row("target passes (rounds)", str(len(run.baseline_tokens)), str(trace.target_passes))
    table.add_row("tokens per target pass", "1.00", f"{trace.tokens_per_target_pass:.2f}")
    table.add_row("acceptance rate α", "", f"{trace.acceptance_rate:.3f}")
    if not with_times:
        return table
    # c and ρ at the middle of the text, and the speed-up that they predict with the measured α
    context = [*trace.prompt_tokens, *trace.tokens[: n // 2]][: target.max_length - K - 1]
    costs = pass_costs(target, draft, context, K=K)
    table.add_row("seconds", f"{run.baseline_seconds:.3f}", f"{run.seconds:.3f}")
    table.add_row("tokens/s", f"{n / run.baseline_seconds:.0f}", f"{n / run.seconds:.0f}")
    table.add_row("speed-up", "1.00", f"{run.baseline_seconds / run.seconds:.2f}")
    prediction = predicted_speedup(trace, costs, K)
    if math.isfinite(prediction):
        parts = f"from α, c = {costs.cost_ratio:.2f}, ρ = {costs.verify_ratio:.2f}"
        table.add_row(f"  predicted {parts}", "", f"{prediction:.2f}")
    return table
