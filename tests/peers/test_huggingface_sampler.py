"""The installed transformers' verifier passes; with one line changed it fails, and the kit names the line's mistake.

At alpha = 1e-6 the unchanged one fails once in a million seeds.
"""

import inspect
import textwrap

import pytest

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch", reason="needs the extra [peers]")
transformers = pytest.importorskip("transformers", reason="needs the extra [peers]")

import samplers_under_test as s  # noqa: E402
from test_readme import BLOCK, ROOT, run_example  # noqa: E402

from specsample import autoregressive, generate, greedy  # noqa: E402
from specsample.conformance import check, from_torch  # noqa: E402
from specsample.conformance.adapters import huggingface  # noqa: E402

DRIFT = {"probes": [s.small_probe()], "eps": 0.1}
PATCHES = {  # id of the mistake: (the line as it is, the line as it must not be)
    "M01": ("p_prime = torch.clamp((p_n_plus_1 - q_n_plus_1), min=0)", "p_prime = p_n_plus_1.clone()"),
    "M02": ("p_prime = torch.clamp((p_n_plus_1 - q_n_plus_1), min=0)", "p_prime = (p_n_plus_1 - q_n_plus_1).abs()"),
    "M09": ("probability_ratio = p_i / q_i\n", "probability_ratio = q_i / p_i\n"),
    "M15": ("else:\n        p_prime = p_n_plus_1\n", "else:\n        p_prime = p[:, n_matches - 1, :]\n"),
    "M19": ("r_i = torch.rand_like(probability_ratio)", "r_i = torch.rand(1).expand_as(probability_ratio)"),
}
PLACES = {"M01": "replacement", "M02": "replacement", "M09": "acceptance", "M15": "the bonus", "M19": "acceptance"}


def patched(old, new):
    """Compile the installed function with one line changed."""
    fn = huggingface.installed_verifier()
    source = textwrap.dedent(inspect.getsource(fn))
    assert source.count(old) == 1, f"transformers {transformers.__version__} no longer has the line {old!r}"
    names = dict(vars(inspect.getmodule(fn)))
    exec(source.replace(old, new), names)
    return names["_speculative_sampling"]


def test_the_installed_verifier_passes():
    found = check(huggingface.speculative_sampling(), **DRIFT)
    assert (found.verdict, found.reasons) == ("PASS", [])
    assert found.optimal.startswith("as the token rule")


@pytest.mark.parametrize("mistake", PATCHES)
def test_a_changed_line_fails_and_is_named(mistake):
    found = check(huggingface.speculative_sampling(patched(*PATCHES[mistake])), **DRIFT)
    assert (found.verdict, found.diagnosis.id) == ("FAIL", mistake)
    assert found.diagnosis.where[0].startswith(f"wrong only on {PLACES[mistake]}")


def test_generation_with_an_assistant_model_passes():
    assert check(huggingface.assisted_generation(max_new_tokens=2, vocab_size=3), eps=0.4).verdict == "PASS"


def test_the_documented_wrapper_reads_the_same_however_the_text_is_cut_and_forgets():
    names, page = {"__name__": "page"}, "docs/howto/own-model.md"
    for language, code in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        # what stands behind the wrapper loads a model that is not installed here
        if language == "python" and "HuggingFace" not in names:
            run_example(code, names, page)
    target, draft = (names["HuggingFace"](huggingface.tiny_llama(6, seed)) for seed in (0, 1))
    for cut in range(6):
        assert names["largest_difference"](target, [1, 2, 3, 4, 5, 0], cut) < 1e-5
    request = {"K": 3, "max_new_tokens": 20, "transform": greedy}
    tokens, trace = generate([1, 2], target, draft, rng=s.np.random.default_rng(0), **request)
    own = autoregressive([1, 2], target, max_new_tokens=20, rng=s.np.random.default_rng(0), transform=greedy)
    assert (tokens, trace.drafted > 0) == (own, True)


def torch_verify(x, q, p, generator):
    """Verify in torch with the generator that is handed over."""
    rng = s.np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    return torch.tensor(s.judged(x.numpy(), q.double().numpy(), p.double().numpy(), rng))


def test_a_torch_callable_passes_and_leaves_torch_as_it_was():
    state = torch.random.get_rng_state()
    assert check(from_torch(torch_verify), **DRIFT).verdict == "PASS"
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_device_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(RuntimeError, match="Use device='cpu'"):
        from_torch(torch_verify, device="cuda")
