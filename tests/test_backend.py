"""Which libraries are usable, and how arrays move between them."""

import re
import sys

import array_api_strict
import numpy as np
import pytest
from array_api_compat import device

from specsample.backend import installed, library, owner, to_device, to_numpy
from specsample.batched.verdicts import shared_namespace

STRICT = array_api_strict.asarray([1.0, 2.0], device=array_api_strict.Device("device1"))


def test_numpy_is_always_usable():
    assert library("numpy").asarray([1]).tolist() == [1]
    assert installed()["numpy"] == np.__version__


def test_an_unknown_backend_is_refused_by_name():
    with pytest.raises(ValueError, match="numpy, torch or cupy; got 'jax'"):
        library("jax")


@pytest.mark.parametrize("name", ["torch", "cupy"])
def test_a_library_that_cannot_be_used_says_why(name, monkeypatch):
    monkeypatch.setitem(sys.modules, f"array_api_compat.{name}", None)  # as if it were not installed
    said = f"backend '{name}' cannot be used here: .*Is (it|there)"
    assert re.search(said, installed()[name])
    with pytest.raises(RuntimeError, match=said):
        library(name)


@pytest.mark.peers
def test_cupy_without_a_gpu_names_the_driver_and_not_a_missing_package():
    cupy = pytest.importorskip("cupy", reason="cupy is not installed")
    if not installed()["cupy"][0].isdigit():
        with pytest.raises(RuntimeError, match=r"cannot be used here: cuda.*driver as new as CuPy's CUDA"):
            library("cupy")
    else:
        assert installed()["cupy"] == cupy.__version__


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
def test_an_array_comes_back_from_another_device_unchanged(dtype):
    there = to_device(np.array([0, 1, 1], dtype), like=STRICT)
    assert device(there) == STRICT.device
    back = to_numpy(there)
    assert (back.dtype, back.tolist()) == (np.dtype(dtype), [0, 1, 1])


def test_an_array_moves_between_devices_of_one_library():
    moved = to_device(STRICT, like=array_api_strict.asarray(0.0))
    assert device(moved) == array_api_strict.Device("CPU_DEVICE")


def test_an_array_that_is_in_place_is_not_copied():
    array = np.arange(3)
    assert to_device(array, like=np.zeros(1)) is array


def test_to_numpy_copies_so_that_the_host_may_write():
    array = np.arange(3)
    array.flags.writeable = False
    assert to_numpy(array).flags.writeable


@pytest.mark.peers
def test_torch_arrays_move_even_read_only_and_in_bfloat16():
    torch = pytest.importorskip("torch", reason="needs the extra [peers]")
    array = np.array([0.5, 0.25])
    array.flags.writeable = False
    there = to_device(array, like=torch.zeros(1))
    assert (there.dtype, there.tolist()) == (torch.float64, [0.5, 0.25])
    assert to_numpy(there.bfloat16()).dtype == np.float32
    assert to_device(there, like=STRICT).device == STRICT.device


def test_arrays_on_two_devices_of_one_library_are_refused():
    with pytest.raises(
        ValueError, match=r"a in array_api_strict on .*device1.* b in array_api_strict on .*CPU_DEVICE"
    ):
        shared_namespace(a=STRICT, b=array_api_strict.asarray([1.0]))


def test_a_list_is_refused_as_no_array():
    with pytest.raises(TypeError, match="b must be an array; got list"):
        shared_namespace(a=np.zeros(1), b=[1])


def test_the_owner_is_the_library_whose_type_the_array_has():
    assert [owner(value) for value in (np.zeros(1), STRICT, [1], 1.0)] == [
        *("numpy", "array_api_strict", "builtins", "builtins")
    ]
