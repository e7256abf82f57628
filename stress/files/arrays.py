"""Arrays of ours as numpy writes them (.npy, .npz), that come back to the same bits, whoever wrote them."""

from __future__ import annotations

import io
import math
import zipfile
from tokenize import TokenError
from typing import Any

import numpy as np

from stress.errors import InputError, Problem
from stress.files import reading

# of a header, which numpy reads as Python
DAMAGED = (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError, OverflowError, UserWarning)


def parse_arrays(data: bytes, where: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, without objects.

    Raises
    ------
    InputError
        If it is damaged, holds anything but plain arrays, or unpacks to much more than a table does.
    """
    left, found = reading.most_unpacked(data), {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                content = reading.read_member(archive, member, where, left)
                left -= len(content)
                found[member.filename.removesuffix(".npy")] = parse_array(content, where)
    except reading.DAMAGED_ZIP as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(where, f"a whole .npz file ({error})")) from None
    return found


def parse_array(data: bytes, where: str) -> np.ndarray:
    """The array of an .npy file, without objects; it must have the bytes that its shape says.

    Raises
    ------
    InputError
        If it is anything else.
    """
    stream = io.BytesIO(data)
    array, rest = read_array(stream, where), stream.read(1)
    if rest:
        raise InputError(Problem(where, "an array of numpy, and nothing after it"))
    return array


def read_array(stream: io.BytesIO, where: str) -> np.ndarray:
    """The next array of a stream of .npy files, see `parse_array`."""
    try:
        version = np.lib.format.read_magic(stream)
        if version not in HEADERS:
            raise ValueError(f"version {version}")
        shape, by_columns, dtype = HEADERS[version](stream)
        size = math.prod(shape) * dtype.itemsize
        left = stream.getbuffer().nbytes - stream.tell()
        if dtype.hasobject or dtype.itemsize == 0 or not 0 <= size <= left or any(n < 0 for n in shape):
            raise ValueError(f"{shape} of {dtype}")
        flat = np.empty(math.prod(shape), dtype)
        stream.readinto(flat.view(np.uint8).data)
    except DAMAGED as error:
        raise InputError(Problem(where, f"arrays of numbers, as numpy writes them ({str(error)[:200]})")) from None
    return flat.reshape(shape, order="F" if by_columns else "C")


HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
