"""Log prices that diffuse and jump, where each jump makes further jumps more likely (Hawkes process).

The intensity of the jumps at time t is a base rate and an excess H that decays and rises by `leap` at each jump:

    lambda_t = base + H_t,      dH = -decay H dt + leap dN,      branching ratio alpha = leap / decay

H is a Markov process, so the jump times are drawn one after another without approximation: the next jump is the
earlier of one from `base` and one from the decaying excess, whose times have closed inverses (Dassios and Zhao 2013).
Over a step the compensator is the integral of lambda along the path, which jumps and ends of H give exactly:

    integral of lambda dt over a step = base dt + (leap n - change of H) / decay

The log price of a step moves by a normal of mean `drift - growth * (that integral)`, then by its n jumps, at its end.
As lambda is predictable, exp(sum of jumps - growth * integral) is a martingale, whatever the length of the steps.

The stationary law of x = H / leap balances what decays across a level with what jumps across it. With a = base / decay

    x p(x) = G(x) - G(x - 1),      G(x) = integral from 0 to x of (a + alpha v) p(v) dv

so G(x) is proportional to x^a exp(alpha x) up to 1 and follows G' = (a + alpha x) / x (G - G(x - 1)) from there on.

Rates are per step. Addresses of the random numbers: those of `stress.kernels.prices.diffusion` for the diffusion; JUMP,
0 -> excess at the start; JUMP, 2 k - 1 -> time of jump k = 1, 2, ... of the path; JUMP, 2 k -> its side and size.

Source: A. Dassios and H. Zhao, "Exact simulation of Hawkes process with exponentially decaying intensity", Electronic
Communications in Probability 18 (2013); A. Hawkes, Biometrika 58 (1971).
"""

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit, jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp, log, power
from stress.kernels.numerics.philox import JUMP, uniforms
from stress.kernels.numerics.vector import CHUNK, normals
from stress.kernels.prices.diffusion import draw, fill_prices, jump_size, log_moves


class HawkesLaw(NamedTuple):
    """The steps of a path. Rates are per step.

    drift, sd, variance2 : float64[n_steps + 1], as in `StepLaw`, without the compensator of the jumps
    base, leap, decay : float, > 0, >= 0 and > 0: intensity without excess, rise of the excess at a jump, its decay
    at_end : float, exp(-decay), what is left of the excess after a step
    growth : float, E[e^J - 1] of a jump of either side
    p_up : float, probability that a jump is up
    start : float, excess at the start; below 0 it is drawn from the stationary law
    below : float64[K], stationary probability of an excess below excess[k], ascending from 0 to 1; may be empty if
        `start` is given
    excess : float64[K]
    """

    drift: np.ndarray
    sd: np.ndarray
    variance2: np.ndarray
    base: float
    leap: float
    decay: float
    at_end: float
    growth: float
    p_up: float
    start: float
    below: np.ndarray
    excess: np.ndarray


@jit
def stationary(a, alpha, cells, flux, average, below):
    """Stationary law of x = H / leap at multiples of 1 / cells; the three float64[n] are overwritten.

    Parameters
    ----------
    a, alpha : float
        base / decay > 0, and the branching ratio in (0, 1).
    cells : int
        Cells of a unit of x.
    flux, average, below : float64[n], n > cells
        G at the points k / cells, its mean over the cell before each point, and P(x < k / cells).
    """
    width = 1.0 / cells
    flux[0] = average[0] = below[0] = 0.0
    for i in range(1, below.size):
        x = i * width
        if i <= cells:
            flux[i] = power(x, a) * exp(alpha * x)
            # the integral of v^(a - 1) exp(alpha v) from 0 to x, as a power series
            term, total = power(x, a), 0.0
            for n in range(30):
                total += term / (a + n)
                term *= alpha * x / (n + 1)
            below[i] = total
            average[i] = flux[1] / (1.0 + a) if i == 1 else 0.5 * (flux[i - 1] + flux[i])
        else:
            before = average[i - cells]
            rise = power(x / (x - width), a) * exp(alpha * width)
            flux[i] = flux[i - 1] + (flux[i - 1] - before) * (rise - 1.0)
            average[i] = 0.5 * (flux[i - 1] + flux[i])
            below[i] = below[i - 1] + max(average[i] - before, 0.0) / (i - 0.5)
            if flux[i] > 1e200:  # only ratios matter
                for j in range(i + 1):
                    flux[j] *= 1e-200
                    average[j] *= 1e-200
                    below[j] *= 1e-200
    for i in range(below.size):
        below[i] /= below[-1]


@jit_no_refcount
def stationary_excess(below, excess, a, u):
    """Quantile of the stationary excess at u in (0, 1); in the first cell its law is the power a = base / decay."""
    first, last = 0, below.size - 1
    while last - first > 1:
        middle = (first + last) // 2
        if below[middle] < u:
            first = middle
        else:
            last = middle
    if first == 0:
        return excess[1] * power(u / below[1], 1.0 / a)
    return excess[first] + (excess[last] - excess[first]) * (u - below[first]) / (below[last] - below[first])


@jit_no_refcount
def waiting_time(base, decay, excess, u, w):
    """Time until the next jump, in steps, at two uniforms."""
    time = -log(w) / base
    if excess > 0.0:
        left = 1.0 + decay * log(u) / excess
        if left > 0.0:
            time = min(time, -log(left) / decay)
    return time


@jit_inline
def fill_path(law, up, down, s0, seed, path, buffers, close, low, high, pre_jump):
    """One path; the four rows are overwritten. In a chunk `pre_jump` holds the drift of each step at first."""
    close[0] = low[0] = high[0] = pre_jump[0] = price = s0
    excess = law.start
    if excess < 0.0:
        excess = stationary_excess(law.below, law.excess, law.base / law.decay, uniforms(seed, JUMP, path, 0)[0])
    number = 1  # of the next jump
    u, w = uniforms(seed, JUMP, path, 1)
    wait = waiting_time(law.base, law.decay, excess, u, w)
    for first in range(1, close.size, CHUNK):
        last = min(first + CHUNK, close.size)
        d, bottom, top, end = close[first:last], low[first:last], high[first:last], pre_jump[first:last]
        moved = buffers.uniforms[: last - first]
        draw(seed, path, first, d, bottom, top, moved)
        normals(d, buffers.values, buffers.places)
        for j in range(moved.size):
            moved[j] = 0.0
            before, count = excess, 0
            if wait > 1.0:
                excess *= law.at_end
            else:
                time = 0.0
                while time + wait <= 1.0:
                    time += wait
                    excess = excess * exp(-law.decay * wait) + law.leap
                    count += 1
                    u, w = uniforms(seed, JUMP, path, 2 * number)
                    moved[j] += jump_size(up, w) if u < law.p_up else -jump_size(down, w)
                    number += 1
                    u, w = uniforms(seed, JUMP, path, 2 * number - 1)
                    wait = waiting_time(law.base, law.decay, excess, u, w)
                excess *= exp(-law.decay * (1.0 - time))
                wait += time
            wait -= 1.0
            end[j] = law.drift[first + j] - law.growth * (law.base + (law.leap * count - (excess - before)) / law.decay)
        log_moves(end, law.sd[first:last], law.variance2[first:last], d, bottom, top)
        price = fill_prices(price, moved, close[first - 1 : last - 1], d, bottom, top, end)


@jit_no_refcount
def fill_block(law, up, down, s0, seed, first_path, buffers, close, low, high, pre_jump):
    """Paths first_path, first_path + 1, ...; a row each of the four float64[n_paths, n_steps + 1], overwritten."""
    for i in range(close.shape[0]):
        fill_path(law, up, down, s0, seed, first_path + i, buffers, close[i], low[i], high[i], pre_jump[i])


@jit
def hazards(seen, missing, rate, branching, decay, hazard, excess):
    """Integral of the intensity over each bar without a jump, given the bars before; two float64[n] are overwritten.

    A bar has no jump with the probability exp(-hazard), where the excess H at its start only decays:

        hazard = base + H (1 - exp(-decay)) / decay

    With or without, m jumps are expected in it, as the expected excess returns to its mean at the speed
    decay (1 - branching). So a bar with jumps stands for m / (1 - exp(-hazard)) of them, spread evenly over the bar.
    Over missing bars the excess takes its expected course.

    Parameters
    ----------
    seen : int64[n]
        1 for a bar with jumps, otherwise 0.
    missing : int64[n]
        Bars missing before each.
    rate, decay : float
        Mean intensity and decay of the excess, per bar.
    branching : float
        In [0, 1).
    hazard : float64[n]
    excess : float64[n]
        Excess at the end of each bar, per bar.
    """
    mean, speed = rate * branching, decay * (1.0 - branching)
    kept = math.exp(-decay)
    alone = (1.0 - kept) / decay
    together = (1.0 - math.exp(-speed)) / speed
    now = mean
    for i in range(seen.size):
        if missing[i] > 0:
            now = mean + (now - mean) * math.exp(-speed * missing[i])
        hazard[i] = rate * (1.0 - branching) + now * alone
        jumps = (rate + (now - mean) * together) / (1.0 - math.exp(-hazard[i])) if seen[i] else 0.0
        now = now * kept + branching * (1.0 - kept) * jumps  # a jump adds branching * decay, decayed since its time
        excess[i] = now


@jit
def deviance(seen, hazard):
    """Minus the log likelihood of bars with and without jumps; int64[n] and float64[n]."""
    total = 0.0
    for i in range(seen.size):
        total += -math.log(1.0 - math.exp(-hazard[i])) if seen[i] else hazard[i]
    return total
