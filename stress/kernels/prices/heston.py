"""Log prices whose variance is a square-root process (Heston), with jumps (Bates).

    d ln S = (m - v / 2) dt + sqrt(v) dW + J dN,      dv = kappa (theta - v) dt + eps sqrt(v) dB,      dW dB = rho dt

The variance at the end of a step is drawn by Andersen's quadratic-exponential scheme: a law with the exact mean m and
variance s^2 given the variance v at its start; with psi = s^2 / m^2,

    psi <= 1.5: a (b + Z)^2       psi > 1.5: 0 with probability p, else exponential of rate beta

The log price given both variances is normal. The integral of the variance is taken by the trapezoid rule; its error
given both ends has the deviation eps sqrt(v dt^3 / 12), a share eps sqrt(dt / (12 v)) of it. The constant K0 is chosen
for each v so that the expected price is kept exactly (martingale correction).

Low and high are those of a Brownian bridge of the mean variance of the step, given both ends of its log price: exact
for a variance that is known and constant, so up to the error above and to the correlation within the step.

Symbols: kappa 1/year, theta and v variance per year, eps volatility of variance, rho correlation, dt step.

Addresses of the random numbers, by (stream, path, draw): VARIANCE, 0 -> variance at the start; VARIANCE, step -> that
at its end; STEP, BRIDGE and JUMP as in `stress.kernels.prices.diffusion`.

Source: L. Andersen, "Simple and efficient simulation of the Heston stochastic volatility model", J. Computational
Finance 11 (2008); S. Heston, Review of Financial Studies 6 (1993); D. Bates, ibid. 9 (1996).
"""

import math
from typing import NamedTuple

from stress.kernels.jit import jit_no_refcount
from stress.kernels.numerics.elementary import exp, log, normal_quantile
from stress.kernels.numerics.philox import BRIDGE, JUMP, STEP, VARIANCE, uniforms
from stress.kernels.prices.diffusion import MAX_JUMPS, jump_size, poisson

SWITCH = 1.5  # psi


class VarianceLaw(NamedTuple):
    """Variance over a step: mean theta + (v - theta) decay, variance by_v v + constant."""

    theta: float
    decay: float
    by_v: float
    constant: float


class HestonLaw(NamedTuple):
    """Steps of a log price given the variances v and w at their ends, and the jumps at the end of each.

    drift : float, of the expected price less that of jumps
    k1, k2 : float, coefficients of v and w in the mean of the log move
    k3, k4 : float, in its variance
    dt : float, years
    rate : float, expected number of jumps in a step
    p_up : float, probability that a jump is up
    """

    drift: float
    k1: float
    k2: float
    k3: float
    k4: float
    dt: float
    rate: float
    p_up: float


@jit_no_refcount
def moments(law, v):
    """Mean m of the variance after a step that starts at v, and psi, its variance over m^2."""
    mean = law.theta + (v - law.theta) * law.decay
    return mean, (law.by_v * v + law.constant) / (mean * mean)


@jit_no_refcount
def quadratic(psi):
    """b^2 of the quadratic law."""
    t = 2.0 / psi
    return t - 1.0 + math.sqrt(t * (t - 1.0))


@jit_no_refcount
def next_variance(law, v, u):
    """Variance after a step that starts at v, at the uniform u in (0, 1)."""
    mean, psi = moments(law, v)
    if psi <= SWITCH:
        square = quadratic(psi)
        root = math.sqrt(square) + normal_quantile(u)
        return mean / (1.0 + square) * root * root
    p = (psi - 1.0) / (psi + 1.0)
    return 0.0 if u <= p else log((1.0 - p) / (1.0 - u)) * mean / (1.0 - p)


@jit_no_refcount
def log_mean_exp(law, v, a):
    """Logarithm of E[exp(a w)], of the variance w after a step that starts at v."""
    mean, psi = moments(law, v)
    if psi <= SWITCH:
        square = quadratic(psi)
        scale = mean / (1.0 + square)
        return a * square * scale / (1.0 - 2.0 * a * scale) - 0.5 * log(1.0 - 2.0 * a * scale)
    p = (psi - 1.0) / (psi + 1.0)
    beta = (1.0 - p) / mean
    return log(p + beta * (1.0 - p) / (beta - a))


@jit_no_refcount
def start_uniforms(seed, first_path, out):
    """Uniforms of the variance at the start, one for each path; float64[n_paths], overwritten."""
    for i in range(out.size):
        out[i] = uniforms(seed, VARIANCE, first_path + i, 0)[0]


@jit_no_refcount
def fill_variance(law, start, seed, path, out):
    """Variances at the ends of the steps of a path, from `start` on; float64[n_steps + 1], overwritten."""
    out[0] = start
    for step in range(1, out.size):
        out[step] = next_variance(law, out[step - 1], uniforms(seed, VARIANCE, path, step)[0])


@jit_no_refcount
def fill_path(law, variance_law, up, down, s0, seed, path, variance, close, low, high, pre_jump):
    """One path given its variances; the four rows are overwritten. `pre_jump` may be `close` itself without jumps."""
    at_zero = exp(-law.rate)
    a = law.k2 + 0.5 * law.k4
    close[0] = low[0] = high[0] = pre_jump[0] = price = s0
    for step in range(1, close.size):
        v, w = variance[step - 1], variance[step]
        u, below = uniforms(seed, STEP, path, step)
        above, n = uniforms(seed, BRIDGE, path, step)
        correction = -log_mean_exp(variance_law, v, a) - (law.k1 + 0.5 * law.k3) * v
        spread = math.sqrt(law.k3 * v + law.k4 * w)
        d = law.drift + correction + law.k1 * v + law.k2 * w + spread * normal_quantile(u)
        twice = law.dt * (v + w)
        end = price * exp(d)
        bottom = price * exp(0.5 * (d - math.sqrt(d * d - twice * log(below))))
        top = price * exp(0.5 * (d + math.sqrt(d * d - twice * log(above))))
        low[step], high[step] = min(bottom, price, end), max(top, price, end)
        price = end
        if n > at_zero:
            total = 0.0
            for k in range(poisson(n, law.rate, at_zero)):
                side, size = uniforms(seed, JUMP, path, step * MAX_JUMPS + k)
                total += jump_size(up, size) if side < law.p_up else -jump_size(down, size)
            price *= exp(total)
        pre_jump[step] = end
        close[step] = price


@jit_no_refcount
def fill_block(law, variance_law, up, down, s0, starts, seed, first_path, variance, close, low, high, pre_jump):
    """Paths first_path, first_path + 1, ..., which start at the variances `starts`; a row each of the last four arrays.

    `variance` (float64[n_steps + 1]) and the four are overwritten.
    """
    for i in range(close.shape[0]):
        path = first_path + i
        fill_variance(variance_law, starts[i], seed, path, variance)
        fill_path(law, variance_law, up, down, s0, seed, path, variance, close[i], low[i], high[i], pre_jump[i])
