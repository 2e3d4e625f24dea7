"""A conversation as the tokens that a chat model was taught.

Each turn stands between two special tokens, and the answer begins after a third. A model's file brings its template
as a program (Jinja), which is not run: the one below is written out, and another is refused. What people write is
encoded as text, so that no message can end its own turn.
"""

from collections.abc import Mapping, Sequence

from specsample.transformer.bpe import BytePairTokenizer

ROLES = ("system", "user", "assistant")
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"  # where a conversation begins without
SMOLLM2 = (  # as its files have it
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    f"{SYSTEM}<|im_end|>\n' }}}}{{% endif %}}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def chat_tokens(tokenizer: BytePairTokenizer, messages: Sequence[Mapping[str, str]]) -> list[int]:
    """Turn a conversation into the tokens after which the model answers.

    Parameters
    ----------
    tokenizer : BytePairTokenizer, which knows its model's template
    messages : sequence of {"role": "system", "user" or "assistant", "content": str}

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If the template is not written here, there is no message, or a role is unknown.
    """
    _check(tokenizer, messages)
    # the template has a system message of its own for conversations without one
    if messages[0]["role"] != "system":
        messages = [{"role": "system", "content": SYSTEM}, *messages]
    # special tokens come from here alone
    start = tokenizer.special["<|im_start|>"]
    end = tokenizer.special["<|im_end|>"]
    line_end = tokenizer.encode("\n")
    tokens: list[int] = []
    for message in messages:
        tokens += [start, *tokenizer.encode(f"{message['role']}\n{message['content']}"), end, *line_end]
    return [*tokens, start, *tokenizer.encode("assistant\n")]


def _check(tokenizer: BytePairTokenizer, messages: Sequence[Mapping[str, str]]) -> None:
    """Refuse a template that is not written here, and what no template knows."""
    if tokenizer.template != SMOLLM2:
        got = f"{tokenizer.template[:60]!r} ..." if tokenizer.template else "none"
        raise ValueError(
            f"the model's chat template must be that of SmolLM2-Instruct; got {got}. Write its tokens out."
        )
    if not messages:
        raise ValueError("messages must hold at least one message; got none.")
    for message in messages:
        if message.get("role") not in ROLES or not isinstance(message.get("content"), str):
            raise ValueError(f"a message must have a role of {ROLES} and a text as content; got {message!r}.")
