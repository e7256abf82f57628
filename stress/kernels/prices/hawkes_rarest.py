"""Self-exciting jumps given how rare the rarest cluster and the rarest jumps of a path are.

A Hawkes process is a Poisson process of clusters (Hawkes and Oakes 1974): jumps that come unasked at the rate `base`,
and those that the excess H at the start causes, H exp(-decay t) at time t; each has offspring, a Poisson number of
mean alpha = leap / decay after independent exponential times of mean 1 / decay, and these have theirs. So

    expected clusters L = base T + H (1 - exp(-decay T)) / decay
    P(a cluster has n jumps) = exp(-alpha n) (alpha n)^(n - 1) / n!       (Borel's law)

and given n the family tree is that of a uniform labelled tree, drawn by Aldous's rule: the parent of the i-th jump is
min(i - 1, U), U uniform in 1..n. The size of a cluster counts all its jumps, those after the last step included.

The coordinates: excess at the start, by the quantile 1 - r of its stationary law; the largest cluster, a Poisson
process of severities; the largest jump up and down, of the marks of n jumps, whose number does not depend on them
(`stress.kernels.prices.rarest`). Sides are drawn before sizes. The compensator is the one of
`stress.kernels.prices.hawkes`: it depends on the times of the jumps alone.

Addresses of the random numbers, by (stream, path, draw): those of `stress.kernels.prices.diffusion` for the diffusion;
RAREST, k -> severity and time of cluster k; FAMILY + k -> parent and time of a jump, 2 FAMILY + k -> side and size of
jump k, in the order of the clusters; 3 FAMILY -> places of the largest jumps.

Sources: A. Hawkes and D. Oakes, "A cluster process representation of a self-exciting process", J. Applied Probability
11 (1974); D. Aldous, "The random walk construction of uniform spanning trees and uniform labelled trees", SIAM J.
Discrete Mathematics 3 (1990).
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp, log
from stress.kernels.numerics.philox import RAREST, uniforms
from stress.kernels.numerics.small import exp_minus_one, log_one_plus, smallest_of
from stress.kernels.numerics.vector import CHUNK, normals
from stress.kernels.prices.diffusion import draw, fill_prices, log_moves
from stress.kernels.prices.hawkes import stationary_excess
from stress.kernels.prices.rarest import FAMILY, size_beyond

JUMP_DOWN, JUMP_UP, CLUSTER, START = range(4)  # columns of the coordinates


class ClusterBuffers(NamedTuple):
    """Jumps of a path.

    times : float64[M], those of the jumps of a cluster, in steps
    steps : int64[M], steps of the jumps, negative for a jump down
    moved, rise, number : float64[n_steps + 1], by step: sum of the jumps, excess at its end by its jumps, their number
    """

    times: np.ndarray
    steps: np.ndarray
    moved: np.ndarray
    rise: np.ndarray
    number: np.ndarray


def cluster_buffers(n_jumps: int, n_steps: int) -> ClusterBuffers:
    """Buffers for one caller at a time."""
    rows = (np.empty(n_steps + 1) for _ in range(3))
    return ClusterBuffers(np.empty(n_jumps), np.empty(n_jumps, dtype=np.int64), *rows)


@jit_no_refcount
def borel(alpha, at_least):
    """P(a cluster has n + 1 jumps or more), n = 0, 1, ...; float64[n], overwritten. What lies beyond is left out."""
    p = exp(-alpha)
    for n in range(at_least.size):
        at_least[n] = p  # of n + 1 jumps
        p *= alpha * exp(n * log_one_plus(1.0 / (n + 1)) - alpha)
    total = 0.0
    for n in range(at_least.size - 1, -1, -1):
        total += at_least[n]
        at_least[n] = total


@jit_no_refcount
def jumps_of(at_least, v):
    """Jumps of a cluster that is exceeded in size with probability v: the n with P(> n) <= v < P(>= n), 1 at least."""
    first, last = 0, at_least.size
    while last - first > 1:
        middle = (first + last) // 2
        if v < at_least[middle]:
            first = middle
        else:
            last = middle
    return first + 1


@jit_no_refcount
def start_excess(law, r):
    """Excess at the start at the coordinate r."""
    if law.start >= 0.0:
        return law.start
    return stationary_excess(law.below, law.excess, law.base / law.decay, 1.0 - r)


@jit_no_refcount
def expected_clusters(law, excess, n_steps):
    """Clusters that begin in n steps: those that come unasked, and those of the excess at the start."""
    return law.base * n_steps, -excess * exp_minus_one(-law.decay * n_steps) / law.decay


@jit_no_refcount
def most_jumps(law, at_least, rarity, n_steps, seed, first_path):
    """Largest number of jumps in the clusters of a path, those after its end included."""
    most = 1
    for i in range(rarity.shape[0]):
        unasked, caused = expected_clusters(law, start_excess(law, rarity[i, START]), n_steps)
        expected = unasked + caused
        severity, cluster, total = -log_one_plus(-rarity[i, CLUSTER]), 0, 0
        while severity < expected:
            total += jumps_of(at_least, severity / expected)
            severity -= log(uniforms(seed, RAREST, first_path + i, cluster)[0])
            cluster += 1
        most = max(most, total)
    return most


@jit_no_refcount
def draw_times(law, at_least, excess, r, seed, path, buffers):
    """Write the steps of the jumps of a path, and sum up by step; returns the number of jumps in the path."""
    n_steps = buffers.moved.size - 1
    unasked, caused = expected_clusters(law, excess, n_steps)
    expected = unasked + caused
    severity, cluster, address, number = -log_one_plus(-r), 0, FAMILY, 0
    times = buffers.times
    while severity < expected:
        n = jumps_of(at_least, severity / expected)
        u, w = uniforms(seed, RAREST, path, cluster)
        x = w * expected
        times[0] = (
            x / law.base
            if x < unasked or caused == 0.0
            else -log_one_plus(-(x - unasked) * law.decay / excess) / law.decay
        )
        for i in range(n):
            if i > 0:
                parent, life = uniforms(seed, RAREST, path, address)
                address += 1
                times[i] = times[min(i - 1, int(parent * n))] - log(life) / law.decay
            if times[i] < n_steps:
                step = int(times[i]) + 1
                buffers.steps[number] = step
                buffers.number[step] += 1.0
                buffers.rise[step] += law.leap * exp(-law.decay * (step - times[i]))
                number += 1
        severity -= log(u)
        cluster += 1
    return number


@jit_no_refcount
def draw_sizes(law, up, down, number, r_up, r_down, seed, path, buffers):
    """Add up the sizes of the jumps by step, the largest of each side at its coordinate."""
    n_up = 0
    for k in range(number):
        if uniforms(seed, RAREST, path, 2 * FAMILY + k)[0] < law.p_up:
            n_up += 1
        else:
            buffers.steps[k] = -buffers.steps[k]
    u, w = uniforms(seed, RAREST, path, 3 * FAMILY)
    rarest_up, rarest_down = int(u * n_up), int(w * (number - n_up))
    v_up, v_down = smallest_of(r_up, max(n_up, 1)), smallest_of(r_down, max(number - n_up, 1))
    at_up = at_down = 0
    for k in range(number):
        w = uniforms(seed, RAREST, path, 2 * FAMILY + k)[1]
        step = buffers.steps[k]
        if step > 0:
            v = v_up if at_up == rarest_up else v_up + (1.0 - v_up) * w
            buffers.moved[step] += size_beyond(up, v)
            at_up += 1
        else:
            v = v_down if at_down == rarest_down else v_down + (1.0 - v_down) * w
            buffers.moved[-step] -= size_beyond(down, v)
            at_down += 1


@jit_inline
def fill_path(law, s0, excess, seed, path, chunk, buffers, close, low, high, pre_jump):
    """One path with given jumps; the four rows are overwritten."""
    close[0] = low[0] = high[0] = pre_jump[0] = price = s0
    for first in range(1, close.size, CHUNK):
        last = min(first + CHUNK, close.size)
        d, bottom, top, end = close[first:last], low[first:last], high[first:last], pre_jump[first:last]
        moved = chunk.uniforms[: last - first]
        draw(seed, path, first, d, bottom, top, moved)
        normals(d, chunk.values, chunk.places)
        for j in range(moved.size):
            step = first + j
            before = excess
            excess = excess * law.at_end + buffers.rise[step]
            rise = law.leap * buffers.number[step] - (excess - before)
            end[j] = law.drift[step] - law.growth * (law.base + rise / law.decay)
            moved[j] = buffers.moved[step]
        log_moves(end, law.sd[first:last], law.variance2[first:last], d, bottom, top)
        price = fill_prices(price, moved, close[first - 1 : last - 1], d, bottom, top, end)


@jit_no_refcount
def fill_block(law, up, down, at_least, s0, seed, first_path, rarity, chunk, buffers, close, low, high, pre_jump):
    """Paths first_path, first_path + 1, ...; a row each of rarity, float64[n_paths, 4], and of the four arrays."""
    for i in range(close.shape[0]):
        path = first_path + i
        excess = start_excess(law, rarity[i, START])
        buffers.moved[:] = 0.0
        buffers.rise[:] = 0.0
        buffers.number[:] = 0.0
        number = draw_times(law, at_least, excess, rarity[i, CLUSTER], seed, path, buffers)
        draw_sizes(law, up, down, number, rarity[i, JUMP_UP], rarity[i, JUMP_DOWN], seed, path, buffers)
        fill_path(law, s0, excess, seed, path, chunk, buffers, close[i], low[i], high[i], pre_jump[i])
