"""Reading a tree: every row is that of its own path, for tables and for the Transformer in one pass."""

import numpy as np
import pytest
from verifier_cases import PROBES

from specsample import TableModel, strategies
from specsample.language_model import Transformed
from specsample.transformer.config import Config, init_params
from specsample.transformer.lm import TransformerLM
from specsample.verifiers.tree_context import PathTree, path_to, tree_of

TOKENS, PARENTS = [1, 2, 0, 0, 1, 2, 1], [-1, 0, 0, 1, 1, -1, 5]
CONFIG = Config(vocab_size=4, width=16, n_layers=2, n_heads=4, n_kv_heads=2, hidden=24, max_length=12)


def transformer(dtype=np.float64, seed=1):
    """A Transformer whose distributions are far from uniform."""
    params = init_params(CONFIG, np.random.default_rng(seed), dtype)
    return TransformerLM(CONFIG, {name: 8 * array if array.ndim == 2 else array for name, array in params.items()})


MODELS = {"table": PROBES["drift"].setting.target_model, "transformer": transformer()}


def path_row(model, text, path):
    """The row after a text and a path, read in one go."""
    return model.start().extend([*text, *(TOKENS[node] for node in path)])[-1]


def started(model, text):
    """A context that has read a text."""
    context = model.start()
    context.extend(text)
    return context


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("cuts", [(7,), (1, 3, 7), (2, 4, 5, 7)])
def test_every_row_is_that_of_its_own_path_however_the_tree_is_read(name, cuts):
    model, text = MODELS[name], [2, 0]
    tree = tree_of(started(model, text))
    rows = [tree.extend_tree(TOKENS[a:b], PARENTS[a:b]) for a, b in zip((0, *cuts), cuts)]
    expected = [path_row(model, text, path_to(node, PARENTS)) for node in range(7)]
    assert (abs(np.concatenate(rows) - np.stack(expected)) <= 1e-12).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_path_that_is_kept_is_as_if_nothing_else_had_been_read(name):
    model, context = MODELS[name], started(MODELS[name], [2, 0])
    tree = tree_of(context)
    tree.extend_tree(TOKENS, PARENTS)
    tree.keep_path([0, 1, 4])
    assert context.length == 5
    expected = model.start().extend([2, 0, 1, 2, 1, 0])[-1]
    assert abs(context.extend([0])[-1] - expected).max() <= 1e-12
    context.rollback(2)
    assert abs(context.extend([1])[-1] - path_row(model, [2, 0], [0])).max() <= 1e-12


@pytest.mark.parametrize("name", MODELS)
def test_a_tree_of_which_nothing_is_kept_leaves_the_text_as_it_was(name):
    context = started(MODELS[name], [2, 0])
    tree = tree_of(context)
    tree.extend_tree(TOKENS, PARENTS)
    tree.keep_path([])
    assert context.length == 2
    assert abs(context.extend([1])[-1] - path_row(MODELS[name], [2, 0], [0])).max() <= 1e-12


@pytest.mark.parametrize("name", MODELS)
def test_a_tree_may_begin_before_the_first_token(name):
    model = MODELS[name]
    rows = tree_of(model.start()).extend_tree(TOKENS, PARENTS)
    assert abs(rows[4] - path_row(model, [], [0, 1, 4])).max() <= 1e-12


def test_the_transformer_reads_a_tree_in_one_pass_and_the_table_path_by_path():
    assert not isinstance(tree_of(transformer().start()), PathTree)
    assert isinstance(tree_of(MODELS["table"].start()), PathTree)


def test_a_causal_mask_instead_of_the_trees_is_seen():
    tree = tree_of(started(MODELS["transformer"], [2, 0]))
    as_a_chain = tree.extend_tree(TOKENS, range(-1, 6))
    expected = [path_row(MODELS["transformer"], [2, 0], path_to(node, PARENTS)) for node in range(7)]
    assert abs(as_a_chain - np.stack(expected)).max() > 0.01


def test_a_tree_may_be_wider_than_the_cache_is_long_but_no_path():
    tree = tree_of(started(transformer(), [2] * 10))
    assert tree.extend_tree([1] * 20, [-1] * 20).shape == (20, 4)
    tree.extend_tree([1], [0])
    with pytest.raises(ValueError, match="max_length = 12; got 3 new ones after 10"):
        tree.extend_tree([1], [20])


def test_a_tree_keeps_float32():
    tree = tree_of(started(transformer(np.float32), [2]))
    assert tree.extend_tree([1, 2], [-1, -1]).dtype == np.float32
    assert {array.dtype for array in tree.tree.keys} == {np.dtype(np.float32)}


def test_a_transform_applies_to_trees_as_to_texts():
    view = Transformed(MODELS["table"], strategies.greedy)
    rows = tree_of(started(view, [2, 0])).extend_tree(TOKENS, PARENTS)
    assert (rows == strategies.greedy(tree_of(started(MODELS["table"], [2, 0])).extend_tree(TOKENS, PARENTS))).all()


def test_a_child_before_its_parent_is_refused():
    for model in (TableModel(np.full((2, 2), 0.5)), transformer()):
        with pytest.raises(ValueError, match="stand before their children"):
            tree_of(model.start()).extend_tree([0, 1], [1, -1])
