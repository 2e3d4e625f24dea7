"""The start of the command, with one BLAS thread unless told otherwise.

A pass over six rows of a small model is over before a second thread has woken up; on a busy machine waiting for that
thread made it 8 times slower. The number of threads is read when NumPy is loaded, so the command starts itself once
more with `OPENBLAS_NUM_THREADS=1`.
"""

import os
import sys


def main() -> int:
    """Run the command line with one BLAS thread.

    Returns
    -------
    int, exit status
    """
    if os.name == "posix" and "OPENBLAS_NUM_THREADS" not in os.environ:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "specsample", *sys.argv[1:]])
    try:
        from specsample.cli import main as run

        return run()
    except KeyboardInterrupt:  # while modules are loaded; later `cli` sees to it
        return 130


if __name__ == "__main__":
    sys.exit(main())
