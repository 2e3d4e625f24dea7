"""Parameters on disk, kept so that no crash can lose them.

One .npz file: the config as JSON, the parameters, anything extra; no pickle. A save writes a neighbour and renames it
over the old file, so at every instant the path holds a whole checkpoint.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from specsample.files import read_arrays, write_arrays
from specsample.transformer.config import Config, shapes


def save(path: str | Path, config: Config, params: dict[str, np.ndarray], *, dtype: Any = None, **extra: Any) -> None:
    """Write a checkpoint atomically.

    Parameters
    ----------
    path : str or Path, where to; a file that is already there stays whole until the new one is
    config : Config, Sizes of the model
    params : dict of arrays, as `init_params` makes them
    dtype : dtype, optional
        Float type on disk, e.g. float16 to ship; as it is if None.
    **extra : array, number, str or JSON-able, returned by `load` under the same names; arrays as arrays
    """
    # arrays as arrays, everything else as JSON: no pickle
    arrays: dict[str, Any] = {f"params/{name}": p if dtype is None else p.astype(dtype) for name, p in params.items()}
    notes = {name: value for name, value in extra.items() if not isinstance(value, np.ndarray)}
    arrays |= {f"extra/{name}": value for name, value in extra.items() if isinstance(value, np.ndarray)}
    arrays["config"] = np.array(json.dumps(asdict(config)))
    arrays["notes"] = np.array(json.dumps(notes))
    write_arrays(path, arrays)


def load(path: str | Path) -> tuple[Config, dict[str, np.ndarray], dict[str, Any]]:
    """Read a checkpoint.

    Parameters
    ----------
    path : str or Path, A file that `save` wrote

    Returns
    -------
    config : Config, Sizes of the model
    params : dict of arrays, float16 on disk comes back as float32
    extra : dict, what `save` was given beyond the parameters

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is cut short, is not a checkpoint, or does not fit its own config.
    """
    arrays = read_arrays(path)
    if "config" not in arrays or "notes" not in arrays:
        raise ValueError(f"{path} must be a checkpoint with 'config' and 'params/...'; got {sorted(arrays)[:5]}.")
    # the config first: it says which parameters there must be
    try:
        config = Config(**json.loads(str(arrays["config"])))
    except (TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} holds a config that this version cannot read: {error}.") from error
    # then the parameters, held to their shapes
    params = {n.removeprefix("params/"): _widen(a) for n, a in arrays.items() if n.startswith("params/")}
    check_shapes(config, params)
    extra = json.loads(str(arrays["notes"]))
    extra |= {n.removeprefix("extra/"): a for n, a in arrays.items() if n.startswith("extra/")}
    return config, params, extra


def check_shapes(config: Config, params: dict[str, np.ndarray]) -> None:
    """Refuse parameters that do not fit a config.

    Parameters
    ----------
    config : Config, Sizes of the model
    params : dict of arrays, named as in `shapes(config)`

    Raises
    ------
    ValueError
        If a parameter is missing, unknown or of another shape.
    """
    expected = shapes(config)
    if missing := sorted(expected.keys() - params.keys()):
        raise ValueError(f"parameters {missing[:3]} are missing. Is the head tied in one place and not in the other?")
    if unknown := sorted(params.keys() - expected.keys()):
        raise ValueError(
            f"parameters {unknown[:3]} are not in this config. Does it have fewer layers, or a tied head?"
        )
    for name, shape in expected.items():
        if params[name].shape != shape:
            raise ValueError(
                f"{name} must be {shape} to fit the config; got {params[name].shape}. "
                "Do config and parameters belong to the same model?"
            )


def _widen(array: np.ndarray) -> np.ndarray:
    """Turn float16 into float32, which is what models compute in."""
    return array.astype(np.float32) if array.dtype == np.float16 else array
