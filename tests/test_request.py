"""The requests that are refused before any work is done, and how that is said."""

import ast

import numpy as np
import pytest
from test_layout import MODULES

from specsample.language_model import TableModel
from specsample.request import check_count, check_K, check_request, check_rollback, check_tokens

HALF = TableModel(np.full((2, 2), 0.5))


class Bounded:
    """A model with a length limit that nobody may start: a request must be refused before any pass."""

    vocab_size, max_length = 2, 8

    def start(self):
        raise AssertionError("a pass was made")


@pytest.mark.parametrize("tokens", [[0, 1], (1,), np.array([0, 1]), [np.int8(1)], [np.array(1)], range(2)])
def test_integers_of_any_kind_are_tokens(tokens):
    check_tokens("tokens", tokens, 2)


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ([], ValueError, "prompt_tokens must hold at least one token; got none. Models predict what follows"),
        ([0, 2], ValueError, r"prompt_tokens must lie in 0 \.\. 1; got 2. Is it another model's tokenizer\?"),
        ([0, -1], ValueError, r"prompt_tokens must lie in 0 \.\. 1; got -1"),
        ([1.0], TypeError, r"prompt_tokens must hold integers; got 1\.0"),
        (np.array([0.0]), TypeError, r"prompt_tokens must hold integers; got np\.float64\(0\.0\)"),
        ("ab", TypeError, "prompt_tokens must hold integers; got 'a'. Is it text"),
        (
            [[0, 1]],
            TypeError,
            r"prompt_tokens must hold integers; got \[0, 1\]. Is it text, a float, or one list too many\?",
        ),
        (3, TypeError, "prompt_tokens must be a sequence of token ids; got 3"),
    ],
)
def test_what_is_no_sequence_of_tokens_is_refused(tokens, error, message):
    with pytest.raises(error, match=message):
        check_tokens("prompt_tokens", tokens, 2)


@pytest.mark.parametrize(
    ("K", "error", "message"),
    [
        (-1, ValueError, "K must be an integer >= 0; got -1. K = 0 is autoregressive sampling."),
        (2.0, TypeError, r"K must be an integer >= 0; got 2\.0"),
        ("3", TypeError, "K must be an integer >= 0; got '3'"),
        (None, TypeError, "K must be an integer >= 0; got None"),
    ],
)
def test_what_is_no_number_of_drafts_is_refused(K, error, message):
    with pytest.raises(error, match=message):
        check_K(K)


def test_a_count_may_be_zero_or_a_numpy_integer():
    check_count("n", 0)
    check_count("n", np.int64(3))


def test_a_rollback_to_the_present_or_to_nothing_is_allowed():
    check_rollback(3, 3)
    check_rollback(0, 3)


@pytest.mark.parametrize("length", [-1, 4])
def test_a_rollback_outside_what_was_read_is_refused(length):
    with pytest.raises(ValueError, match=rf"length must lie in 0 \.\. 3, the tokens read; got {length}"):
        check_rollback(length, 3)


@pytest.mark.parametrize(
    ("prompt", "max_new_tokens", "K", "message"),
    [
        ([2], 1, 1, r"prompt_tokens must lie in 0 \.\. 1; got 2"),
        ([0], -1, 1, "max_new_tokens must be an integer >= 0; got -1"),
        ([0], 1, -1, "K must be an integer >= 0; got -1"),
        ([0] * 3, 6, 1, r"fit target_model's limit of 8 tokens; got 3 \+ 6. Shorten the prompt or ask for at most 5"),
        ([0] * 9, 1, 1, r"got 9 \+ 1\. Shorten the prompt\.$"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused(prompt, max_new_tokens, K, message):
    with pytest.raises(ValueError, match=message):
        check_request(prompt, (Bounded(), HALF), max_new_tokens, K=K)


def test_models_of_different_vocabularies_are_refused_with_both_sizes():
    models = TableModel(np.full((3, 3), 1 / 3)), HALF
    with pytest.raises(ValueError, match=r"\{'target_model': 3, 'draft_model': 2\}. Do they share a tokenizer\?"):
        check_request([0], models, 1)


@pytest.mark.parametrize(("model", "got"), [(None, "NoneType"), (np.full((2, 2), 0.5), "ndarray")])
def test_what_is_no_model_is_refused(model, got):
    with pytest.raises(TypeError, match=f"draft_model must have vocab_size and start, .*; got {got}. Is it a table"):
        check_request([0], (HALF, model), 1)


@pytest.mark.parametrize("stop", [1, "a", ["a"], [0.5]])
def test_stop_tokens_that_could_never_stop_a_text_are_refused(stop):
    with pytest.raises(TypeError, match=r"stop must be a collection of token ids; got .* Strings go to stream_text"):
        check_request([0], [HALF], 1, stop=stop)


@pytest.mark.parametrize("stop", [(), {1}, [0, 1], np.array([1])])
def test_a_request_that_just_fits_is_served(stop):
    check_request(np.array([0, 1, 1]), [Bounded()], 5, stop=stop)


def messages():
    """List (where, text) of every message that is raised; what is put in for a name stands in braces."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                text = node.exc.args[0]
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                if all(isinstance(part, ast.Constant | ast.FormattedValue) for part in parts):
                    words = [part.value if isinstance(part, ast.Constant) else "{}" for part in parts]
                    yield f"{path.name}:{node.lineno} {ast.unparse(node.exc.func)}", "".join(map(str, words))


def test_every_message_is_a_sentence_or_two():
    found = [(where, text) for where, text in messages() if where.endswith(("ValueError", "TypeError"))]
    assert len(found) > 80
    open_ended = [where for where, text in found if not text.endswith((".", "?", "]'", "{}"))]
    assert not open_ended, open_ended
    assert not [where for where, text in found if text.endswith("got {}")]
