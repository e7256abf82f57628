"""GJR-GARCH paths given how rare their largest shock is.

Standardised shocks t are, with Z and G as in `stress.kernels.prices.garch`,

    t = sqrt(M) Z,      M = (nu - 2) / (2 G),      G ~ Gamma(nu / 2)

Their sizes |t| do not depend on their signs. The largest of n of them, those of a path and of the last `window` before
its start, is exceeded with probability 1 - (1 - r)^(1 / n), at any of the n steps (`stress.kernels.prices.rarest`).
Given |t| = x, the density of G is that of Gamma((nu + 1) / 2) with the rate 1 + x^2 / (nu - 2), and |Z| = x / sqrt(M).
The others are drawn again until they are smaller, which each is at once with probability (1 - r)^(1 / n).

Addresses: those of `stress.kernels.prices.garch`; what is drawn again, and G of the largest, at steps from SPARE on;
RAREST, 0 -> step of the largest shock.
"""

import math

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import factor, log, normal_quantile
from stress.kernels.numerics.philox import BRIDGE, RAREST, STEP, uniforms
from stress.kernels.prices.garch import BURN_IN, LARGEST_VARIANCE, gamma_variable, next_variance

SPARE = BURN_IN + 2**22


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


@jit_inline
def shock_at(law, z, largest, is_largest, seed, path, step, spare):
    """Gamma variable and normal of a shock that is the largest or smaller, and the next spare step."""
    if is_largest:
        g, z = shock_of(law, largest, z, seed, path, spare)
        return g, z, spare + 1
    return smaller_shock(law, z, largest, seed, path, step, spare)


@jit_no_refcount
def settled_variance(law, largest, rarest, window, seed, path, spare):
    """Variance at the start, after `burn_in` steps; number `rarest` of the last `window` has the largest shock.

    Returns it and the next spare step.
    """
    h, end = law.unconditional, BURN_IN + law.burn_in
    for step in range(BURN_IN, end):
        z = normal_quantile(uniforms(seed, STEP, path, step)[0])
        place = step - (end - window)
        most = largest if place >= 0 else math.inf
        g, z, spare = shock_at(law, z, most, place == rarest, seed, path, step, spare)
        h = next_variance(law, h, math.sqrt(variance_of(law, h, g)) * z)
    return h, spare


@jit_inline
def fill_path(law, s0, largest, window, seed, path, close, low, high):
    """One path whose largest shock has the given size; the three rows are overwritten."""
    close[0] = low[0] = high[0] = price = s0
    rarest = int(uniforms(seed, RAREST, path, 0)[0] * (window + close.size - 1))
    h, spare = law.start, SPARE
    if h == 0.0:
        h, spare = settled_variance(law, largest, rarest, window, seed, path, spare)
    for step in range(1, close.size):
        u, bottom = uniforms(seed, STEP, path, step)
        top = uniforms(seed, BRIDGE, path, step)[0]
        is_largest = window + step - 1 == rarest
        g, z, spare = shock_at(law, normal_quantile(u), largest, is_largest, seed, path, step, spare)
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
def fill_block(law, s0, largest, window, seed, first_path, close, low, high):
    """Paths first_path, first_path + 1, ...; a row each of the three float64[n_paths, n_steps + 1], overwritten.

    largest : float64[n_paths], sizes of the largest shocks
    window : int, last steps before the start that may hold it; 0 if the variance at the start is given
    """
    for i in range(close.shape[0]):
        fill_path(law, s0, largest[i], window, seed, first_path + i, close[i], low[i], high[i])
