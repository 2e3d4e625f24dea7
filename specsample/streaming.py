"""Text that appears while it is being made, and ends where it should.

Rounds are handed on as they finish. `generate_stream` hands on what each round of `speculative.generate` emits: same
tokens for the same rng. `stream_text` turns them into text and ends it before a stop string. A stop string may begin
in one round and end in a later one, so whatever could still become one is held back until the text says otherwise:
what has been shown is never taken back, and the text is the one that `cut` would leave of the whole.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from functools import partial

from specsample.distributions import Transform, Uniforms
from specsample.language_model import LanguageModel
from specsample.request import check_K
from specsample.rounds import play_rounds, play_step
from specsample.trace import Round, Trace


def generate_stream(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    K: int = 5,
    max_new_tokens: int,
    rng: Uniforms,
    transform: Transform | None = None,
    draft_transform: Transform | None = None,
    stop: Collection[int] = (),
    trace: Trace | None = None,
) -> Generator[list[int], None, None]:
    """Generate text and hand on the tokens of each round as soon as it is finished (Algorithm 1, in a loop).

    Parameters: as for `speculative.generate`.

    Parameters
    ----------
    trace : Trace that collects the finished rounds, or None

    Returns
    -------
    generator of lists of 1 to K+1 int, the new tokens of one round after the other

    Raises
    ------
    ValueError
        If the request cannot be served (`request.check_request`), at the call and not at the first token.

    Notes
    -----
    A round runs only when its tokens are asked for. Whoever stops asking, closes the iterator or interrupts it keeps
    whole rounds in `trace`, models without state, and an rng that has served those rounds (and, if it was interrupted
    inside a round, that one).

    Examples
    --------
    >>> import numpy as np
    >>> from specsample.language_model import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> list(generate_stream([0], other, other, K=2, max_new_tokens=4, rng=np.random.default_rng(0)))
    [[1, 0, 1], [0]]
    """
    # refused at the call: the generator below runs only when it is asked
    check_K(K)
    kept = Trace(tuple(prompt_tokens)) if trace is None else trace
    rounds = play_rounds(
        prompt_tokens,
        target_model,
        draft_model,
        play=partial(play_step, K=K),
        max_new_tokens=max_new_tokens,
        rng=rng,
        transform=transform,
        draft_transform=draft_transform,
        stop=stop,
    )
    return handed_on(rounds, kept)


def handed_on(rounds: Iterator[Round], trace: Trace) -> Generator[list[int], None, None]:
    """Write each round down before its tokens are handed on.

    Parameters
    ----------
    rounds : iterator of Round
    trace : Trace, which collects them

    Returns
    -------
    generator of lists of int
    """
    for played in rounds:
        # first into the trace: whoever stops asking keeps whole rounds
        trace.rounds.append(played)
        yield list(played.emitted)


def cut(text: str, stop_strings: Collection[str]) -> tuple[str, bool]:
    """End a text before the stop string that is complete first.

    Parameters
    ----------
    text : str
    stop_strings : strings that end it; they are not part of it

    Returns
    -------
    (str, what stands before the stop string, or all of it; bool, whether there was one)

    Notes
    -----
    Of two that overlap the one that ends first counts, because nothing after its end would ever be made; of two that
    end together the longer one.

    Examples
    --------
    >>> cut("one. two", [". ", "two"]), cut("one", ["two"])
    (('one', True), ('one', False))
    """
    starts = {stop: text.find(stop) for stop in _checked(stop_strings)}
    # (end, start): the smallest is the one that ends first, and of those the longest
    found = [(start + len(stop), start) for stop, start in starts.items() if start >= 0]
    if not found:
        return text, False
    _, start = min(found)
    return text[:start], True


def stream_text(
    chunks: Iterable[Sequence[int]], decode: Callable[[list[int]], str], *, stop_strings: Collection[str] = ()
) -> Iterator[str]:
    """Turn streamed tokens into streamed text that ends before a stop string.

    Parameters
    ----------
    chunks : iterable of sequences of int, as `generate_stream` gives them; not asked for more after a stop string
    decode : function from all tokens so far to text; it may end in U+FFFD where a character is not yet complete
    stop_strings : strings that end the text; they are not part of it

    Returns
    -------
    iterator of non-empty str; joined they are `cut` of the whole text

    Raises
    ------
    ValueError
        If a stop string is empty, or decode rewrites text that has been shown.

    Examples
    --------
    >>> list(stream_text([[0], [1, 0], [1, 1]], lambda tokens: "".join("ab"[token] for token in tokens),
    ...                  stop_strings=["bb"]))
    ['a', 'ba']
    """
    return _pieces(chunks, decode, _checked(stop_strings))


def _pieces(chunks: Iterable[Sequence[int]], decode: Callable[[list[int]], str], stops: list[str]) -> Iterator[str]:
    """Show what is certain after each chunk, and at the end the rest."""
    tokens: list[int] = []
    text = shown = ""
    for chunk in chunks:
        tokens += chunk
        # all of it again, for a character may consist of several tokens; an unfinished one waits
        text = decode(tokens)
        _check_only_grown(text, shown)
        seen = text.rstrip("\ufffd")
        # what a stop string may begin in was never shown, so the search starts after what was
        open_text, is_stopped = cut(seen[len(shown) :], stops)
        certain = open_text if is_stopped else open_text[: len(open_text) - _held_back(open_text, stops)]
        if certain:
            yield certain
        shown += certain
        if is_stopped:
            return
    # nothing more can come: what was held back is text
    rest, _ = cut(text[len(shown) :], stops)
    if rest:
        yield rest


def _check_only_grown(text: str, shown: str) -> None:
    """Refuse a decode that rewrites what has been shown: it cannot be taken back."""
    if not text.startswith(shown):
        raise ValueError(
            f"decode must only add to the text it gave before; got {text[-40:]!r} after {shown[-40:]!r} was shown. "
            "Does the tokenizer clean up spaces? Switch that off (clean_up_tokenization_spaces=False)."
        )


def _held_back(text: str, stops: list[str]) -> int:
    """Count the last characters of a text that may be the beginning of a stop string."""
    return max((n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n])), default=0)


def _checked(stop_strings: Collection[str]) -> list[str]:
    """Refuse an empty stop string, and a single string in place of a list of them."""
    if isinstance(stop_strings, str) or not all(stop_strings):
        raise ValueError(
            f"stop_strings must be a list of non-empty strings; got {stop_strings!r}. "
            + (
                "A single string is [text]."
                if isinstance(stop_strings, str)
                else "An empty one would end every text."
            )
        )
    return list(stop_strings)
