"""Price models with parameters, and a law of one of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stress.prices import GBM, Bates, HawkesJumps, Heston, Kou, Merton, Regimes, TailJumps
from stress.prices.jump_diffusion import YEAR

DAY = 86_400.0
HESTON = {"s0": 100.0, "sigma": 0.6, "kappa": 30.0, "vol_of_vol": 4.0, "rho": -0.4}
KOU = {"s0": 100.0, "sigma": 0.6, "intensity": 0.27 * 365, "p_up": 0.4, "eta_up": 60.0, "eta_down": 40.0}
TAIL = {
    "s0": 100.0,
    "sigma": 0.5,
    "intensity_up": 300.0,
    "intensity_down": 400.0,
    "sizes_up": (0.005, 0.006, 0.009),
    "sizes_down": (0.005, 0.007, 0.012),
    "tail_up": 0.1,
    "tail_down": 0.15,
    "xi_up": 0.3,
    "xi_down": 0.4,
    "beta_up": 0.006,
    "beta_down": 0.008,
    "cap_up": 0.3,
    "cap_down": 0.2,
}
SIZES = {name: value for name, value in TAIL.items() if name not in ("s0", "sigma", "intensity_up", "intensity_down")}
REGIMES = {
    "s0": 100.0,
    "sigmas": (0.3, 0.6, 1.2),
    "intensities_up": (0.0, 100.0, 350.0),
    "intensities_down": (10.0, 150.0, 400.0),
    "switching": ((0.0, 300.0, 20.0), (250.0, 0.0, 250.0), (0.0, 600.0, 0.0)),
    **SIZES,
}
PARAMETRIC = {
    "gbm": GBM(s0=100.0, sigma=0.8),
    "kou": Kou(**KOU),
    "merton": Merton(s0=100.0, sigma=0.6, intensity=0.27 * 365, jump_mean=-0.01, jump_sd=0.03),
    "tail-jumps": TailJumps(**TAIL),
    "heston": Heston(**HESTON),
    "bates": Bates(**HESTON, intensity=99.0, p_up=0.4, eta_up=60.0, eta_down=40.0),
    "regimes": Regimes(**REGIMES),
    "hawkes-jumps": HawkesJumps(**TAIL, branching=0.6, memory=7_200.0),
}
# those whose steps do not depend on the steps before
INDEPENDENT = {kind: PARAMETRIC[kind] for kind in ("gbm", "kou", "merton", "tail-jumps")}
each_model = pytest.mark.parametrize("model", PARAMETRIC.values(), ids=PARAMETRIC)


def same(a, b):
    return all(x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))


def passage_of_kou(lam, n_paths, n_steps):
    up, down = 50.0, 100.0 / 3.0
    growth_ = 0.5 / (up - 1) - 0.5 / (down + 1)
    drift = 0.1 + 0.2**2 / 2 + lam * growth_  # log drift 0.1
    model = Kou(s0=1.0, sigma=0.2, intensity=lam, p_up=0.5, eta_up=up, eta_down=down, drift=drift)
    close, _, high, _ = model.block(17, 0, n_paths, n_steps, YEAR / n_steps)[:4]
    return np.maximum(high, close).max(axis=1) >= math.exp(0.3)
