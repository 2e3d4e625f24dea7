"""What `check` is told to judge: a function of the user's, or a program."""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any

from specsample.conformance.adapters import (
    Adapter,
    Broken,
    from_command,
    from_generate,
    from_step,
    from_verify,
)

FOR_VERIFY = "--logits, --ragged, --library and --device"


def adapter_for(given: argparse.Namespace) -> Adapter:
    """Make the adapter that the arguments name.

    Raises
    ------
    ValueError
        If there is no such module, function or program.
    """
    if (given.function is None) == (given.program is None):
        raise ValueError("name what is to be judged: either module:function, or --command and a program.")
    arrays = {"logits": given.logits, "ragged": given.ragged, "device": given.device}
    for_verify = any(arrays.values()) or given.lib != "numpy"
    # a program says itself how it wants to be asked
    if given.program is not None:
        if for_verify or given.one or given.batch:
            raise ValueError(f"{FOR_VERIFY}, --one and --batch belong to functions; a program says how it is asked.")
        return from_command(given.program, kind=given.kind)
    # the function, or an adapter, or what makes one
    fn = find(given.function)
    if not callable(fn) and not isinstance(fn, Adapter):
        raise ValueError(f"{given.function} must be a function; got {type(fn).__name__}.")
    if given.kind == "adapter":
        made = fn if isinstance(fn, Adapter) else _made_by(fn, given.function)
        if not isinstance(made, Adapter):
            raise ValueError(f"{given.function} must be an adapter, or return one; got {type(made).__name__}.")
        return made
    # verify and step take batches unless --one says otherwise, generate one prompt unless --batch does
    batched = {"batched": given.batch if given.kind == "generate" else not given.one, "name": given.function}
    if for_verify and given.kind != "verify":
        raise ValueError(f"{FOR_VERIFY} belong to --kind verify; got --kind {given.kind}.")
    if given.kind == "verify":
        return from_verify(fn, library=given.lib, **arrays, **batched)
    return from_step(fn, **batched) if given.kind == "step" else from_generate(fn, **batched)


def find(path: str) -> Any:
    """Import module:function, also from the current folder.

    Parameters
    ----------
    path : str

    Raises
    ------
    ValueError
        If it is not of that form, or there is no such module or function.
    """
    module, colon, name = path.partition(":")
    if not colon or not module or not name:
        raise ValueError(f"function must be written module:function; got {path!r}.")
    # a file is named by its module
    if module.endswith(".py") or "/" in module or "\\" in module:
        dotted = module.removesuffix(".py").replace("\\", ".").replace("/", ".").strip(".")
        raise ValueError(f"function must be written module:function; got {path!r}. Write {dotted}:{name}.")
    # as `python -m` would find it
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"module {module!r} cannot be imported: {error}. Is it in this folder?{_hiding()}"
        ) from error
    # whatever the user's module does when it is imported
    except (Exception, SystemExit) as error:
        at = extract_tb(error.__traceback__)[-1]
        where = f"{at.filename}, line {at.lineno}" if not isinstance(error, SyntaxError) else "its text"
        why = f"{type(error).__name__} in {where}: {error}"
        raise ValueError(f"module {module!r} must be importable; it raised {why}.{_hiding()}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"module {module!r} has no {name!r}; it has {_public(found)}.{_hiding()}")
        found = getattr(found, part)
    return found


def file_of(path: str) -> str:
    """Name the file of module:function, relative to the current folder if it lies there; "" where none is found."""
    here = Path.cwd()
    parts = path.partition(":")[0].split(".")
    # looked for, not imported: a process of its own does that
    for place in [here, *map(Path, sys.path)]:
        for file in (place.joinpath(*parts).with_suffix(".py"), place.joinpath(*parts, "__init__.py")):
            if parts[0] and file.is_file():
                return (file.relative_to(here) if file.is_relative_to(here) else file).as_posix()
    return ""


def _made_by(factory: Callable[[], Any], name: str) -> Any:
    """Call a function that makes an adapter; what it raises is no verdict."""
    try:
        return factory()
    except Exception as error:
        raise Broken(f"{name}() must return an adapter; it raised {type(error).__name__}: {error}.") from error


def _hiding() -> str:
    """Name the files of this folder that share their name with a module of the standard library, or say nothing."""
    names = sorted(path.name for path in Path.cwd().glob("*.py") if path.stem in sys.stdlib_module_names)
    return f" {names[0]} here has the name of a module of the standard library: rename it." if names else ""


def _public(module: Any) -> str:
    """List some public functions."""
    named = [name for name, each in vars(module).items() if callable(each) and not name.startswith("_")]
    return ", ".join(named[:8]) or "no public functions"
