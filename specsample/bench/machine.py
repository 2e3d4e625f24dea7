"""The machine of a measurement: the header of every report.

Processor, BLAS kernel, threads and versions.
"""

import ctypes
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS")
PREFIXES = ("openblas_", "scipy_openblas_")  # a build may rename its functions, and add 64_ to them


def describe_machine() -> dict[str, Any]:
    """Describe the machine and the libraries of this process.

    Returns
    -------
    dict, what can be written as JSON
    """
    kernel, threads = blas_kernel()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor_name(),
        "avx512": "avx512f" in _cpuinfo("flags").split(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": _blas_name(),
        "blas_kernel": kernel,
        "blas_threads": threads,
        "environment": {name: os.environ[name] for name in BLAS_VARIABLES if name in os.environ},
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def processor_name() -> str:
    """Return what the processor calls itself, or "unknown"."""
    return _cpuinfo("model name") or platform.processor() or "unknown"


def blas_kernel() -> tuple[str, int | None]:
    """Ask the OpenBLAS that NumPy has loaded which processor it takes this one for.

    Returns
    -------
    (str, the kernels' name such as SkylakeX or Haswell, or "unknown"; int, BLAS threads, or None)
    """
    for path in _loaded_blas():
        library = ctypes.CDLL(path)
        for prefix in PREFIXES:
            for suffix in ("", "64_"):
                name = getattr(library, f"{prefix}get_corename{suffix}", None)
                threads = getattr(library, f"{prefix}get_num_threads{suffix}", None)
                if name is not None and threads is not None:
                    name.restype = ctypes.c_char_p
                    return name().decode(), int(threads())
    return "unknown", None


def header(machine: dict[str, Any]) -> str:
    """Say it in two lines.

    Parameters
    ----------
    machine : dict, from `describe_machine`
    """
    vectors = "with AVX-512" if machine["avx512"] else "without AVX-512"
    return (
        f"{machine['date']}, {machine['processor']} ({machine['cores']} cores, {vectors}), {machine['system']}, "
        f"load {machine['load']}\nPython {machine['python']}, NumPy {machine['numpy']}, {machine['blas']}, kernels "
        f"{machine['blas_kernel']}, BLAS threads {machine['blas_threads']}, {machine['environment']}"
    )


def _blas_name() -> str:
    """Return the name and version of the BLAS that NumPy was built with."""
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas.get('version', '')}"


def _loaded_blas() -> list[str]:
    """List the OpenBLAS libraries of this process; only Linux tells."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    return sorted({line.split()[-1] for line in lines if "openblas" in line.lower() and ".so" in line})


def _cpuinfo(field: str) -> str:
    """Return the first value of a field of /proc/cpuinfo, or an empty string."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")
