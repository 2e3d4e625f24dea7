"""How good target and draft are, against each other and counting.

Measures what the card beside the shipped pair states, on the held-out tenth of every document: bits per character of
both models and of the best interpolated n-gram, and the acceptance rate.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from specsample.drafts.ngram import NgramModel, bits_per_char, train_ngram
from specsample.training import data
from specsample.training.evaluate import evaluate
from specsample.transformer.config import n_params
from specsample.transformer.lm import TransformerLM
from specsample.transformer.tokenizer import CharTokenizer

MAX_ORDER = 6  # of the n-gram models


def measure_pair(target: TransformerLM, draft: TransformerLM, *, limit: int | None = None) -> dict[str, Any]:
    """Measure a pair on held-out text.

    Parameters
    ----------
    target, draft : TransformerLM, character models
    limit : int, characters of each kind, or None for all

    Returns
    -------
    dict of parameters, bits per character and acceptance rates (α at T = 1), by model and kind of text
    """
    # as many characters are predicted at a time as are read before them
    _, held_out, corpus = data.load_streams()
    window = min(target.max_length, draft.max_length) // 2
    with ThreadPoolExecutor(2) as pool:
        p = evaluate(target, held_out, window=window, pool=pool, limit=limit)
        q = evaluate(draft, held_out, window=window, pool=pool, limit=limit, teacher=target)
    report: dict[str, Any] = {"corpus": corpus}
    report["parameters"] = {"target": n_params(target.config), "draft": n_params(draft.config)}
    for kind in data.KINDS:
        bits = {"target": p[f"held_out_{kind}"], "draft": q[f"held_out_{kind}"]}
        report[kind] = {"bits_per_character": bits, "acceptance_rate": q[f"acceptance_{kind}"]}
    return report


def best_ngram(kind: str) -> dict[str, float]:
    """Find the best interpolated n-gram model of order up to 6 for one kind of text.

    Parameters
    ----------
    kind : {"code", "prose"}, the held-out text to predict

    Returns
    -------
    dict from "order, smoothing, training text" to bits per character, best first
    """
    held_out = _tokens([data.split(data.load_documents(kind))[1]])
    found = {name: bits_per_char(model, held_out) for name, model in _ngrams(kind)}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _ngrams(kind: str) -> Iterator[tuple[str, NgramModel]]:
    """Train one n-gram model after the other: on this kind alone or on all text, of every order."""
    for name, kinds in ((f"{kind} only", [kind]), ("all text", data.KINDS)):
        documents = _tokens([data.split(data.load_documents(each))[0] for each in kinds])
        for smoothing in ("kneser-ney", "witten-bell"):
            for order in range(2, MAX_ORDER + 1):
                model = train_ngram(documents, order, CharTokenizer().vocab_size, smoothing=smoothing)
                yield f"order {order}, {smoothing}, {name}", model


def _tokens(collections: list[list[str]]) -> list[list[int]]:
    """Turn documents into rows of tokens."""
    encode = CharTokenizer().encode
    return [encode(text) for documents in collections for text in documents if text]
