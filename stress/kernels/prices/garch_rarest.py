"""GJR-GARCH paths given how rare their largest shocks are.

The signs of the shocks are drawn first. Of n standardised shocks t of one side, with Z and G as in
`stress.kernels.prices.garch`,

    t = sqrt(M) Z,      M = (nu - 2) / (2 G),      G ~ Gamma(nu / 2)

the sizes |t| do not depend on the signs, and the largest is exceeded with probability 1 - (1 - r)^(1 / n), at any of
the n steps (`stress.kernels.prices.rarest`). Given |t| = x, the density of G is that of Gamma((nu + 1) / 2) with the
rate 1 + x^2 / (nu - 2), and Z = x / sqrt(M). The others are drawn again until they are smaller, which each is at once
with probability (1 - r)^(1 / n). A side with fewer than FEWEST shocks is drawn as ever, whatever its coordinate says.

Before the start, the largest of the last `window` shocks is given, of either sign.

Addresses: those of `stress.kernels.prices.garch`; what is drawn again, and G of the largest, at steps from SPARE on;
RAREST, 0 -> steps of the largest shock down and up; RAREST, 1 -> step of that before the start.
"""

import math

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import factor, log, normal_quantile
from stress.kernels.numerics.philox import BRIDGE, RAREST, STEP, uniforms
from stress.kernels.prices.garch import BURN_IN, LARGEST_VARIANCE, gamma_variable, next_variance

SPARE = BURN_IN + 2**22
FEWEST = 4


@jit_no_refcount
def count_falls(n_steps, seed, first_path, out):
    """Number of shocks down of each path; int64[n_paths], overwritten."""
    for i in range(out.size):
        out[i] = 0
        for step in range(1, n_steps + 1):
            out[i] += normal_quantile(uniforms(seed, STEP, first_path + i, step)[0]) < 0.0


@jit_no_refcount
def smaller_shock(law, z, most, seed, path, step, spare):
    """Gamma variable and normal of a shock of size `most` at most; the sign of the normal z is kept.

    Returns them and the next spare step.
    """
    g = gamma_variable(0.5 * law.nu, seed, path, step)
    while z * z * (0.5 * law.nu - 1.0) > most * most * g:
        size = abs(normal_quantile(uniforms(seed, STEP, path, spare)[0]))
        z = size if z > 0.0 else -size
        g = gamma_variable(0.5 * law.nu, seed, path, spare)
        spare += 1
    return g, z, spare


@jit_no_refcount
def shock_of(law, size, z, seed, path, spare):
    """Gamma variable and normal of a shock of a given size; the sign of the normal z is kept."""
    g = gamma_variable(0.5 * (law.nu + 1.0), seed, path, spare) / (1.0 + size * size / (law.nu - 2.0))
    found = size * math.sqrt(g / (0.5 * law.nu - 1.0))
    return g, (found if z > 0.0 else -found)


@jit_no_refcount
def variance_of(law, h, g):
    """Variance h M of the Brownian motion of a step."""
    return min(h * (0.5 * law.nu - 1.0) / g, LARGEST_VARIANCE)


@jit_no_refcount
def settled_variance(law, largest, window, seed, path, spare):
    """Variance at the start, after `burn_in` steps, the largest of whose last `window` shocks is given.

    Returns it and the next spare step.
    """
    h, end = law.unconditional, BURN_IN + law.burn_in
    rarest = end - 1 - int(uniforms(seed, RAREST, path, 1)[0] * window)
    for step in range(BURN_IN, end):
        z = normal_quantile(uniforms(seed, STEP, path, step)[0])
        if step == rarest and largest < math.inf:
            g, z = shock_of(law, largest, z, seed, path, spare)
            spare += 1
        else:
            g, z, spare = smaller_shock(law, z, largest if step >= end - window else math.inf, seed, path, step, spare)
        h = next_variance(law, h, math.sqrt(variance_of(law, h, g)) * z)
    return h, spare


@jit_inline
def fill_path(law, s0, given, falls, window, seed, path, close, low, high):
    """One path with the given sizes of its largest shocks; the three rows are overwritten."""
    close[0] = low[0] = high[0] = price = s0
    h, spare = law.start, SPARE
    if h == 0.0:
        h, spare = settled_variance(law, given[2], window, seed, path, spare)
    u, w = uniforms(seed, RAREST, path, 0)
    rarest_down, rarest_up = int(u * falls), int(w * (close.size - 1 - falls))
    down = up = 0  # shocks so far
    for step in range(1, close.size):
        u, bottom = uniforms(seed, STEP, path, step)
        top = uniforms(seed, BRIDGE, path, step)[0]
        z = normal_quantile(u)
        if z < 0.0:
            largest, is_it = given[0], down == rarest_down
            down += 1
        else:
            largest, is_it = given[1], up == rarest_up
            up += 1
        if is_it and largest < math.inf:
            g, z = shock_of(law, largest, z, seed, path, spare)
            spare += 1
        else:
            g, z, spare = smaller_shock(law, z, largest, seed, path, step, spare)
        variance = variance_of(law, h, g)
        shock = math.sqrt(variance) * z
        h = next_variance(law, h, shock)
        d = law.drift - 0.5 * variance + shock
        end = price * factor(d)
        fall = 0.5 * (d - math.sqrt(d * d - 2.0 * variance * log(bottom)))
        rise = 0.5 * (d + math.sqrt(d * d - 2.0 * variance * log(top)))
        low[step] = min(price * factor(fall), price, end)
        high[step] = max(price * factor(rise), price, end)
        close[step] = price = end


@jit_no_refcount
def fill_block(law, s0, largest, falls, window, seed, first_path, close, low, high):
    """Paths first_path, first_path + 1, ...; a row each of the three float64[n_paths, n_steps + 1], overwritten.

    largest : float64[n_paths, 3], sizes of the largest shocks down, up and before the start; inf where none is given
    falls : int64[n_paths], number of shocks down
    window : int, last steps before the start that hold the largest shock
    """
    for i in range(close.shape[0]):
        path = first_path + i
        fill_path(law, s0, largest[i], falls[i], window, seed, path, close[i], low[i], high[i])
