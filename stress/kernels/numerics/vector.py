"""A chunk of steps: computations for all of its steps at once.

A path is cut into chunks that stay in the fastest cache. What does not depend on the step before is done by loops of
plain arithmetic over the chunk, which the compiler turns into vector code: a loop writes one array or two, holds
only force-inlined functions (`stress.kernels.jit`). The few elements that need another formula are set aside.

Every element goes through the operations of the scalar function, in their order. So it has the same bits, whatever the
width of the vectors, and a path does not show where its chunks begin.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit_no_refcount
from stress.kernels.numerics.elementary import CENTRAL, SMALL, factor, log_unchecked, middle, outer, series

CHUNK = 256  # steps; 2 KB an array


class ChunkBuffers(NamedTuple):
    """What a chunk needs beside the rows of its path.

    uniforms, values : float64[CHUNK]
    places : int64[CHUNK]
    """

    uniforms: np.ndarray
    values: np.ndarray
    places: np.ndarray


def chunk_buffers() -> ChunkBuffers:
    """Buffers for one caller at a time."""
    return ChunkBuffers(np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK, dtype=np.int64))


@jit_no_refcount
def normals(u, values, places):
    """The `normal_quantile` of uniforms in (0, 1), none subnormal; float64[n], n <= CHUNK, overwritten.

    `values` and `places` are overwritten as well.
    """
    outside = 0
    for j in range(u.size):
        # written for all and counted for some: no branch to guess wrong
        places[outside] = j
        values[outside] = u[j]
        outside += abs(u[j] - 0.5) > CENTRAL
    for j in range(outside):
        p = values[j]
        values[j] = outer(p, log_unchecked(p if p < 0.5 else 1.0 - p))
    for j in range(u.size):
        u[j] = middle(u[j] - 0.5)
    for j in range(outside):
        u[places[j]] = values[j]


@jit_no_refcount
def factors(x):
    """The `factor` of log moves; float64[n], overwritten. A chunk with a large move is computed element by element."""
    large = 0
    for j in range(x.size):
        large += abs(x[j]) > SMALL
    if large > 0:
        for j in range(x.size):
            x[j] = factor(x[j])
    else:
        for j in range(x.size):
            x[j] = series(x[j])
