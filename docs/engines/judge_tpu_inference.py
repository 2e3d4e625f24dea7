"""tpu-inference: its rejection sampler in JAX, on a CPU; alone, and with its own temperature and top-p.

Its modules are loaded without the packages around them, which import vLLM and look for a TPU.
"""

import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np


def package(name, **names):
    """Put a package in the place of one whose `__init__` wants a TPU; its own modules are found in its folder."""
    module = ModuleType(name)
    module.__path__ = [str(HOME.parent / name.replace(".", "/"))]
    vars(module).update(names)
    sys.modules[name] = module


HOME = Path(find_spec("tpu_inference").origin).parent
for name in ("tpu_inference", "tpu_inference.layers", "tpu_inference.layers.jax", "tpu_inference.layers.jax.sample"):
    package(name)
package("tpu_inference.layers.common")
package("tpu_inference.layers.common.sharding", ShardingAxisName=SimpleNamespace(ATTN_DATA="data"))
package("tpu_inference.runner")
package("tpu_inference.runner.input_batch", InputBatch=object)
package("tpu_inference.utils", device_array=None)

import jax  # noqa: E402  (need the lines above)
import jax.numpy as jnp  # noqa: E402
from cases import Case, Texts, judge_all, softmax  # noqa: E402
from tpu_inference.layers.jax.sample import rejection_sampler  # noqa: E402
from tpu_inference.layers.jax.sample.sampling_metadata import TPUSupportedSamplingMetadata  # noqa: E402

from specsample.conformance import from_engine, from_verify  # noqa: E402
from specsample.strategies import temperature, top_p  # noqa: E402

SIZES = (32, 512, 4096)  # sequences a call: JAX compiles for each


@cache
def compiled(N, K, one_hot):
    """Compile the sampler for N sequences of K drafts; (N, K+1) ids come back."""

    def sample(drafts, q, p, bonus, key):
        counts = jnp.full(N, K)
        flat = (drafts.reshape(-1), counts, None if one_hot else q.reshape(N * K, -1), p.reshape(N * K, -1))
        made = rejection_sampler.rejection_sample(*flat, bonus, True, key=key)
        return jnp.concatenate([made[: N * K].reshape(N, K), made[N * K :, None]], axis=1)

    return jax.jit(sample)


@jax.jit
def filtered_rows(logits, temperatures, masses):
    """Apply the verifier's own temperature and top-p to (N, K+1, V) logits."""
    N, rows, V = logits.shape
    settings = TPUSupportedSamplingMetadata(
        temperature=temperatures, top_k=jnp.zeros(N, jnp.int32), top_p=masses, do_sampling=True
    )
    return rejection_sampler._compute_probs(logits.reshape(-1, V), jnp.full(N, rows), settings).reshape(N, rows, V)


def verify_rows(drafts, q, p, rng, *, one_hot=False):
    """Call it with as many sequences as it is compiled for; the bonus is drawn here, from the last row of p."""
    n, K = drafts.shape
    N = next(size for size in SIZES if n <= size)
    u = rng.random((n, 1))
    bonus = np.minimum((np.cumsum(p[:, -1], axis=1) <= u).sum(axis=1), p.shape[2] - 1)
    rows = [np.pad(each, [(0, N - n)] + [(0, 0)] * (each.ndim - 1), mode="edge") for each in (drafts, q, p[:, :-1])]
    given = (rows[0], rows[1].astype(np.float32), rows[2].astype(np.float32), np.pad(bonus, (0, N - n)))
    made = compiled(N, K, one_hot)(*given, jax.random.key(int(rng.integers(2**31))))
    return np.asarray(made)[:n]


def one_hot_rows(drafts, q, p, rng):
    """Leave q out: the draft is taken as certain."""
    return verify_rows(drafts, q, p, rng, one_hot=True)


class Filtered:
    """Whole texts with the sampler's own temperature and top-p on the target's logits; drafts from q as it is."""

    def __init__(self, T, mass):
        self.T = T
        self.mass = mass
        self.texts = Texts(self.draft, self.verify, K=2)

    def draft(self, logits, seeds, positions):
        """Draw a token of each row."""
        u = [np.random.default_rng([seed, at]).random() for seed, at in zip(seeds.tolist(), positions.tolist())]
        return np.minimum((np.cumsum(softmax(logits), axis=1) <= np.array(u)[:, None]).sum(axis=1), self.texts.V - 1)

    def verify(self, drafts, q_logits, p_logits, seeds, positions):
        """Let the engine filter the rows of the drafts, and draw the bonus from the law of its plain sampler."""
        n = len(drafts)
        N = next(size for size in SIZES if n <= size)
        padded = np.pad(p_logits, [(0, N - n), (0, 0), (0, 0)], mode="edge")
        p = np.array(filtered_rows(padded, jnp.full(N, self.T), jnp.full(N, self.mass)))[:n].astype(float)
        p[:, -1] = self.plain(softmax(p_logits[:, -1]))
        return verify_rows(drafts, softmax(q_logits), p, np.random.default_rng([int(seeds[0]), int(positions[0])]))

    def plain(self, probs):
        """Apply temperature, then top-p: what the sampler without speculation does."""
        return top_p(self.mass)(temperature(self.T)(probs))

    def next_probs(self, tokens):
        """Say what the engine samples from without speculation."""
        return self.plain(self.texts.next_probs(tokens))

    def __call__(self, prompts, max_new_tokens, *, seed):
        """Generate a text after each prompt."""
        return self.texts(prompts, max_new_tokens, seed=seed)


ORDER = (
    "`_compute_probs` of the rejection sampler filters before it divides by the temperature, "
    "`_apply_sampling_transforms` of the sampler without speculation afterwards: another set of tokens is kept"
)


def alone(option, fn):
    """Make the case of the verifier alone."""
    return Case(
        "rejection_sample, JAX", option, lambda: from_verify(fn, name=f"tpu-inference {option}"), {"eps": 0.05}
    )


def filtered(option, T, mass, **explained):
    """Make the case of its own temperature and top-p."""
    made = Filtered(T, mass)
    settings = {"next_probs": made.next_probs, "prompt": (0,), "max_new_tokens": 3, "batched": True}
    path = "_compute_probs and rejection_sample, JAX"
    return Case(path, option, lambda: from_engine(made, **settings, name=option), explained=explained)


CASES = [
    filtered("temperature .5 and top_p .8", 0.5, 0.8, FAIL=ORDER),
    filtered("temperature .5", 0.5, 1.0),
    filtered("top_p .8", 1.0, 0.8),
    alone("q given", verify_rows),
    alone("no q: the draft is taken as certain", one_hot_rows),
]

if __name__ == "__main__":
    judge_all(CASES, "tpu-inference", "jax", "numpy")
