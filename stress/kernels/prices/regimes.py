"""Log prices that diffuse and jump at a volatility and a rate of jumps that switch between regimes.

The regime is a Markov chain in continuous time. Its switches are drawn one after another: the time in a regime is
exponential, the next regime is drawn from the rates out of it. A step then has the variance and the expected jumps of
the time that it spends in each regime, so neither depends on the length of the steps; given the regimes, the move of
a step is normal with the extremes of a Brownian bridge (exact also where the variance changes within the step, since
it is a Brownian motion on another clock), and its jumps are Poisson, at its end. The drift is

    drift - (variance of the step) / 2 - sum over sides of (expected jumps) (E[e^J] - 1)

so the price is a martingale given the regimes, if drift = 0.

Rates are per step. Addresses of the random numbers: those of `stress.kernels.prices.diffusion`; REGIME, 0 -> regime at
the start and time of the first switch; REGIME, k -> regime after switch k = 1, 2, ... and the time spent in it.

A path may be given its rarest jump: s, the probability that a jump of its size is exceeded. With H the expected number
of jumps of the horizon, the integral of the rate along the path of the regimes,

    P(no jump is rarer than s | regimes) = exp(-s H),      density of the rarest at s, given the regimes = H exp(-s H)

so the regimes, given s, are drawn from their own law and accepted with a probability proportional to H exp(-s H)
(J. von Neumann 1951); the jump comes at a rate proportional to that of the regime, with its side; and the other jumps
are those of the plain path that are less rare than s. Attempt a takes the addresses REGIME, a stride + k; RAREST,
REGIME_TRIES + a -> whether it is accepted, and where the jump comes; RAREST, REGIME_SIDE -> its side.

The hidden Markov model of bars has a regime for each bar; its probabilities given all bars are found by the forward
and the backward recursion, each bar scaled to a sum of 1 (L. Rabiner, Proceedings of the IEEE 77 (1989)).
"""

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit, jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp, log, log_unchecked
from stress.kernels.numerics.philox import JUMP, RAREST, REGIME, uniforms
from stress.kernels.numerics.vector import CHUNK, normals
from stress.kernels.prices.diffusion import MAX_JUMPS, draw, fill_prices, jump, jump_size, poisson, size_exceeded

REGIME_TRIES, REGIME_SIDE = 2**31, 2**31 - 1


class RegimeLaw(NamedTuple):
    """The steps of a path. K regimes; rates are per step.

    drift : float, expected growth
    growth_up, growth_down : float, E[e^J - 1] of a jump up and of a jump down
    variance : float64[K], of the diffusion
    up, down : float64[K], expected jumps up and down
    at_zero : float64[K], probability of no jump
    leave : float64[K], rate at which each regime ends
    switch : float64[K, K], probability that the regime after i is at most j, ascending to 1 in j
    start : float64[K], probability that the first regime is at most j, ascending to 1
    """

    drift: float
    growth_up: float
    growth_down: float
    variance: np.ndarray
    up: np.ndarray
    down: np.ndarray
    at_zero: np.ndarray
    leave: np.ndarray
    switch: np.ndarray
    start: np.ndarray


class RarestJump(NamedTuple):
    """The rarest jump of a path and the regimes that go with it.

    share : float, probability that a jump of its size is exceeded
    step : int
    moved : float, log price
    address : int, REGIME address of the start
    """

    share: float
    step: int
    moved: float
    address: int


@jit_no_refcount
def pick(below, u):
    """First entry of an ascending row of probabilities that exceeds the uniform u."""
    j = 0
    while j < below.size - 1 and u >= below[j]:
        j += 1
    return j


@jit_no_refcount
def holding_time(leave, w):
    """Time in a regime that ends at the rate `leave`, at a uniform; infinite if it does not end."""
    return -log(w) / leave if leave > 0.0 else math.inf


@jit_no_refcount
def expected_jumps(law, n_steps, wanted, seed, path, address):
    """Jumps expected up to the horizon, given the regimes drawn from an address on.

    With wanted >= 0 the search ends where that many are expected: returns the number so far, the regime, and the time.
    """
    u, w = uniforms(seed, REGIME, path, address)
    regime = pick(law.start, u)
    left = holding_time(law.leave[regime], w)
    now = total = 0.0
    while True:
        rate = law.up[regime] + law.down[regime]
        time = min(left, n_steps - now)
        if 0.0 <= wanted <= total + rate * time and rate > 0.0:
            return wanted, regime, min(now + (wanted - total) / rate, n_steps * (1.0 - 1e-15))
        total += rate * time
        now += time
        if now >= n_steps:
            return total, regime, now
        address += 1
        u, w = uniforms(seed, REGIME, path, address)
        regime = pick(law.switch[regime], u)
        left = holding_time(law.leave[regime], w)


@jit_no_refcount
def rarest_jump(law, up, down, share, stride, n_steps, seed, path):
    """The rarest jump of a path, and regimes drawn given it."""
    most = 0.0
    for k in range(law.up.size):
        most = max(most, n_steps * (law.up[k] + law.down[k]))
    peak = most * exp(-share * most) if share * most < 1.0 else exp(-1.0) / share
    address, tries = 0, 0
    while True:
        total = expected_jumps(law, n_steps, -1.0, seed, path, address)[0]
        u, w = uniforms(seed, RAREST, path, REGIME_TRIES + tries)
        if share < 1.0 and u * peak < total * exp(-share * total):
            break
        if share >= 1.0 and u < exp(-total):
            return RarestJump(1.0, 0, 0.0, address)  # no jump at all
        tries += 1
        address += stride
    _, regime, time = expected_jumps(law, n_steps, w * total, seed, path, address)
    v = uniforms(seed, RAREST, path, REGIME_SIDE)[0]
    is_up = v * (law.up[regime] + law.down[regime]) < law.up[regime]
    moved = size_exceeded(up, share) if is_up else -size_exceeded(down, share)
    return RarestJump(share, int(time) + 1, moved, address)


@jit_no_refcount
def rarest_of(law, up, down, shares, i, stride, n_steps, seed, path):
    """The rarest jump of the i-th path of a block; None where no shares are given."""
    if shares is None:
        return None
    return rarest_jump(law, up, down, shares[i], stride, n_steps, seed, path)


@jit_no_refcount
def first_address(rarest):
    """REGIME address of the start of a path; `rarest` is RarestJump or None."""
    if rarest is None:
        return 0
    return rarest.address


@jit_no_refcount
def comes_in(rarest, step):
    """Whether the rarest jump comes in a step; `rarest` is RarestJump or None."""
    if rarest is None:
        return False
    return rarest.step == step


@jit_no_refcount
def jumps_of_step(rate_up, rate_down, at_zero, u, rarest, up, down, seed, path, step):
    """Sum of the jumps of a step, in log price, at the uniform u of their number; `rarest` is RarestJump or None."""
    rate = rate_up + rate_down
    if rarest is None:
        return jump(rate_up / rate, up, down, seed, path, step, poisson(u, rate, at_zero))
    total = rarest.moved if step == rarest.step else 0.0
    if u > at_zero:
        for k in range(poisson(u, rate, at_zero)):
            v, w = uniforms(seed, JUMP, path, step * MAX_JUMPS + k)
            if 1.0 - w > rarest.share:
                total += jump_size(up, w) if v * rate < rate_up else -jump_size(down, w)
    return total


@jit_inline
def fill_path(law, up, down, rarest, s0, seed, path, buffers, close, low, high, pre_jump):
    """One path; the four rows are overwritten. In a chunk `pre_jump` holds the drift of each step at first."""
    close[0] = low[0] = high[0] = pre_jump[0] = price = s0
    number = first_address(rarest)
    u, w = uniforms(seed, REGIME, path, number)
    regime = pick(law.start, u)
    left = holding_time(law.leave[regime], w)
    for first in range(1, close.size, CHUNK):
        last = min(first + CHUNK, close.size)
        d, bottom, top, end = close[first:last], low[first:last], high[first:last], pre_jump[first:last]
        moved, variance = buffers.uniforms[: last - first], buffers.values[: last - first]
        draw(seed, path, first, d, bottom, top, moved)
        normals(d, buffers.values, buffers.places)
        for j in range(moved.size):
            if left > 1.0:
                left -= 1.0
                variance[j], rate_up, rate_down = law.variance[regime], law.up[regime], law.down[regime]
                at_zero = law.at_zero[regime]
            else:
                variance[j] = rate_up = rate_down = 0.0
                rest = 1.0
                while rest > 0.0:
                    time = min(left, rest)
                    variance[j] += time * law.variance[regime]
                    rate_up += time * law.up[regime]
                    rate_down += time * law.down[regime]
                    rest -= time
                    left -= time
                    if left <= 0.0:
                        number += 1
                        u, w = uniforms(seed, REGIME, path, number)
                        regime = pick(law.switch[regime], u)
                        left = holding_time(law.leave[regime], w)
                at_zero = exp(-(rate_up + rate_down))
            end[j] = law.drift - 0.5 * variance[j] - rate_up * law.growth_up - rate_down * law.growth_down
            if moved[j] > at_zero or comes_in(rarest, first + j):
                u, step = moved[j], first + j
                moved[j] = jumps_of_step(rate_up, rate_down, at_zero, u, rarest, up, down, seed, path, step)
            else:
                moved[j] = 0.0
        for j in range(d.size):
            d[j] = end[j] + math.sqrt(variance[j]) * d[j]
        for j in range(d.size):
            bottom[j] = 0.5 * (d[j] - math.sqrt(d[j] * d[j] - 2.0 * variance[j] * log_unchecked(bottom[j])))
        for j in range(d.size):
            top[j] = 0.5 * (d[j] + math.sqrt(d[j] * d[j] - 2.0 * variance[j] * log_unchecked(top[j])))
        price = fill_prices(price, moved, close[first - 1 : last - 1], d, bottom, top, end)


@jit_no_refcount
def fill_block(law, up, down, shares, stride, s0, seed, first_path, buffers, close, low, high, pre_jump):
    """Paths first_path, first_path + 1, ...; a row each of the four float64[n_paths, n_steps + 1], overwritten.

    shares : float64[n_paths], of the rarest jump of each path, 1 or more for a path without jumps; or None
    """
    n_steps = close.shape[1] - 1
    for i in range(close.shape[0]):
        path = first_path + i
        rarest = rarest_of(law, up, down, shares, i, stride, n_steps, seed, path)
        fill_path(law, up, down, rarest, s0, seed, path, buffers, close[i], low[i], high[i], pre_jump[i])


@jit
def forward_backward(density, move, start, share, pairs):
    """Probabilities of the regimes of each bar given all bars; returns the log likelihood.

    Parameters
    ----------
    density : float64[n, K]
        Density of each bar in each regime; 1 for a missing bar.
    move : float64[K, K]
        Probability to be in regime j a bar after regime i.
    start : float64[K]
        Probability of each regime in the first bar.
    share : float64[n, K]
        Overwritten with the probabilities of the regimes given all bars. Those of the last bar are given the bars so
        far alone too.
    pairs : float64[K, K]
        Overwritten with the expected number of pairs of neighbouring bars in the regimes i and j.
    """
    n, k = density.shape
    scale = np.empty(n)
    now, before = np.empty(k), start.copy()
    log_likelihood = 0.0
    for t in range(n):
        total = 0.0
        for j in range(k):
            p = before[j]
            if t > 0:
                p = 0.0
                for i in range(k):
                    p += before[i] * move[i, j]
            now[j] = p * density[t, j]
            total += now[j]
        for j in range(k):
            before[j] = share[t, j] = now[j] / total
        scale[t] = total
        log_likelihood += math.log(total)
    ahead, back = np.ones(k), np.empty(k)
    pairs[:] = 0.0
    for t in range(n - 2, -1, -1):
        for j in range(k):
            now[j] = density[t + 1, j] * ahead[j] / scale[t + 1]
        for i in range(k):
            back[i] = 0.0
            for j in range(k):
                both = move[i, j] * now[j]
                back[i] += both
                pairs[i, j] += share[t, i] * both
        for i in range(k):
            ahead[i] = back[i]
            share[t, i] *= back[i]
    return log_likelihood
