"""Private flags of the compiler do what they are used for, on the versions that pyproject.toml allows."""

from __future__ import annotations

import re
import tomllib

import numba
import numpy as np
import pytest

from stress.kernels import jit as module
from stress.kernels.jit import jit, jit_force_inline, jit_no_refcount
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def no_cache(monkeypatch):
    """Code that was loaded cannot be looked at."""
    monkeypatch.setattr(module, "CACHE_DIR", None)


compiled = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="the compiler is off: NUMBA_DISABLE_JIT=1")


@pytest.mark.nojit
def test_numba_is_within_its_bounds():
    """A new version is allowed once these tests and the golden bytes pass on it."""
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    (bounds,) = (re.fullmatch(r"numba>=([\d.]+),<([\d.]+)", need) for need in needs if need.startswith("numba"))
    installed = tuple(int(part) for part in numba.__version__.split(".")[:2])
    low, high = (tuple(int(part) for part in bound.split(".")[:2]) for bound in bounds.groups())
    assert low <= installed < high


@compiled
def test_no_refcount_counts_no_reference_and_makes_no_array():
    def first_of(pair):
        return pair[0]

    counting = jit(first_of)
    assert counting((np.arange(3.0), np.arange(2.0))).tolist() == [0.0, 1.0, 2.0]
    assert "NRT_incref" in "".join(counting.inspect_llvm().values())
    with pytest.raises(numba.core.errors.NumbaError):  # to give an array away is to count a reference
        jit_no_refcount(first_of)((np.arange(3.0), np.arange(2.0)))
    with pytest.raises(numba.core.errors.NumbaError):
        jit_no_refcount(lambda n: np.zeros(n))(3)


@compiled
def test_forced_code_goes_into_its_caller():
    inner = jit_force_inline(lambda x: x * 3.0 + 1.0)
    outer = jit(lambda x: inner(x) + inner(x + 1.0))
    assert outer(2.0) == 17.0
    (ir,) = inner.inspect_llvm().values()
    assert "alwaysinline" in ir


@compiled
def test_no_wrapper_for_callers_from_c():
    function = jit(lambda x: x + 1.0)
    assert function(1.0) == 2.0
    (ir,) = function.inspect_llvm().values()
    assert "@cfunc." not in ir
