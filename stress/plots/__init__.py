"""Charts of a result.

Every function takes a `Result`, draws on `ax` (or on a new figure), and returns the axes. Charts do no calculations:
numbers come from the result and from `stress.results.summaries`. Importing this package changes no settings and selects
no backend.
"""

from stress.plots.adl_costs import plot_adl_costs
from stress.plots.anatomy import plot_cliff_map, plot_fund_fan, plot_loss_waterfall, plot_path, plot_population
from stress.plots.answers import (
    plot_adl_by_leverage,
    plot_adl_by_side,
    plot_adl_by_size,
    plot_depletion_curve,
    plot_depletion_time,
)
from stress.plots.attack import plot_attack
from stress.plots.backtest import plot_backtest
from stress.plots.committee import plot_depleting_day, plot_loss_curves
from stress.plots.comparison import plot_depletion_curves, plot_paired_difference
from stress.plots.designs import plot_adl_driver, plot_adl_frontier
from stress.plots.grid import plot_fund_grid
from stress.plots.horizon import plot_fund_by_day, plot_ruin
from stress.plots.stress_tests import plot_stress_scenarios
from stress.plots.studies import plot_sweep, plot_tornado
from stress.plots.style import style
from stress.plots.trader import plot_adl_moves, plot_trader

__all__ = [
    "plot_adl_by_leverage",
    "plot_adl_by_side",
    "plot_adl_by_size",
    "plot_adl_driver",
    "plot_adl_frontier",
    "plot_adl_costs",
    "plot_adl_moves",
    "plot_attack",
    "plot_backtest",
    "plot_cliff_map",
    "plot_depleting_day",
    "plot_depletion_curve",
    "plot_depletion_curves",
    "plot_depletion_time",
    "plot_fund_by_day",
    "plot_fund_fan",
    "plot_fund_grid",
    "plot_loss_curves",
    "plot_loss_waterfall",
    "plot_paired_difference",
    "plot_path",
    "plot_population",
    "plot_ruin",
    "plot_stress_scenarios",
    "plot_sweep",
    "plot_tornado",
    "plot_trader",
    "style",
]
