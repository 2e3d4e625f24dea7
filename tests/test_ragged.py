"""The Transformer on B texts of different lengths: each row as if it were alone, in any array library."""

import array_api_strict
import numpy as np
import pytest
from decode_cases import gap, pair, references, together
from test_lm import small_model

from specsample.backend import installed, to_device, to_numpy
from specsample.cli import main
from specsample.transformer.lm import TransformerLM
from specsample.transformer.ragged import CHUNK, BatchedTransformer, HostContext

STRICT = array_api_strict.asarray([0.0], device=array_api_strict.Device("device1"))
OPTIONS = {"K": 5, "max_new_tokens": 24}


def moved(model, like):
    """Move a model's parameters to another library and device."""
    return TransformerLM(model.config, {name: to_device(p, like=like) for name, p in model.params.items()})


def torch_like():
    """Make an array of torch on the CPU, where one thread is faster than two that wait for each other."""
    torch = pytest.importorskip("torch", reason="needs the extra [peers]")
    torch.set_num_threads(1)
    return torch.zeros(1)


def script(rng, B, V, steps=6):
    """Draw what a decoder may do: read some tokens of each row, forget some, in turn."""
    lengths = np.zeros(B, int)
    for _ in range(steps):
        counts = rng.integers(0, 8, B)
        yield rng.integers(0, V, (B, max(1, counts.max()))), counts
        lengths = lengths + counts
        lengths = lengths - rng.integers(0, np.minimum(lengths, 4) + 1)
        yield lengths, None


def check_script(model, batched_model, *, atol, spoil=lambda context: None):
    """Run a script on a batch and on its rows one by one; what padding gets is not looked at."""
    B, V = 5, model.vocab_size
    context, alone = BatchedTransformer(batched_model).start(B), [model.start() for _ in range(B)]
    for what, counts in script(np.random.default_rng(0), B, V):
        spoil(context)
        if counts is None:
            context.rollback(what)
            for row, length in zip(alone, what.tolist(), strict=True):
                row.rollback(length)
            continue
        probs = to_numpy(context.extend(what, counts))
        for b in np.flatnonzero(counts):
            want = alone[b].extend(what[b, : counts[b]].tolist())
            np.testing.assert_allclose(probs[b, : counts[b]], want, atol=atol)
        assert context.lengths.tolist() == [row.length for row in alone]


def fill_with_nan(context):
    """Poison all memory beyond each row's length."""
    for keys, values in zip(context.cache.keys, context.cache.values, strict=True):
        for b, length in enumerate(context.lengths.tolist()):
            keys[b, :, :, length:] = np.nan
            values[b, :, length:, :] = np.nan


# --- extend and rollback -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("heads", [(2, 1), (4, 4), (4, 2)])
def test_each_row_gets_what_it_gets_alone(heads):
    model = small_model(dtype=np.float64, n_heads=heads[0], n_kv_heads=heads[1], tied=heads[1] > 1)
    check_script(model, model, atol=1e-12)


def test_what_lies_beyond_a_rows_length_is_never_used():
    model = small_model(dtype=np.float64)
    check_script(model, model, atol=1e-12, spoil=fill_with_nan)


def test_a_row_that_breaks_down_leaves_the_others_alone():
    model, broken = small_model(dtype=np.float64), small_model(dtype=np.float64)
    broken.params["embedding"] = broken.params["embedding"].copy()
    broken.params["embedding"][7] = np.nan
    untied = [TransformerLM(m.config, m.params | {"head": model.params["embedding"].T}) for m in (model, broken)]
    tokens, counts = np.array([[1, 2, 7, 4], [1, 2, 3, 4], [5, 0, 0, 0]]), np.array([4, 4, 1])
    want, got = (BatchedTransformer(m).start(3).extend(tokens, counts) for m in untied)
    assert np.isnan(got[0, 2:]).all()
    assert (got[1], got[2, 0]) == (pytest.approx(want[1]), pytest.approx(want[2, 0]))


def test_a_text_longer_than_a_chunk_is_read_in_several_passes():
    model = small_model(dtype=np.float64, max_length=200)
    tokens = np.random.default_rng(1).integers(0, 97, (2, 2 * CHUNK + 3))
    context, counts = BatchedTransformer(model).start(2), np.array([2 * CHUNK + 3, CHUNK - 1])
    probs = context.extend(tokens, counts)
    for b, n in enumerate(counts):
        np.testing.assert_allclose(probs[b, :n], model.start().extend(tokens[b, :n].tolist()), atol=1e-12)


def test_padding_may_hold_anything():
    context = BatchedTransformer(small_model()).start(2)
    probs = context.extend(np.array([[1, 2, 3], [4, -9, 10**6]]), np.array([3, 1]))
    assert np.isfinite(probs).all()


def test_a_full_memory_takes_no_more_and_says_so():
    context = BatchedTransformer(small_model()).start(2)
    context.extend(np.ones((2, 64), int), np.array([64, 60]))
    assert context.extend(np.ones((2, 4), int), np.array([0, 4])).shape == (2, 4, 97)
    with pytest.raises(ValueError, match="max_length = 64; got 1 new ones after 64"):
        context.extend(np.ones((2, 1), int), np.array([0, 1]))
    assert context.lengths.tolist() == [64, 64]


def test_ids_outside_the_vocabulary_and_lengths_that_were_not_read_are_refused():
    context = BatchedTransformer(small_model()).start(2)
    with pytest.raises(ValueError, match=r"ids in 0 \.\. 96; got \[1, 97\]"):
        context.extend(np.array([[1], [97]]), np.array([1, 1]))
    with pytest.raises(ValueError, match=r"0 \.\. 0, the tokens read; got 1"):
        context.rollback(np.array([0, 1]))


def test_parameters_may_be_read_only():
    model = small_model(dtype=np.float64)
    for array in model.params.values():
        array.flags.writeable = False
    check_script(model, model, atol=1e-12)


def test_the_strict_library_on_another_device_agrees():
    model = small_model(dtype=np.float64)
    check_script(model, moved(model, STRICT), atol=1e-12)


@pytest.mark.peers
def test_torch_agrees():
    model = small_model(dtype=np.float64)
    check_script(model, moved(model, torch_like()), atol=1e-12)


# --- generate with the shipped pair ------------------------------------------------------------------------------


def check_texts(models, dtype, *, B, within):
    """Compare the texts of a batch with those of its rows alone; count the rows that part at a near-tie."""
    gaps = [gap(*traces) for traces in zip(references(dtype, B, **OPTIONS), together(models, B, **OPTIONS))]
    ties = [g for g in gaps if g]
    assert max(gaps) <= within, f"no near-tie: {gaps}"
    print(f"{B} rows, {np.dtype(dtype).name}: {len(ties)} part at a near-tie, at most {max(gaps):.1e} from it")


@pytest.mark.thorough
def test_32_prompts_of_different_lengths_get_their_own_texts_in_float64():
    check_texts(pair(np.float64), np.float64, B=32, within=0)


@pytest.mark.thorough
def test_32_prompts_of_different_lengths_get_their_own_texts_in_float32_but_for_counted_near_ties():
    check_texts(pair(np.float32), np.float32, B=32, within=1e-5)


def test_the_strict_library_on_another_device_writes_the_same_texts():
    check_texts([moved(model, STRICT) for model in pair(np.float64)], np.float64, B=4, within=0)


@pytest.mark.peers
@pytest.mark.parametrize(("dtype", "within"), [(np.float64, 0), (np.float32, 1e-5)])
def test_torch_writes_the_same_texts(dtype, within):
    check_texts([moved(model, torch_like()) for model in pair(dtype)], dtype, B=32, within=within)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gap_is_measured_where_two_texts_part(dtype):
    want, shifted = references(dtype, 2, **OPTIONS)
    assert gap(want, want) == 0
    assert gap(want, shifted) > 1e-3  # another text is no near-tie


# --- moving models -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numpy", pytest.param("torch", marks=pytest.mark.peers)])
def test_a_moved_model_decodes_on_the_host_as_well(backend):
    if backend == "torch":
        torch_like()
    model = small_model(dtype=np.float64)
    there, here = model.to(backend).start(), model.start()
    for tokens in ([1, 2, 3], [4], [5, 6]):
        np.testing.assert_allclose(there.extend(tokens), here.extend(tokens), atol=1e-12)
        here.rollback(2)
        there.rollback(2)
    assert isinstance(there.extend([1]), np.ndarray)


def test_one_text_on_another_device_is_seen_from_the_host():
    model = small_model(dtype=np.float64)
    there, here = HostContext(moved(model, STRICT)), model.start()
    for tokens in ([1, 2, 3], [4], [5, 6]):
        np.testing.assert_allclose(there.extend(tokens), here.extend(tokens), atol=1e-12)
        assert there.length == here.length
        here.rollback(2)
        there.rollback(2)
    with pytest.raises(ValueError, match="got none"):
        there.extend([])


@pytest.mark.parametrize("command", ["generate", "demo"])
@pytest.mark.parametrize("backend", ["numpy", pytest.param("torch", marks=pytest.mark.peers)])
def test_the_command_line_prints_the_same_text_in_another_library(command, backend, capsys):
    if backend == "torch":
        torch_like()
    given = [command, "--max-new-tokens", "40", *(["--no-times"] if command == "demo" else ["--prompt", "def f("])]
    printed = []
    for option in ([], ["--backend", backend]):
        assert main([*given, *option]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_a_library_that_cannot_be_used_is_named(capsys):
    if "cannot be used" not in installed()["cupy"]:
        pytest.skip("CuPy works here")
    assert main(["generate", "--prompt", "a", "--backend", "cupy"]) == 2
    assert "backend 'cupy' cannot be used here" in capsys.readouterr().err
