"""Hugging Face transformers: `generate` with an assistant, two random Llamas of one layer."""

import copy
from functools import partial

import torch
import transformers
from cases import Case, judge_all, softmax
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from specsample.conformance import from_engine
from specsample.conformance.adapters.huggingface import seeded, speculative_sampling, tiny_llama
from specsample.strategies import min_p, temperature, top_k, top_p

PROMPT = (1, 2, 1, 2)
K, LENGTH, V = 3, 3, 6
AS_MANY = {
    "num_assistant_tokens": K,
    "num_assistant_tokens_schedule": "constant",
    "assistant_confidence_threshold": 0,
}
PLAIN = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "pad_token_id": 0}


# --- two models, one vocabulary ----------------------------------------------------------------------------------


def assisted(prompt, max_new_tokens, *, seed, options, assistant):
    """Generate one text with an assistant, or from a look at the prompt if there is none."""
    helper = {"assistant_model": tiny_llama(V, 1)} if assistant is not None else {}
    for model in helper.values():
        model.generation_config.update(**AS_MANY | assistant)
    ids = torch.tensor([prompt])
    with seeded(seed), torch.no_grad():
        given = {"attention_mask": torch.ones_like(ids), "max_new_tokens": max_new_tokens}
        text = tiny_llama(V, 0).generate(ids, **given, **PLAIN | helper | options)
    return text[0, len(prompt) :].tolist()


def next_probs(tokens, *, transform, penalty=1.0):
    """Ask the target alone, and apply this package's own strategy."""
    with torch.no_grad():
        logits = tiny_llama(V, 0)(torch.tensor([list(tokens)])).logits[0, -1].double().numpy()
    # a repetition penalty divides what is positive and multiplies what is negative, for each token of the text
    for x in set(tokens):
        logits[x] = logits[x] / penalty if logits[x] > 0 else logits[x] * penalty
    return transform(softmax(logits))


def option(name, options, transform=lambda probs: probs, *, assistant=(), stop=(), penalty=1.0, **case):
    """Make the case of some options of `generate`."""
    fn = partial(assisted, options=options, assistant=None if assistant is None else dict(assistant))
    asked = partial(next_probs, transform=transform, penalty=penalty)
    settings = {"prompt": PROMPT, "max_new_tokens": LENGTH, "stop": stop, "name": f"transformers {name}"}
    return Case("generate", name, lambda: from_engine(fn, next_probs=asked, **settings), {"eps": 0.3}, **case)


ENSEMBLE = (
    "by design: `assistant_ensemble_weight` w tests against w·p + (1 − w)·q, so that the text is that mixture's"
)
CONFIDENCE = {"assistant_confidence_threshold": 0.4, "num_assistant_tokens_schedule": "heuristic"}
ONE_VOCABULARY = [
    Case("_speculative_sampling", "one text at a time", speculative_sampling, {"probes": ["P1"]}),
    option("defaults, T = 1", {}),
    option(
        "temperature .7, top_k 4", {"temperature": 0.7, "top_k": 4}, lambda probs: top_k(4)(temperature(0.7)(probs))
    ),
    option("top_p .8", {"top_p": 0.8}, top_p(0.8)),
    option("min_p .2", {"min_p": 0.2}, min_p(0.2)),
    option("repetition_penalty 1.3", {"repetition_penalty": 1.3}, penalty=1.3),
    option("assistant_confidence_threshold .4, schedule heuristic", {}, assistant=CONFIDENCE),
    option("eos_token_id", {"eos_token_id": 5}, stop=(5,)),
    option("prompt_lookup_num_tokens", {"prompt_lookup_num_tokens": K}, assistant=None),
    option("cache_implementation static", {"cache_implementation": "static"}),
    option(
        "assistant_ensemble_weight .5",
        {"assistant_ensemble_weight": 0.5},
        explained={"FAIL": ENSEMBLE},
    ),
]


# --- an assistant with a vocabulary of its own -------------------------------------------------------------------


class Sorted(transformers.PreTrainedTokenizerFast):
    """A tokenizer that lists its vocabulary in the order of ids."""

    def get_vocab(self):
        """List the vocabulary."""
        return dict(sorted(super().get_vocab().items(), key=lambda item: item[1]))


def letters(text, kind=transformers.PreTrainedTokenizerFast):
    """Make a tokenizer whose tokens are the letters of a text, in their order."""
    made = Tokenizer(models.WordLevel({letter: i for i, letter in enumerate(text)}, unk_token=text[0]))
    # spaces are dropped, and every letter is a token
    split = pre_tokenizers.Split(Regex("."), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), split])
    made.decoder = decoders.Fuse()
    return kind(tokenizer_object=made)


def fresh_llama(vocab_size):
    """Make an assistant that may be changed."""
    return copy.deepcopy(tiny_llama(vocab_size, 1))


class TwoVocabularies:
    """`generate` of a target and of an assistant that has a tokenizer of its own."""

    def __init__(self, assistant, kind=transformers.PreTrainedTokenizerFast):
        self.tokenizers = {"tokenizer": letters("abcdef", kind), "assistant_tokenizer": letters(assistant, kind)}
        # one assistant for all texts: its head and its embeddings are exchanged by the first call
        self.assistant = fresh_llama(len(assistant))
        self.assistant.generation_config.update(**AS_MANY)

    def __call__(self, prompt, max_new_tokens, *, seed):
        """Generate one text."""
        ids = torch.tensor([prompt])
        given = {"attention_mask": torch.ones_like(ids), "max_new_tokens": max_new_tokens, **PLAIN, **self.tokenizers}
        with seeded(seed), torch.no_grad():
            text = tiny_llama(V, 0).generate(ids, assistant_model=self.assistant, **given)
        return text[0, len(prompt) :].tolist()


def two(name, assistant, kind=transformers.PreTrainedTokenizerFast, **explained):
    """Make the case of an assistant with these letters."""
    asked = partial(next_probs, transform=lambda probs: probs)
    settings = {"next_probs": asked, "prompt": PROMPT, "max_new_tokens": LENGTH, "name": f"transformers {name}"}
    make = lambda: from_engine(TwoVocabularies(assistant, kind), **settings)  # noqa: E731
    return Case("generate, two tokenizers", name, make, {"eps": 0.3}, explained)


PERMUTED = (
    "the assistant's head is cut to the common tokens in the order of `get_vocab()`, its probabilities are put into "
    "the target's columns in the order of ids: q is permuted against the drafts"
)
SUBSET = (
    "AttributeError: where no token has to be left out the head is not cut, but the list of the tokens that are left "
    "is read all the same"
)
TWO_VOCABULARIES = [
    two("the assistant has a token more", "fzbcade", FAIL=PERMUTED),
    two("the same, with `get_vocab()` in the order of ids", "fzbcade", Sorted),
    two("the assistant's tokens are a part of the target's", "fbcae", INVALID=SUBSET),
]

if __name__ == "__main__":
    judge_all([*ONE_VOCABULARY, *TWO_VOCABULARIES], "transformers", "torch")
