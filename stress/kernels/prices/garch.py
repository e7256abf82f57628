"""Log prices with GJR-GARCH volatility and Student-t shocks, with the exact extremes of each step.

The variance h of a step follows from the shock of the step before:

    shock = sqrt(h M) Z,        h <- omega + (alpha + gamma [shock < 0]) shock^2 + beta h

Z is normal, and M = (nu - 2) / (2 G) with G ~ Gamma(nu/2): sqrt(M) Z is Student t of nu degrees of freedom and variance
1. Given M a step is a Brownian motion of variance h M with the drift -h M / 2, so its price is a martingale, though the
mean of the exponential of a Student t is infinite; its low and high given its ends are those of a Brownian bridge of
that variance, see `stress.kernels.prices.diffusion`. h M is at most 1.

G is drawn by rejection (G. Marsaglia and W. Tsang, "A simple method for generating gamma variables", ACM Trans. Math.
Software 26 (2000)), at addresses of its own, so a step has the same random numbers whatever was rejected before.

Addresses, by (stream, path, draw): STEP, step -> normal and U; BRIDGE, step -> V; JUMP, step * MAX_JUMPS + k -> attempt
k of the gamma variable. Steps before the start of a path are numbered from BURN_IN on.
"""

import math
from typing import NamedTuple

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import factor, log, normal_quantile
from stress.kernels.numerics.philox import BRIDGE, JUMP, STEP, uniforms
from stress.kernels.prices.diffusion import MAX_JUMPS

BURN_IN = 2**23  # number of the first step before the start of a path
LARGEST_VARIANCE = 1.0  # of one step


class GarchLaw(NamedTuple):
    """Recursion of the variance of a step, log price.

    omega : float, > 0
    alpha, beta : float, >= 0
    gamma : float, > -alpha: what a fall adds to alpha
    nu : float, > 2
    drift : float, of a step, beside the compensator
    start : float, variance of the first step; 0: drawn from the stationary law
    burn_in : int, steps before the start of a path, from the unconditional variance on, if `start` is 0
    unconditional : float, mean variance of a step
    """

    omega: float
    alpha: float
    gamma: float
    beta: float
    nu: float
    drift: float
    start: float
    burn_in: int
    unconditional: float


@jit_no_refcount
def gamma_variable(shape, seed, path, step):
    """Gamma variable of a shape > 1 and scale 1, at the addresses of a step."""
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    v = 1.0
    for k in range(MAX_JUMPS):
        u, w = uniforms(seed, JUMP, path, step * MAX_JUMPS + k)
        x = normal_quantile(u)
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            if log(w) < 0.5 * x * x + d * (1.0 - v + log(v)):
                break
    return d * v


@jit_no_refcount
def step_variance(law, h, seed, path, step):
    """Variance h M of the Brownian motion of a step."""
    return min(h * (0.5 * law.nu - 1.0) / gamma_variable(0.5 * law.nu, seed, path, step), LARGEST_VARIANCE)


@jit_inline
def next_variance(law, h, shock):
    """The variance after a shock."""
    return law.omega + (law.alpha + (law.gamma if shock < 0.0 else 0.0)) * shock * shock + law.beta * h


@jit_no_refcount
def settled_variance(law, seed, path):
    """A variance of the stationary law: the recursion over `burn_in` steps before the start of a path."""
    h = law.unconditional
    for step in range(BURN_IN, BURN_IN + law.burn_in):
        shock = math.sqrt(step_variance(law, h, seed, path, step)) * normal_quantile(
            uniforms(seed, STEP, path, step)[0]
        )
        h = next_variance(law, h, shock)
    return h


@jit_no_refcount
def fill_path(law, s0, seed, path, close, low, high):
    """One path; the three rows are overwritten."""
    close[0] = low[0] = high[0] = price = s0
    h = law.start if law.start > 0.0 else settled_variance(law, seed, path)
    for step in range(1, close.size):
        u, bottom = uniforms(seed, STEP, path, step)
        top = uniforms(seed, BRIDGE, path, step)[0]
        variance = step_variance(law, h, seed, path, step)
        shock = math.sqrt(variance) * normal_quantile(u)
        h = next_variance(law, h, shock)
        d = law.drift - 0.5 * variance + shock
        end = price * factor(d)
        down = 0.5 * (d - math.sqrt(d * d - 2.0 * variance * log(bottom)))
        up = 0.5 * (d + math.sqrt(d * d - 2.0 * variance * log(top)))
        # the formulas hold up to rounding; the order low <= ends <= high is to hold exactly
        low[step] = min(price * factor(down), price, end)
        high[step] = max(price * factor(up), price, end)
        close[step] = price = end


@jit_no_refcount
def fill_block(law, s0, seed, first_path, close, low, high):
    """Paths first_path, first_path + 1, ...; a row each of the three float64[n_paths, n_steps + 1], overwritten."""
    for i in range(close.shape[0]):
        fill_path(law, s0, seed, first_path + i, close[i], low[i], high[i])


@jit_no_refcount
def fill_settled(law, seed, out):
    """Variances of the stationary law, float64[n], overwritten."""
    for i in range(out.size):
        out[i] = settled_variance(law, seed, i)
