"""Monte Carlo stress tests of the loss waterfall of perpetual-futures exchanges.

Liquidations, bankruptcy deficits, insurance fund, auto-deleveraging: how often, how deep, how large must the fund
be, and who is hit. Public names load on first use, so that importing the package costs nothing.
"""

from importlib import import_module, metadata
from typing import Any

__version__ = metadata.version("perp-stress")

_HOMES = {
    "Book": "book.book",
    "BookWarning": "book.columns",
    "Depth": "venue.depth",
    "Estimate": "results.estimate",
    "InputError": "errors",
    "PopulationSpec": "book.population",
    "Record": "runs.record",
    "Result": "results.result",
    "Scenario": "scenario.scenario",
    "SimulationError": "engine.design",
    "Study": "analysis.study",
    "Tier": "venue.venue",
    "Venue": "venue.venue",
    "allocate": "venue.allocate",
    "compare": "results.comparison",
    "list_venues": "venue.load",
    "load_scenario": "scenario.scenario",
    "load_venue": "venue.load",
    "open_run": "runs.run_directory",
    "reverse_shock": "analysis.reverse_stress",
    "run": "simulation",
    "save_run": "simulation",
    "simulate": "simulation",
}
_MODULES = ("plots", "prices", "results")

__all__ = ["__version__", *_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"stress.{name}")
    if name in _HOMES:
        value = getattr(import_module(f"stress.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'stress' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
