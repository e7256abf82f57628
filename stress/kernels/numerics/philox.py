"""Random numbers that are addressed, not counted.

Philox4x32-10 turns a 128-bit counter and a 64-bit key into 128 random bits, by ten rounds of multiplication. The
key is the seed, the counter an address (draw, path, stream). So a path alone, in a batch, on one thread or eight or
on another machine sees the same numbers, and two designs with one seed see the same market.

Source: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11, with the Random123 known-answer
vectors as tests. 64-bit products of 32-bit words keep all arithmetic exact.
"""

import numpy as np

from stress.kernels.jit import jit, jit_force_inline
from stress.kernels.numerics.elementary import ONE

MASK = 0xFFFFFFFF
M0 = 0xD2511F53
M1 = 0xCD9E8D57
W0 = 0x9E3779B9
W1 = 0xBB67AE85

# Purposes of random numbers. A new purpose takes a new number, so that it shifts no other. (numpy integers, since a
# literal compiles what it is passed to for itself.)
#
# STEP        diffusion: normal and low of a step
# BRIDGE      high of a step, number of jumps
# JUMP        jump sizes
# SCORE       the random ADL queue
# POPULATION  synthetic books
# BLOCK       bootstrap blocks
# WICK        numbers, times and sizes of wicks
# KNOT        a diffusion at the corners of wicks
# VARIANCE    variance at the start of a path and at the end of each step
# REGIME      switches of a volatility regime
# RARITY      coordinates of a path that is drawn by its rarest event
# RAREST      what a model draws of its rarest events, and beside them
STEP, BRIDGE, JUMP, SCORE, POPULATION, BLOCK, WICK, KNOT, VARIANCE, REGIME, RARITY, RAREST = np.arange(12)


@jit_force_inline
def two_rounds(c0, c1, c2, c3, k0, k1):
    """Rounds under the keys (k0, k1) and the next, (k0 + W0, k1 + W1)."""
    p0, p1 = M0 * c0, M1 * c2
    c0, c1, c2, c3 = ((p1 >> 32) & MASK) ^ c1 ^ k0, p1 & MASK, ((p0 >> 32) & MASK) ^ c3 ^ k1, p0 & MASK
    p0, p1 = M0 * c0, M1 * c2
    k0, k1 = (k0 + W0) & MASK, (k1 + W1) & MASK
    return ((p1 >> 32) & MASK) ^ c1 ^ k0, p1 & MASK, ((p0 >> 32) & MASK) ^ c3 ^ k1, p0 & MASK


@jit_force_inline
def philox(c0, c1, c2, c3, k0, k1):
    """Four random 32-bit words of the counter (c0..c3) under the key (k0, k1). All words are ints in [0, 2^32).

    The ten rounds are no loop, which would keep a loop over counters from becoming vector code.
    """
    c0, c1, c2, c3 = two_rounds(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3 = two_rounds(c0, c1, c2, c3, (k0 + 2 * W0) & MASK, (k1 + 2 * W1) & MASK)
    c0, c1, c2, c3 = two_rounds(c0, c1, c2, c3, (k0 + 4 * W0) & MASK, (k1 + 4 * W1) & MASK)
    c0, c1, c2, c3 = two_rounds(c0, c1, c2, c3, (k0 + 6 * W0) & MASK, (k1 + 6 * W1) & MASK)
    return two_rounds(c0, c1, c2, c3, (k0 + 8 * W0) & MASK, (k1 + 8 * W1) & MASK)


@jit_force_inline
def unit(high, low):
    """The uniform in (0, 1) of two 32-bit words: 52 bits, centred, so that a double holds it and it is never 0 or 1.

    The upper 26 bits of each word make k, the fraction of the double 1 + k / 2^52; so (k + 1/2) / 2^52 comes out
    exactly, without a conversion of integers.
    """
    return np.int64(((high >> 6) << 26) | (low >> 6) | ONE).view(np.float64) - (1.0 - 2.0**-53)


@jit_force_inline
def uniforms(seed, stream, path, draw):
    """Two independent uniforms in (0, 1) at the address (stream, path, draw).

    Parameters
    ----------
    seed : int
        0 <= seed < 2^63.
    stream : int
        One of the purposes above.
    path : int
        Number of the path, >= 0.
    draw : int
        Number of the draw in the path, 0 <= draw < 2^32.
    """
    key0, key1 = seed & MASK, (seed >> 32) & MASK
    w0, w1, w2, w3 = philox(int(draw) & MASK, path & MASK, (path >> 32) & MASK, int(stream) & MASK, key0, key1)
    return unit(w0, w1), unit(w2, w3)


@jit
def event_key(seed, path, step, side):
    """Key (two words) of the random ADL queue of one event: losses of `side` (+1, -1) in `step` of `path`."""
    draw = 2 * step + (1 if side > 0 else 0)
    w0, w1, _, _ = philox(draw & MASK, path & MASK, (path >> 32) & MASK, int(SCORE), seed & MASK, (seed >> 32) & MASK)
    return w0, w1


@jit_force_inline
def event_score(key0, key1, position):
    """Uniform score in (0, 1) of a position (its number in the book) under the key of the event."""
    w0, w1, _, _ = philox(position & MASK, (position >> 32) & MASK, position & 0, position & 0, key0, key1)
    return unit(w0, w1)
