"""A real model cut to a few tokens: a GGUF file, lookup and its head, judged as a whole and enumerated exactly."""

from fractions import Fraction as F

import numpy as np
import pytest
from gguf_files import gguf_bytes, settings_of, tensors_of

from specsample import generate, load
from specsample.adaptive import generate_adaptive
from specsample.commands.sampling import REAL_K
from specsample.conformance import check, exact_law, explain, from_engine, target_law, total_variation
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.drafts import layer_head
from specsample.drafts.declining import Confident, OrElse
from specsample.drafts.layer_head_lm import layer_head_pair, load_layer_head, save_layer_head
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.strategies import top_k
from specsample.transformer.config import Config, init_params
from specsample.transformer.lm import TransformerLM

TOKENS = ["a", "b", "ab", "Ġ", "c", "d", "Ġa", "<|im_end|>"]  # a vocabulary may lack bytes
PROMPT = [0, 1, 0, 2]  # after 2 nothing is found; after 1 something is; after 0 two tokens followed
SURE = F(3, 5)  # a threshold that some rows of this head reach


def read_back(folder, V):
    """Write a model of V tokens, and a head that drafts all but one of them, to files; load both."""
    config = Config(V, width=8, n_layers=2, n_heads=2, n_kv_heads=1, hidden=8, max_length=32)
    # weights so large that rows differ
    params = {n: p if p.ndim == 1 else p * 20 for n, p in init_params(config, np.random.default_rng(0)).items()}
    kinds = {"tokenizer.ggml.tokens": [*TOKENS[: V - 1], TOKENS[-1]], "tokenizer.ggml.merges": ["a b"]}
    kinds |= {"tokenizer.ggml.token_type": [1] * (V - 1) + [3], "tokenizer.ggml.eos_token_id": V - 1}
    (folder / "tiny.gguf").write_bytes(gguf_bytes(settings_of(config) | kinds, tensors_of(config, params)))
    rng = np.random.default_rng(1)
    shapes = layer_head.shapes(layer_head.head_config(config, 6, V - 1)).items()
    head = {name: (rng.standard_normal(shape) * 0.4).astype(np.float32) for name, shape in shapes}
    save_layer_head(folder / "head.npz", head | {"ids": np.delete(np.arange(V), 1)})
    return load(folder / "tiny.gguf"), load_layer_head(folder / "head.npz")


def sources(V, lookup, head):
    """Name the ways in which the commands draft for a real model."""
    return {"lookup": lookup, "head": head, "lookup, else head if sure": OrElse(lookup, Confident(head, SURE))}


NAMES = [*sources(2, PromptLookup(2), PromptLookup(2))]


# --- the judge -----------------------------------------------------------------------------------------------------


def engine(folder, name):
    """Make an engine of files with six tokens, and say what its target says alone, one pass a text."""
    model, params = read_back(folder, 6)
    target, head = layer_head_pair(model, params)
    source = sources(6, PromptLookup(6, longest=3, shortest=1), head)[name]

    def answer(prompt, n, *, seed):
        return generate(prompt, target, source, K=2, max_new_tokens=n, rng=np.random.default_rng(seed))[0]

    return answer, lambda text: model.start().extend(text)[-1]


@pytest.mark.thorough
@pytest.mark.parametrize("name", NAMES)
def test_the_judge_passes_generate_on_a_model_of_its_own(name, tmp_path):
    answer, alone = engine(tmp_path, name)
    adapter = from_engine(answer, next_probs=alone, prompt=PROMPT, max_new_tokens=3, name=name)
    found = check(adapter, eps=0.05, time_limit=600.0)
    print(found)
    assert found.verdict == "PASS"


# --- the law -------------------------------------------------------------------------------------------------------


class Exact:
    """A model whose rows are fractions that sum to 1.

    Rounded to 20 bits, for a pass over one row and a pass over three differ in the last of 53: so the target has one
    law, and what is enumerated is the sampler's own.
    """

    def __init__(self, model):
        self.model, self.vocab_size, self.max_length = model, model.vocab_size, getattr(model, "max_length", None)

    def start(self):
        context = self.model.start()
        read = context.extend

        def extend(tokens):
            weights = np.rint(read(tokens) * 2**20).astype(int).astype(object)
            return weights * F(1) / weights.sum(-1, keepdims=True)

        context.extend = extend
        return context


def exact_models(folder, V):
    """Read a model and its head from files, in float64 as fractions; return the target, and the sources by name."""
    model, params = read_back(folder, V)
    wide = TransformerLM(model.config, {name: p.astype(np.float64) for name, p in model.params.items()})
    target, head = layer_head_pair(wide, {n: p if n == "ids" else p.astype(np.float64) for n, p in params.items()})
    return Exact(target), sources(V, Exact(PromptLookup(V, longest=3, shortest=1)), Exact(head))


def law_of(target, source, run=generate, prompt=PROMPT, **settings):
    """Enumerate the law of a text; return it, and what happened in its rounds: (drafts, declined, accepted)."""
    seen = set()

    def text(tape):
        tokens, trace = run(prompt, target, source, rng=tape, **settings)
        seen.update((played.K, played.n_declined, played.n_accepted) for played in trace.rounds)
        return tuple(tokens)

    return exact_law(text), seen


@pytest.mark.parametrize(
    ("name", "n", "happens"),
    [
        ("lookup", 4, {(0, 2, 0), (2, 0, 0), (2, 0, 2)}),
        ("head", 3, {(2, 0, 0), (2, 0, 1), (2, 0, 2), (1, 0, 0), (1, 0, 1)}),
        ("lookup, else head if sure", 4, {(2, 0, 0), (2, 0, 1), (2, 0, 2), (1, 1, 0), (1, 1, 1), (0, 2, 0)}),
    ],
)
def test_the_law_of_the_text_is_the_targets_in_fractions(name, n, happens, tmp_path):
    target, source = exact_models(tmp_path, 4)
    law, seen = law_of(target, source[name], K=2, max_new_tokens=n)
    assert law == target_law(target, PROMPT, n), explain(law, target_law(target, PROMPT, n))
    assert happens <= seen
    assert all(isinstance(mass, F) for mass in law.values())


def test_after_one_token_where_the_head_has_nothing_to_look_at_it_is_too(tmp_path):
    target, source = exact_models(tmp_path, 4)
    law, seen = law_of(target, source["head"], prompt=[0], K=1, max_new_tokens=3)
    assert law == target_law(target, [0], 3)
    assert {(0, 1, 0), (1, 0, 0), (1, 0, 1)} <= seen


def test_with_eight_tokens_a_strategy_a_stop_token_and_the_adaptive_K_of_the_commands_it_is_too(tmp_path):
    target, source = exact_models(tmp_path, 8)
    how = {"transform": top_k(2), "stop": (7,), "max_new_tokens": 3}
    law, seen = law_of(target, source["lookup, else head if sure"], generate_adaptive, choose_K=REAL_K, **how)
    n = how.pop("max_new_tokens")
    assert law == target_law(target, PROMPT, n, **how)
    assert len({K for K, _, _ in seen}) > 1


ASKED = {"K": 1, "max_new_tokens": 2}


def test_a_head_that_takes_improbable_drafts_back_is_caught(tmp_path):
    target, source = exact_models(tmp_path, 4)
    law = exact_law(lambda tape: tuple(WRONG["M48"].generate(PROMPT, target, source["head"], **ASKED, rng=tape)[0]))
    assert total_variation(law, target_law(target, PROMPT, ASKED["max_new_tokens"])) > F(1, 20)
