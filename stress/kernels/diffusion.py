"""Log prices that diffuse and jump, with the exact extremes of the diffusion.

Over a step of dt seconds the log price moves by a normal d of mean `drift` and standard deviation `sd`, then by a
Poisson number of jumps. Given the two ends, the path between is a Brownian bridge, whose extremes are drawn exactly:

    min - x0 = (d - sqrt(d^2 - 2 sd^2 ln U)) / 2        max - x0 = (d + sqrt(d^2 - 2 sd^2 ln V)) / 2

Low and high are each exact given the ends; their joint law (a theta series) is not drawn, so one step that could
liquidate both sides should be short.

Addresses of the random numbers, by (stream, path, draw): STEP, step -> normal and U; BRIDGE, step -> V and the number
of jumps; JUMP, step * MAX_JUMPS + k -> side and size of jump k. A step without a jump draws none.
"""

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.fmath import exp, log, normal_quantile
from stress.kernels.jit import jit
from stress.kernels.philox import BRIDGE, JUMP, STEP, uniforms

MAX_JUMPS = 256  # of one step


class Side(NamedTuple):
    """Sizes of the jumps of one side: a table of quantiles, then a generalized-Pareto tail, then a cap.

    body : float64[K], K >= 1, sizes at equally spaced probabilities of the body, ascending; the last one is where
        the tail starts
    tail : float, probability of the tail, in [0, 1]; 1 for no body
    xi, beta : float, shape and scale of the tail; xi = 0 is the exponential
    cap : float, larger sizes become this one; inf for none
    sd : float, above 0 the size is instead a normal of mean body[-1] and this deviation, given that it is positive,
        which has the probability `tail`; xi, beta and cap play no part
    """

    body: np.ndarray
    tail: float
    xi: float
    beta: float
    cap: float
    sd: float = 0.0


class Law(NamedTuple):
    """One step: a normal of mean `drift` and deviation `sd`, then a Poisson(`rate`) number of jumps, up with
    probability `p_up`. The two sides travel beside it."""

    drift: float
    sd: float
    rate: float
    p_up: float


@jit
def factor(x):
    """exp(x), by eight Taylor terms (error below 1e-19) for the small moves of a short step."""
    if abs(x) > 0.03125:
        return exp(x)
    p = x * (1.0 / 40320.0) + 1.0 / 5040.0
    p = p * x + 1.0 / 720.0
    p = p * x + 1.0 / 120.0
    p = p * x + 1.0 / 24.0
    p = p * x + 1.0 / 6.0
    p = p * x + 0.5
    return 1.0 + (x + (x * x) * p)


@jit
def size(side, u):
    """Size of a jump at the uniform u in (0, 1): the quantile function of the side."""
    w = 1.0 - u
    if side.sd > 0.0:
        return max(side.body[-1] - side.sd * normal_quantile(w * side.tail), 0.0)
    if side.body.size > 1 and w >= side.tail:
        k = (u / (1.0 - side.tail)) * (side.body.size - 1)
        i = min(int(k), side.body.size - 2)
        return side.body[i] + (k - i) * (side.body[i + 1] - side.body[i])
    t = -log(w / side.tail)
    excess = side.beta * (t if abs(side.xi) < 1e-9 else (exp(side.xi * t) - 1.0) / side.xi)
    return min(side.body[-1] + excess, side.cap)


@jit
def poisson(u, rate, at_zero):
    """Quantile of the Poisson law at u; `at_zero` = exp(-rate). At most MAX_JUMPS."""
    k = 0
    p = at_zero
    total = p
    # past the mode a tiny p ends the search: rounding may keep the total under a u next to 1
    while u > total and k < MAX_JUMPS and (k < rate or p > 1e-17):
        k += 1
        p *= rate / k
        total += p
    return k


@jit
def jump(law, up, down, seed, path, step, count):
    """Sum of the `count` jumps of a step, in log price."""
    total = 0.0
    for k in range(count):
        u, w = uniforms(seed, JUMP, path, step * MAX_JUMPS + k)
        total += size(up, w) if u < law.p_up else -size(down, w)
    return total


@jit
def fill_path(law, up, down, pace, s0, at_zero, seed, path, close, low, high, pre_jump):
    """One path; the four rows are overwritten. `pre_jump` may be `close` itself if the law has no jumps.

    `pace` is float64[n_steps + 1], the variance of each step as a multiple of the law's, or empty for 1 throughout.
    """
    close[0] = low[0] = high[0] = pre_jump[0] = price = s0
    drift, sd = law.drift, law.sd
    variance2 = 2.0 * sd * sd
    for step in range(1, close.size):
        if pace.size > 0:
            sd = law.sd * math.sqrt(pace[step])
            drift = law.drift + 0.5 * (law.sd * law.sd - sd * sd)  # the expected price stays what it was
            variance2 = 2.0 * sd * sd
        z, u = uniforms(seed, STEP, path, step)
        v, n = uniforms(seed, BRIDGE, path, step)
        d = drift + sd * normal_quantile(z)
        end = price * factor(d)
        bottom = price * factor(0.5 * (d - math.sqrt(d * d - variance2 * log(u))))
        top = price * factor(0.5 * (d + math.sqrt(d * d - variance2 * log(v))))
        # the formulas hold up to rounding; the order low <= ends <= high is to hold exactly
        low[step] = min(bottom, price, end)
        high[step] = max(top, price, end)
        pre_jump[step] = end
        if n > at_zero:
            end *= exp(jump(law, up, down, seed, path, step, poisson(n, law.rate, at_zero)))
        close[step] = price = end


@jit
def fill_block(law, up, down, pace, s0, seed, first_path, close, low, high, pre_jump):
    """Paths first_path, first_path + 1, ...; a row each of the four float64[n_paths, n_steps + 1], overwritten."""
    at_zero = exp(-law.rate)
    for i in range(close.shape[0]):
        fill_path(law, up, down, pace, s0, at_zero, seed, first_path + i, close[i], low[i], high[i], pre_jump[i])
