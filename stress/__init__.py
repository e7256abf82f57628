"""Monte Carlo stress tests of the loss waterfall of perpetual-futures exchanges.

Liquidations, bankruptcy deficits, insurance fund, auto-deleveraging: how often, how deep, how large must the fund
be, and who is hit. Public names load on first use, so that importing the package costs nothing.
"""

from importlib import import_module

TYPE_CHECKING = False  # of typing, without it: nothing is loaded before the command has cleaned the module path

if TYPE_CHECKING:  # what editors and type checkers see; a test holds it equal to the table below
    __version__: str

    from stress import plots as plots
    from stress import prices as prices
    from stress import results as results
    from stress.analysis.adl_costs import adl_costs as adl_costs
    from stress.analysis.adl_designs import adl_designs as adl_designs
    from stress.analysis.adl_drivers import adl_drivers as adl_drivers
    from stress.analysis.adl_moves import adl_moves as adl_moves
    from stress.analysis.advice.advice import advice as advice
    from stress.analysis.attacks.attack import attack as attack
    from stress.analysis.backtest import backtest as backtest
    from stress.analysis.battery import stress_battery as stress_battery
    from stress.analysis.fund_grid import fund_grid as fund_grid
    from stress.analysis.margin_effects import margin_effects as margin_effects
    from stress.analysis.reverse_episodes import reverse_episodes as reverse_episodes
    from stress.analysis.reverse_stress import reverse_shock as reverse_shock
    from stress.analysis.reverse_stress import reverse_table as reverse_table
    from stress.analysis.solve import solve as solve
    from stress.analysis.stress_scenarios import stress_scenarios as stress_scenarios
    from stress.analysis.study import Study as Study
    from stress.analysis.sweep import sweep as sweep
    from stress.analysis.tier_impact import tier_impact as tier_impact
    from stress.analysis.tornado import tornado as tornado
    from stress.analysis.trader import Trader as Trader
    from stress.analysis.trader import trader as trader
    from stress.book.book import Book as Book
    from stress.book.columns import BookWarning as BookWarning
    from stress.book.population import PopulationSpec as PopulationSpec
    from stress.engine.design import SimulationError as SimulationError
    from stress.engine.prepare import LateFillWarning as LateFillWarning
    from stress.errors import InputError as InputError
    from stress.prices.calibration.calibrate import calibrate as calibrate
    from stress.results.comparison import compare as compare
    from stress.results.estimate import Estimate as Estimate
    from stress.results.result import Result as Result
    from stress.runs.record import Record as Record
    from stress.runs.run_directory import open_run as open_run
    from stress.scenario.scenario import Scenario as Scenario
    from stress.scenario.scenario import load_scenario as load_scenario
    from stress.simulation import run as run
    from stress.simulation import save_run as save_run
    from stress.simulation import simulate as simulate
    from stress.venue.allocate import allocate as allocate
    from stress.venue.depth import Depth as Depth
    from stress.venue.events import Events as Events
    from stress.venue.funding import Funding as Funding
    from stress.venue.layer import Layer as Layer
    from stress.venue.load import list_venues as list_venues
    from stress.venue.load import load_venue as load_venue
    from stress.venue.tier import Tier as Tier
    from stress.venue.venue import Venue as Venue

_HOMES = {
    "Book": "book.book",
    "BookWarning": "book.columns",
    "Depth": "venue.depth",
    "Estimate": "results.estimate",
    "Events": "venue.events",
    "Funding": "venue.funding",
    "InputError": "errors",
    "PopulationSpec": "book.population",
    "LateFillWarning": "engine.prepare",
    "Layer": "venue.layer",
    "Record": "runs.record",
    "Result": "results.result",
    "Scenario": "scenario.scenario",
    "SimulationError": "engine.design",
    "Study": "analysis.study",
    "Tier": "venue.tier",
    "Trader": "analysis.trader",
    "Venue": "venue.venue",
    "adl_costs": "analysis.adl_costs",
    "adl_moves": "analysis.adl_moves",
    "advice": "analysis.advice.advice",
    "adl_designs": "analysis.adl_designs",
    "adl_drivers": "analysis.adl_drivers",
    "allocate": "venue.allocate",
    "attack": "analysis.attacks.attack",
    "backtest": "analysis.backtest",
    "calibrate": "prices.calibration.calibrate",
    "compare": "results.comparison",
    "fund_grid": "analysis.fund_grid",
    "list_venues": "venue.load",
    "load_scenario": "scenario.scenario",
    "load_venue": "venue.load",
    "margin_effects": "analysis.margin_effects",
    "open_run": "runs.run_directory",
    "reverse_episodes": "analysis.reverse_episodes",
    "reverse_shock": "analysis.reverse_stress",
    "reverse_table": "analysis.reverse_stress",
    "run": "simulation",
    "save_run": "simulation",
    "simulate": "simulation",
    "solve": "analysis.solve",
    "stress_battery": "analysis.battery",
    "stress_scenarios": "analysis.stress_scenarios",
    "sweep": "analysis.sweep",
    "tier_impact": "analysis.tier_impact",
    "tornado": "analysis.tornado",
    "trader": "analysis.trader",
}
_MODULES = ("plots", "prices", "results")

__all__ = ["__version__", *_HOMES, *_MODULES]

if not TYPE_CHECKING:  # a type checker knows the names above and refuses any other

    def __getattr__(name):
        """Load a public name on its first use."""
        if name == "__version__":
            return import_module("importlib.metadata").version("perp-stress")
        if name in _MODULES:
            return import_module(f"stress.{name}")
        if name in _HOMES:
            value = getattr(import_module(f"stress.{_HOMES[name]}"), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module 'stress' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return __all__
