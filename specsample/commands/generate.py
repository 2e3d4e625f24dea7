"""`specsample generate`: one prompt, continued."""

import argparse
import json

from rich.console import Console
from rich.text import Text

from specsample.bench import timed
from specsample.commands.sampling import add_backend, add_sampling, continue_prompt, load_models
from specsample.streaming import generate_stream, stream_text
from specsample.trace import Trace

about = "continue a prompt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    add_sampling(add)
    add_backend(add)
    add("--json", action="store_true", help="print one JSON object with text and counters")
    add("--stream", action="store_true", help="print only the new text, each round as it finishes")
    add("--stop-string", action="append", default=[], metavar="TEXT", help="end before it; repeatable")


def run(given: argparse.Namespace) -> None:
    """Continue one prompt and print the text, or one JSON object."""
    if given.json and (given.stream or given.stop_string):
        raise ValueError("--json cannot go with --stream or --stop-string: it prints one object at the end.")
    target, draft, run_prompt = load_models(given)
    decode = target.tokenizer.decode
    # weights are laid out at the first start: that is no time of generation
    for model in (target, draft):
        model.start()
    # streamed: the new text alone, as it comes
    if given.stream:
        pieces = continue_prompt(given, target, draft, run=generate_stream)
        for piece in stream_text(pieces, decode, stop_strings=given.stop_string):
            print(piece, end="", flush=True)
        return print()
    # a stop string ends the rounds, and what is shown of the last one
    if given.stop_string:
        trace = Trace(())
        pieces = continue_prompt(given, target, draft, run=generate_stream, trace=trace)
        shown, seconds = timed(lambda: "".join(stream_text(pieces, decode, stop_strings=given.stop_string)))
        trace.prompt_tokens = tuple(target.tokenizer.encode(given.prompt))
    else:
        trace, seconds = timed(lambda: continue_prompt(given, target, draft, run=run_prompt)[1])
        shown = decode(trace.tokens)
    # for programs: one object
    if given.json:
        counts = trace.counts() | {"seconds": seconds}
        tokens = {"text": decode(trace.tokens), "tokens": trace.tokens, "prompt_tokens": list(trace.prompt_tokens)}
        print(json.dumps(tokens | counts))
        return
    # for people: colours by origin, and the counters on standard error
    text = Text.assemble((decode(list(trace.prompt_tokens)), "dim"), trace.render(decode)[: len(shown)])
    Console(highlight=False, soft_wrap=True).print(text)
    rate = f"{len(trace.tokens)} tokens in {trace.target_passes} target passes, {seconds:.2f} s"
    Console(stderr=True, highlight=False).print(rate, style="dim")
