"""All calibrations by the name of their model. A new one is a module beside this one and a line here."""

from __future__ import annotations

from stress.prices.calibration.filtered_bootstrap import fit_filtered_bootstrap
from stress.prices.calibration.fit import Fitter
from stress.prices.calibration.gjr_garch import fit_gjr_garch

FITTERS: dict[str, Fitter] = {
    "filtered-bootstrap": fit_filtered_bootstrap,
    "gjr-garch": fit_gjr_garch,
}
