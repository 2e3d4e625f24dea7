"""The call of the CUDA kernel in `verify.cu` on CuPy arrays.

`verify` has the signature and the answers of `batched.verify`. `plan` makes the arrays and sizes that a launch needs;
it works on NumPy arrays too, which is how the kernel is tested on a CPU.
"""

from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from array_api_compat import array_namespace

from specsample.backend import library, owner
from specsample.batched.verdicts import Verdicts, check_batch
from specsample.distributions import Array

ROW_TYPES = {  # dtype of the rows: type in verify.cu
    "float32": "float",
    "float64": "double",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "uint16": "BFloat16",  # the bits of bfloat16, for libraries without that type
}


class Launch(NamedTuple):
    """What a launch of the kernel needs."""

    kernel: str
    blocks: int  # B, a block a row
    threads: int  # of each block
    arguments: tuple[Any, ...]  # in the order of verify.cu


def verify(
    draft_tokens: Array,
    draft_probs: Array,
    target_probs: Array,
    *,
    u_accept: Array,
    u_emit: Array,
    n_drafts: Array | None = None,
) -> Verdicts:
    """Keep a leading run of each row's drafts and pick the token after it, in one kernel.

    Algorithm 1, lines 8 to 17 (Leviathan et al.), for B rows; all arrays are CuPy's.

    Parameters: as for `batched.verdicts.verify`.

    Parameters
    ----------
    draft_probs : (B, K, V) array; float32, float64, float16, or uint16 for the bits of bfloat16
    target_probs : (B, K+1, V) array of the same type

    Returns
    -------
    Verdicts(n_accepted (B,), token (B,)), int64 CuPy arrays; token -1 where the row of p has no probability at all

    Raises
    ------
    ValueError, TypeError
        If a shape, type or device does not fit.
    RuntimeError
        If CuPy or a GPU is missing.
    """
    if owner(target_probs) != "cupy":
        raise TypeError(f"target_probs must be a CuPy array; got one of {owner(target_probs)}. Use batched.verify.")
    launch = plan(draft_tokens, draft_probs, target_probs, u_accept=u_accept, u_emit=u_emit, n_drafts=n_drafts)
    # a launch of no blocks is an error to CUDA; with B = 0 there is nothing to fill
    if launch.blocks:
        with target_probs.device:
            _module().get_function(launch.kernel)((launch.blocks,), (launch.threads,), launch.arguments)
    return Verdicts(*launch.arguments[6:8])


def plan(
    draft_tokens: Array, draft_probs: Array, target_probs: Array, *, n_drafts: Array | None = None, **u: Array
) -> Launch:
    """Make the launch of the kernel for a batch.

    Parameters: as for `batched.verdicts.check_batch`.

    Returns
    -------
    Launch; arguments 6 and 7 are the empty arrays that the kernel fills, n_accepted and token

    Raises
    ------
    ValueError, TypeError
        If a shape, type or device does not fit.
    """
    n_drafts, K = check_batch(draft_tokens, draft_probs, target_probs, n_drafts=n_drafts, **u)
    xp = array_namespace(target_probs)
    B, _, V = target_probs.shape
    # the rows keep their type, which chooses the kernel: widening them here would double what is read
    dtype = target_probs.dtype
    if draft_probs.dtype != dtype or str(dtype) not in ROW_TYPES:
        raise TypeError(
            f"draft_probs and target_probs must have one type of {', '.join(ROW_TYPES)}; "
            f"got {draft_probs.dtype} and {dtype}. Convert one of them with astype."
        )
    # the kernel counts in int64, compares in float64 and walks rows without strides
    wanted = [(draft_tokens, xp.int64), (draft_probs, dtype), (target_probs, dtype)]
    wanted += [(u["u_accept"], xp.float64), (u["u_emit"], xp.float64), (n_drafts, xp.int64)]
    arrays = [xp.ascontiguousarray(array, dtype=kind) for array, kind in wanted]
    # what it fills: n_accepted and token, shaped like n_drafts
    filled = (xp.empty_like(arrays[5]), xp.empty_like(arrays[5]))
    kernel = f"verify<{ROW_TYPES[str(dtype)]}>"
    return Launch(kernel, B, threads(V), (*arrays, *filled, xp.int32(K), xp.int64(V)))


def threads(V: int) -> int:
    """Choose the block's size: enough threads to read a long row, not so many that a short one leaves them idle.

    Parameters
    ----------
    V : int, vocabulary

    Returns
    -------
    int, a multiple of 32 from 64 to 1024
    """
    return 64 if V <= 1024 else 256 if V <= 16384 else 1024


@cache
def _module() -> Any:
    """Compile verify.cu for this machine's GPU, once; no option that trades exactness for speed."""
    source = files("specsample.cuda").joinpath("verify.cu").read_text(encoding="utf-8")
    names = sorted({f"verify<{row}>" for row in ROW_TYPES.values()})
    return library("cupy").RawModule(code=source, options=("-std=c++17",), name_expressions=names)
