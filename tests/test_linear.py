"""Every layout gives the same product; the layout is measured once, and can be said instead."""

import numpy as np
import pytest

from specsample.transformer.linear import LAYOUTS, OVERRIDE, fastest_layout, pack, product

SHAPES = [(8, 64), (5, 97), (48, 33), (3, 1)]  # whole blocks, broken ones, less than one


def case(d_in, d_out, n, dtype=np.float64):
    """Draw x and W."""
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, d_in)).astype(dtype), rng.standard_normal((d_in, d_out)).astype(dtype)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n", [1, 2, 6, 8, 17])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_layout_gives_the_product(layout, n, shape):
    x, weight = case(*shape, n)
    y = product(x, pack(weight, layout))
    assert (y.shape, y.dtype) == ((n, shape[1]), weight.dtype)
    np.testing.assert_allclose(y, np.einsum("ni,ij->nj", x, weight), rtol=0, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_layout_gives_the_same_bits(layout):
    x, weight = case(64, 97, 6, np.float32)
    np.testing.assert_array_equal(product(x, pack(weight, layout)), product(x, pack(weight.copy(), layout)))


def test_packing_copies_so_that_later_changes_do_not_show():
    weight = case(4, 40, 2)[1]
    for layout in LAYOUTS:
        packed = pack(weight, layout)
        assert not np.shares_memory(packed.weight, weight), layout


def test_the_measured_layout_stays_for_the_process():
    first = fastest_layout(24, 72, "<f4")
    assert first in LAYOUTS
    assert all(fastest_layout(24, 72, "<f4") == first for _ in range(3))


@pytest.mark.parametrize(
    ("layout", "shape"), [("plain", (4, 40)), ("blocks32", (2, 4, 32)), ("blocks64", (1, 4, 64))]
)
def test_the_environment_decides_before_any_measurement(monkeypatch, layout, shape):
    monkeypatch.setenv(OVERRIDE, layout)
    assert pack(np.ones((4, 40))).weight.shape == shape


def test_an_unknown_layout_is_refused_with_the_ones_there_are(monkeypatch):
    monkeypatch.setenv(OVERRIDE, "blocks")
    with pytest.raises(
        ValueError, match=r"layout must be one of plain, .*got 'blocks'. Is SPECSAMPLE_LAYOUT misspelt"
    ):
        pack(np.ones((4, 40)))
