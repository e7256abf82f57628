"""How compiled code is compiled: one place, each choice with its reason.

- `error_model="numpy"`: a division by zero gives inf or nan, as on paper, and loops stay free of branches.
- No fastmath, not even contraction: the same bytes on every x86-64.
- `nogil=True` and no parallel loops: blocks of paths run side by side in threads, see `stress.engine.scheduling`.
- The cache directory is keyed by a digest of every kernel source and of the numba version, since numba itself does
  not notice that a callee in another file has changed. No folder to trust: no cache, and everything still runs.
"""

from __future__ import annotations

import functools
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba.extending import overload

from stress.kernels import cache_folder
from stress.kernels.cache import WARM, KernelCache

SOURCES = Path(__file__).parent
CONFIG: Any = numba.config  # its settings are made at run time


def sources_digest() -> str:
    """Digest of all compiled sources and of the compiler's version (16 hex digits)."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(SOURCES.rglob("*.py")):
        digest.update(path.relative_to(SOURCES).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


CACHE_DIR, REFUSED = (None, []) if CONFIG.DISABLE_JIT else cache_folder.find(sources_digest())


def is_warm() -> bool:
    """Whether an earlier run has stored all compiled code that a block of paths needs."""
    return CACHE_DIR is not None and (CACHE_DIR / WARM).exists()


def mark_warm() -> None:
    """Record for later processes that all code that a block of paths needs is compiled."""
    if CACHE_DIR is not None and not is_warm():
        with suppress(OSError):  # later processes then print that they compile
            (CACHE_DIR / WARM).touch()


def jit(function, refcount=True, **options: Any):
    """Compile a function of this package on its first call."""
    options |= {"error_model": "numpy", "nogil": True, "_nrt": refcount}
    options["no_cfunc_wrapper"] = True  # they are not called from C, and each wrapper would be compiled too
    compiled = numba.njit(**options)(function)
    if CACHE_DIR is not None:
        compiled._cache = KernelCache(function, CACHE_DIR)
    return compiled


def jit_no_refcount(function):
    """Compile a function that makes no array, without counting references to those it is given.

    Taking an array out of a tuple increments and decrements a reference count with atomic instructions. In a function
    that runs once per step this would take longer than the step.
    """
    return jit(function, refcount=False)


def jit_inline(function):
    """Compile a function into its only caller, so that no arguments are passed."""
    return jit(function, inline="always")


def jit_force_inline(function):
    """Compile a function of numbers whose code goes into each of its callers.

    A loop becomes vector code only if no call is left in it.
    """
    return jit(function, refcount=False, forceinline=True)


def by_type(declaration):
    """A function whose implementation is chosen by the type of its first argument, when its caller is compiled.

    The first argument is a NamedTuple that represents a choice; `@function.of(Choice)` adds an implementation, a
    function of numbers whose code goes into each caller. Nothing is decided while a path runs.
    """
    implementations: dict[type, Any] = {}

    @functools.wraps(declaration)
    def choose(choice, *arguments):
        return implementations[type(choice)](choice, *arguments)

    def of(choice: type):
        def add(implementation):
            implementations[choice] = implementation
            return implementation

        return add

    def resolve(choice, *arguments):
        return implementations.get(getattr(choice, "instance_class", type(None)))

    if not CONFIG.DISABLE_JIT:
        options: Any = {"error_model": "numpy", "_nrt": False, "forceinline": True}
        overload(choose, jit_options=options, strict=False)(resolve)
    choose.of = of  # type: ignore[attr-defined]
    return choose
