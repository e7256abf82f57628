"""Private flags of the compiler do what they are used for, on the versions that pyproject.toml allows."""

from __future__ import annotations

import math
import re
import tomllib
from typing import NamedTuple

import numba
import numpy as np
import pytest

from stress.kernels import jit as module
from stress.kernels.jit import by_type, jit, jit_force_inline, jit_no_refcount
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


class Choice(NamedTuple):
    """What `by_type` chooses by."""


def long_function(choice, x):
    """More code than the compiler would copy into two places by itself."""
    a = math.erf(x) + math.tanh(x) + math.atan(x) + math.asinh(x) + math.tan(x) + math.expm1(-x)
    b = math.erf(a) + math.tanh(a) + math.atan(a) + math.asinh(a) + math.tan(a) + math.expm1(-a)
    c = math.erf(b) + math.tanh(b) + math.atan(b) + math.asinh(b) + math.tan(b) + math.expm1(-b)
    d = math.erf(c) + math.tanh(c) + math.atan(c) + math.asinh(c) + math.tan(c) + math.expm1(-c)
    return math.erf(d) + math.tanh(d) + math.atan(d) + math.asinh(d) + math.tan(d) + math.expm1(-d)


def calls_of(inner):
    """Calls to `inner` that are left in a function that has two."""
    outer = jit(lambda choice, x: inner(choice, x) + inner(choice, x + 1.0))
    assert outer(Choice(), 2.0) == pytest.approx(long_function(Choice(), 2.0) + long_function(Choice(), 3.0))
    (ir,) = outer.inspect_llvm().values()
    return len(re.findall(r"call [^\n]*long_function", ir))


@compiled
def test_forced_code_goes_into_its_caller():
    assert calls_of(jit_no_refcount(long_function)) == 2
    assert calls_of(jit_force_inline(long_function)) == 0


@compiled
def test_code_that_is_chosen_by_type_goes_into_its_caller():
    @by_type
    def chosen(choice, x):
        """Of a choice."""

    chosen.of(Choice)(long_function)
    assert calls_of(chosen) == 0


@compiled
def test_no_wrapper_for_callers_from_c():
    function = jit(lambda x: x + 1.0)
    assert function(1.0) == 2.0
    (ir,) = function.inspect_llvm().values()
    assert "@cfunc." not in ir
