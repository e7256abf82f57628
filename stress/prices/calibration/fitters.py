"""All calibrations by the name of their model. A new one is a module beside this one and a line here."""

from __future__ import annotations

from stress.prices.calibration.fit import Fitter
from stress.prices.calibration.jump_fits import fit_exponential, fit_tails

FITTERS: dict[str, Fitter] = {
    "tail-jumps": fit_tails,
    "kou": fit_exponential,
}
