"""Does the roofline count bytes and operations right, and keep its promises about speed-ups?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample.theory import (
    Device,
    Shape,
    Work,
    best_K,
    break_even,
    is_memory_bound,
    outlook,
    pass_bytes,
    pass_operations,
    pass_seconds,
    speedup,
)
from specsample.theory.machines import device, known, nearest, shape
from specsample.theory.roofline import needed_bytes
from specsample.transformer.cache import Cache
from specsample.transformer.lm import load_pair

BIG, SMALL = Shape(70e9, 80, 8192, 1024), Shape(4e9, 28, 3072, 1024)
H100 = device("h100", count=4)
works = st.builds(
    Work, st.integers(1, 512), st.integers(0, 65536), st.sampled_from([0.5, 1, 2]), st.sampled_from([1, 2])
)


def test_operations_count_every_multiplication_of_a_loop():
    L, heads, head_dim, S, rows = 3, 2, 4, 5, 3
    count = sum(2 * 2 * heads * head_dim * (S + row + 1) for _ in range(L) for row in range(rows))  # q·k, then p·v
    assert pass_operations(Shape(0, L, heads * head_dim, 1), rows, Work(2, S)) == 2 * count
    assert pass_operations(Shape(10, L, 0, 1), rows, Work(2, S)) == 2 * rows * 2 * 10


def test_bytes_are_those_of_the_shipped_models_arrays():
    for model in load_pair():
        c, cache = model.config, Cache(model.config)
        weights = [array for array in model.params.values() if array.ndim == 2]
        cached = sum(array.nbytes for array in [*cache.keys, *cache.values])  # of max_length positions
        shape = Shape(sum(array.size for array in weights), c.n_layers, c.width, c.n_kv_heads * c.head_dim)
        assert pass_bytes(shape, 1, Work(1, c.max_length - 1, 4, 4)) == sum(a.nbytes for a in weights) + cached


def test_a_pass_takes_the_longer_of_reading_and_computing_and_its_layers():
    machine = Device(bandwidth=100.0, rate=1000.0, memory=0, layer_seconds=0.5)
    reading, computing = Shape(1000, 2, 0, 0), Work(50, 0, 0)
    assert pass_seconds(reading, 1, machine, Work(weight_bytes=1)) == 1000 / 100 + 2 * 0.5
    assert pass_seconds(reading, 1, machine, computing) == 50 * 2 * 1000 / 1000 + 2 * 0.5
    assert is_memory_bound(reading, 1, machine, Work(weight_bytes=1))
    assert not is_memory_bound(reading, 1, machine, computing)


def test_memory_is_what_both_models_and_caches_take():
    work = Work(2, 100)
    assert needed_bytes([BIG, SMALL], work) == pass_bytes(BIG, 1, work) + pass_bytes(SMALL, 1, work)


@settings(deadline=None, max_examples=60)
@given(works, st.integers(1, 16))
def test_more_rows_sequences_or_context_never_take_less_time(work, rows):
    seconds = pass_seconds(BIG, rows, H100, work)
    for more in (work._replace(batch=2 * work.batch), work._replace(context=work.context + 1000)):
        assert pass_seconds(BIG, rows, H100, more) >= seconds
    assert seconds <= pass_seconds(BIG, rows + 1, H100, work) <= (rows + 1) / rows * seconds * (1 + 1e-3)


@settings(deadline=None, max_examples=60)
@given(works, st.floats(0, 1))
def test_the_outlook_is_theorem_3_8_at_the_rooflines_ratios(work, alpha):
    found = outlook(alpha, BIG, SMALL, H100, work=work)
    one = pass_seconds(BIG, 1, H100, work)
    c, rho = pass_seconds(SMALL, 1, H100, work) / one, pass_seconds(BIG, found.K + 1, H100, work) / one
    assert (found.cost_ratio, found.verify_ratio) == (c, rho)
    assert found.speedup == speedup(alpha, found.K, c, rho) >= 1
    assert all(found.speedup >= outlook(alpha, BIG, SMALL, H100, work=work, K=K).speedup for K in range(17))


def test_a_single_sequence_pays_nothing_for_its_rows():
    found = outlook(0.8, BIG, SMALL, H100, work=Work(1, 2048))
    assert found.verify_ratio == pytest.approx(1, abs=1e-4)
    assert best_K(0.8, found.cost_ratio) == found.K


def test_where_arithmetic_is_the_limit_no_draft_pays():
    flat_out = Work(512, 16)  # far beyond the batch at which computing takes as long as reading
    assert not is_memory_bound(BIG, 1, H100, flat_out)
    assert outlook(0.9, BIG, SMALL, H100, work=flat_out).K == 0
    last = break_even(lambda batch: outlook(0.9, BIG, SMALL, H100, work=Work(batch, 16)).K > 0, 1, 512)
    paying = [outlook(0.9, BIG, SMALL, H100, work=Work(batch, 16)).K > 0 for batch in range(1, 513)]
    assert paying == [True] * last + [False] * (512 - last)


def test_break_even_finds_the_change_in_either_direction():
    for edge in range(1, 9):
        assert break_even(lambda n: n <= edge, 1, 9) == edge  # noqa: B023
        assert break_even(lambda n: n > edge, 1, 9) == edge  # noqa: B023
    assert break_even(lambda n: False, 1, 9) is None


def test_every_device_and_shape_names_its_source():
    for kind, positive in (("devices", ("bandwidth", "memory")), ("shapes", Shape._fields)):
        for name, figures in known(kind).items():
            assert len(figures["source"]) > 20, name
            assert all(figures[field] > 0 for field in positive), name


def test_parameters_of_the_chinchilla_and_t5_shapes_agree_with_their_widths():
    for name in ("chinchilla-70b", "chinchilla-draft-4b"):
        s = shape(name)
        assert 12 * s.n_layers * s.width**2 == pytest.approx(s.parameters, rel=0.1), name  # without embeddings
    sizes = {"t5-small": (512, 1024), "t5-base": (768, 2048), "t5-large": (1024, 2816), "t5-xxl": (4096, 10240)}
    for name, (d, hidden) in sizes.items():
        s = shape(name)
        layer = 2 * 4 * d * s.width + 3 * d * hidden  # self and cross attention, gated feed-forward
        assert s.n_layers * layer + 32128 * d == pytest.approx(s.parameters, rel=0.01), name


def test_devices_add_up_and_sizes_take_the_nearest_shape():
    one, four = device("h100"), device("h100", count=4, layer_seconds=1e-6)
    assert four == Device(4 * one.bandwidth, 4 * one.rate, 4 * one.memory, 1e-6)
    assert device("h100", bits=8).rate == pytest.approx(2 * one.rate, rel=1e-3)
    assert shape("70B") == shape("llama-70b")._replace(parameters=70e9)
    assert shape("1.5m:2:3:4") == Shape(1.5e6, 2, 3, 4)
    assert [nearest(size) for size in np.array([1e8, 5e9, 3e10, 1e13]).tolist()] == [
        *("llama-1b", "llama-8b", "llama-70b", "llama-405b")
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: device("h1000"), "device must be one of a100, h100"),
        (lambda: device("h100", count=0), "count must be >= 1"),
        (lambda: device("h100", bits=4), "bits 16 or 8"),
        (lambda: shape("seventy"), "a size such as 70B"),
        (lambda: shape("0B"), "a size such as 70B"),
    ],
)
def test_unknown_machines_and_models_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
