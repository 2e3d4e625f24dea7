"""`specsample chat`: a conversation with a real model.

Each answer is made as `generate` makes a text: streamed, coloured by origin, ended by the model's stop token. Of a
conversation only what is new is read. What people write stays text: no message can end its own turn.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import partial

from specsample.bench import timed
from specsample.commands.sampling import add_model, add_strategies, continue_text, decoder, load_models, show_stream
from specsample.streaming import generate_stream
from specsample.trace import Trace
from specsample.transformer.chat import chat_tokens
from specsample.transformer.kept import KeptModel, go_on

about = "talk with a real model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add_model(parser.add_argument, default="smollm2")
    add_strategies(parser.add_argument)
    parser.add_argument("--system", metavar="TEXT", help="what the model is told first (default: its own words)")
    parser.epilog = "Each line of standard input is a message. Ctrl-C ends an answer, Ctrl-D the conversation."


def run(given: argparse.Namespace) -> None:
    """Answer each line of standard input, with all that was said before it.

    Raises
    ------
    ValueError
        If the model has no chat template that is written here, or the conversation no longer fits.
    """
    target, draft, _ = load_models(given)
    models = (KeptModel(target), KeptModel(draft))
    # weights are laid out at the first start, before anybody waits for an answer
    models[0].start()
    messages = [{"role": "system", "content": given.system}] if given.system else []
    for line in _lines():
        messages.append({"role": "user", "content": line})
        prompt = chat_tokens(target.tokenizer, messages)
        room = target.max_length - len(prompt)
        if room < 1:
            raise ValueError(f"the conversation fills all {target.max_length} tokens of the cache. Begin a new one.")
        trace = Trace(tuple(prompt))
        settings = {"max_new_tokens": min(given.max_new_tokens, room), "trace": trace}
        # Ctrl-C ends the answer: what was said stays said
        try:
            # what was read for the last answer need not be read again
            _, seconds = timed(partial(go_on, prompt, *models))
            pieces = continue_text(given, prompt, models, run=generate_stream, **settings)
            show_stream(pieces, trace, decoder(target), seconds=seconds)
        except KeyboardInterrupt:
            if not sys.stdin.isatty():
                raise
        messages.append({"role": "assistant", "content": decoder(target)(trace.tokens)})


def _lines() -> Iterator[str]:
    """Read messages until there are no more: empty lines are none, and only people are asked for them."""
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "")
        except EOFError:
            return
        if line.strip():
            yield line
