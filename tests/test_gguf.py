"""GGUF files: tensors are those of the package `gguf`; damaged and hostile files are refused with the byte."""

import struct

import numpy as np
import pytest
from gguf_files import gguf_bytes, text, value
from hypothesis import given
from hypothesis import strategies as st

from specsample.transformer.gguf import GgufFile
from specsample.transformer.quants import KINDS, dequantise

HALVES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q4_K": [0, 2], "Q6_K": [208]}  # where a block's float16 lie
SETTINGS = {"general.name": "tiny", "n": 7, "eps": 0.5, "on": True, "words": ["a", "é", ""], "ids": [1, 2, 3]}
MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)
TENSORS = {"w": MATRIX, "q": ((32, 2), 8, np.full((2, 34), 60, np.uint8).tobytes())}
WHOLE = gguf_bytes(SETTINGS, TENSORS)


def read(tmp_path, raw):
    """Open a file of these bytes."""
    path = tmp_path / "model.gguf"
    path.write_bytes(raw)
    return GgufFile(path)


def random_blocks(kind, n=50):
    """Draw blocks of any bits, with finite scales."""
    rng = np.random.default_rng(0)
    raw = rng.integers(256, size=(n, kind.n_bytes), dtype=np.uint8)
    for at in HALVES.get(kind.name, []):
        raw[:, at : at + 2] = rng.standard_normal((n, 1)).astype("<f2").view(np.uint8)
    return raw


# --- what a file says ----------------------------------------------------------------------------------------------


def test_settings_and_tensors_come_back(tmp_path):
    file = read(tmp_path, WHOLE)
    assert {key: list(v) if key == "ids" else v for key, v in file.settings.items()} == SETTINGS
    assert [place.shape for place in file.places.values()] == [(2, 3), (2, 32)]
    np.testing.assert_array_equal(file.tensor("w"), MATRIX)
    np.testing.assert_array_equal(file.tensor("q"), np.full((2, 32), 60 * np.float32(1.05859375)))  # 0x3c3c


def test_a_tensor_of_float32_is_a_view_of_the_mapped_file(tmp_path):
    tensor = read(tmp_path, WHOLE).tensor("w")
    assert not tensor.flags.owndata
    assert not tensor.flags.writeable


def test_four_bits_by_hand():
    block = np.array([0.5], "<f2").tobytes() + bytes([0x9F] + [0x88] * 15)
    expected = [3.5] + [0] * 15 + [0.5] + [0] * 15  # (15 - 8) / 2 in the low half, (9 - 8) / 2 in the high one
    np.testing.assert_array_equal(dequantise(block, KINDS[2]), np.float32(expected))


def test_six_bit_scales_by_hand():
    raw = np.zeros(144, np.uint8)
    raw[:4] = np.array([1, 1], "<f2").view(np.uint8)
    raw[4], raw[8], raw[12] = 0b11_000101, 0b01_000010, 0b0011_0110  # scales 5 and 6 + 48, minima 2 and 3 + 16
    raw[16 : 16 + 128] = 1  # low halves 1, high ones 0
    weights = dequantise(raw.tobytes(), KINDS[12]).reshape(8, 32)[:, 0]
    np.testing.assert_array_equal(weights, [5 - 2, 0, 0, 0, 54 - 19, 0, 0, 0])


# --- against the package -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [n for n, kind in KINDS.items() if kind.block > 1])
def test_blocks_of_any_bits_are_those_of_the_oracle(number):
    quants = pytest.importorskip("gguf.quants", reason="needs the extra [dev]")
    raw = random_blocks(KINDS[number])
    expected = quants.dequantize(raw, quants.GGMLQuantizationType(number))
    np.testing.assert_array_equal(dequantise(raw.tobytes(), KINDS[number]).reshape(expected.shape), expected)


def test_sizes_of_blocks_are_those_of_the_oracle():
    constants = pytest.importorskip("gguf.constants", reason="needs the extra [dev]")
    for number, kind in KINDS.items():
        known = constants.GGMLQuantizationType[kind.name]
        assert (known, constants.GGML_QUANT_SIZES[known]) == (number, (kind.block, kind.n_bytes))


def test_a_file_of_the_oracle_is_read(tmp_path):
    gguf = pytest.importorskip("gguf", reason="needs the extra [dev]")
    writer = gguf.GGUFWriter(tmp_path / "theirs.gguf", "llama")
    writer.add_array("words", ["a", "½", "\0"])
    writer.add_uint64("large", 2**60), writer.add_int8("small", -3), writer.add_custom_alignment(64)
    drawn = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
    writer.add_tensor("plain", drawn), writer.add_tensor("half", drawn.astype(np.float16))
    kind = gguf.GGMLQuantizationType.Q8_0
    writer.add_tensor("eight", gguf.quants.quantize(drawn, kind), raw_dtype=kind)
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
    file = GgufFile(tmp_path / "theirs.gguf")
    assert [file.settings[key] for key in ("words", "large", "small")] == [["a", "½", "\0"], 2**60, -3]
    np.testing.assert_array_equal(file.tensor("plain"), drawn)
    np.testing.assert_array_equal(file.tensor("half"), drawn.astype(np.float16))
    np.testing.assert_allclose(file.tensor("eight"), drawn, atol=0.02)


@pytest.mark.real_model
def test_every_tensor_of_the_real_model_is_that_of_the_oracle(smollm2):
    gguf = pytest.importorskip("gguf", reason="needs the extra [dev]")
    file, theirs = GgufFile(smollm2), gguf.GGUFReader(smollm2)
    assert len(theirs.tensors) == len(file.places) == 272
    for tensor in theirs.tensors:
        expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        np.testing.assert_array_equal(file.tensor(tensor.name), expected, err_msg=tensor.name)


# --- damaged and hostile files -------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_refused_with_the_byte(tmp_path):
    for n in range(len(WHOLE) - 28):  # the last 28 bytes fill up
        with pytest.raises(ValueError, match=r"model\.gguf is no GGUF file that can be read: byte \d+: "):
            read(tmp_path, WHOLE[:n])


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_harmless(tmp_path_factory, at, byte):
    raw = bytearray(WHOLE)
    raw[at] = byte
    said = ""
    try:
        file = read(tmp_path_factory.getbasetemp(), bytes(raw))
        assert all(file.tensor(name).shape == place.shape for name, place in file.places.items())
    except ValueError as error:
        said = str(error)
    assert not said or "byte " in said


def changed(at, letter, number):
    """Overwrite a number of the whole file."""
    raw = bytearray(WHOLE)
    struct.pack_into("<" + letter, raw, at, number)
    return bytes(raw)


AFTER_HEADER = 24
OF_W = WHOLE.index(text("w") + struct.pack("<I", 2)) + 9  # where the number of sizes of tensor w stands
HUGE = 2**63
HOSTILE = {
    "another magic": (b"GGML" + WHOLE[4:], r"byte 0: it must begin with b'GGUF'; got b'GGML'"),
    "an old version": (changed(4, "I", 1), r"byte 4: version must be one of \(2, 3\); got 1"),
    "big-endian": (changed(4, ">I"[1:], 0x03000000), r"byte 4: .* Is it big-endian\?"),
    "many tensors": (changed(8, "Q", HUGE), rf"byte 8: {HUGE} tensors do not fit in the \d+ bytes"),
    "many settings": (changed(16, "Q", HUGE), rf"byte 16: {HUGE} settings do not fit"),
    "a long key": (changed(AFTER_HEADER, "Q", HUGE), rf"byte 24: {HUGE} bytes of a key do not fit"),
    "a long array": (
        WHOLE.replace(struct.pack("<IQ", 4, 3), struct.pack("<IQ", 4, HUGE)),
        rf"byte \d+: {HUGE} ids do not fit",
    ),
    "an array of arrays": (WHOLE.replace(struct.pack("<IQ", 4, 3), struct.pack("<IQ", 9, 3)), "ids has type 9"),
    "no UTF-8": (WHOLE.replace("é".encode(), b"\xff\xff"), r"byte \d+: words must be UTF-8; invalid start byte"),
    "a setting twice": (gguf_bytes({"n": 1, "m": 2}, {}).replace(b"m", b"n"), r"byte 41: 'n' stands twice"),
    "a tensor twice": (gguf_bytes({}, {"w": MATRIX, "v": MATRIX}).replace(b"v", b"w"), "tensor 'w' stands twice"),
    "no sizes": (changed(OF_W, "I", 0), rf"byte {OF_W}: tensor w must have 1 to 4 sizes; got 0"),
    "many sizes": (changed(OF_W, "I", 2**31), "must have 1 to 4 sizes"),
    "an empty tensor": (changed(OF_W + 4, "Q", 0), r"rows of whole F32 blocks of 1; got \(0, 2\)"),
    "a huge tensor": (changed(OF_W + 4, "Q", HUGE), r"tensor w ends \d+ bytes after the end of the file"),
    "an unknown kind": (
        changed(OF_W + 20, "I", 99),
        rf"byte {OF_W + 20}: tensor w is of kind 99; built here are F32",
    ),
    "part of a block": (changed(OF_W + 20, "I", 8), r"rows of whole Q8_0 blocks of 32; got \(3, 2\)"),
    "a place between": (
        changed(OF_W + 24, "Q", 16),
        rf"byte {OF_W + 24}: tensor w must lie at a multiple of 32; got 16",
    ),
    "a place far away": (changed(OF_W + 24, "Q", HUGE), r"tensor w ends \d+ bytes after the end"),
    "another alignment": (gguf_bytes({"general.alignment": 3}, TENSORS), "must be a multiple of 8; got 3"),
    "no alignment": (gguf_bytes({"general.alignment": "x"}, TENSORS), "must be a multiple of 8; got 'x'"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_does_not_fit_is_refused_with_its_offset(tmp_path, case):
    raw, message = HOSTILE[case]
    with pytest.raises(ValueError, match=message):
        read(tmp_path, raw)


def test_values_that_a_setting_cannot_have_are_refused(tmp_path):
    with pytest.raises(ValueError, match="n has type 77, which is not built here"):
        read(tmp_path, gguf_bytes({"n": 1}, {}).replace(value(1), struct.pack("<II", 77, 1)))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.gguf"):
        GgufFile(tmp_path / "nowhere.gguf")
