"""All calibrations by the name of their model. A new one is a module beside this one and a line here."""

from __future__ import annotations

from stress.prices.calibration.fit import Fitter
from stress.prices.calibration.hawkes_jumps import fit_hawkes_jumps
from stress.prices.calibration.regimes import fit_regimes
from stress.prices.hawkes_jumps import HawkesJumps
from stress.prices.regimes import Regimes

FITTERS: dict[str, Fitter] = {HawkesJumps.kind: fit_hawkes_jumps, Regimes.kind: fit_regimes}
