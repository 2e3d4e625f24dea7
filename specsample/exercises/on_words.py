"""An exercise of notebook 12 on tokens that are bytes of words."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.viewer.text import added


def _pieces(seed: int) -> list[Case]:
    """List the bytes of tokens as they come: whole characters, halves, a half with which the text ends."""
    listed = [[b"a"], [b"a", b" b"], [b"\xc2", b"\xbd"], [b"n", b"\xc3", b"\xa9", b"!"]]
    listed += [[b"\xf0\x9f", b"\xa6", b"\x99"], [b"\xe4\xbd", b"\xa0\xe5", b"\xa5\xbd"], [b"ok ", b"\xf0\x9f"]]
    # a text of characters of 1 to 4 bytes, cut anywhere
    rng = np.random.default_rng(seed)
    raw = "".join(rng.choice([*"ab ½é你🦙"], 8)).encode()
    cuts = [0, *sorted(rng.choice(np.arange(1, len(raw)), 6, replace=False).tolist()), len(raw)]
    listed.append([raw[a:b] for a, b in pairwise(cuts)])
    return [Case(f"pieces = {pieces}", (pieces,)) for pieces in listed]


def _whole(pieces: Sequence[bytes]) -> list[str]:
    """Say what each token adds to the text: a character when its last byte has come."""
    return added(range(len(pieces)), lambda tokens: b"".join(pieces[i] for i in tokens).decode(errors="replace"))


def _each(**how: str) -> Any:
    """Decode every token by itself."""
    return lambda pieces: [piece.decode(**how) for piece in pieces]


def _all_of_it(pieces: Sequence[bytes]) -> list[str]:
    """Return the text so far each time, without what may still become a character."""
    return ["".join(_whole(pieces)[: i + 1]) for i in range(len(pieces))]


# byte-level tokens: a stream that never shows half a character
STREAM = Exercise(
    id="12.1",
    kind="implement",
    title="a stream of tokens that shows whole characters alone",
    key=_whole,
    cases=_pieces,
    mistakes=(
        Mistake(
            "every token is decoded by itself",
            "Where do the bytes of a character stand that two tokens share?",
            _each(errors="replace"),
        ),
        Mistake(
            "bytes that are no whole character are thrown away",
            "The first half of a character must wait for the second.",
            _each(errors="ignore"),
        ),
        Mistake(
            "bytes are taken for characters",
            "In UTF-8 a character has one to four bytes.",
            _each(encoding="latin-1"),
        ),
        Mistake(
            "nothing is shown before the end",
            "People read while the model writes: what is whole can be shown.",
            lambda pieces: [""] * (len(pieces) - 1) + ["".join(_whole(pieces))],
        ),
        Mistake(
            "the whole text is given again and again",
            "Joined together, the pieces should be the text once.",
            _all_of_it,
        ),
        Mistake(
            "what still waits when the text ends is lost",
            "After the last token nothing can complete a character: show what is there.",
            lambda pieces: [*_whole(pieces)[:-1], _whole([*pieces, b"\xf0"])[-2]],
        ),
    ),
)
