"""Marks of the events of a path given how rare the rarest of them is.

A coordinate r is a uniform in (0, 1), small where a day is rare. Of n events with marks that are independent uniforms
(the probability that an event is more severe), the smallest mark is

    v = 1 - (1 - r)^(1 / n),      P(smallest < v) = r

at any of the n places with the same chance, and the others are uniform in (v, 1). The number n may be random if it does
not depend on the marks.

Source: S. Resnick, Extreme values, regular variation and point processes (1987), chapters 3 and 4.

Addresses of the random numbers, by (stream, path, draw): RAREST, family * FAMILY + k for the events of a family, k = 0,
1, ...; RAREST, LAST - c for a coordinate c that a path does not have.
"""

import numpy as np

from stress.kernels.jit import jit_no_refcount
from stress.kernels.numerics.philox import RAREST, uniforms

FAMILY, LAST = np.array([2**28, 2**32 - 1])  # addresses of a family of events, and the last one


@jit_no_refcount
def fill_missing(seed, first_path, column, out):
    """A coordinate that is not given: a uniform for each path; float64[n_paths], overwritten."""
    for i in range(out.size):
        out[i] = uniforms(seed, RAREST, first_path + i, LAST - column)[0]
