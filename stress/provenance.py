"""What made a result: the versions that its bytes depend on."""

from __future__ import annotations

import platform
from functools import cache

import numpy as np
import pandas as pd

import stress


def provenance() -> dict[str, str]:
    """Versions that made a result."""
    import llvmlite
    import numba
    import scipy

    return {
        "stress": stress.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
        "pandas": pd.__version__,
        "scipy": scipy.__version__,
        "rng": "philox4x32-10",
        "machine": platform.machine(),
    }


def maker() -> dict[str, str]:
    """The versions, and the compiled sources: where they are the same, so are the bytes."""
    return provenance() | {"kernels": _kernels()}


@cache
def _kernels() -> str:
    """Once: what this process has loaded does not change with the files."""
    from stress.kernels import jit

    return jit.sources_digest()


def differences(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """What differs between two makers, in words; empty: nothing."""
    names = [*ours, *(name for name in theirs if name not in ours)]
    return ", ".join(
        f"{name} {theirs.get(name, 'none')[:12]} and not {ours.get(name, 'none')[:12]}"
        for name in names
        if theirs.get(name) != ours.get(name)
    )
