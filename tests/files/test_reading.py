"""Files of others: limits, packed files, text, and documents with what no reader should meet."""

from __future__ import annotations

import gzip
import io
import os
import random
import threading
import time
import tracemalloc
import zipfile

import pytest

from stress.errors import InputError
from stress.files import documents, reading

pytestmark = pytest.mark.nojit


def refused(call, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def zipped(*names: str, content: bytes = b"1,2\n") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return stream.getvalue()


def test_a_file_is_read_up_to_its_limit(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"12345")
    assert reading.read_bytes(file, 5) == b"12345"
    assert "a: expected at most" in refused(reading.read_bytes, file, 4)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")
def test_a_device_is_no_file():
    assert refused(reading.read_bytes, "/dev/zero") == "/dev/zero: expected a file; this is a device or a pipe"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_a_pipe_is_read_and_has_the_limit_of_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for most, right in ((5, True), (4, False)):
        writer = threading.Thread(target=pipe.write_bytes, args=(b"12345",))
        writer.start()
        if right:
            assert reading.read_bytes(pipe, most) == b"12345"
        else:
            assert "at most" in refused(reading.read_bytes, pipe, most)
        writer.join()


@pytest.mark.parametrize("name", ["a\0b", "a\udcffb" * 99, ".", "none"])
def test_a_path_that_names_no_file_is_one_line(name, tmp_path):
    assert "\n" not in refused(reading.read_bytes, tmp_path / name, where="here")


def test_text_that_is_not_utf_8_is_shown_by_its_row():
    assert reading.decode(b"\xef\xbb\xbfa\n", "t") == "a\n"
    assert refused(reading.decode, b"a\nb\xff\n", "t") == "t, row 2: got b'\\xff', expected UTF-8 text"


def test_packed_files_are_unpacked():
    data = b"1,2\n" * 1_000_000
    assert reading.unpacked(data, "t") == data
    assert reading.unpacked(gzip.compress(data), "t") == data
    assert reading.unpacked(gzip.compress(b"1\n") + gzip.compress(b"2\n") + bytes(9), "t") == b"1\n2\n"
    assert reading.unpacked(gzip.compress(b""), "t") == b""
    assert reading.unpacked(zipped("A.CSV", "readme"), "t") == b"1,2\n"


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped("a.csv", content=data)])
def test_what_is_unpacked_has_the_limit_of_a_file(pack):
    packed = pack(bytes(10_000_000))
    assert len(packed) < 20_000
    assert refused(reading.unpacked, packed, "t", 2**20) == "t: expected at most 1 MiB unpacked; this is more"


def test_damaged_packed_files_are_refused_wherever_they_are_damaged():
    whole = gzip.compress(b"1,2\n" * 100, mtime=0)
    assert {refused(reading.unpacked, whole[:end], "t").split("(")[0] for end in range(2, len(whole))}
    for content, good in ((whole, b"1,2\n" * 100), (zipped("a.csv"), b"1,2\n")):
        named = 0
        for place in range(len(content)):
            flipped = bytearray(content)
            flipped[place] ^= 0x20
            try:  # nothing but an InputError is raised
                found = reading.unpacked(bytes(flipped), "t")
            except InputError:
                named += 1
            else:  # a byte that says nothing of the content, or one of those that tell that it is packed
                assert found in (good, bytes(flipped))
        assert named > len(content) // 3


def test_zip_files_without_one_table_or_with_a_password_are_refused():
    assert "one table inside" in refused(reading.unpacked, zipped("a.csv", "b.csv"), "t")
    assert "got 'none', expected one table inside" in refused(reading.unpacked, zipped("a.pdf"), "t")
    locked = bytearray(zipped("a.csv"))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(signature) + flags] |= 1
    assert refused(reading.unpacked, bytes(locked), "t") == "t: expected a zip file without a password"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = ", "t: expected a TOML file (Invalid value (at end of document))"),
        ("a = " + "[" * 5000 + "]" * 5000, "t: expected tables and lists at most 32 deep within each other"),
        (".".join("a" * 5000) + " = 1", "t: expected tables and lists at most 32 deep within each other"),
        ("a = " + "9" * 5000, "t: expected whole numbers of at most 64 bits; one has thousands of digits"),
        ("[a]\nb = [1, 1e400]", "t, a.b[1]: got '1e400', expected a number of at most 64 bits"),
        ("a = 9223372036854775808", "t, a: got '9223372036854775808', expected a number of at most 64 bits"),
        ("a = " + "9" * 100, f"t, a: got '{'9' * 20}... (100 characters)', expected a number of at most 64 bits"),
    ],
)
def test_toml_that_no_reader_should_meet(text, expected):
    assert refused(documents.parse_toml, text, "t") == expected


def test_all_numbers_that_are_too_large_are_named_at_once():
    assert refused(documents.parse_toml, "a = 1e999\nb = -1e999\nc = -inf", "t").count("\n") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "t: expected a JSON file (Expecting property name"),
        ("[" * 100_000, "t: expected tables and lists at most 32 deep within each other"),
        ('{"a": ' * 40 + "1" + "}" * 40, "t: expected tables and lists at most 32 deep within each other"),
        ("[" + "9" * 5000 + "]", "t, [0]: got '99999999999999999999... (5,000 characters)', expected a number of"),
        ("[-" + "9" * 400 + "]", "t, [0]: got '-9999999999999999999... (401 characters)', expected a number of"),
        ('{"a": 1e400}', "t, a: got '1e400', expected a number of at most 64 bits"),
        ('{"a": 1, "a": 2}', "t: expected a JSON file (the key 'a' is there twice)"),
        ('{"float": [1]}', "t: expected a JSON file (float() argument must be"),
        ('{"float": "x"}', "t: expected a JSON file (could not convert string to float"),
    ],
)
def test_json_that_no_reader_should_meet(text, expected):
    assert refused(documents.parse_json, text, "t").startswith(expected)


def test_whole_numbers_of_json_that_a_float_holds_are_taken():
    """Some interfaces write them where there is no limit, or for numbers that nobody reads."""
    text = "[100000000000000000000, 18446744073709551615, 9223372036854775807, -9223372036854775808]"
    assert documents.parse_json(text, "t") == [1e20, 18446744073709551615.0, 2**63 - 1, -(2**63)]


def test_a_small_file_takes_little_memory(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(bytes(1000))
    tracemalloc.start()
    try:
        assert len(reading.read_bytes(file)) == 1000
        assert tracemalloc.get_traced_memory()[1] < 4 * reading.CHUNK
    finally:
        tracemalloc.stop()


def test_unpacking_takes_time_with_the_size_alone():
    """Blocks that do not pack: a copy of all that is left for each of them would take minutes."""
    data = random.Random(1).randbytes(2**25)
    packed = gzip.compress(data, 1)
    start = time.perf_counter()
    assert reading.unpacked(packed, "t") == data
    assert time.perf_counter() - start < 20


def test_documents_that_are_right_come_back(tmp_path):
    assert documents.parse_toml("a = inf\nb = 9223372036854775807\nc = 1e308", "t") == {
        "a": float("inf"), "b": 2**63 - 1, "c": 1e308
    }  # fmt: skip
    file = tmp_path / "a.json"
    file.write_text('{"a": {"float": "-inf"}, "b": [1, null]}', encoding="utf-8")
    assert documents.read_json(file) == {"a": float("-inf"), "b": [1, None]}
    file.write_bytes(b'{"a": "\xff"}')
    assert "UTF-8 text" in refused(documents.read_json, file)
