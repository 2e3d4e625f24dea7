"""Array libraries and devices, and moves between them.

An array carries its library: there is no global switch.
"""

from importlib import import_module
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj, is_torch_array

from specsample.distributions import Array

LIBRARIES = ("numpy", "torch", "cupy")


def library(name: str) -> Any:
    """Import an array library, and see that it works.

    Parameters
    ----------
    name : {"numpy", "torch", "cupy"}

    Returns
    -------
    the library's namespace by `array_api_compat`

    Raises
    ------
    ValueError
        If name is another.
    RuntimeError
        If the library is not installed or, for CuPy, cannot use a GPU here.

    Examples
    --------
    >>> library("numpy").asarray([1, 2])
    array([1, 2])
    """
    if name not in LIBRARIES:
        raise ValueError(f"backend must be numpy, torch or cupy; got {name!r}.")
    try:
        xp = import_module(f"array_api_compat.{name}")
        xp.zeros(1)  # CuPy imports without a GPU and fails at its first array
    except Exception as error:  # not installed; or one of CuPy's classes for driver, runtime, memory and compiler
        hint = "Is there an NVIDIA GPU with a driver as new as CuPy's CUDA?" if name == "cupy" else "Is it installed?"
        raise RuntimeError(f"backend {name!r} cannot be used here: {error}. {hint}") from error
    return xp


def installed() -> dict[str, str]:
    """Say of each library which version is usable here, or why none is.

    Returns
    -------
    dict from name to version, or to what is missing

    Examples
    --------
    >>> installed()["numpy"] == np.__version__
    True
    """
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = str(library(name) and import_module(name).__version__)
        except RuntimeError as error:
            found[name] = str(error)
    return found


def owner(array: Array) -> str:
    """Name the library of an array, "builtins" for lists and numbers.

    Parameters
    ----------
    array : anything

    Returns
    -------
    str

    Examples
    --------
    >>> owner(np.zeros(2)), owner([0.0, 0.0])
    ('numpy', 'builtins')
    """
    return type(array).__module__.partition(".")[0]


def to_device(array: Array, like: Array) -> Array:
    """Move an array to the library and the device of another; its numbers and their type stay.

    Parameters
    ----------
    array, like : arrays

    Returns
    -------
    array like `like`, with the numbers of `array`

    Examples
    --------
    >>> to_device([1, 2], like=np.zeros(1))
    array([1, 2])
    """
    # libraries take NumPy arrays, and not each other's: the way from one to another leads over the host
    movable = array if owner(array) == owner(like) else to_numpy(array)
    return array_namespace(like).asarray(movable, device=device(like))


def to_numpy(array: Array) -> np.ndarray[Any, Any]:
    """Copy an array to the host; torch's bfloat16, which NumPy lacks, becomes float32.

    Parameters
    ----------
    array : array of any library

    Returns
    -------
    NumPy array, a copy

    Examples
    --------
    >>> to_numpy([1, 2])
    array([1, 2])
    """
    # a GPU's array is not copied silently: each library has a call of its own for that
    if owner(array) == "cupy":
        return np.asarray(array.get())
    if is_torch_array(array):
        array = array.float() if str(array.dtype) == "torch.bfloat16" else array
        array = array.detach().cpu().numpy()
    elif is_array_api_obj(array) and hasattr(array, "to_device"):
        array = array.to_device(array_namespace(array).__array_namespace_info__().default_device())
    return np.array(array)
