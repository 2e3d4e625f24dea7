"""The devices and models that can be planned for.

`devices.json` and `shapes.json` hold the figures with their sources: what vendors state, what models' configurations
say. A size without a name ("4B") takes the layers and widths of the published Llama model nearest in size.
"""

import json
import math
import re
from functools import cache
from importlib.resources import files
from typing import Any

from specsample.theory.roofline import Device, Shape

SIZES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


@cache
def known(kind: str) -> dict[str, Any]:
    """Read a table: from name to figures with their source.

    Parameters
    ----------
    kind : {"devices", "shapes"}

    Examples
    --------
    >>> sorted(known("devices"))
    ['a100', 'h100', 'h200', 'mi300x', 'rtx4090', 'tpuv4']
    """
    table = json.loads(files("specsample.theory").joinpath(f"{kind}.json").read_text(encoding="utf-8"))
    return {name: figures for name, figures in table.items() if name != "about"}


def device(name: str, *, count: int = 1, bits: int = 16, layer_seconds: float = 0.0) -> Device:
    """Take a device from the table, or several that share every pass evenly.

    Parameters
    ----------
    name : str, as in `known("devices")`
    count : int >= 1, devices; their bandwidths, rates and memories add up
    bits : {16, 8}, of the numbers that are multiplied
    layer_seconds : float >= 0, seconds a layer that neither reading nor computing explains

    Examples
    --------
    >>> device("h100", count=2).bandwidth
    6700000000000.0
    """
    table = known("devices")
    if name not in table:
        raise ValueError(f"device must be one of {', '.join(table)}; got {name!r}.")
    if count < 1 or layer_seconds < 0 or str(bits) not in table[name]["operations"]:
        raise ValueError(
            f"count must be >= 1, layer_seconds >= 0, bits 16 or 8; got {count}, {layer_seconds}, {bits}."
        )
    # as if their passes were cut without loss: exchanging results is for layer_seconds
    d = table[name]
    return Device(count * d["bandwidth"], count * d["operations"][str(bits)], count * d["memory"], layer_seconds)


def shape(text: str) -> Shape:
    """Read a model's shape: a name of the table, a size, or a size with layers and widths.

    Parameters
    ----------
    text : str, such as "llama-70b", "70B", or "70B:80:8192:1024" for parameters, layers, width and key-value width

    Examples
    --------
    >>> shape("4B")
    Shape(parameters=4000000000.0, n_layers=28, width=3072, kv_width=1024)
    """
    table = known("shapes")
    if text in table:
        return Shape(*(table[text][field] for field in Shape._fields))
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMBT])(?::(\d+):(\d+):(\d+))?", text, re.IGNORECASE)
    if not match or float(match[1]) == 0:
        raise ValueError(
            f"a model must be one of {', '.join(table)}, a size such as 70B, or SIZE:LAYERS:WIDTH:KV_WIDTH; "
            f"got {text!r}."
        )
    # a size alone takes its layers and widths from the model nearest in size
    parameters = float(match[1]) * SIZES[match[2].upper()]
    if match[3]:
        return Shape(parameters, int(match[3]), int(match[4]), int(match[5]))
    return shape(nearest(parameters))._replace(parameters=parameters)


def nearest(parameters: float) -> str:
    """Name the Llama model of the table whose size is nearest, as a ratio.

    Parameters
    ----------
    parameters : float > 0

    Examples
    --------
    >>> nearest(4e9), nearest(65e9)
    ('llama-3b', 'llama-70b')
    """
    llamas = {name: figures["parameters"] for name, figures in known("shapes").items() if name.startswith("llama")}
    return min(llamas, key=lambda name: abs(math.log(llamas[name] / parameters)))
