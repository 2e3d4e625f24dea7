"""What the page "Try it" asks of the package, in a worker of the reader's browser.

The package is the wheel, untouched; nothing of the algorithm stands here. Tests run it in a browser and without.
"""

import json
import linecache
from dataclasses import replace
from functools import cache
from types import ModuleType

import numpy as np

from specsample import Trace, decoding_strategy, load_pair, step
from specsample.bench.race import race
from specsample.rounds import play_rounds

HERE = "your verify"  # how messages name the text that was pasted
models = cache(load_pair)


def play(tokens, target, drafter, *, room, rng, K):
    """Play the round of `speculative.generate` and keep its rows, for the viewer."""
    k = min(K, room - 1)
    return step(tokens, target, drafter, K=k, u=rng.random(2 * k + 1), keep_rows=True)[1]


class Run:
    """A text that grows by a round each time it is asked to.

    Parameters
    ----------
    prompt : str
    K, seed, max_new_tokens : int
    temperature : float, of both models
    """

    def __init__(self, prompt, *, K, temperature, seed, max_new_tokens):
        if not prompt:
            raise ValueError("The prompt must hold at least one character: models predict what follows one.")
        self.target, self.draft = models()
        self.tokens = self.target.tokenizer.encode(prompt)
        self.settings = {"transform": decoding_strategy(temperature=temperature), "max_new_tokens": max_new_tokens}
        self.K, self.seed = K, seed
        self.trace = Trace(tuple(self.tokens))
        self.rounds = play_rounds(
            self.tokens,
            self.target,
            self.draft,
            play=lambda *given, **named: play(*given, K=K, **named),
            rng=np.random.default_rng(seed),
            **self.settings,
        )

    def round(self):
        """Play one: JSON with its characters, their origins and the counters so far, or "" at the end."""
        played = next(self.rounds, None)
        if played is None:
            return ""
        self.trace.rounds.append(played)
        pieces = [[self.decode([token]), source] for token, source in zip(played.emitted, played.sources)]
        return json.dumps({"pieces": pieces, "counts": self.trace.counts() | {"tokens": len(self.trace.tokens)}})

    def decode(self, tokens):
        """Turn tokens into text."""
        return self.target.tokenizer.decode(tokens)

    def viewer(self):
        """Write the viewer of what was played so far, as a page."""
        return self.trace.to_html(self.decode)

    def race(self, repeats=3):
        """Measure every pass of this text, with and without drafts: JSON with a page and both times in seconds."""
        models_of_both = (self.target, self.draft)
        rng = np.random.default_rng(self.seed)
        _, raced = race(self.tokens, *models_of_both, K=self.K, rng=rng, repeats=repeats, **self.settings)
        raced = replace(raced, how=f"medians of {repeats} runs of each, in turns, in this browser")
        plain = sum(idle + busy for idle, busy in raced.baseline_passes)
        drafted = sum(idle + busy for played in raced.passes for idle, busy in played)
        return json.dumps({"page": raced.to_html(self.decode), "plain": plain, "drafted": drafted})


def find_verify(source):
    """Run a text that was pasted, and take `verify` out of it.

    Raises
    ------
    ValueError
        If it raises, or has no such function.
    """
    # its lines can be shown in messages, as those of a file
    linecache.cache[HERE] = (len(source), None, source.splitlines(keepends=True), HERE)
    module = ModuleType("pasted")
    try:
        exec(compile(source, HERE, "exec"), vars(module))
    except (Exception, SystemExit) as error:
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ValueError(f"{type(error).__name__}{where}: {error}") from error
    if not callable(getattr(module, "verify", None)):
        raise ValueError("The text must define a function `verify(draft_tokens, draft_probs, target_probs, rng)`.")
    return module.verify


def judge(source, *, eps, is_one, time_limit, tell):
    """Judge a `verify` that was pasted: JSON with the verdict and the report as a page.

    Parameters
    ----------
    source : str, defines `verify`
    eps : float, total variation that a PASS excludes
    is_one : bool, it takes one sequence and not a batch
    time_limit : float, seconds for one call
    tell : function of streams drawn, streams needed, the evidence so far, and the probe
    """
    from specsample.conformance import check, from_verify
    from specsample.conformance.report_html import to_page

    adapter = from_verify(find_verify(source), batched=not is_one, name="verify")
    report = check(adapter, eps=eps, time_limit=time_limit, progress=lambda at: tell(*at))
    return json.dumps({"verdict": report.verdict, "page": to_page(report)})
