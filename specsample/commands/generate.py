"""`specsample generate`: one prompt, continued."""

import argparse
import json

from specsample.bench import timed
from specsample.commands.sampling import (
    add_backend,
    add_model,
    add_sampling,
    continue_text,
    decoder,
    load_models,
    read_prompt,
    show_stream,
)
from specsample.streaming import generate_stream, stream_text
from specsample.trace import Trace

about = "continue a prompt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    add_sampling(add)
    add_model(add)
    add_backend(add)
    add("--json", action="store_true", help="print one JSON object with text and counters")
    add("--stream", action="store_true", help="print only the new text, each round as it finishes")
    add("--stop-string", action="append", default=[], metavar="TEXT", help="end before it; repeatable")


def run(given: argparse.Namespace) -> None:
    """Continue one prompt and print the text, or one JSON object."""
    if given.json and (given.stream or given.stop_string):
        raise ValueError("--json cannot go with --stream or --stop-string: it prints one object at the end.")
    target, draft, run_prompt = load_models(given)
    decode = decoder(target)
    prompt = read_prompt(given, target)
    trace = Trace(tuple(prompt))
    # weights are laid out at the first start: that is no time of generation
    for model in (target, draft):
        model.start()
    models = (target, draft)
    # for programs: one object
    if given.json:
        trace, seconds = timed(lambda: continue_text(given, prompt, models, run=run_prompt)[1])
        counts = trace.counts() | {"seconds": seconds}
        tokens = {"text": decode(trace.tokens), "tokens": trace.tokens, "prompt_tokens": prompt}
        print(json.dumps(tokens | counts))
        return
    # batched decoding shows no rounds; all else comes round by round
    pieces = continue_text(given, prompt, models, run=generate_stream, trace=trace)
    if given.backend and not (given.stream or given.stop_string):
        (_, trace), seconds = timed(lambda: continue_text(given, prompt, models, run=run_prompt))
        return show_stream([trace.tokens], trace, decode, head=decode(prompt), seconds=seconds)
    # streamed: the new text alone
    if given.stream:
        for piece in stream_text(pieces, decode, stop_strings=given.stop_string):
            print(piece, end="", flush=True)
        return print()
    # for people: colours by origin, and the counters on standard error
    show_stream(pieces, trace, decode, head=decode(prompt), stop_strings=given.stop_string)
