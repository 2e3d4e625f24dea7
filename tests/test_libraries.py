"""What torch and CuPy draw under the kit: independent generators. Stand-ins here, torch itself in tests/peers."""

import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import samplers_under_test as s

from specsample.conformance import check, from_torch, from_verify
from specsample.conformance.adapters import vllm
from specsample.conformance.adapters.libraries import Library, LibraryCall

P6 = {"probes": ["P6"], "eps": 0.1}  # V = K = 3: uniforms (N, K) and noise (N, V) lie side by side


class Tensor(np.ndarray):
    """An array with the few methods of a tensor that are asked for."""

    def to(self, kind):
        return self.astype(kind) if isinstance(kind, type) else self

    def cpu(self):
        return self

    def numpy(self):
        return np.asarray(self)

    def log(self):
        with np.errstate(divide="ignore"):
            return np.log(self)

    def contiguous(self):
        return self

    def flatten(self, *axes):
        return self.reshape(-1, self.shape[-1])

    device = "cpu"


class Generator:
    """A generator that takes 32 bits of its seed, as torch's on a CPU does."""

    def __init__(self, device="cpu"):
        self.manual_seed(0)

    def manual_seed(self, seed):
        self.rng = np.random.default_rng(seed % 2**32)
        return self

    def get_state(self):
        return self.rng.bit_generator.state

    def set_state(self, state):
        self.rng.bit_generator.state = state


@pytest.fixture
def torch(monkeypatch):
    stub = SimpleNamespace(
        default_generator=Generator(),
        Generator=Generator,
        cuda=SimpleNamespace(default_generators=[Generator()], is_available=lambda: False),
        asarray=lambda array, dtype=None, device=None: np.asarray(array, dtype).view(Tensor),
        no_grad=nullcontext,
        float32=np.float32,
        int32=np.int32,
        arange=lambda *given, dtype, device: np.arange(*given).astype(dtype).view(Tensor),
        ones=lambda n, device: np.ones(n).view(Tensor),
        multinomial=lambda p, n, generator: s.pick(np.asarray(p, float), generator.rng.random(len(p)))[:, None].view(
            Tensor
        ),
    )
    monkeypatch.setitem(sys.modules, "torch", stub)
    return stub


def mixed(x, q, p, uniforms, noise):
    """Verify with uniforms of one generator; replacement and bonus by the exponential noise of another."""
    x, q, p = (np.asarray(each) for each in (x, q, p))
    N, K, V = q.shape
    u = uniforms((N, K))
    race = -np.log1p(-noise((N, V)))
    kept = u < p[:, :K][np.arange(N)[:, None], np.arange(K), x] / q[np.arange(N)[:, None], np.arange(K), x]
    n = np.where(kept.all(axis=1), K, kept.argmin(axis=1))
    q = np.concatenate([q, np.zeros((N, 1, V))], axis=1)
    left = np.maximum(p[np.arange(N), n] - q[np.arange(N), n], 0)
    return s.rows_of(x, n, (left / race).argmax(axis=1)).view(Tensor)


@pytest.mark.parametrize("is_swapped", [False, True])
def test_a_right_verifier_may_draw_from_the_default_generator_and_the_given_one(torch, is_swapped):
    def verify(x, q, p, generator):
        sources = torch.default_generator.rng.random, generator.rng.random
        return mixed(x, q, p, *(sources[::-1] if is_swapped else sources))

    verdicts = [check(from_torch(verify), **P6, seed=seed).verdict for seed in range(20)]
    assert verdicts == ["PASS"] * 20


def test_every_generator_has_a_seed_of_its_own_and_its_state_is_put_back(torch):
    generators = [torch.default_generator, *torch.cuda.default_generators]
    before = [each.get_state() for each in generators]
    drawn = []

    def verify(x, q, p, generator):
        drawn.append([each.rng.random() for each in (*generators, generator)])
        return x

    call = LibraryCall(verify, Library("torch"))
    for _ in range(2):  # the same numbers for the same seed
        call(None, None, None, np.random.default_rng(3))
    assert drawn[0] == drawn[1]
    assert len({*drawn[0]}) == 3
    assert [each.get_state() for each in generators] == before


def test_cupys_own_generator_and_the_given_one_have_seeds_of_their_own(monkeypatch):
    own = [np.random.RandomState(5)]

    class Device:
        def __init__(self, number):
            assert number == 0

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    random = SimpleNamespace(
        get_random_state=lambda: own[0],
        set_random_state=lambda state: own.__setitem__(0, state),
        RandomState=np.random.RandomState,
        default_rng=np.random.default_rng,
    )
    stub = SimpleNamespace(random=random, asarray=np.asarray, cuda=SimpleNamespace(Device=Device), float32=np.float32)
    monkeypatch.setitem(sys.modules, "cupy", stub)
    before = own[0]
    drawn = []

    def verify(x, q, p, generator):
        drawn.append((generator.random(), own[0].random_sample()))
        return mixed(x, q, p, own[0].random_sample, generator.random)

    assert check(from_verify(verify, library="cupy"), **P6).verdict == "PASS"
    assert own[0] is before
    assert all(given != of_cupy for given, of_cupy in drawn)


# --- vLLM's signatures -------------------------------------------------------------------------------------------


def flat_verdict(torch, x, K, q, p, bonus):
    """Verify rows as vLLM lays them out."""
    N = len(bonus)
    V = p.shape[-1]
    rows = np.concatenate([p.reshape(N, K, V), np.eye(V)[bonus]], axis=1)  # the bonus is drawn already
    random = torch.default_generator.rng.random
    return mixed(x.reshape(N, K), q.reshape(N, K, V), rows, random, random)


def of_probabilities(torch):
    def rejection_sample(
        draft_token_ids, num_draft_tokens, max_spec_len, cu_num_draft_tokens, draft_probs, target_probs,
        bonus_token_ids, sampling_metadata,
    ):  # fmt: skip
        return flat_verdict(torch, draft_token_ids, max_spec_len, draft_probs, target_probs, bonus_token_ids)

    return rejection_sample


def of_logits(torch):
    def rejection_sample(
        draft_token_ids, num_draft_tokens, max_spec_len, cu_num_draft_tokens, draft_probs, target_logits,
        bonus_token_ids, sampling_metadata, synthetic_mode=False, use_fp64_gumbel=False,
    ):  # fmt: skip
        p = np.exp(target_logits)
        p = p / p.sum(axis=-1, keepdims=True)
        return flat_verdict(torch, draft_token_ids, max_spec_len, draft_probs, p, bonus_token_ids)

    return rejection_sample


@pytest.mark.parametrize("make", [of_probabilities, of_logits])
def test_a_right_vllm_passes_whether_it_takes_probabilities_or_logits(torch, monkeypatch, make):
    sampler = SimpleNamespace(rejection_sample=make(torch))
    for name, module in {
        "vllm": SimpleNamespace(__version__="0"),
        "vllm.v1.sample.rejection_sampler": sampler,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("vllm.v1", "vllm.v1.sample"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(__path__=[]))
    found = check(vllm.rejection_sample(device="cpu"), **P6)
    assert (found.verdict, found.reasons) == ("PASS", [])


def test_an_unknown_signature_is_refused_by_name():
    with pytest.raises(
        RuntimeError, match=r"knows rejection_sample\(draft_token_ids(.|\n)*needs \(target_logits, fuzz\)"
    ):
        vllm.takes_logits(lambda target_logits, fuzz, *, seed=0: None)
