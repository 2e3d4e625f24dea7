"""Tiny GGUF files, written without the package that is their oracle."""

import struct

import numpy as np

ALIGNMENT = 32
TYPES = {bool: (7, "?"), int: (4, "I"), float: (6, "f")}


def text(value):
    """Write a string: its length, then its bytes."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(given):
    """Write a setting's type and value; a list is an array of its first entry's type."""
    if isinstance(given, str):
        return struct.pack("<I", 8) + text(given)
    if isinstance(given, list):
        entries = [value(entry) for entry in given]
        return (
            struct.pack("<I", 9) + entries[0][:4] + struct.pack("<Q", len(given)) + b"".join(e[4:] for e in entries)
        )
    kind, letter = TYPES[type(given)]
    return struct.pack("<I" + letter, kind, given)


def gguf_bytes(settings, tensors, version=3):
    """Write a whole file; a tensor is (sizes, the fastest first; number of its kind; bytes), or a float32 array."""
    places, data = b"", b""
    for name, tensor in tensors.items():
        if isinstance(tensor, np.ndarray):
            tensor = (tensor.shape[::-1], 0, tensor.astype("<f4").tobytes())
        sizes, kind, raw = tensor
        places += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, len(data))
        data += raw + bytes(-len(raw) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(settings))
    head += b"".join(text(key) + value(given) for key, given in settings.items()) + places
    return head + bytes(-len(head) % ALIGNMENT) + data
