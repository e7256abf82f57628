"""Elementary functions whose last bit does not depend on the machine.

The C library picks its `exp`, `log` and `pow` by the processor it runs on, so their last bits move from one machine
to the next. These are written in plain arithmetic, without fused multiply-adds, and give the same double
everywhere; errors stay within a few units in the last place of the true value.

A force-inlined function serves one range of arguments by arithmetic alone, so that loops over it become vector code
(`stress.kernels.numerics.vector`). The functions choose among formulas.

Sources: argument reduction after W. J. Cody and W. Waite (1980); `log` by the atanh series in (x-1)/(x+1);
`normal_quantile` after M. J. Wichura, algorithm AS 241 (PPND16), Applied Statistics 37 (1988).
"""

import math

import numpy as np

from stress.kernels.jit import jit, jit_force_inline

LN2_HI = 6.93147180369123816490e-01  # 32 bits, so that k * LN2_HI is exact
LN2_LO = 1.90821492927058770002e-10
INV_LN2 = 1.4426950408889634
TINY = 2.2250738585072014e-308  # the smallest normal double
FRACTION = 0x000FFFFFFFFFFFFF  # the 52 stored bits of a significand
ONE = 0x3FF0000000000000  # the bits of 1.0
TWO52 = 0x4330000000000000  # the bits of 2^52
CENTRAL = 0.425  # largest |u - 1/2| of the middle of the normal quantile
SMALL = 0.03125  # largest |x| of the short series of exp


@jit_force_inline
def exp_of_rest(x, k):
    """Exponential of x - k ln 2, k the whole number nearest to x / ln 2."""
    r = (x - k * LN2_HI) - k * LN2_LO
    # |r| <= ln(2)/2: thirteen Taylor terms are below half a unit in the last place
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    return 1.0 + (r + (r * r) * p)


@jit_force_inline
def exp_unchecked(x):
    """Exponential of |x| <= 708."""
    k = math.floor(x * INV_LN2 + 0.5)
    # 2^52 + k + 1023 has the exponent of 2^k in its last bits
    bits = np.float64(k + (4503599627370496.0 + 1023.0)).view(np.int64)
    return exp_of_rest(x, k) * np.int64(bits << 52).view(np.float64)


@jit
def exp(x):
    """Exponential. Overflows to inf above 709.78, underflows to 0 below -745.13."""
    if x > 709.78:
        return math.inf
    if x < -745.13:
        return 0.0
    if x != x:
        return x
    k = math.floor(x * INV_LN2 + 0.5)
    scale = int(k)
    if -1022 <= scale <= 1023:
        return exp_of_rest(x, k) * np.int64((scale + 1023) << 52).view(np.float64)
    return math.ldexp(exp_of_rest(x, k), scale)


@jit_force_inline
def log_unchecked(x):
    """Natural logarithm of a normal double x > 0."""
    bits = np.float64(x).view(np.int64)
    # the exponent as a double: 2^52 + k has k in its last bits
    k = np.int64((bits >> 52) | TWO52).view(np.float64) - (4503599627370496.0 + 1023.0)
    m = np.int64((bits & FRACTION) | ONE).view(np.float64)
    if m > 1.4142135623730951:
        m *= 0.5
        k += 1.0
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    # |s| <= 0.1716: log(1+f) = 2 atanh(s), ten odd terms
    p = 1.0 / 21.0
    p = p * z + 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    # 2 s = f - s f, so the leading term keeps its full precision
    return k * LN2_HI + (f - (s * f - 2.0 * s * z * p - k * LN2_LO))


@jit
def log(x):
    """Natural logarithm of x > 0; -inf at 0, nan below."""
    if x <= 0.0 or x != x or x == math.inf:
        if x == 0.0:
            return -math.inf
        return x if x == math.inf else math.nan
    if x < TINY:
        return log_unchecked(x * 18014398509481984.0) - 54.0 * LN2_HI - 54.0 * LN2_LO
    return log_unchecked(x)


@jit
def power(x, y):
    """Power x ** y for finite x >= 0 and y > 0; exact for y = 1 and y = 2."""
    if y == 1.0:
        return x
    if y == 2.0:
        return x * x
    if x == 0.0:
        return 0.0
    return exp(y * log(x))


@jit_force_inline
def middle(q):
    """Normal quantile of 1/2 + q, |q| <= 0.425."""
    r = 0.180625 - q * q
    num = (
        (
            (
                (
                    ((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                    + 45921.953931549871457
                )
                * r
                + 13731.693765509461125
            )
            * r
            + 1971.5909503065514427
        )
        * r
        + 133.14166789178437745
    ) * r + 3.387132872796366608
    den = (
        (
            (
                (
                    ((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                    + 21213.794301586595867
                )
                * r
                + 5394.1960214247511077
            )
            * r
            + 687.1870074920579083
        )
        * r
        + 42.313330701600911252
    ) * r + 1.0
    return q * num / den


@jit_force_inline
def near_tail(r):
    """Minus the normal quantile of p = exp(-r^2) <= 0.075, for r <= 5."""
    r -= 1.6
    num = (
        (
            (
                (
                    ((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                    + 1.27045825245236838258
                )
                * r
                + 3.64784832476320460504
            )
            * r
            + 5.7694972214606914055
        )
        * r
        + 4.6303378461565452959
    ) * r + 1.42343711074968357734
    den = (
        (
            (
                (
                    ((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
                    + 0.14810397642748007459
                )
                * r
                + 0.68976733498510000455
            )
            * r
            + 1.6763848301838038494
        )
        * r
        + 2.05319162663775882187
    ) * r + 1.0
    return num / den


@jit_force_inline
def far_tail(r):
    """The same for r > 5."""
    r -= 5.0
    num = (
        (
            (
                (
                    ((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
                    + 0.026532189526576123093
                )
                * r
                + 0.29656057182850489123
            )
            * r
            + 1.7848265399172913358
        )
        * r
        + 5.4637849111641143699
    ) * r + 6.6579046435011037772
    den = (
        (
            (
                (
                    ((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
                    + 7.868691311456132591e-4
                )
                * r
                + 0.0148753612908506148525
            )
            * r
            + 0.13692988092273580531
        )
        * r
        + 0.59983220655588793769
    ) * r + 1.0
    return num / den


@jit_force_inline
def outer(p, log_p):
    """Normal quantile of p outside the middle, given log(min(p, 1 - p))."""
    r = math.sqrt(-log_p)
    z = near_tail(r) if r <= 5.0 else far_tail(r)
    return -z if p < 0.5 else z


@jit
def normal_quantile(u):
    """Standard normal quantile of u in (0, 1), to about 1e-16 relative."""
    q = u - 0.5
    if abs(q) <= CENTRAL:
        return middle(q)
    return outer(u, log(u if q < 0.0 else 1.0 - u))


@jit_force_inline
def series(x):
    """Exponential of x for |x| <= SMALL, by eight Taylor terms (error below 1e-19)."""
    p = x * (1.0 / 40320.0) + 1.0 / 5040.0
    p = p * x + 1.0 / 720.0
    p = p * x + 1.0 / 120.0
    p = p * x + 1.0 / 24.0
    p = p * x + 1.0 / 6.0
    p = p * x + 0.5
    return 1.0 + (x + (x * x) * p)


@jit
def factor(x):
    """Exponential of x, with fewer terms for the small moves of a short step."""
    return exp(x) if abs(x) > SMALL else series(x)


@jit
def round40(x):
    """A number rounded to a significand of 40 bits, nearest, ties to even; infinities and nan pass."""
    if x != x or abs(x) == math.inf:
        return x
    bits = np.float64(x).view(np.int64)
    return np.int64(((bits + 0xFFF + ((bits >> 13) & 1)) >> 13) << 13).view(np.float64)
