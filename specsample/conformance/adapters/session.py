"""The lines that the judge and a program exchange.

Every line is one JSON object and every request has one answer; docs/wire.md has all fields. Here they are written and
read, and what is wrong with an answer is said.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import Broken, Kind
from specsample.conformance.adapters.program import KEPT, Program, shown

VERSION = 1
BATCH = 4096  # streams of a request, unless the program wants fewer
ARRAYS = {"json": "", "float32": "<f4", "float64": "<f8"}  # how probabilities travel
MOST = 1 << 20  # bytes of an answer
MOST_A_TOKEN = 32  # and for each token that was asked for


class Session:
    """What the judge and a program know of each other while it runs.

    Parameters
    ----------
    command : sequence of str
    kind : what it is asked for
    """

    def __init__(self, command: Sequence[str], kind: Kind) -> None:
        self.program = Program(command)
        self.kind = kind
        self.lock = Lock()
        self.arrays = "json"
        self.batch = BATCH
        self.models: tuple[Any, ...] = ()  # those that it has
        self.n_asked = 0

    def __reduce__(self) -> Any:
        # to another process goes the command, and there it is started once
        return session_here, (self.program.command, self.kind)

    def greet(self) -> None:
        """Start the program and compare versions.

        Raises
        ------
        Broken
            If it speaks another version, or asks for what there is not.
        """
        self.program.start()
        self.models = ()
        self.n_asked = 0
        said = self.heard({"specsample": VERSION, "kind": self.kind}, MOST)
        if said.get("specsample") != VERSION:
            raise Broken(f'the program must greet with "specsample":{VERSION}, the version; got {json.dumps(said)}.')
        # how it wants to be asked
        self.arrays = said.get("arrays", "json")
        self.batch = said.get("batch", BATCH)
        if not isinstance(self.arrays, str) or self.arrays not in ARRAYS:
            raise Broken(f'"arrays" must be one of {", ".join(ARRAYS)}; got {json.dumps(self.arrays)}.')
        if type(self.batch) is not int or self.batch < 1:
            raise Broken(f'"batch" must be a whole number above 0; got {json.dumps(self.batch)}.')

    def end(self) -> None:
        """End the program, if it runs."""
        self.program.end()

    def heard(self, request: dict[str, Any], most: int) -> dict[str, Any]:
        """Send an object, and read the one that answers it.

        Raises
        ------
        Broken
            If it is none, or says that something is wrong.
        """
        line = self.program.exchange(json.dumps(request, separators=(",", ":")).encode(), most)
        # not text, not JSON, or nested too deeply
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Broken(
                f"the program must answer with one JSON object on a line; got {shown(line)}. What is meant for "
                "people belongs on standard error."
            )
        if "error" in found:
            raise Broken(f"the program says: {str(found['error'])[:KEPT]}")
        return found

    def asked(self, kind: str, most: int = MOST, **fields: Any) -> dict[str, Any]:
        """Send a request, and read the answer to it, of so many bytes at most.

        Raises
        ------
        Broken
            If it answers something else.
        """
        self.n_asked = self.n_asked + 1
        sent = {name: self.encoded(each) for name, each in fields.items()}
        found = self.heard({"id": self.n_asked, "kind": kind, **sent}, most)
        if found.get("id") != self.n_asked:
            raise Broken(
                f'the answer must have "id":{self.n_asked}, as its request; got {shown(json.dumps(found).encode())}.'
            )
        return found

    def encoded(self, value: Any) -> Any:
        """Write an array as the program wants it; leave everything else."""
        if not isinstance(value, np.ndarray):
            return value
        if self.arrays == "json":
            return value.tolist()
        kind = ARRAYS[self.arrays] if value.dtype.kind == "f" else "<i4"
        return b64encode(value.astype(kind).tobytes()).decode()


@lru_cache(maxsize=8)
def _session(command: tuple[str, ...], kind: Kind, pid: int) -> Session:
    """Make the session of a command in a process; a fork has others than its parent."""
    return Session(command, kind)


def session_here(command: tuple[str, ...], kind: Kind) -> Session:
    """Find the session of a command in this process: chunks of a check share it."""
    return _session(command, kind, os.getpid())


def rows_of(found: dict[str, Any], n: int) -> list[list[int]]:
    """Read the tokens of an answer: lists, or the base64 of an (n, W) array.

    Raises
    ------
    Broken
        If they are not those of n streams.
    """
    given = found.get("tokens")
    if isinstance(given, str):
        # not base64, or not whole numbers of 4 bytes
        try:
            tokens = np.frombuffer(b64decode(given, validate=True), "<i4")
        except ValueError as error:
            raise Broken(f'"tokens" must be lists, or the base64 of 32-bit numbers; got {error}.') from error
        given = tokens.reshape(n, -1).tolist() if len(tokens) % n == 0 else tokens.tolist()
    if isinstance(given, list) and len(given) == n and all(isinstance(row, list) for row in given):
        return given
    got = f"{len(given)} of them" if isinstance(given, list) else shown(json.dumps(found).encode())
    raise Broken(f'"tokens" must be {n} lists of token ids, one for each stream; got {got}.')
