"""The text that models learn from, and which window comes when.

Text that every CPython carries, so nothing is downloaded: `code` is the standard library's own top-level sources,
`prose` the reference topics behind `help()`. In a browser the library is a .zip, and the topics are another package.
"""

import hashlib
import sys
import sysconfig
from functools import cache
from pathlib import Path
from zipfile import Path as ZipPath

import numpy as np

from specsample.transformer.tokenizer import ALPHABET

KINDS = ("code", "prose")
CODE_SHARE = 0.75  # probability that a training window is code
HELD_OUT_SHARE = 0.1  # the last tenth of every document is never trained on


def load_documents(kind: str) -> list[str]:
    """Read the documents of one kind from the running Python.

    Parameters
    ----------
    kind : {"code", "prose"}, standard library sources, or reference topics

    Returns
    -------
    list of str, one text for each file or topic, sorted by name; characters outside the alphabet are dropped

    Raises
    ------
    ValueError
        If the kind is unknown or this Python carries no such documents.
    """
    if kind == "code":
        texts = _library()
    elif kind == "prose":
        from pydoc_data.topics import topics  # ModuleNotFoundError where they are not installed

        texts = [topics[name] for name in sorted(topics)]
    else:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}.")
    if not texts:
        raise ValueError(f"no {kind} documents found; does this Python ship its library without sources?")
    # a few hundred characters beyond ASCII are dropped
    strangers = {ord(c): None for c in set().union(*texts) - set(ALPHABET)}
    return [text.translate(strangers) for text in texts]


def _library() -> list[str]:
    """Read the standard library's top-level sources, sorted by name, out of its folder or its .zip."""
    folder: Path | ZipPath = Path(sysconfig.get_path("stdlib"))
    zipped = [path for path in sys.path if path.endswith(f"python{sysconfig.get_config_var('py_version_nodot')}.zip")]
    if zipped and Path(zipped[0]).is_file():
        folder = ZipPath(zipped[0])
    sources = {path.name: path for path in folder.iterdir() if path.name.endswith(".py")}
    return [sources[name].read_text(encoding="utf-8") for name in sorted(sources)]


def split(documents: list[str]) -> tuple[list[str], list[str]]:
    """Hold out the last tenth of every document: (first nine tenths, last tenths), in the same order.

    Examples
    --------
    >>> split(["abcdefghij"])
    (['abcdefghi'], ['j'])
    """
    cuts = [len(text) - int(len(text) * HELD_OUT_SHARE) for text in documents]
    pairs = list(zip(documents, cuts, strict=True))
    return [text[:cut] for text, cut in pairs], [text[cut:] for text, cut in pairs]


def corpus_hash(*collections: list[str]) -> str:
    """Name a corpus by the SHA-256 of its documents, in order: equal only if every document is."""
    digest = hashlib.sha256()
    for documents in collections:
        digest.update(f"{len(documents)} documents\n".encode())
        for text in documents:
            digest.update(f"{len(text)}\n".encode() + text.encode())
    return digest.hexdigest()


@cache
def load_streams() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], str]:
    """Load both kinds as long rows of tokens, for training and held out.

    Returns
    -------
    train, held_out : dicts of (n,) uint8 arrays, each kind's documents, one after the other
    corpus : str, the `corpus_hash` of code and prose together
    """
    documents = {kind: load_documents(kind) for kind in KINDS}
    parts = {kind: split(documents[kind]) for kind in KINDS}
    train = {kind: _to_stream(parts[kind][0]) for kind in KINDS}
    held_out = {kind: _to_stream(parts[kind][1]) for kind in KINDS}
    return train, held_out, corpus_hash(*documents.values())


def batch(streams: dict[str, np.ndarray], *, seed: int, step: int, size: int, window: int) -> np.ndarray:
    """Draw the windows of one training step, a pure function of (seed, step).

    So a resumed run sees exactly the text that an uninterrupted one would have seen.

    Parameters
    ----------
    streams : dict of (n,) uint8 arrays, training tokens of "code" and "prose"
    seed, step : int, name the batch
    size, window : int, B windows of T + 1 tokens each: T inputs and, one further, T targets

    Returns
    -------
    (B, T+1) int array, code with probability 0.75, else prose; any start is equally likely
    """
    # (seed, step) names the batch: no state to save
    rng = np.random.default_rng([seed, step])
    rows = np.empty((size, window + 1), dtype=np.intp)
    for row in rows:
        stream = streams["code" if rng.random() < CODE_SHARE else "prose"]
        start = rng.integers(len(stream) - window)
        row[:] = stream[start : start + window + 1]
    return rows


def held_out_windows(stream: np.ndarray, *, window: int, context: int = 0, limit: int | None = None) -> np.ndarray:
    """Cut held-out text into windows that do not overlap in what they predict.

    Parameters
    ----------
    stream : (n,) uint8 array, held-out tokens of one kind
    window : int, T, tokens predicted in each window
    context : int, C, tokens before them that are only read
    limit : int, optional, about how many tokens to keep, spread evenly over the text; all of them if None

    Returns
    -------
    (B, C+T+1) int array, what one window predicts begins where that of the window before it ends
    """
    # consecutive windows, or some of them spread evenly over the text
    n_windows = (len(stream) - 1 - context) // window
    chosen = np.arange(n_windows)
    if limit is not None and limit < n_windows * window:
        chosen = np.linspace(0, n_windows - 1, max(1, limit // window)).astype(np.int64)
    positions = chosen[:, None] * window + np.arange(context + window + 1)
    windows: np.ndarray = stream[positions].astype(np.intp)
    return windows


def _to_stream(documents: list[str]) -> np.ndarray:
    """Concatenate documents into one row of tokens; every character is known to be ASCII by now."""
    token_of = np.zeros(128, dtype=np.uint8)
    token_of[[ord(character) for character in ALPHABET]] = np.arange(len(ALPHABET))
    return token_of[np.frombuffer("".join(documents).encode("ascii"), dtype=np.uint8)]
