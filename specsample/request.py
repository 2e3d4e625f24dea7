"""What a sampler is asked for, and refusals before any work is done.

Every message names the argument, what was expected, what came, and the likely cause.
"""

from collections.abc import Collection, Sequence
from operator import index
from typing import Any, Required, TypedDict

from specsample.distributions import Transform, Uniforms


class Request(TypedDict, total=False):
    """What every function named `generate` is asked for besides the prompt, the models and its own numbers."""

    max_new_tokens: Required[int]  # at least 0
    rng: Required[Uniforms]  # a NumPy Generator, for instance
    transform: Transform | None  # the target's decoding strategy
    draft_transform: Transform | None  # the draft's; None for the same
    stop: Collection[int]  # token ids that end the text


def check_tokens(name: str, tokens: Sequence[int], V: int) -> None:
    """Refuse what is no sequence of token ids, at least one.

    Parameters
    ----------
    name : str, how the message calls them
    tokens : sequence of int
    V : int, tokens of the vocabulary

    Raises
    ------
    TypeError, ValueError
        If they are no sequence, one is no integer or outside the vocabulary, or there is none.
    """
    if not hasattr(tokens, "__len__"):
        raise TypeError(f"{name} must be a sequence of token ids; got {tokens!r}. One token alone is [token].")
    if len(tokens) == 0:
        raise ValueError(f"{name} must hold at least one token; got none. Models predict what follows a token.")
    for token in tokens:
        if not _is_integer(token):
            raise TypeError(f"{name} must hold integers; got {token!r}. Is it text, a float, or one list too many?")
        if not 0 <= token < V:
            raise ValueError(f"{name} must lie in 0 .. {V - 1}; got {token}. Is it another model's tokenizer?")


def check_K(K: int) -> None:
    """Refuse what is no number of drafts.

    Parameters
    ----------
    K : int >= 0
    """
    check_count("K", K, "K = 0 is autoregressive sampling.")


def check_count(name: str, value: int, hint: str = "") -> None:
    """Refuse what is no number of things.

    Parameters
    ----------
    name : str, how the message calls it
    value : int >= 0
    hint : str, how the message ends

    Raises
    ------
    TypeError, ValueError
        If value is no integer, or negative.
    """
    if not _is_integer(value) or value < 0:
        kind = ValueError if _is_integer(value) else TypeError
        raise kind(f"{name} must be an integer >= 0; got {value!r}. {hint}".rstrip())


def check_rollback(length: int, current: int) -> None:
    """Refuse a rollback to a length that the context does not have.

    Parameters
    ----------
    length : int, tokens to keep
    current : int, tokens read so far

    Raises
    ------
    ValueError
        If length is negative or larger than current.
    """
    if not 0 <= length <= current:
        raise ValueError(
            f"length must lie in 0 .. {current}, the tokens read; got {length}. Was the context rolled back twice?"
        )


def check_request(
    prompt_tokens: Sequence[int],
    models: Sequence[Any],
    max_new_tokens: int,
    *,
    K: int = 0,
    stop: Collection[int] = (),
) -> None:
    """Refuse a sampling request that cannot be served, before any work is done.

    Parameters
    ----------
    prompt_tokens : sequence of int, token ids
    models : 1 or 2 models, of one sequence or of a batch: the target's, then the draft's
    max_new_tokens : int >= 0, tokens
    K : int >= 0, drafts a round
    stop : token ids that end the text

    Raises
    ------
    TypeError
        If a token or a number is no integer, or a model is none.
    ValueError
        If the prompt is empty or holds ids outside the vocabulary, vocabularies differ, a number is negative, or the
        text would outgrow a model's `max_length` (models without one read any length).

    Examples
    --------
    >>> from specsample import TableModel
    >>> check_request([0], [TableModel([[0.5, 0.5], [1.0, 0.0]])], 10)
    """
    # the models: both are models, and of one vocabulary
    named = dict(zip(("target_model", "draft_model"), models))
    for name, model in named.items():
        if not (hasattr(model, "vocab_size") and hasattr(model, "start")):
            raise TypeError(
                f"{name} must have vocab_size and start, as a LanguageModel has; got {type(model).__name__}. "
                "Is it a table? TableModel(table) is a model."
            )
    sizes = {name: model.vocab_size for name, model in named.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            f"models must share one vocabulary; got vocab_size {sizes}. Do they share a tokenizer? "
            "If they do, one is padded: cut its rows, as docs/howto/own-model.md shows."
        )
    # the numbers
    check_tokens("prompt_tokens", prompt_tokens, next(iter(sizes.values())))
    check_count("max_new_tokens", max_new_tokens)
    check_K(K)
    if isinstance(stop, str) or not hasattr(stop, "__contains__") or not all(map(_is_integer, stop)):
        raise TypeError(f"stop must be a collection of token ids; got {stop!r}. Strings go to stream_text.")
    # a text that would outgrow a model's window is refused now, not after the first half of it
    for name, model in named.items():
        limit = getattr(model, "max_length", None)
        if limit is not None and len(prompt_tokens) + max_new_tokens > limit:
            room = limit - len(prompt_tokens)
            advice = f" or ask for at most {room}" if room > 0 else ""
            raise ValueError(
                f"prompt and new tokens must fit {name}'s limit of {limit} tokens; got {len(prompt_tokens)} + "
                f"{max_new_tokens}. Shorten the prompt{advice}."
            )


def _is_integer(value: Any) -> bool:
    """Accept what can count: Python's int, NumPy's, and arrays of one integer without axes."""
    try:
        index(value)
    except TypeError:
        return False
    return True
