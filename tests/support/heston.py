"""Heston and Bates models, and the law of their log prices by inversion of the characteristic function."""

from __future__ import annotations

import math

import numpy as np
from scipy import integrate

from stress.prices import Bates, Heston
from tests.support.models import HESTON

MODEL = Heston(**HESTON)
BATES = Bates(**HESTON, intensity=800.0, p_up=0.4, eta_up=60.0, eta_down=40.0)


def characteristic(u, model, t, v0=None):
    """E[exp(i u ln(S_t / S_0))], Heston (1993) in the form of Albrecher et al. (2007); v0 None: the stationary law."""
    k, eps, rho, theta = model.kappa, model.vol_of_vol, model.rho, model.sigma**2
    b = k - rho * eps * 1j * u
    d = np.sqrt(b**2 + eps**2 * (1j * u + u**2))
    g = (b - d) / (b + d)
    e = np.exp(-d * t)
    big_d = (b - d) / eps**2 * (1 - e) / (1 - g * e)
    c = k * theta / eps**2 * ((b - d) * t - 2 * np.log((1 - g * e) / (1 - g)))
    start = (1 - big_d * eps**2 / (2 * k)) ** (-2 * k * theta / eps**2) if v0 is None else np.exp(big_d * v0)
    jumps = 0.0
    if isinstance(model, Bates):
        p, up, down = model.p_up, model.eta_up, model.eta_down
        mean = p * up / (up - 1) + (1 - p) * down / (down + 1) - 1
        law = p * up / (up - 1j * u) + (1 - p) * down / (down + 1j * u)
        jumps = model.intensity * t * (law - 1 - 1j * u * mean)
    return np.exp(c + jumps) * start


def chance_below(x, model, t, v0=None):
    """P(ln(S_t / S_0) <= x), by the inversion of Gil-Pelaez (1951)."""

    def integrand(u):
        return (np.exp(-1j * u * x) * characteristic(u, model, t, v0)).imag / u

    return 0.5 - integrate.quad(integrand, 1e-9, 4_000.0, limit=2_000)[0] / math.pi
