"""Memory that the allocator should keep.

Why does a freed array cost time again when the next one of its size is made? glibc's malloc gives large blocks back
to the system at once, and the next array of that size pays a page fault for every 4 KiB: at preset "draft" 5,000 to
10,000 faults a step, a fifth of its processor time. malloc learns from what is freed, up to 32 MiB, so one large
array that is made and freed ends that. Other allocators are not harmed.
"""

from functools import cache

import numpy as np

LARGEST = (32 << 20) - (64 << 10)  # bytes, just below what glibc will learn (DEFAULT_MMAP_THRESHOLD_MAX)


@cache
def keep_freed_memory() -> None:
    """Make the process keep memory that it frees, for its next arrays of up to 32 MiB.

    The array is never touched, so no memory is used for it. Only the first call does anything.
    """
    np.empty(LARGEST, np.uint8)
