"""`specsample evaluate`: a pair on held-out text, as its card states it."""

import argparse
import json

from specsample.transformer.lm import load, load_pair

about = "measure a pair on held-out text, as JSON"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add = parser.add_argument
    add("--target", metavar="FILE.npz", help="checkpoint, with --draft (default: the pair of the package)")
    add("--draft", metavar="FILE.npz", help="checkpoint, with --target")
    add("--limit", type=int, metavar="N", help="characters of each kind (default: all)")
    add("--ngrams", action="store_true", help="also train and measure n-gram models")


def run(given: argparse.Namespace) -> None:
    """Measure a pair on held-out text, as one JSON object: what the card of the shipped pair states."""
    from specsample.bench.quality import best_ngram, measure_pair
    from specsample.training.data import KINDS

    if (given.target is None) != (given.draft is None):
        raise ValueError("--target and --draft must be given together, or neither of them; got one.")
    if given.limit is not None and given.limit < 2:
        raise ValueError(f"--limit must be at least 2 characters, one to read and one to predict; got {given.limit}.")
    # the shipped pair, or another one
    target, draft = load_pair() if given.target is None else (load(given.target), load(given.draft))
    report = measure_pair(target, draft, limit=given.limit)
    for kind in KINDS if given.ngrams else ():
        report[kind]["ngrams_bits_per_character"] = best_ngram(kind)
    print(json.dumps(report, indent=1))
