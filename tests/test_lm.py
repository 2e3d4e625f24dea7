"""A Transformer is a language model: distributions out, float32 throughout, bad ids refused."""

import numpy as np
import pytest

from specsample.autoregressive import autoregressive
from specsample.distributions import softmax
from specsample.speculative import generate
from specsample.strategies import greedy
from specsample.transformer import checkpoint, lm
from specsample.transformer.config import Config, init_params
from specsample.transformer.lm import TransformerLM
from specsample.transformer.model import forward


def small_model(seed=0, dtype=np.float32, **change):
    """Make a random model with lively distributions."""
    sizes = {"vocab_size": 97, "width": 16, "n_layers": 2, "n_heads": 2, "n_kv_heads": 1, "hidden": 24}
    config = Config(**(sizes | {"max_length": 64} | change))
    params = init_params(config, np.random.default_rng(seed), dtype)
    return TransformerLM(config, {name: p * 8 if p.ndim == 2 else p for name, p in params.items()})


def test_rows_are_the_softmax_of_the_logits():
    model, tokens = small_model(), [5, 3, 96, 0]
    expected = softmax(forward(model.config, model.params, np.array([tokens])))[0]
    context = model.start()
    probs = np.concatenate([context.extend(tokens[:3]), context.extend(tokens[3:])])
    assert (probs.shape, context.length) == ((4, 97), 4)
    np.testing.assert_allclose(probs, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_type_of_the_parameters_is_that_of_rows_and_cache(dtype):
    context = small_model(dtype=dtype).start()
    for n in (1, 6, 20):
        assert context.extend([1] * n).dtype == dtype
    assert (context.cache.keys.dtype, context.cache.values.dtype) == (dtype, dtype)


@pytest.mark.parametrize("tokens", [[97], [3, -1], [], np.array([0, 97])])
def test_ids_outside_the_vocabulary_are_refused_and_nothing_is_read(tokens):
    context = small_model().start()
    context.extend([1, 2])
    with pytest.raises(ValueError, match=r"tokens must be one or more ids in 0 \.\. 96"):
        context.extend(tokens)
    assert context.length == 2


def test_a_text_longer_than_the_model_can_read_is_refused_and_nothing_is_read():
    context = small_model().start()
    context.extend([1] * 60)
    with pytest.raises(ValueError, match="max_length = 64; got 5 new ones after 60"):
        context.extend([1] * 5)
    assert context.extend([1] * 4).shape == (4, 97)


def test_rollback_forgets():
    context, fresh = small_model().start(), small_model().start()
    context.extend([1, 2, 3, 4])
    context.rollback(2)
    fresh.extend([1, 2])
    np.testing.assert_allclose(context.extend([5]), fresh.extend([5]), atol=1e-6)


def test_greedy_speculative_text_is_greedy_autoregressive_text():
    target, draft, prompt = small_model(), small_model(seed=1, n_layers=1), [7, 8, 9]
    settings = {"max_new_tokens": 50, "transform": greedy}
    expected = autoregressive(prompt, target, rng=np.random.default_rng(0), **settings)
    tokens, _ = generate(prompt, target, draft, K=4, rng=np.random.default_rng(0), **settings)
    assert tokens == expected


def test_a_saved_model_loads_with_its_tokenizer(tmp_path):
    model = small_model()
    checkpoint.save(tmp_path / "model.npz", model.config, model.params)
    loaded = lm.load(tmp_path / "model.npz")
    assert (loaded.config, loaded.vocab_size, loaded.max_length) == (model.config, 97, 64)
    assert loaded.tokenizer.decode(loaded.tokenizer.encode("def f():\n")) == "def f():\n"
    np.testing.assert_array_equal(loaded.start().extend([1, 2]), model.start().extend([1, 2]))


def test_a_model_of_something_else_than_characters_is_refused(tmp_path):
    model = small_model(vocab_size=11)
    checkpoint.save(tmp_path / "model.npz", model.config, model.params)
    with pytest.raises(ValueError, match="must hold a model of 97 characters; got vocab_size 11"):
        lm.load(tmp_path / "model.npz")
