"""All calibrations by the name of their model. A new one is a module beside this one and a line here."""

from __future__ import annotations

from stress.prices.calibration.filtered_bootstrap import fit_filtered_bootstrap
from stress.prices.calibration.fit import Fitter
from stress.prices.calibration.gjr_garch import fit_gjr_garch
from stress.prices.calibration.hawkes_jumps import fit_hawkes_jumps
from stress.prices.calibration.heston import bates, heston
from stress.prices.calibration.jumps import kou, merton, tail_jumps
from stress.prices.calibration.regimes import fit_regimes

FITTERS: dict[str, Fitter] = {
    "filtered-bootstrap": fit_filtered_bootstrap,
    "kou": kou,
    "merton": merton,
    "tail-jumps": tail_jumps,
    "heston": heston,
    "bates": bates,
    "hawkes-jumps": fit_hawkes_jumps,
    "regimes": fit_regimes,
    "gjr-garch": fit_gjr_garch,
}
