"""Compiled code on disk, in place of numba's own cache, which executes whatever it finds there.

One file for each function and signature: a checksum, the key, and what numba makes of the function. A file that is
damaged, belongs to somebody else or has another key is as good as none: the function is compiled again, and the file
replaced. So nothing that happens to the folder, or to the disk below it, ends a run.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import secrets
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import llvmlite
import numba
import numpy as np
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from stress.kernels.cache_folder import is_private

WARM = "warm"  # a file that exists if a block was run with the code in its folder
SUFFIX = ".code"
DIGEST = 16  # bytes
VERSIONS = (sys.implementation.cache_tag, numba.__version__, llvmlite.__version__, np.__version__)


class KernelCache:
    """The files of one function; numba calls `load_overload` and `save_overload`.

    Parameters
    ----------
    function : callable
        What is compiled; a change of its source changes the name of the folder.
    folder : Path
        It exists; all functions share it.
    """

    def __init__(self, function, folder: Path):
        code = function.__code__
        closure = dumps(tuple(cell.cell_contents for cell in function.__closure__ or ()))
        self.cache_path = folder
        self.name = f"{function.__module__}.{function.__qualname__}-{code.co_firstlineno}".translate(
            dict.fromkeys(map(ord, "<>"))
        )
        self.made_of = (folder.name, VERSIONS, code.co_filename, self.name, _digest(code.co_code), _digest(closure))

    def load_overload(self, signature, context):
        """What was compiled for a signature, or None."""
        context.refresh()
        key = self._key(signature, context.codegen())
        path = self._path(key)
        try:
            stored, compiled = pickle.loads(_read(path))
            if stored == key:
                return CompileResult._rebuild(context, *compiled)
        except FileNotFoundError:
            return None
        except Exception:  # of a damaged file, or what unpacking one meets that an unlike environment wrote
            pass
        with suppress(OSError):  # now something has to be compiled
            (self.cache_path / WARM).unlink()
        return None

    def save_overload(self, signature, compiled) -> None:
        """Keep what was compiled for a signature, unless it holds addresses of this process."""
        if not compiled.library.has_dynamic_globals:
            key = self._key(signature, compiled.codegen)
            _write(self._path(key), dumps((key, compiled._reduce())))

    def flush(self) -> None:
        """Nothing: a key names all that code depends on."""

    def _key(self, signature, codegen):
        return signature, codegen.magic_tuple(), self.made_of

    def _path(self, key) -> Path:
        return self.cache_path / f"{self.name}-{_digest(repr(key).encode())[:8].hex()}{SUFFIX}"


def damaged_files(folder: Path) -> list[Path]:
    """Files of compiled code that nothing can be loaded from."""
    return [path for path in files(folder) if not _is_whole(path)]


def files(folder: Path) -> list[Path]:
    """All files of compiled code in a folder."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def _is_whole(path: Path) -> bool:
    try:
        return bool(_read(path))
    except OSError:
        return False


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST).digest()


def _read(path: Path) -> bytes:
    """What was written; empty if the file is damaged, or may be somebody else's."""
    with open(path, "rb") as file:
        content = file.read() if is_private(os.fstat(file.fileno())) else b""
    return content[DIGEST:] if content[:DIGEST] == _digest(content[DIGEST:]) else b""


def _write(path: Path, content: bytes) -> None:
    """All of it under its name or nothing, also where two processes do so at once; nothing where it cannot be."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with open(unfinished, "xb", opener=_open_private) as file:
            file.write(_digest(content) + content)
        if path.is_dir():
            shutil.rmtree(path)
        unfinished.replace(path)
    except OSError:  # a full disk, or a folder that is gone
        pass
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
