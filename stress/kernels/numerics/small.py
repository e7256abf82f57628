"""Formulas that keep their digits where an argument is tiny, with the same bits on every CPU.

Source: W. Kahan's forms of ln(1 + x) and e^x - 1 (N. Higham, Accuracy and Stability of Numerical Algorithms, 2002,
1.14): the error of a rounded 1 + x cancels in a quotient.
"""

from stress.kernels.jit import jit
from stress.kernels.numerics.elementary import exp, log


@jit
def log_one_plus(x):
    """ln(1 + x), x > -1."""
    y = 1.0 + x
    return x if y == 1.0 else x * log(y) / (y - 1.0)


@jit
def exp_minus_one(x):
    """e^x - 1."""
    y = exp(x)
    if y == 1.0:
        return x
    below = y - 1.0
    return -1.0 if below == -1.0 else below * x / log(y)


@jit
def smallest_of(r, n):
    """The value that the smallest of n uniforms is below with probability r: 1 - (1 - r)^(1 / n); r in (0, 1)."""
    return -exp_minus_one(log_one_plus(-r) / n)
